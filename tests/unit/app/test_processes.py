"""HTTP processes that die as soon as they have begun: replaced, ever more slowly, until they are told to stop."""

import asyncio
import sys

import pytest
from structlog.testing import capture_logs

from kado.app import entrance, processes
from kado.observability.meters import METERS
from kado.observability.tally import Totals


async def test_a_process_that_never_lives_is_tried_again_and_does_not_hold_up_a_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    stop = asyncio.Event()
    listening = entrance.bind("127.0.0.1", 0)
    with capture_logs() as said, processes.started(2, listening) as children:
        first = [child.process.pid for child in children]
        work = asyncio.create_task(
            processes.supervise(children, "postgresql://x/y", "127.0.0.1", 1, listening, stop, Totals(METERS))
        )
        async with asyncio.timeout(20):
            while len([line for line in said if line["event"] == "http process ended"]) < 6:
                await asyncio.sleep(0.01)
        stop.set()
        async with asyncio.timeout(5):
            await work
    assert {child.process.returncode for child in children} == {1}
    assert not {child.process.pid for child in children} & set(first)
