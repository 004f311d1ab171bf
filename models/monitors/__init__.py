"""The configuration of what is watched: monitors, their plan, and the file they are written in."""
