"""`livewarden schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livewarden.errors import SetupError
from streams import schema as generated


def schema(
    out: Annotated[Path | None, typer.Option(help="Folder to write the schemas to.")] = None,
    check: Annotated[Path | None, typer.Option(help="Folder to compare with; exit code 1 where it differs.")] = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Print one: an event such as enforcement.action, action, or asyncapi."),
    ] = None,
) -> int:
    """JSON Schema of every event contract and of people's actions, and AsyncAPI of the topics.

    Example: livewarden schema enforcement.action
    """
    if check is not None:
        differences = generated.differences(check)
        for difference in differences:
            print(difference)
        return 1 if differences else 0
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
