"""Two runs beside each other: which alerts are the same, what is different about them, and how right each run was."""
