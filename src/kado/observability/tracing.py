"""Spans for an OpenTelemetry collector: requests, lists of postings, calls out. Off, they cost a comparison.

Attributes are routes, statuses, sizes and the request id: nothing that a customer could be told by, and no secret.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext, Tracer

Facts = Mapping[str, str | int]

_NOTHING: Final = nullcontext()
_LINKS_MAX: Final = 128


class NotInstalled(Exception):
    """The packages of `kado[otel]` are not there."""


class _Tracing:
    """Where spans go, and the spans of the requests that are under way, by their ids."""

    def __init__(self) -> None:
        self.tracer: Tracer | None = None
        self.requests: dict[str, SpanContext] = {}


_on: Final = _Tracing()


@contextmanager
def traced(endpoint: str | None, version: str, process: str) -> Iterator[None]:
    """Inside, spans go to this OTLP/HTTP endpoint (`http://host:4318`); nowhere where there is none.

    Raises `NotInstalled`. What is still to be sent at the end is sent, within seconds.
    """
    if endpoint is None:
        yield
        return
    # Nobody who wants no traces has to have, or to read, any of this.
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise NotInstalled from None
    named = {"service.version": version, "service.instance.id": process}
    if "OTEL_SERVICE_NAME" not in os.environ:
        named["service.name"] = "kado"
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=3)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _on.tracer = provider.get_tracer("kado", version)
    try:
        yield
    finally:
        _on.tracer = None
        provider.shutdown()


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Request:
    """The span of one request; `end` says what it was."""

    def __init__(self, tracer: "Tracer", request_id: str, traceparent: str) -> None:
        from opentelemetry.context import attach  # noqa: PLC0415
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None
        self._span = tracer.start_span("request", context=parent, kind=SpanKind.SERVER)
        self._id = request_id
        self._span.set_attribute("kado.request_id", request_id)
        _on.requests[request_id] = self._span.get_span_context()
        self._token = attach(set_span_in_context(self._span))

    def end(self, method: str, route: str, status: int) -> None:
        """It was answered so."""
        from opentelemetry.context import detach  # noqa: PLC0415
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        detach(self._token)
        _on.requests.pop(self._id, None)
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        )
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def request(request_id: str, traceparent: str) -> Request | None:
    """Begin the span of a request. `traceparent` is that of a caller who is believed; empty: of none."""
    return None if _on.tracer is None else Request(_on.tracer, request_id, traceparent)


# ── lists and calls ────────────────────────────────────────────────────────────────────────────────────────────────


def is_on() -> bool:
    """Whether anybody wants spans."""
    return _on.tracer is not None


def posting_list(began: int, ended: int, request_ids: Sequence[str | None], facts: Facts) -> None:
    """The span of a list that is over, linked to the requests in it; times are those of `time.perf_counter_ns`."""
    from opentelemetry.trace import Link  # noqa: PLC0415

    if _on.tracer is None:
        return
    known = [_on.requests[one] for one in request_ids if one in _on.requests]
    ago = time.time_ns() - time.perf_counter_ns()
    links = [Link(context) for context in known[:_LINKS_MAX]]
    span = _on.tracer.start_span("posting list", links=links, start_time=began + ago, attributes=dict(facts))
    span.end(ended + ago)


def call(what: str) -> AbstractContextManager[object]:
    """Around a call to somebody else's server: `mail`, `text message`, `webhook`, `captcha`."""
    if _on.tracer is None:
        return _NOTHING
    return _called(_on.tracer, what)


@contextmanager
def _called(tracer: "Tracer", what: str) -> Iterator[None]:
    from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415

    span = tracer.start_span(what, kind=SpanKind.CLIENT)
    try:
        yield
    except BaseException as error:
        # Its kind and not its message, which may name an address.
        span.set_status(StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        span.end()
