"""Misjudgement: how many measures of a day turn out wrong, known before their appeals are in.

In the order of the data: what a measure and a reversal are, which cell a measure belongs to, cohorts (measures by the
day on which people were informed, reversals by age and kind), the delay of reversals, its shifts, the nowcast, the
jump alert, and the radar that puts them together for every cell. All of it pure: the same events in any order give
the same numbers.
"""
