"""The load generator: sockets that are kept open, requests put together beforehand, one loop; a process of its own.

It shares the machine with what it measures, so it is as cheap as Python can be: an answer is read with one call, judged
by its status and its length, and the next request of that connection is on its way before the next answer is looked at.
How much of a processor it needed is part of what it says, so that it can be told whether it or the server was at its
limit. As a program it reads one job as JSON from standard input and prints one line of JSON.
"""

import gc
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any, Final, TypeVar

Job = Mapping[str, Any]
"""What is to be done: `port`, `kind`, `connections`, `seconds` or `requests`, and what the kind of request needs."""

Request = Callable[[], bytes]
T = TypeVar("T")

WARM_SECONDS: Final = 0.3
"""What comes before is not counted: connections are made, statements planned."""

PERCENTILES: Final = (50, 95, 99)
_PATIENCE_SECONDS: Final = 30
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_TAKEN_AT_ONCE: Final = 65536
_GOOD: Final = (b"200", b"201")


class LoadFailed(Exception):
    """Not every answer was a success; the text has the first that was not."""


def measure(job: Job) -> dict[str, Any]:
    """Run the generator in a process of its own.

    Returns answers a second (`rate`), all `answers`, milliseconds (`p50_ms` …), the generator's share of a processor
    (`generator_cpu`) and its microseconds an answer (`generator_us`). Raises `LoadFailed`.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-m", __name__], input=json.dumps(job), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LoadFailed(f"{job['kind']}: the generator ended: {done.stderr[-500:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    if result["failures"]:
        raise LoadFailed(f"{job['kind']}: {result['failures']} answers failed, the first: {result['first_failure']}")
    return result


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _post(path: str, headers: str, body: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: kado\r\n{headers}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _bearer(job: Job) -> str:
    return f"Authorization: Bearer {job['token']}\r\n"


def _redeems(job: Job) -> Request:
    """One cent from one of the cards, each time under a new key."""
    mark = "@" * 24
    base = f"/v2/giftcards/programs/{job['program']}/cards"
    headers = f"{_bearer(job)}Idempotency-Key: {mark}\r\n"
    wanted = [_post(f"{base}/{card}/redeem", headers, '{"amount":"0.01"}') for card in job["cards"]]
    run, numbers = secrets.token_hex(6).encode(), count()
    parts = _in_any_order([(before + run, after) for before, after in (one.split(mark.encode()) for one in wanted)])

    def request() -> bytes:
        before, after = next(parts)
        return b"%b%012d%b" % (before, next(numbers), after)

    return request


def _checks(job: Job) -> Request:
    """The public balance check, with number and code."""
    path = f"/v2/giftcards/programs/{job['program']}/balance-check"
    bodies = [json.dumps({"cardNumber": number, "securityCode": code}) for number, code in job["numbers"]]
    return _any_of([_post(path, "", body) for body in bodies])


def _looks(job: Job) -> Request:
    """A card and its balance, with a token."""
    base = f"/v2/giftcards/programs/{job['program']}/cards"
    return _gets({**job, "paths": [f"{base}/{card}" for card in job["cards"]]})


def _gets(job: Job) -> Request:
    """Any of these addresses, with a token."""
    return _any_of([f"GET {path} HTTP/1.1\r\nHost: kado\r\n{_bearer(job)}\r\n".encode() for path in job["paths"]])


def _nothing(job: Job) -> Request:
    """A request of a redeem's size to an app that does nothing."""
    return _any_of([_post("/nothing", _bearer(job), '{"amount":"0.01"}')])


def _any_of(requests: list[bytes]) -> Request:
    return _in_any_order(requests).__next__


def _in_any_order(things: Sequence[T]) -> Iterator[T]:
    """All of them, shuffled, again and again: drawing one each time costs more than a send."""
    shuffled = list(things)
    secrets.SystemRandom().shuffle(shuffled)
    return cycle(shuffled)


KINDS: Final[Mapping[str, Callable[[Job], Request]]] = {
    "redeem": _redeems,
    "check": _checks,
    "look": _looks,
    "get": _gets,
    "nothing": _nothing,
}


# ── the loop ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Tally:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    answers: int = 0
    failures: int = 0
    first_failure: str = ""

    def failed(self, what: str) -> None:
        self.failures += 1
        self.first_failure = self.first_failure or what


if sys.platform == "linux":
    _wait = select.epoll
