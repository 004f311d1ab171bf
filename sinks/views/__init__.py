"""What people look up in ClickHouse, by subject: queries with their values bound, a page at a time."""
