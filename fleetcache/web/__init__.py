"""Routes beside the pages, on the same port."""
