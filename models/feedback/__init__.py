"""What merchants write: scrubbed, sorted into themes, and counted by shops."""
