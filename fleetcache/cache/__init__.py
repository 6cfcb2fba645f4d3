"""The layered cache. It knows no pilot and no SQL: keys, shapes, loaders and a Redis."""
