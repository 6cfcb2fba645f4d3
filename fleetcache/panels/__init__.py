"""What a page shows: a subject's figures, read once, each with where it came from."""
