"""The server itself, for whoever it belongs to; and whether the books of a program are right."""
