"""The reference pages are what the models say, and every key and setting has its sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from pydantic import BaseModel

from cli.reference import MARK, PAGES, differences, page
from livewarden.settings import Settings
from models.monitors.file import parse_monitors
from models.monitors.monitor import ExposureOf, Monitor

DOCS: Final = Path(__file__).parents[2] / "docs"


def test_the_pages_are_what_the_models_say() -> None:
    assert differences(DOCS) == []
    assert all((DOCS / name).exists() for name in PAGES)


def test_a_page_that_differs_is_named(tmp_path: Path) -> None:
    for name in PAGES:
        (tmp_path / name).write_text((DOCS / name).read_text(encoding="utf-8"), encoding="utf-8")
    assert differences(tmp_path) == []
    changed = tmp_path / "monitors.md"
    changed.write_text(changed.read_text(encoding="utf-8").replace("whole number", "number", 1), encoding="utf-8")
    assert differences(tmp_path) == [f"{changed} is not what the models say"]


def test_what_is_written_by_hand_stays() -> None:
    assert page("monitors.md", "# Mine\n").startswith(f"# Mine\n\n{MARK}")


@pytest.mark.parametrize("model", [Monitor, ExposureOf, Settings])
def test_every_key_has_its_sentence(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_the_monitors_that_are_shown_can_be_used() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / "monitors.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        (monitor,) = parse_monitors(block)
        assert monitor.name == tomllib.loads(block)["monitor"][0]["name"]
