"""Whether a request can take the fast lane, and its answer if it does."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from fastapi import Response
from pydantic import ValidationError

from kado.access.address import client_address, client_country, client_trace
from kado.audit.origin import Origin, coming_from
from kado.cards.posting import Answer
from kado.doors.api import answers, gate, shown, strict_json
from kado.doors.api.answered import answered
from kado.doors.api.fast_lane import plain
from kado.doors.api.fast_lane.calls import InPublic, OnCard, call_for
from kado.doors.api.fast_lane.plain import Incomplete, Plain
from kado.doors.api.lane import Lane
from kado.doors.api.schemas import Body
from kado.doors.api.services import Services
from kado.doors.api.types import is_idempotency_key
from kado.doors.api.visit import Visit, remembered_visit
from kado.errors import Refusal, Unavailable
from kado.observability import tracing
from kado.storage.gather import patience_begins

_NOTHING: Final = object()

_Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
_Said: TypeAlias = tuple[int, bytes, _Headers]
"""A status, a body, and headers; without any they are the usual ones."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer as bytes, but for the first line and what the server adds: header lines, and a body."""

    status: int
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class _Taken:
    """A request that takes the fast lane."""

    request: Plain
    origin: Origin
    call: OnCard | InPublic
    program_id: str
    card_id: str
    visit: Visit | None
    body: Any
    key: str | None
    trace: str
    """The trace that a trusted proxy says it is part of, if one does."""


class FastLane:
    """Answers plain requests of callers whom this process remembers.

    `lane` is that of the usual way, `count` hears path and status of every answer, as it does there.
    """

    def __init__(self, services: Services, lane: Lane, count: Callable[[str, int], None]) -> None:
        self.taken = 0
        """How many requests took it."""
        self._services = services
        self._lane = lane
        self._count = count
        self._trusted = services.settings.trusted_proxies
        self._country = services.settings.country_header
        self._more = frozenset([self._country.lower().encode()] if self._country else [])
        self._says_all = services.settings.log_level.upper() == "DEBUG"

    def answer(self, data: bytes, peer: str | None) -> Coroutine[Any, Any, Sent] | Incomplete | None:
        """What answers the request that these bytes are. None where it has to go the usual way, with all its bytes."""
        try:
            request = plain.read(data, self._more)
            if request is None or isinstance(request, Incomplete):
                return request
            taken = self._take(request, peer)
        except Exception as error:  # noqa: BLE001 - a fault here must cost nobody an answer
            gate.say_fault(error, "")
            return None
        if taken is None:
            return None
        self.taken += 1
        return self._answered(taken)

    def _take(self, request: Plain, peer: str | None) -> _Taken | None:
        found = call_for(request.method, request.path)
        if found is None:
            return None
        call, program_id, card_id = found
        key = request.headers.get(b"idempotency-key", b"").decode("ascii") or None
        if key is not None and not is_idempotency_key(key):
            return None
        body = _body(request, call.body)
        if body is _NOTHING:
            return None
        address = self._address(request, peer)
        visit = None
        if isinstance(call, OnCard):
            authorization = request.headers.get(b"authorization", b"").decode("ascii")
            visit = remembered_visit(self._services, authorization, program_id, call.permission, address)
            if visit is None:
                return None
        trace = client_trace(peer, request.headers.items(), self._trusted) if tracing.is_on() else None
        origin = self._origin(request, peer, address)
        return _Taken(request, origin, call, program_id, card_id, visit, body, key, trace or "")

    def _address(self, request: Plain, peer: str | None) -> str:
        if not self._trusted:
            return _direct(peer)
        return client_address(peer, request.headers.items(), self._trusted)

    def _origin(self, request: Plain, peer: str | None, address: str) -> Origin:
        named = request.headers
        country = client_country(peer, named.items(), self._trusted, self._country) if self._country else None
        return Origin(
            address,
            gate.user_agent(named.get(b"user-agent", b"")),
            gate.name_of(named.get(b"x-request-id", b"")),
            country,
        )

    async def _answered(self, taken: _Taken) -> Sent:
        """Nothing escapes: whatever goes wrong is answered as it is on the usual way."""
        began = time.perf_counter_ns()
        method, path, request_id = (
            taken.request.method.decode("ascii"),
            taken.request.path,
            taken.origin.request_id or "",
        )
        span = tracing.request(request_id, taken.trace) if tracing.is_on() else None
        with coming_from(taken.origin):
            patience_begins()
            status, body, headers = await self._outcome(taken)
        answered(method, taken.call.route, status, time.perf_counter_ns() - began)
        if span is not None:
            span.end(method, taken.call.route, status)
        self._count(path, status)
        if self._says_all or status >= 400:
            gate.say(method, path, status, began, request_id)
        return Sent(status, _head(body, headers, request_id), body)

    async def _outcome(self, taken: _Taken) -> _Said:
        try:
            if isinstance(taken.call, InPublic):
                async with self._lane.passage(taken.request.path):
                    return _said(await taken.call.run(self._services, taken.program_id, taken.body))
            assert taken.visit is not None, "a call about a card is made by somebody"
            self._lane.other_begins()
            try:
                return _said(await taken.call.run(taken.visit, taken.card_id, taken.body, taken.key))
            finally:
                self._lane.other_ends()
        except Refusal as refusal:
            return _refused(answers.render(refusal))
        except asyncio.CancelledError:
            # The server stops and has waited long enough; the connection ends with this answer.
            return _refused(answers.render(Unavailable("stopping", "The server is stopping; send it again.")))
        except Exception as error:  # noqa: BLE001 - as at the gate: a fault becomes a 500 without internals
            gate.say_fault(error, taken.origin.request_id or "")
            return _refused(answers.plain(500))


def _body(request: Plain, model: type[Body] | None) -> object:
    """The body as the call wants it; `_NOTHING` where the usual way has to say what is wrong with it."""
    if model is None:
        return _NOTHING if request.body else None
    if request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower() != b"application/json":
        return _NOTHING
    try:
        return model.__pydantic_validator__.validate_python(strict_json.parse(request.body), from_attributes=True)
    except (ValidationError, strict_json.MalformedJson):
        return _NOTHING


def _said(answer: Answer) -> _Said:
    return answer.status, answer.body, shown.response(answer).raw_headers if answer.headers else ()


def _refused(rendered: answers.Rendered) -> _Said:
    status, body, headers = rendered
    return status, body, Response(body, status, headers).raw_headers


@lru_cache(maxsize=4096)
def _direct(peer: str | None) -> str:
    return client_address(peer, (), ())


_USUAL: Final = "".join(f"{name.lower()}: {value}\r\n" for name, value in answers.STANDARD.items()).encode("ascii")


def _head(body: bytes, headers: _Headers, request_id: str) -> bytes:
    """The header lines, in the order in which they leave on the usual way."""
    if headers:
        return b"".join(b"%b: %b\r\n" % pair for pair in gate.with_standard(headers, request_id))
    length, named = len(body), request_id.encode("ascii")
    return b"content-length: %d\r\ncontent-type: application/json\r\nx-request-id: %b\r\n%b" % (length, named, _USUAL)
