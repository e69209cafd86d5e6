"""What makes a server visible: the process that is asked what all count, and where each one's traces go."""

import os
import platform
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Final

import structlog

from kado import __version__
from kado.doors.metrics.serve import serving
from kado.observability import meters, own_process, tracing
from kado.observability.tally import Totals
from kado.settings import SettingError, Settings
from kado.storage.revisions import SCHEMA

_log: Final = structlog.get_logger("kado.serve")


@contextmanager
def traced(settings: Settings, process: str) -> Iterator[None]:
    """Send this process's traces while inside, where somebody wants them. Raises `SettingError` where that cannot be.

    Outside the event loop: what is left at the end is sent while nothing else is done.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(tracing.traced(settings.otel_endpoint, __version__, process))
        except tracing.NotInstalled:
            if os.environ.get("KADO_OTEL_ENDPOINT"):
                raise SettingError("KADO_OTEL_ENDPOINT needs `pip install 'kado[otel]'`") from None
            # The other variable may stand there for every program on the machine.
            _log.warning("no traces: `pip install 'kado[otel]'`")
        yield


@asynccontextmanager
async def metrics(settings: Settings, totals: Totals) -> AsyncIterator[None]:
    """Answer at the configured port while inside; do nothing where none is. Raises `SettingError` when it is taken."""
    if settings.metrics is None:
        yield
        return
    # Nobody who is not asked has to read this.
    from kado.observability.exposition import exposed  # noqa: PLC0415

    meters.INFO.show({(__version__, SCHEMA, platform.python_version()): 1})
    meters.SECRETS.show({(): len(settings.keyring.versions)})

    def expose(accept: str) -> tuple[str, bytes]:
        return exposed(meters.METERS, totals.together_with(meters.snapshot()), accept)

    name = "server" if settings.processes == 1 else "worker"
    where = settings.metrics
    async with AsyncExitStack() as stack:
        stack.enter_context(own_process.shown_as(name))
        try:
            await stack.enter_async_context(serving(where.address, where.port, where.token, expose))
        except OSError as error:
            raise SettingError(f"KADO_METRICS_PORT {where.port} cannot be used: {error.strerror or error}") from None
        yield
