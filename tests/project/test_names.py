"""A type's name stands in one file; those that stand in more are the ones that a decision page lists."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("livewarden", "models", "sinks", "sources", "console", "streams", "cli")
PAGE = ROOT / "docs" / "decisions" / "0016-names-that-stand-twice.md"


def types_in(tree: ast.Module) -> set[str]:
    """Classes and type aliases that others may import."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.add(node.targets[0].id)
    return {name for name in found if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name)}


def test_names_that_stand_twice_are_those_of_the_page() -> None:
    files: dict[str, set[Path]] = defaultdict(set)
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            for name in types_in(ast.parse(file.read_text(encoding="utf-8"))):
                files[name].add(file)
    twice = {name for name, where in files.items() if len(where) > 1}
    listed = set(re.findall(r"`([A-Z]\w*)`", PAGE.read_text(encoding="utf-8")))
    assert twice - listed == set(), "rename one of the two, or say on the page why both may have the name"
    assert listed - twice == set(), "the page lists what stands once"
