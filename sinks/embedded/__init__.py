"""The ClickHouse engine in this process, behind its HTTP interface."""
