"""What becomes of an alert: incidents, silences, notifications, cases.

Pure: a function of the log of responses alone.
"""
