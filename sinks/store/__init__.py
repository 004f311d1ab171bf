"""ClickHouse: tables, migrations, rows in, rows out."""
