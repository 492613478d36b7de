"""How data sets lie on the disk: a module a layout, each with the same three functions.

- ``needed_paths(root, settings)``: the files and folders that the list of videos depends on
- ``missing_paths(root, settings)``: what else is known to be absent, found by a few cheap looks at
  the disk, once all of those are there
- ``manifest_rows(root, settings, truth)``: the rows of the manifest; what comes in one file for
  many videos, ground truth or the videos themselves, gets a file a video in the folder ``truth``
"""
