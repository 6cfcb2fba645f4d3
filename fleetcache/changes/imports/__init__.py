"""Bulk import: a file is read, its columns are matched, every row is judged, and what is good is written."""
