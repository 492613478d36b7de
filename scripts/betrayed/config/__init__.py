"""The settings: their merging into runs, their checks, and the identifiers in paths."""
