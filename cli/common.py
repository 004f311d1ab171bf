"""What commands share: settings, the plan, and how results are shown."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from livewarden.errors import SetupError
from livewarden.misspelt import PREFIX, misspelt
from livewarden.redact import redact
from livewarden.settings import Settings
from livewarden.times import parse_ms
from livewarden.wording import number as number
from livewarden.wording import visible
from models.monitors.file import parse_monitors
from models.monitors.override import overridden, parse_override
from models.monitors.plan import Plan
from models.response.policy import Policy
from models.response.policy_file import parse_policy

if TYPE_CHECKING:
    from sinks.store.connection import Address
    from sinks.store.reader import Reader

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
MonitorsFile = Annotated[
    Path | None, typer.Option("--monitors", help="Monitors file (TOML); the one that ships where left out.")
]
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="MONITOR.KEY=VALUE", help="Another value for a key of a monitor; may be repeated."),
]
T = TypeVar("T")


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; a variable that cannot be read is a SetupError naming it.

    So is one whose name is nearly that of a setting: a token that is misspelt would leave a door open. Any other that
    begins like a setting and is none is notified on stderr, and ignored: it may be somebody else's.
    """
    try:
        settings = Settings(**overrides)
        _no_misspelt(settings)
        return settings
    except ValidationError as error:
        mistakes = (f"LIVEWARDEN_{str(e['loc'][0]).upper()}: {redact(e['msg'])}" for e in error.errors())
        raise SetupError("; ".join(mistakes)) from error
    except SettingsError as error:
        name = str(error).split('"')[1] if '"' in str(error) else "settings"
        raise SetupError(f"LIVEWARDEN_{name.upper()}: not JSON") from None


def _no_misspelt(settings: Settings) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in type(settings).model_fields}
    try:
        response = settings.response.read_text(encoding="utf-8-sig") if settings.response else ""
    except (OSError, UnicodeDecodeError):
        response = ""  # whoever needs the file says what is wrong with it
    used = re.findall(rf"{PREFIX}\w+", response)
    meant = []
    for name, setting in misspelt(os.environ, known, used):
        if setting:
            meant.append(f"{name} is no setting: did you mean {setting}?")
        else:
            print(f"{name} is no setting of livewarden; it is ignored", file=sys.stderr)
    if meant:
        raise SetupError("; ".join(meant))


@asynccontextmanager
async def reading(settings: Settings, url: str | None = None, *, timeout_s: int = 90) -> AsyncIterator[Reader]:
    """ClickHouse, to read from, at `url` or where the settings say; each call may take so long to answer."""
    from sinks.store.reader import Reader

    async with await Reader.connect(*astuple(clickhouse_address(settings, url)), timeout_s=timeout_s) as reader:
        yield reader


def clickhouse_address(settings: Settings, url: str | None = None) -> Address:
    """ClickHouse at `url` or where the settings say, and who asks."""
    from sinks.store.connection import Address

    return Address(
        url or settings.clickhouse_url,
        settings.clickhouse_user,
        settings.clickhouse_password.get_secret_value(),
        settings.clickhouse_database,
        settings.clickhouse_ca,
        settings.clickhouse_cluster,
        tuple(node.strip() for node in settings.clickhouse_nodes.split(",") if node.strip()),
    )


def load_plan(path: Path | None, sets: Sequence[str] = ()) -> Plan:
    """The monitors of a file, or those that ship; with `MONITOR.KEY=VALUE` of `--set`, where there is any."""
    text, name = (shipped_monitors(), "the shipped monitors") if path is None else (read_text(path), str(path))
    monitors = parse_monitors(text, name)
    return Plan(overridden(monitors, [parse_override(each) for each in sets]))


def shipped_monitors() -> str:
    """The text of the monitors file that ships."""
    return files("livewarden").joinpath("monitors.toml").read_text(encoding="utf-8")


def load_policy(path: Path | None, plan: Plan | None = None) -> Policy:
    """The policy of a response file, or the one that ships; with a plan, its conditions are checked against the
    monitors.
    """
    if path is None:
        return parse_policy(files("livewarden").joinpath("response.toml").read_text(), "the shipped response")
    return parse_policy(read_text(path), str(path), None if plan is None else plan.monitors)


def read_text(path: Path) -> str:
    """The text of a file of the users; SetupError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error


def moment(text: str | None, option: str) -> int | None:
    """An option's instant in milliseconds: RFC 3339, or a day."""
    if text is None:
        return None
    try:
        return parse_ms(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError as error:
        raise SetupError(
            f"{option}: {text!r} is no RFC 3339 time such as 2025-04-08 or 2025-04-08T12:00:00Z"
        ) from error


def print_json(value: Any) -> None:
    """One JSON document on stdout; records and pages of them as what they hold."""
    text = orjson.dumps(value, _plain, orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a terminal that knows ASCII only
        text = json.dumps(orjson.loads(text), indent=2)
    print(text)


def confirm(said: str, *, yes: bool, flag: str = "--yes") -> None:
    """Say on stderr what is about to happen, and go on where a person says so, or said `flag` before.

    SetupError where they say no, and where nobody is there to say anything.
    """
    print(visible(said), file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise SetupError(f"nobody is there to be asked: say {flag}")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SetupError("nothing was done")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise TypeError(f"{type(value).__name__} is not JSON")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """A plain table on stdout; on a screen too narrow for it a paragraph a row, and piped as wide as it must be."""
    cells = [["" if cell is None else visible(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        print(_plain_table([list(columns), *cells], [column in right for column in columns]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in cells:
        table.add_row(*map(escape, row))
    console = Console(emoji=False)
    if Console(width=1_000_000).measure(table).maximum <= console.width:
        console.print(table, highlight=False)
        return
    for row in cells:
        named = [f"{name} {cell}".strip() for name, cell in zip(columns, row, strict=True) if cell]
        console.print(Text("  ".join(row[:2]), style="bold"))
        console.print(Padding(Text(" · ".join(named[2:])), (0, 0, 0, 2)))


def _plain_table(lines: list[list[str]], right: list[bool]) -> str:
    """A line a row, whatever the cells hold; a hundred times faster than what a screen is shown."""
    lines = [[" ".join(cell.split("\n")) for cell in line] for line in lines]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(
            " " * (width - cell_len(cell)) + cell if at_right else cell + " " * (width - cell_len(cell))
            for cell, width, at_right in zip(line, widths, right, strict=True)
        )
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def progress() -> Progress:
    """A progress bar on stderr where that is a terminal, else nothing."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def tracked(events: Iterable[T], description: str, every: int = 1_000) -> Iterator[T]:
    """The same items, with a progress bar."""
    with progress() as bar:
        task = bar.add_task(description, total=None)
        for number, event in enumerate(events, start=1):
            if number % every == 0:
                bar.update(task, completed=number)
            yield event


def naming(names: Sequence[str]) -> str:
    """What a progress bar calls recordings.

    >>> naming(["a/b.jsonl"]), naming(["a.jsonl", "b.jsonl"])
    ('b.jsonl', '2 recordings')
    """
    return Path(names[0]).name if len(names) == 1 else f"{len(names)} recordings"


def where(series: Mapping[str, str]) -> str:
    """A series for people."""
    return " · ".join(value or "?" for value in series.values()) or "all"
