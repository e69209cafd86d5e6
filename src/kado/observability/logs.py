"""Logging: one line an event, JSON unless a person is watching. Never a token, code, number, address or body."""

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import structlog

_OURS: Final = ("kado", "uvicorn")


def configure(level: str) -> None:
    """Send structlog's and the standard library's events to stderr, ours from `level` on, others from warning on."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries write what they like at lower levels, addresses and headers included.
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())


def caused_by(request_id: str | None) -> AbstractContextManager[None]:
    """Inside, every line bears the id of the request that caused what is done, where that is known."""
    if request_id is None:
        return nullcontext()
    return structlog.contextvars.bound_contextvars(request_id=request_id)
