"""What every test gets: the services' fixtures, and a lock on sockets."""

from __future__ import annotations

pytest_plugins = ["pytester", "tests.io_lock", "tests.kafka_fixtures", "tests.clickhouse_fixtures"]
