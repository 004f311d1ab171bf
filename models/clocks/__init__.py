"""Service levels in business time: calendars, clocks that pause, and who is called when one runs out."""
