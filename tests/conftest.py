"""What every test gets: the services' fixtures, and a lock on sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest_plugins = ["pytester", "tests.io_lock", "tests.kafka_fixtures", "tests.clickhouse_fixtures"]


@pytest.fixture(autouse=True)
def _unfiltered_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A command that ran in this process leaves no filter on what later tests see of the log."""
    yield
    caplog.handler.filters.clear()
