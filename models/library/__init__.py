"""The case library: what was learned, found again.

An entry is made of a closed case's facts. Its pattern key says what kind of case it is, its likeness to others is
counted on facets and words. Entries find their pattern when they come in, and keep it.
"""
