"""The load generator: raw sockets, kept open, requests put together beforehand; a process of its own.

Reads one job as JSON from standard input, prints one line of JSON. How much of a processor it needed is part of the
answer, so that it can be told whether it was the generator or the server that was at its limit.
"""

import asyncio
import json
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

import uvloop

Request = Callable[[], bytes]

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass
class Tally:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    failures: int = 0
    first_failure: str = ""


class Caller(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next."""

    def __init__(
        self, request: Request, tally: Tally, done: "asyncio.Future[None]", is_over: Callable[[], bool]
    ) -> None:
        self._request = request
        self._tally = tally
        self._done = done
        self._is_over = is_over
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._go_on()

    def _go_on(self) -> None:
        if self._is_over():
            self._transport.close()
            self._finish()
            return
        self._transport.write(self._request())
        self._sent_at = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0:
            return
        head = self._received[: end + 1].lower()  # proxies write names in their own way
        at = head.find(_LENGTH) + len(_LENGTH)
        length = int(head[at : head.find(b"\r", at)])
        if len(self._received) < end + len(_HEAD_END) + length:
            return
        self._tally.seconds.append(time.perf_counter() - self._sent_at)
        if self._received[9:12] not in (b"200", b"201"):
            self._tally.failures += 1
            self._tally.first_failure = self._tally.first_failure or self._received.decode(errors="replace")
        self._received = b""
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._tally.failures += 1
            self._tally.first_failure = self._tally.first_failure or f"the connection was closed ({exc})"
        self._finish()

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


def _post(path: str, headers: str, body: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: kado\r\n{headers}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def redeems(job: dict[str, Any]) -> Request:
    """One cent from one of the cards, each time under a new key."""
    mark = "@" * 24
    base = f"/v2/giftcards/programs/{job['program']}/cards"
    headers = f"Authorization: Bearer {job['token']}\r\nIdempotency-Key: {mark}\r\n"
    parts = [
        tuple(_post(f"{base}/{card}/redeem", headers, '{"amount":"0.01"}').split(mark.encode()))
        for card in job["cards"]
    ]
    choose = random.Random().choice
    run, number = secrets.token_hex(6), count()

    def request() -> bytes:
        before, after = choose(parts)
        return b"%b%b%012d%b" % (before, run.encode(), next(number), after)

    return request


def checks(job: dict[str, Any]) -> Request:
    """The public balance check, with number and code."""
    path = f"/v2/giftcards/programs/{job['program']}/balance-check"
    bodies = [json.dumps({"cardNumber": number, "securityCode": code}) for number, code in job["numbers"]]
    return _any_of([_post(path, "", body) for body in bodies])


def looks(job: dict[str, Any]) -> Request:
    """A card and its balance, with a token."""
    base, headers = f"/v2/giftcards/programs/{job['program']}/cards", f"Authorization: Bearer {job['token']}\r\n"
    return _any_of([f"GET {base}/{card} HTTP/1.1\r\nHost: kado\r\n{headers}\r\n".encode() for card in job["cards"]])


def gets(job: dict[str, Any]) -> Request:
    """Any of these addresses, with a token."""
    headers = f"Authorization: Bearer {job['token']}\r\n"
    return _any_of([f"GET {path} HTTP/1.1\r\nHost: kado\r\n{headers}\r\n".encode() for path in job["paths"]])


def nothing(job: dict[str, Any]) -> Request:
    """A request of a redeem's size to an app that does nothing."""
    return _any_of([_post("/nothing", f"Authorization: Bearer {job['token']}\r\n", '{"amount":"0.01"}')])


def _any_of(requests: list[bytes]) -> Request:
    choose = random.Random().choice
    return lambda: choose(requests)


KINDS: dict[str, Callable[[dict[str, Any]], Request]] = {
    "redeem": redeems,
    "check": checks,
    "look": looks,
    "get": gets,
    "nothing": nothing,
}


async def run(job: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    request, tally = KINDS[job["kind"]](job), Tally()
    left = iter(range(job["requests"])) if job.get("requests") else None
    until = time.perf_counter() + job.get("seconds", 600)
    is_over = _over(left, until)
    ends = [loop.create_future() for _ in range(job["connections"])]
    began, worked = time.perf_counter(), time.process_time()
    for end in ends:
        await loop.create_connection(lambda end=end: Caller(request, tally, end, is_over), "127.0.0.1", job["port"])  # type: ignore[misc]
    async with asyncio.timeout(job.get("seconds", 600) + 30):
        await asyncio.gather(*ends)
    took = time.perf_counter() - began
    tally.seconds.sort()
    return {
        "rate": len(tally.seconds) / took,
        "answers": len(tally.seconds),
        "failures": tally.failures,
        "first_failure": tally.first_failure,
        "generator_cpu": (time.process_time() - worked) / took,
        **{f"p{share}_ms": _share(tally.seconds, share) for share in (50, 95, 99)},
    }


def _over(left: Iterator[int] | None, until: float) -> Callable[[], bool]:
    if left is None:
        return lambda: time.perf_counter() >= until
    return lambda: next(left, None) is None


def _share(ordered: list[float], percent: int) -> float:
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2) if ordered else 0.0


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.stdin.read())))))
