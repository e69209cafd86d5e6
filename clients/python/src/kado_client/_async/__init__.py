"""The client that is awaited. Its blocking twin in `_sync` is written from it by `scripts/client.py`."""
