"""The audit of the locks: finds what is affected, and says when it could not look."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VERSION = dict(re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE))[
    "jinja2"
]


def audit(*folder: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/audit"), *folder], capture_output=True, text=True, env={}, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("affected", "code"),
    [
        ({"versions": [VERSION]}, 1),
        ({"versions": ["0.1"]}, 0),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]}, 1),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": VERSION}]}]}, 0),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": VERSION}]}]}, 1),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "99"}]}]}, 0),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "anomalous version"}]}]}, 1),
    ],
)
def test_a_version_that_is_affected_is_found(affected: dict[str, Any], code: int, tmp_path: Path) -> None:
    entry = {"package": {"name": "Jinja2", "ecosystem": "PyPI"}} | affected
    (tmp_path / "a.json").write_text(json.dumps({"id": "OSV-1", "affected": [entry]}))
    (tmp_path / "b.json").write_text("{broken")
    found, said = audit(str(tmp_path))
    assert found == code
    assert (f"jinja2 {VERSION}: OSV-1" in said) == bool(code)
    assert "b.json: no advisory" in said


def test_it_says_when_it_could_not_look(tmp_path: Path) -> None:
    for folder in ((), (str(tmp_path),), (str(tmp_path / "none"),)):
        code, said = audit(*folder)
        assert code == 3
        assert "NOT AUDITED" in said
