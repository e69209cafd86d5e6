"""Measuring a server on scratch data: load generator, PostgreSQL's own ceiling, the machine. Never on real cards."""