else:

    class _wait:  # noqa: N801 - stands in for the above
        """`select.poll` with seconds."""

        def __init__(self) -> None:
            self._poll = select.poll()
            self.register, self.unregister = self._poll.register, self._poll.unregister

        def poll(self, seconds: float) -> list[tuple[int, int]]:
            """What is ready."""
            return self._poll.poll(1000 * seconds)


class _Load:
    """All connections of a job, each with one request on its way."""

    def __init__(self, job: Job) -> None:
        self.tally = _Tally()
        self._request = KINDS[job["kind"]](job)
        self._port = job["port"]
        self._sockets: dict[int, socket.socket] = {}
        self._sent: dict[int, float] = {}
        self._parts: dict[int, bytes] = {}
        self._left = job.get("requests")
        self._wait = _wait()
        for _ in range(job["connections"]):
            self._connect()

    def _connect(self) -> None:
        one = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_SECONDS)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.settimeout(0)
        self._sockets[one.fileno()] = one
        self._wait.register(one.fileno(), select.POLLIN)

    def run(self, seconds: float, warm: float) -> float:
        """Keep all connections busy for that long, then wait for the last answers; how long was counted."""
        clock, sent, tally, events = time.perf_counter, self._sent, self.tally, self._wait.poll
        began = clock() + warm
        until = began + seconds
        for fd in list(self._sockets):
            self._send(fd)
        last = began
        while sent:
            for fd, _ in events(_PATIENCE_SECONDS) or self._silence():
                data = self._received(fd)
                if data is None:
                    continue
                now = clock()
                tally.answers += 1
                if data[9:12] not in _GOOD:
                    tally.failed(data.decode(errors="replace"))
                if began <= now <= until:
                    tally.seconds.append(now - sent[fd])
                    last = now
                if now >= until or self._left == 0:
                    self._leave(fd)
                else:
                    self._send(fd)
        for one in self._sockets.values():
            one.close()
        return (last if self._left == 0 else until) - began

    def _send(self, fd: int) -> None:
        if self._left is not None:
            self._left -= 1
        self._sent[fd] = time.perf_counter()
        try:
            os.write(fd, self._request())
        except ConnectionError:
            self._lost(fd)

    def _lost(self, fd: int) -> None:
        self.tally.failed("the connection was closed")
        self._leave(fd)

    def _leave(self, fd: int) -> None:
        """Nothing more is asked, and nothing expected, over this connection."""
        del self._sent[fd]
        self._wait.unregister(fd)

    def _received(self, fd: int) -> bytes | None:
        """A whole answer, or None as long as a part of it is missing."""
        try:
            data = os.read(fd, _TAKEN_AT_ONCE)
        except ConnectionError:
            data = b""
        if not data:
            self._lost(fd)
            return None
        if fd in self._parts:
            data = self._parts.pop(fd) + data
        end = data.find(_HEAD_END)
        if end >= 0:
            at = data.find(_LENGTH, 0, end)
            if at < 0:  # proxies write names in their own way
                at = data.lower().find(_LENGTH, 0, end)
            length = int(data[at + len(_LENGTH) : data.find(b"\r", at)])
            if len(data) >= end + len(_HEAD_END) + length:
                return data
        self._parts[fd] = data
        return None

    def _silence(self) -> list[tuple[int, int]]:
        self.tally.failed(f"no answer within {_PATIENCE_SECONDS} s")
        self._sent.clear()
        return []


def run(job: Job) -> dict[str, Any]:
    """Do a job in this process, and say what `measure` says."""
    load = _Load(job)
    gc.disable()  # what it would look for is not made here
    limited = job.get("requests") is not None
    began, worked = time.perf_counter(), time.process_time()
    counted = load.run(job.get("seconds", 600), 0 if limited else WARM_SECONDS)
    took, cpu = time.perf_counter() - began, time.process_time() - worked
    tally = load.tally
    tally.seconds.sort()
    return {
        "rate": len(tally.seconds) / counted if counted > 0 else 0.0,
        "answers": tally.answers,
        "failures": tally.failures,
        "first_failure": tally.first_failure,
        "generator_cpu": cpu / took,
        "generator_us": 1e6 * cpu / max(1, tally.answers),
        **{f"p{share}_ms": _share(tally.seconds, share) for share in PERCENTILES},
    }


def _share(ordered: list[float], percent: int) -> float:
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2) if ordered else 0.0


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.stdin.read()))))  # noqa: T201 - what it is for
