"""PostgreSQL: running it, connecting to it, its schema, and what is written beside the money."""
