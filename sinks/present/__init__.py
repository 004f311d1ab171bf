"""Alerts, charts and explanations as a person reads them."""
