"""Exports: what is in a table or a view, as a file."""
