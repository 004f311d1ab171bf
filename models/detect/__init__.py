"""Detectors: banks of series that judge a bucket and learn it."""
