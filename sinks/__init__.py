"""The outgoing edge: what livewarden says goes to ClickHouse, and comes back from there."""
