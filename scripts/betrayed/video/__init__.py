"""A video as frames: checked once, then read by every later stage."""
