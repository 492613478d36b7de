"""What stands in the files of a data set: ground truth in its own form, shards, records."""
