"""What every test gets: the services' fixtures, and a lock on sockets; and which files come first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

pytest_plugins = ["pytester", "tests.io_lock", "tests.kafka_fixtures", "tests.clickhouse_fixtures"]

LONGEST: Final = ("tests/whole/", "tests/streams/", "tests/project/test_docs.py", "tests/models/test_detectors.py")
"""What takes minutes begins first, so that of several processes none ends long after the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; else the order stays."""
    items.sort(key=lambda item: next((n for n, each in enumerate(LONGEST) if item.nodeid.startswith(each)), 99))


@pytest.fixture(autouse=True)
def _unfiltered_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A command that ran in this process leaves no filter on what later tests see of the log."""
    yield
    caplog.handler.filters.clear()
