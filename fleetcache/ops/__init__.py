"""Running it: health, and the actions of an administrator."""
