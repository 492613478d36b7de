"""The columns of a file of scores, whatever the protocol."""

COLUMNS = ["protocol", "object", "frame", "metric", "value"]
