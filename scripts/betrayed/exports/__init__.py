"""Masks in the forms that benchmarks' servers read."""
