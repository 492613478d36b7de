"""Find and follow the objects in videos without a label: the library under the workflow."""

__version__ = "0.1.0"
