"""The embedded database: PostgreSQL that Kado starts, keeps up and stops itself, for installations without a server.

A server calls `start` before its event loop runs, then runs `watch` on it; commands use `connect_or_start`.
"""

from kado.storage.embedded.errors import EmbeddedError
from kado.storage.embedded.supervisor import Embedded, Running, connect_or_start, describe, run_or_join, start

__all__ = ["Embedded", "EmbeddedError", "Running", "connect_or_start", "describe", "run_or_join", "start"]
