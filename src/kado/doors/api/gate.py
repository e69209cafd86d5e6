"""The gate: what every request passes before the app sees it, and every answer on its way out.

It gives the request a name, refuses what is too large, too slow or of the wrong type, reads the body once, and turns
whatever escapes the app into an answer. It logs one line per request, with no header, query or body in it.
"""

import asyncio
import re
import secrets
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kado.audit.origin import Origin, coming_from
from kado.doors.api import answers, multipart, strict_json
from kado.doors.api.answered import answered, route_of
from kado.doors.api.intake import Disconnected, Intake, Larger, Limits, TurnedAway, UnsupportedMediaType
from kado.doors.api.lane import Lane
from kado.errors import Refusal, Unavailable
from kado.observability import tracing
from kado.storage.gather import patience_begins

_log: Any = structlog.get_logger("kado.http")

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_BASE: Final = "/api/v2/"
_CLIENT_LEFT: Final = 499
_PATH_SHOWN_MAX: Final = 512
_USER_AGENT_MAX: Final = 255
_FRAMES_MAX: Final = 12

_STANDARD: Final = tuple((name.lower().encode(), value.encode()) for name, value in answers.STANDARD.items())


FORM_PATHS: Final = ("/v2/token",)


Sorry = Callable[[Scope, Refusal], "answers.Rendered | None"]


class Gate:
    """ASGI middleware for the outermost place: `Gate(app)`.

    `form_paths` take `application/x-www-form-urlencoded` instead of JSON; one that ends in "/" stands for all below it.
    `file_paths` take `multipart/form-data`, and no JSON.
    `larger` says where and from whom more is read than `limits` say, `lane` which requests take turns, `address` and
    `country` where one comes from; `count` hears path and status of every answer;
    `traceparent` says which trace a request is part of, as far as its sender is believed; `sorry` words a refusal for
    people, where it is theirs to read.
    Leaves in `scope["state"]`: `request_id`, `json` (the parsed body, None without one), `path_as_sent` (bytes).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        form_paths: Collection[str] = FORM_PATHS,
        limits: Limits | None = None,
        file_paths: re.Pattern[str] | None = None,
        larger: Sequence[Larger] = (),
        lane: Lane | None = None,
        address: Callable[[Scope], str] | None = None,
        country: Callable[[Scope], str | None] | None = None,
        count: Callable[[str, int], None] | None = None,
        traceparent: Callable[[Scope], str | None] | None = None,
        sorry: Sorry | None = None,
    ) -> None:
        self._app = app
        self._sorry = sorry
        self._larger = tuple(larger)
        self._file_paths = file_paths
        self._lane = lane
        self._address = address
        self._country = country
        self._count = count
        self._traceparent = traceparent
        self._limits = limits or Limits()
        self._form_paths = frozenset(form_paths)
        self._form_folders = tuple(path for path in form_paths if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens; other kinds of traffic go straight on to the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter_ns()
        intake = Intake(scope, self._limits, receive)
        request_id = name_of(intake.header(b"x-request-id"))
        scope = _named(scope, request_id)
        answer = _Answer(send, request_id)
        origin = Origin(
            self._address(scope) if self._address else None,
            user_agent(intake.header(b"user-agent")),
            request_id,
            self._country(scope) if self._country else None,
        )
        span = tracing.request(request_id, self._parent(scope)) if tracing.is_on() else None
        with structlog.contextvars.bound_contextvars(request_id=request_id), coming_from(origin):
            await self._pass(scope, intake, answer)
            took, route = time.perf_counter_ns() - began, route_of(scope)
            answered(scope["method"], route, answer.status or _CLIENT_LEFT, took)
            if span is not None:
                span.end(scope["method"], route, answer.status or _CLIENT_LEFT)
            if self._count is not None:
                self._count(scope["path"], answer.status or _CLIENT_LEFT)
            say(scope["method"], scope["path"], answer.status or _CLIENT_LEFT, began, request_id)

    def _parent(self, scope: Scope) -> str:
        return (self._traceparent(scope) or "") if self._traceparent else ""

    def _worded(self, scope: Scope, refusal: Refusal) -> answers.Rendered:
        """For people where a page's door has words for it, else for programs."""
        said = self._sorry(scope, refusal) if self._sorry else None
        return said or answers.render(refusal)

    async def _pass(self, scope: Scope, intake: Intake, answer: "_Answer") -> None:
        """Let the request through to the app, or answer in its place. Nothing but cancellation escapes."""
        try:
            body = await self._read(scope, intake)
            patience_begins()
            async with self._lane.passage(scope["path"]) if self._lane else nullcontext():
                await self._app(scope, intake.replay(body), answer)
        except TurnedAway as refusal:
            await answer.refuse(self._worded(scope, refusal), close=True)
            await intake.discard()
            await answer.finish()
        except Disconnected:
            return
        except strict_json.MalformedJson as error:
            fact = {"loc": ("body", *error.loc), "msg": error.message, "type": error.kind}
            await answer.refuse((422, answers.validation_body([fact]), {"Content-Type": "application/json"}))
        except Refusal as refusal:
            await answer.refuse(self._worded(scope, refusal))
        except asyncio.CancelledError:
            # The server stops and has waited long enough, for a body that does not come, for example.
            await answer.refuse(answers.render(Unavailable("stopping", "The server is stopping; send it again.")))
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: whatever a handler forgot becomes a 500 without internals
            say_fault(error, scope["state"]["request_id"])
            await answer.refuse(answers.plain(500))

    async def _read(self, scope: Scope, intake: Intake) -> bytes:
        """The body, parsed into the scope. A large one is parsed beside the others' requests."""
        larger = next((one for one in self._larger if one.is_at(scope)), None)
        sender = None if larger is None else await larger.sender_of(scope, intake)
        if larger is None or sender is None:
            body = await intake.read()
            scope["state"]["json"] = self._parsed(scope["path"], intake, body)
            return body
        with larger.room(sender):
            intake.allow(larger.body_bytes, larger.bytes_per_second)
            body = await intake.read()
            scope["state"]["json"] = await asyncio.to_thread(self._parsed, scope["path"], intake, body)
            return body

    def _parsed(self, path: str, intake: Intake, body: bytes) -> object:
        """The value of a JSON body; the parts of one with files, by their names; None for no body and for a form, which
        the app reads itself."""
        if not body:
            return None
        if self._file_paths is not None and self._file_paths.fullmatch(path):
            if intake.media_type != b"multipart/form-data":
                return None  # the route refuses it, once it knows who is asking
            return multipart.parse(intake.header(b"content-type"), body)
        if path in self._form_paths or path.startswith(self._form_folders):
            if intake.media_type != b"application/x-www-form-urlencoded":
                raise UnsupportedMediaType("A form is expected here: application/x-www-form-urlencoded.")
            return None
        if intake.media_type != b"application/json":
            raise UnsupportedMediaType("A body must be sent as application/json.")
        return strict_json.parse(body)


