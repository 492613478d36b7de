"""Masks in the forms that servers and other tools take, and as arrays."""
