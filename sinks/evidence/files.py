"""The files of a package while it is built: each in a temporary folder, with its hash and what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sinks.evidence.manifest import File, file_sha256, sha256
from sinks.evidence.redact import Pseudonyms
from sinks.store.reader import Reader


@dataclass
class Files:
    """The files so far, each under `folder`. Texts are redacted by `names` where there are any;
    JSON and bytes come redacted.
    """

    folder: Path
    names: Pseudonyms | None
    known: dict[str, File] = field(default_factory=dict)

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Sentences without the ids that are known."""
        return [text if self.names is None else self.names.text(text) for text in texts]

    def add(self, path: str, data: bytes, what: str, *, rows: int | None = None, sql: str | None = None) -> None:
        """A file whose contents are at hand."""
        self.place(path).write_bytes(data)
        self.known[path] = File(path=path, size=len(data), sha256=sha256(data), what=what, rows=rows, sql=sql)

    def json(self, path: str, value: Any, what: str, *, rows: int | None = None, sql: str | None = None) -> None:
        """A JSON value, indented."""
        text = json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"
        self.add(path, text.encode("utf-8", "replace"), what, rows=rows, sql=sql)

    async def table(
        self, reader: Reader, path: str, sql: str, what: str, hidden: Mapping[str, str], order: str, rows: int
    ) -> None:
        """A large table, twice: as CSV and as Parquet. ClickHouse writes both, and redacts while it reads."""
        asked, values = (sql, {}) if self.names is None else self.names.query(sql, hidden, order)
        shown = sql if self.names is None else self.names.sql(sql)
        for kind, suffix, more in (("CSVWithNames", "csv", "."), ("Parquet", "parquet", ", as Parquet.")):
            place = self.place(f"{path}.{suffix}")
            with place.open("wb") as target:
                async for block in reader.stream(asked, kind, values):
                    target.write(block)
            self.known[f"{path}.{suffix}"] = File(
                path=f"{path}.{suffix}",
                size=place.stat().st_size,
                sha256=file_sha256(place),
                what=what + more,
                rows=rows,
                sql=shown,
            )

    def place(self, path: str) -> Path:
        """Where a file of the package is for now."""
        found = self.folder / path
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    def in_order(self) -> list[File]:
        """The README first, the others by name."""
        first = "README.txt"
        return [self.known[name] for name in sorted(self.known, key=lambda name: (name != first, name))]
