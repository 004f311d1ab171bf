"""The pure core: aggregation, online detectors, decision, cases, engine. No socket, no file, no clock."""
