"""Which videos a data set has, and where their frames and ground truth lie."""
