"""The documents are true: links lead somewhere, commands that they show exist, and marked blocks run as shown.

A block that is to run has `<!-- run -->` on the line before it (`<!-- run: exit 2 -->` where it must fail so). Its
lines that start with `$ ` are commands, run one after another by a shell in a folder of the document's own,
`livewarden` being the one of these tests and `make demo …` standing for `livewarden demo …`. The lines after a command
are what it prints, on both streams; none means anything. `…` in a line stands for any text, a line that is nothing but
`…` for any lines, and durations such as `1.2 s` are equal to one another.

README.md is run by tests/e2e/test_readme.py, on the demo that runs there anyway.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from typer.main import get_command

from cli import app

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("streams/**/*.md")})
README: Final = ROOT / "README.md"
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
MARK: Final = re.compile(r"<!-- run(?:: exit (\d+))? -->\n\Z")
DURATION: Final = re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|min)\b")
WITHIN_S: Final = 600

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@dataclass(frozen=True)
class Command:
    """One `$ ` line of a block: what to run, and what it is said to print (None: anything)."""

    line: str
    shown: str | None
    runs: bool
    exit: int
    at: int


def commands(text: str) -> Iterator[Command]:
    """Commands of every bash or console block, in order."""
    for block in FENCE.finditer(text):
        if block[1] not in {"bash", "console"}:
            continue
        mark = MARK.search(text[: block.start()])
        at = text[: block.start()].count("\n") + 2
        for part in re.split(r"^(?=\$ )", block[2], flags=re.MULTILINE):
            if part.startswith("$ "):
                joined = re.match(r"\$ ((?:.*\\\n)*.*)\n((?:.*\n)*)", part)
                assert joined is not None
                line = joined[1].replace("\\\n", " ")
                yield Command(line, joined[2].strip("\n") or None, mark is not None, int((mark and mark[1]) or 0), at)


def first_missed(shown: str, printed: str) -> str | None:
    """The first line shown that the output does not have in its place; None where the output is as shown."""
    lines, output = _plain(shown), "".join(f"{line}\n" for line in _plain(printed))
    for count in range(1, len(lines) + 1):
        if not re.match(_pattern(lines[:count]), output):
            return lines[count - 1]
    return None if re.fullmatch(_pattern(lines), output) else "(more is printed than shown)"


def _pattern(shown: list[str]) -> str:
    return "".join(
        r"(?:.*\n)*?" if line == "…" else ".*".join(re.escape(piece) for piece in line.split("…")) + r"\n"
        for line in shown
    )


def _plain(text: str) -> list[str]:
    return [DURATION.sub("<time>", line.rstrip()) for line in text.strip("\n").splitlines()]


def heading_anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def environment(folder: Path) -> dict[str, str]:
    """`livewarden` and `make demo` on the path, run by the interpreter of these tests."""
    programs = folder / "bin"
    programs.mkdir()
    run = f'exec {shlex.quote(sys.executable)} -c "import sys; from cli import main; sys.exit(main())"'
    _script(programs / "livewarden", f'{run} "$@"\n')
    _script(
        programs / "make",
        '[ "$1" = demo ] || { echo "only make demo stands for something here: $*" >&2; exit 2; }\n'
        'for each in "$@"; do case $each in ARGS=*) arguments=${each#ARGS=} ;; esac; done\n'
        "exec livewarden demo $arguments\n",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LIVEWARDEN_", "PYTEST_"))}
    paths = {"PATH": f"{programs}{os.pathsep}{kept['PATH']}", "PYTHONPATH": str(ROOT)}
    return kept | paths | {"COLUMNS": "120", "NO_COLOR": "1"}


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def check(text: str, folder: Path) -> int:
    """Run the marked blocks of a document in `folder`; how many commands ran."""
    variables = environment(folder)
    work = folder / "work"
    work.mkdir()
    run = [command for command in commands(text) if command.runs]
    for command in run:
        tried(command, work, variables)
    return len(run)


def tried(command: Command, folder: Path, variables: dict[str, str]) -> None:
    """Run a command in `folder`; fails where it ends or prints otherwise than shown."""
    done = subprocess.run(
        ["sh", "-c", command.line],
        cwd=folder,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=WITHIN_S,
    )
    said = f"line {command.at}: $ {command.line}\n{done.stdout}"
    assert done.returncode == command.exit, f"exit {done.returncode}, {said}"
    missed = None if command.shown is None else first_missed(command.shown, done.stdout)
    if missed is not None:
        pytest.fail(f"not printed in its place: {missed}\n{said}", pytrace=False)


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = document.parent / file if file else document
        if not path.exists() or (
            anchor and path.suffix == ".md" and anchor not in heading_anchors(path.read_text(encoding="utf-8"))
        ):
            broken.append(target)
    assert broken == []


@every_document
def test_commands_that_are_shown_exist(document: Path) -> None:
    known = {"livewarden": set(get_command(app).commands), "make": _make_targets()}  # type: ignore[attr-defined]
    unknown = []
    for command in commands(document.read_text(encoding="utf-8")):
        words = [word for word in shlex.split(command.line, comments=True) if "=" not in word and word != "-s"]
        if words and words[0] in known and len(words) > 1 and not words[1].startswith("-"):
            unknown += [command.line] if words[1] not in known[words[0]] else []
    assert unknown == []


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.timeout(3 * WITHIN_S)
@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each != README], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_marked_blocks_run_as_shown(document: Path, tmp_path: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert check(text, tmp_path) == sum(command.runs for command in commands(text))


def block(*lines: str, mark: str = "<!-- run -->", kind: str = "console") -> str:
    return "\n".join([mark, f"```{kind}", *lines, "```", ""])


GOOD: Final = (
    block("$ echo one; echo two 1.5 s", "one", "two 3.25 s"),
    block("$ printf 'a\\nb\\nc\\nd\\n'", "a", "…", "d"),
    block("$ echo alert 7f3a of 2025-04-08", "alert … of 2025-04-08", kind="bash"),
    block("$ echo x > f", "$ cat \\", "    f", "x"),
    block("$ livewarden frobnicate", "livewarden: No such command 'frobnicate'…", mark="<!-- run: exit 2 -->"),
    block("$ livewarden schema", "…", "asyncapi.json", "…"),
    block('$ make demo ARGS="--help"', "Usage: livewarden demo …", "…"),
)
BAD: Final = (
    block("$ echo one", "two"),
    block("$ printf 'a\\nb\\n'", "a"),
    block("$ printf 'a\\n'", "a", "b"),
    block("$ echo 12 alerts", "13 alerts"),
    block("$ false"),
    block("$ true", mark="<!-- run: exit 2 -->"),
    block("$ make love"),
)


@pytest.mark.parametrize("text", GOOD)
def test_a_true_block_passes(text: str, tmp_path: Path) -> None:
    assert check(text, tmp_path) >= 1


@pytest.mark.parametrize("text", BAD)
def test_a_false_block_fails(text: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(text, tmp_path)


@pytest.mark.parametrize(
    "text", [block("$ false", mark=""), block("$ false", kind="python"), block("$ false", mark="x")]
)
def test_an_unmarked_block_does_not_run(text: str, tmp_path: Path) -> None:
    assert check(text, tmp_path) == 0
