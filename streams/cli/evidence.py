"""`livewarden evidence build` and `livewarden evidence verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.common import AsJson, print_json

app = typer.Typer(
    help="Put what a case rests on into one file, and check such a file.", rich_markup_mode=None, add_completion=False
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

    Give --digest wherever the digest was noted when the package was built: somebody who can write the file can write its
    hashes too, and only the digest tells.

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
            f"case {about.case_id}, version {about.case_version} of run {about.run}, built {about.created_at:%Y-%m-%dT%H:%M:%SZ}"
        )
        for line in about.redacted:
            print(f"redacted: {line}")
        for line in about.limits:
            print(f"limit: {line}")
    return 0 if found.intact else 1
