# Written by scripts/client.py (make format) from _async/__init__.py. Change that instead.

"""The client that blocks, written from it by `scripts/client.py`."""
