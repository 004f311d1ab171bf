"""What the README shows of the demo is what the demo prints; what it shows after it runs in the demo's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import FED_WITHIN_S, Demo
from tests.project.test_docs import README, commands, environment, first_missed, tried

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_the_readme_shows_what_the_demo_prints(demo: Demo, tmp_path: Path) -> None:
    """The demo here stays, so its console's address stands before what `--once` prints, and a tour after it."""
    last = demo.until(r" notifications, written to ", FED_WITHIN_S).string
    first, *others = (command for command in commands(README.read_text(encoding="utf-8")) if command.runs)
    assert first.line == "make demo ARGS=--once"
    assert first.shown is not None
    console, empty, *printed = demo.said[: demo.said.index(last) + 1]
    assert (console, empty) == (f"Console: {demo.console}", "")
    assert first_missed(first.shown, "\n".join(printed)) is None
    variables = environment(tmp_path)
    for command in others:
        tried(command, demo.folder.parent, variables)
