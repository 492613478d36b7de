"""The report: one HTML file with the results, the videos, and where they come from."""
