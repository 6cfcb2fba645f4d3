"""PostgreSQL: the only folder that knows SQL."""
