"""Scores of segmented videos: DAVIS J and F under both protocols, FG-ARI, mIoU, mBO, AP, AR."""
