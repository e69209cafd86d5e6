"""The worker: sends what waits in the outbox, and does what has to be done from time to time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import asyncpg
import structlog
from pgqueuer import AsyncpgDriver, Job, Queries, QueueManager

from kado.delivery.messages import forget_old_jobs, rescue
from kado.delivery.send import Sender
from kado.errors import Unavailable
from kado.observability.logs import caused_by
from kado.observability.meters import JOBS_DONE, TASK_AGE, TASK_RUNS
from kado.observability.tally import Labels
from kado.storage.database import Database
from kado.storage.outbox import REQUEST, SEND_MESSAGE, SEND_OTP

CONCURRENCY: Final = 20
_PAUSE_FIRST: Final = 0.1
_PAUSE_MAX: Final = 2.0
# Jobs are announced; this only bounds how long a lost announcement or a connection that died silently goes unnoticed.
_LOOK_ANYWAY: Final = timedelta(seconds=5)
_FINISH_SECONDS: Final = 5.0
_CUT_SECONDS: Final = 2.0
_log: Final = structlog.get_logger("kado.worker")


@dataclass(frozen=True, slots=True)
class Periodic:
    """Something to do every so many seconds, the first time at once; with `at_stop` once more at a graceful stop.

    With `while_true` it is done again without a pause as long as it says that there was something to do.
    """

    name: str
    seconds: float
    run: Callable[[], Awaitable[object]]
    at_stop: bool = False
    while_true: bool = False


Do = Callable[[Any], Awaitable[None]]
"""Does a job, given its payload. Raises `Unavailable` while the database is away, and is called again then."""


class Worker:
    """Takes jobs from the queue, several at a time, and runs periodic tasks beside them.

    `jobs` are what it does beside sending messages, by name; `beside` runs for as long as the worker does, and ends by
    itself soon after `stop` is set.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        periodic: Sequence[Periodic] = (),
        *,
        jobs: Mapping[str, Do] | None = None,
        beside: Sequence[Callable[[asyncio.Event], Awaitable[None]]] = (),
        concurrency: int = CONCURRENCY,
        name: str = "kado-worker",
    ) -> None:
        self._database = database
        self._jobs: dict[str, Do] = {
            SEND_MESSAGE: lambda payload: sender.send(payload["program"], payload["message"]),
            SEND_OTP: lambda payload: sender.send_otp(payload["otp"]),
            **(jobs or {}),
        }
        self._beside = beside
        self._concurrency = concurrency
        self._name = name
        self._periodic = (
            *periodic,
            Periodic("rescue", 30, self._rescue),
            Periodic("forget-old-jobs", 3600, lambda: forget_old_jobs(database)),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish what has begun, within a few seconds, and return.

        While the database is away it keeps trying. It never raises.
        """
        work = [asyncio.create_task(self._serve(stop), name="worker")]
        work += [asyncio.create_task(_repeat(task, stop), name=f"worker {task.name}") for task in self._periodic]
        work += [asyncio.create_task(_attend(run, stop), name="worker beside") for run in self._beside]
        try:
            await stop.wait()
            await asyncio.wait(work, timeout=_FINISH_SECONDS)
        finally:
            for task in work:
                task.cancel()
            await asyncio.wait(work, timeout=_CUT_SECONDS)
        for periodic in self._periodic:
            if periodic.at_stop:
                await _once(periodic, _FINISH_SECONDS)
        _log.info("worker.stopped")

    async def _serve(self, stop: asyncio.Event) -> None:
        """Take jobs; after a broken connection on a new one, while what came over the old one is finished beside it."""
        queues: set[asyncio.Task[None]] = set()
        loop, pause = asyncio.get_running_loop(), _PAUSE_FIRST
        try:
            while not stop.is_set():
                began = loop.time()
                await self._listen(stop, queues)
                pause = _PAUSE_FIRST if loop.time() - began > _PAUSE_MAX else min(_PAUSE_MAX, pause * 2)
                await _sleep(pause, stop)
            while queues:
                await asyncio.wait(queues)
        finally:
            for queue in queues:
                queue.cancel()
            if queues:
                await asyncio.wait(queues)

    async def _listen(self, stop: asyncio.Event, queues: set[asyncio.Task[None]]) -> None:
        """Connect and take jobs until the connection breaks or `stop` is set."""
        try:
            connection = await self._database.connect({"application_name": self._name})
        except Exception as error:  # noqa: BLE001 - it never ends for a reason that may pass
            _log.warning("worker.waiting_for_database", error=type(error).__name__)
            return
        queue = self._queue(connection, stop)
        # The queue itself would notice only when it next asks for jobs.
        connection.add_termination_listener(lambda _: queue.shutdown.set())
        stopping = asyncio.create_task(_pass_on(stop, queue.shutdown))
        running = asyncio.create_task(self._take_jobs(queue, connection), name="worker queue")
        queues.add(running)
        running.add_done_callback(queues.discard)
        running.add_done_callback(lambda _: queue.shutdown.set())
        try:
            await queue.shutdown.wait()
        finally:
            stopping.cancel()

    async def _take_jobs(self, queue: QueueManager, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        try:
            _log.info("worker.listening")
            await queue.run(
                dequeue_timeout=_LOOK_ANYWAY,
                batch_size=max(1, self._concurrency // 2),
                max_concurrent_tasks=self._concurrency,
                shutdown_on_listener_failure=True,
            )
        except Exception as error:  # noqa: BLE001 - it never ends for a reason that may pass
            _log.warning("worker.lost_database", error=type(error).__name__)
        finally:
            connection.terminate()

    def _queue(self, connection: "asyncpg.Connection[asyncpg.Record]", stop: asyncio.Event) -> QueueManager:
        queue = QueueManager(Queries(AsyncpgDriver(connection)))

        def take(name: str, do: Do) -> None:
            @queue.entrypoint(name, accepts_context=False)
            async def run(job: Job) -> None:
                done = await self._do(do, job, stop)
                JOBS_DONE.add((name, "done" if done else "failed"))

        for name, do in self._jobs.items():
            take(name, do)
        return queue

    async def _do(self, do: Do, job: Job, stop: asyncio.Event) -> bool:
        """Do the job; keep trying while the database is away. Whether it was done.

        Raises nothing: the queue would write the traceback into a table.
        """
        pause = _PAUSE_FIRST
        try:
            payload = json.loads(job.payload or b"")
            while True:
                with suppress(Unavailable), caused_by(payload.get(REQUEST)):
                    await do(payload)
                    return True
                if stop.is_set():
                    return False
                await _sleep(pause, stop)
                pause = min(_PAUSE_MAX, pause * 2)
        except Exception as error:  # noqa: BLE001 - what escapes from here is written into a table
            _log.error("worker.job_failed", job=job.id, error=type(error).__name__)
            return False

    async def _rescue(self) -> None:
        if found := await rescue(self._database):
            _log.warning("worker.rescued", messages=found)


async def _repeat(task: Periodic, stop: asyncio.Event) -> None:
    while not stop.is_set():
        found_work = await _once(task)
        if not (task.while_true and found_work):
            await _sleep(task.seconds, stop)


async def _attend(run: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    await run(stop)


_ended_well: Final[dict[Labels, int]] = {}
"""When each periodic task last did, or was first begun, on the clock that only goes forward."""


def _ages() -> dict[Labels, int]:
    now = time.monotonic_ns()
    return {labels: now - at for labels, at in _ended_well.items()}


TASK_AGE.read_from(_ages)


async def _once(task: Periodic, seconds_max: float | None = None) -> object:
    """Run it, and hand on what it says; a failure is noted and is nobody else's concern."""
    _ended_well.setdefault((task.name,), time.monotonic_ns())
    try:
        async with asyncio.timeout(seconds_max):
            said = await task.run()
    except Exception as error:  # noqa: BLE001 - one task's failure must not end the others
        _log.warning("worker.periodic_failed", task=task.name, error=type(error).__name__)
        TASK_RUNS.add((task.name, "failed"))
        return None
    _ended_well[task.name,] = time.monotonic_ns()
    TASK_RUNS.add((task.name, "done"))
    return said


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not past the stop."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _pass_on(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()
