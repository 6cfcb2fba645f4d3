"""Writes: validated, done in one transaction with their audit row, then hinted to the cache."""
