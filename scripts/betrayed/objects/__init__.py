"""Which parts of a video are objects, and their masks."""
