"""The archive of the throughput benchmark: without arguments the embedded ClickHouse, until stdin is closed; with an
address, a password and a name it makes a database of that name.
"""

from __future__ import annotations

import asyncio
import sys

from sinks.embedded.server import EmbeddedClickHouse
from sinks.store.connection import Address
from sinks.store.migrate import apply


def main() -> None:
    """Serve, or make a database."""
    if len(sys.argv) > 1:
        url, password, database = sys.argv[1:]
        asyncio.run(apply(Address(url, "livewarden", password, database)))
        return
    with EmbeddedClickHouse() as clickhouse:
        print(clickhouse.url, clickhouse.password, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
