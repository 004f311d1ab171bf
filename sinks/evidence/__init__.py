"""Evidence packages: what a case rests on, as one file that anybody can check without ClickHouse."""
