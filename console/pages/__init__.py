"""One page a file: read the address, ask ClickHouse, fill the template."""