class _Answer:
    """The way out: adds the standard headers, and remembers whether and how the request was answered."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Send what the app sends; a standard header it has set itself is left as it is, but for the request id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": with_standard(message.get("headers", ()), self._request_id)}
        await self._send(message)

    async def refuse(self, rendered: answers.Rendered, *, close: bool = False) -> None:
        """Answer in the app's place, unless it has begun already. With `close`, `finish` must follow."""
        if self.status:
            return
        status, body, given = rendered
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]
        headers.append((b"content-length", str(len(body)).encode()))
        if close:
            headers.append((b"connection", b"close"))
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": close})

    async def finish(self) -> None:
        """End an answer that was kept open while the rest of the request was discarded."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


# ── names and lines ────────────────────────────────────────────────────────────────────────────────────────────────


def name_of(sent: bytes) -> str:
    """The request's id: the one that it brings (`X-Request-Id`), if it has the form, or a fresh one."""
    if _REQUEST_ID.fullmatch(sent):
        return sent.decode("ascii")
    return secrets.token_hex(12)


def user_agent(sent: bytes) -> str | None:
    """What the client calls itself, as text that can be kept."""
    text = "".join(c if c.isprintable() else "?" for c in sent.decode("latin-1"))
    return text[:_USER_AGENT_MAX] or None


def with_standard(given: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """These headers, the request's id, and the headers of every answer that are not among them."""
    kept = [(name, value) for name, value in given if name.lower() != b"x-request-id"]
    names = {name.lower() for name, _ in kept}
    own = ((b"x-request-id", request_id.encode("ascii")), *_STANDARD)
    return [*kept, *(pair for pair in own if pair[0] not in names)]


def say(method: str, path: str, status: int, began: int, request_id: str) -> None:
    """The request's line in the log. `began` is of `time.perf_counter_ns`."""
    # What went well is many lines that nobody reads, and costs more than some of the answers themselves.
    write = _log.info if status >= 400 else _log.debug
    write(
        "request",
        method=method,
        path=masked(path),
        status=status,
        milliseconds=round((time.perf_counter_ns() - began) / 1_000_000, 2),
        request_id=request_id,
    )


def say_fault(error: BaseException, request_id: str) -> None:
    """The line of a fault of ours: where it was, and no word of what it said."""
    _log.error("fault", error=type(error).__qualname__, at=_frames(error), request_id=request_id)


def _named(scope: Scope, request_id: str) -> Scope:
    """A scope of our own, with the request's name, and without the prefix that some clients put before `/v2/`."""
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or path.encode("utf-8")
    state = {**scope.get("state", {}), "request_id": request_id, "json": None, "path_as_sent": raw}
    if path.startswith(_BASE):
        return {**scope, "path": path.removeprefix("/api"), "raw_path": raw.removeprefix(b"/api"), "state": state}
    return {**scope, "state": state}


# What follows these is a secret, whatever it looks like.
_BEFORE_SECRETS: Final = ("passes", "csv")
_SEGMENT: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}|v[0-9]|[0-9a-f]{24}|")


def masked(path: str) -> str:
    """The path with its words and ids only: a pass's sid, a number, a token or whatever was made up becomes `*`."""
    segments = path[:_PATH_SHOWN_MAX].split("/")
    return "/".join(
        segment if _SEGMENT.fullmatch(segment) and before not in _BEFORE_SECRETS else "*"
        for before, segment in zip(["", *segments], segments, strict=False)
    )


def _frames(error: BaseException) -> list[str]:
    """Where it happened, innermost last. Messages and values are left out: they may quote what a client sent."""
    innermost = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in innermost]
