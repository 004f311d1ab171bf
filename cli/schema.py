"""`livewarden schema`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli import asyncapi as generated
from livewarden.errors import SetupError


def schema(
    out: Annotated[Path | None, typer.Option(help="Folder to write the schemas to.")] = None,
    check: Annotated[Path | None, typer.Option(help="Folder to compare with; exit code 1 where it differs.")] = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            help="Write the reference of ClickHouse tables and views into this Markdown file, below its mark."
        ),
    ] = None,
    reference_in: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help=(
                "Write what monitors.md, configuration.md and http.md of this folder hold below their marks: every "
                "key, setting, metric and address."
            ),
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Print one: an event such as enforcement.action, action, or asyncapi."),
    ] = None,
) -> int:
    """JSON Schema of every event contract and of people's actions, and AsyncAPI of the topics.

    With --tables: what every column of ClickHouse means, in docs/analysts.md; it needs livewarden[embedded].

    Example: livewarden schema enforcement.action
    """
    from cli import reference  # the console and all that it needs

    if check is not None:
        differences = generated.differences(check) + reference.differences(check.parent / "docs")
        for difference in differences:
            print(difference)
        return 1 if differences else 0
    if reference_in is not None:
        reference.write(reference_in)
        print(f"{' and '.join(reference.PAGES)} in {reference_in}")
        return 0
    if tables is not None:
        _write_tables(tables)
        return 0
    documents = generated.documents()
    if out is not None:
        generated.write(out)
        print(f"{len(documents)} schemas in {out}")
    elif name is None:
        print("\n".join(sorted(documents)))
    else:
        found = [
            text for file, text in documents.items() if file == name or file.startswith((f"{name}.v", f"{name}.json"))
        ]
        if not found:
            raise SetupError(f"no schema is named {name!r}; there are: {', '.join(sorted(documents))}")
        print(found[0], end="")
    return 0


def _write_tables(file: Path) -> None:
    from sinks.embedded.server import EmbeddedClickHouse
    from sinks.store.connection import Address
    from sinks.store.document import document
    from sinks.store.migrate import apply
    from sinks.store.reader import Reader

    async def text(clickhouse: EmbeddedClickHouse, above: str) -> str:
        await apply(Address(clickhouse.url, clickhouse.user, clickhouse.password))
        async with await Reader.connect(clickhouse.url, clickhouse.user, clickhouse.password) as reader:
            return await document(reader, above)

    try:
        above = file.read_text(encoding="utf-8") if file.exists() else ""
        with EmbeddedClickHouse() as clickhouse:
            file.write_text(asyncio.run(text(clickhouse, above)), encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{file}: {error.strerror}") from error
    print(f"tables and views in {file}")
