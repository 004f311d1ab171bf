"""The command line: `livewarden`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from importlib import metadata
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cli import (
    abrupt,
    alert,
    article,
    blast_radius,
    case_actions,
    check,
    console,
    dead_letters,
    demo,
    detect,
    diff,
    entity,
    evidence,
    explain,
    export,
    feed,
    feedback,
    imports,
    incident,
    library_actions,
    marts,
    meeting,
    migrate,
    monitor_tests,
    outbox,
    overturns,
    positions,
    recommend,
    replay,
    sample,
    schema,
    silence,
    simulate,
    sql,
    topics,
    tracker,
    trade_off,
    worker,
)
from livewarden.errors import LivewardenError
from livewarden.redact import redact
from livewarden.wording import visible

app = typer.Typer(
    name="livewarden",
    help="Watches LIVE shopping: traffic and enforcement anomalies, as alerts and case candidates in ClickHouse.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    demo,
    console,
    worker,
    feed,
    replay,
    detect,
    diff,
    trade_off,
    explain,
    check,
    simulate,
    migrate,
    topics,
    positions,
    schema,
    sql,
    export,
    overturns,
    blast_radius,
    entity,
):
    name = module.__name__.rpartition(".")[2]
    app.command(name.replace("_", "-"), context_settings={"help_option_names": ["-h", "--help"]})(getattr(module, name))
app.command("test-monitors", context_settings={"help_option_names": ["-h", "--help"]})(monitor_tests.monitor_tests)
GROUPS = {
    "incident": incident.app,
    "alert": alert.app,
    "silence": silence.app,
    "case": case_actions.app,
    "outbox": outbox.app,
    "dead-letters": dead_letters.app,
    "evidence": evidence.app,
    "report": meeting.app,
    "tracker": tracker.app,
    "feedback": feedback.app,
    "marts": marts.app,
    "sample": sample.app,
    "library": library_actions.app,
    "article": article.app,
    "recommend": recommend.app,
    "import": imports.app,
}
for name, group in GROUPS.items():
    app.add_typer(group, name=name, context_settings={"help_option_names": ["-h", "--help"]})


abrupt.over()


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Say which version this is, and end.")] = False,
) -> None:
    if version:
        print(f"livewarden {metadata.version('livewarden')}")
        raise typer.Exit


def main(args: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for a "no", 2 for bad use, input or set-up (one line on stderr)."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII only: "·" is shown as "?"
    args = sys.argv[1:] if args is None else args
    if not args or (len(args) == 1 and args[0] in GROUPS):
        args = [*args, "--help"]
    try:
        code = typer.main.get_command(app).main(args=args, prog_name="livewarden", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "livewarden"
        print(f"{command}: {_text(error)} (see {command} --help)", file=sys.stderr)
        return 2
    except LivewardenError as error:
        print(visible(redact(str(error))), file=sys.stderr)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _text(error: TyperException) -> str:
    return " ".join(str(getattr(error, "format_message", lambda: error)()).split()).rstrip(".")
