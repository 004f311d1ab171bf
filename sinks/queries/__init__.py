"""What console, terminal, reports and exports ask ClickHouse."""
