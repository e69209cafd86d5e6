"""The schema's history. Each revision is SQL in plain sight beside a few lines that run it."""
