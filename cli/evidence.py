"""`livewarden evidence build` and `livewarden evidence verify`."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.act import ActionForm, As, Url, perform, whole
from cli.common import AsJson, load_plan, load_settings, print_json, reading
from livewarden.action import Action, AddEvidence
from livewarden.clock import SystemClock

if TYPE_CHECKING:
    from sinks.evidence.build import Built

WHOLE = 36
"""Length of an id that is not shortened."""

app = typer.Typer(
    help="Put what a case rests on into one file, and check such a file.", rich_markup_mode=None, add_completion=False
)


@app.command("build")
def build(
    case: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case; its beginning is enough.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: CASE8.evidence.zip.", show_default=False)
    ] = None,
    run: Annotated[str, typer.Option(help="Run that the case is of: live, or the name of a replay.")] = "live",
    redact: Annotated[
        bool,
        typer.Option("--redact/--with-identifiers", help="Replace ids of creators, shops, subjects and rooms, or not."),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    note: Annotated[
        bool, typer.Option("--note", help="Write name and digest into the case's history, which needs Kafka.")
    ] = False,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Put what a case rests on into one file: events, series, queries, charts, timeline, explanation, configuration.

    Note the digest that it prints somewhere else, or let --note do it: it stands for every byte of the file.

    Example: livewarden evidence build 0b5dcf1e-3b1c-5c0e-a0f5-0123456789ab --out case.evidence.zip
    """
    from sinks.evidence.build import default_name

    built = asyncio.run(_build(case, out or Path(default_name(case)), run, redact, force, url))
    manifest = built.manifest
    code = perform(lambda form: _noted(form, built), url, who, as_json, quiet=True) if note else 0
    if as_json:
        found = manifest.model_dump(mode="json", exclude={"files": {"__all__": {"sql"}}})
        print_json({"file": str(built.path), "size": built.size, "digest": built.digest, "manifest": found})
        return code
    print(f"{built.path}: {len(manifest.files):,} files, {built.size:,} bytes")
    print(f"digest {built.digest}")
    for line in manifest.limits:
        print(f"limit: {line}")
    return code


async def _noted(form: ActionForm, built: Built) -> Action:
    return AddEvidence(
        **form.stamp(), case_id=built.manifest.case_id, name=built.path.name, digest=built.digest, size=built.size
    )


async def _build(case: str, out: Path, run: str, redact: bool, force: bool, url: str | None) -> Built:
    from sinks.evidence.build import build as build_package

    settings = load_settings()
    async with reading(settings, url) as reader:
        return await build_package(
            reader,
            case if len(case) == WHOLE or run != "live" else await whole(reader, "case", case),
            out,
            now_ms=SystemClock().now_ms(),
            run=run,
            monitors=load_plan(settings.monitors).described,
            salt=secrets.token_bytes(32) if redact else None,
            force=force,
        )


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An evidence package.")],
    digest: Annotated[
        str | None, typer.Option(metavar="HEX", help="Its digest, as it was noted elsewhere.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check an evidence package byte for byte; it needs no ClickHouse. Exit code 1 where it is not intact.

    Give --digest wherever the digest was noted when the package was built: somebody who can write the file can write
    its hashes too, and only the digest tells.

    Example: livewarden evidence verify 5f0a3f0e.evidence.zip --digest 0c1f…
    """
    from sinks.evidence.verify import verify as check

    found = check(file, digest)
    if as_json:
        print_json({"file": str(file)} | found.to_json())
    elif not found.intact:
        more = f"; and {len(found.problems) - 3:,} more" if len(found.problems) > 3 else ""
        print(f"{file}: not intact: {'; '.join(found.problems[:3])}{more}")
    elif found.manifest is not None:
        about = found.manifest
        print(f"{file}: intact, {len(about.files):,} files")
        print(f"digest {found.digest}")
        print(
            f"case {about.case_id}, version {about.case_version} of run {about.run}, "
            f"built {about.created_at:%Y-%m-%dT%H:%M:%SZ}"
        )
        for line in about.redacted:
            print(f"redacted: {line}")
        for line in about.limits:
            print(f"limit: {line}")
    return 0 if found.intact else 1
