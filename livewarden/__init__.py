"""What every room shares: event contracts, errors, settings, clock, ids, metric names."""

__version__ = "0.1.0"
