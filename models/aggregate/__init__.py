"""From events to sealed buckets: cells, partials, distinct counts, slices."""
