"""A data set that the project draws itself: clips with exact masks, from a seed."""
