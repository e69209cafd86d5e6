"""Traces reach a collector over real HTTP, hang together, and say nothing about anybody."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.faults.conftest import Shop, pytestmark
from tests.serving.server import serving, until
from tests.serving.till import Till

__all__ = ["pytestmark"]

REDEEM = "POST /v2/giftcards/programs/{programId}/cards/{cardId}/redeem"
PROXY = "127.0.0.2"


class Collector:
    """Takes what is exported to it."""

    def __init__(self) -> None:
        self.raw = raw = list[bytes]()

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                raw.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self, name: str = "") -> list[Any]:
        batches = [ExportTraceServiceRequest.FromString(one) for one in self.raw]
        every = [s for batch in batches for r in batch.resource_spans for scope in r.scope_spans for s in scope.spans]
        return [span for span in every if not name or span.name == name]

    async def has(self, is_so: Callable[[], object]) -> None:
        await asyncio.to_thread(until, is_so, 20, f"no such span among {sorted({s.name for s in self.spans()})}")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture(scope="module")
def traced_shop(collector: Collector) -> Iterator[Shop]:
    settings = {
        "KADO_OTEL_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "KADO_TRUSTED_PROXIES": PROXY,
    }
    with serving(settings=settings) as server:
        merchant = server.merchant("Traced Shop")
        yield Shop(server, merchant, server.key("Traced Shop"))


def facts(span: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def of_request(collector: Collector, request_id: str) -> Any:
    return next((span for span in collector.spans() if facts(span).get("kado.request_id") == request_id), None)


async def test_a_sale_is_seen_from_its_request_to_its_commit(traced_shop: Shop, collector: Collector) -> None:
    async with traced_shop.till() as till:
        await till.open_program()
        card = await till.card("25.00", customerEmail="ada@mail.example")
        till.http.headers["X-Request-Id"] = "the-sale"
        assert (await till.redeem(card["id"], "5.00", key="the-sale-key")).status_code == 200
        await collector.has(lambda: of_request(collector, "the-sale"))
        span = of_request(collector, "the-sale")
        assert span.name == REDEEM
        assert facts(span) == {
            "kado.request_id": "the-sale",
            "http.request.method": "POST",
            "http.route": REDEEM.removeprefix("POST "),
            "http.response.status_code": 200,
        }

        def its_list() -> Any:
            lists = collector.spans("posting list")
            return next((one for one in lists if span.span_id in {link.span_id for link in one.links}), None)

        await collector.has(its_list)
        assert facts(its_list())["kado.list.size"] == 1
        assert span.start_time_unix_nano <= its_list().start_time_unix_nano
        assert its_list().end_time_unix_nano <= span.end_time_unix_nano
        await collector.has(lambda: collector.spans("mail"))
        told = b"".join(collector.raw)
        for word in (till.program, till.merchant_id, card["id"], card["cardNumber"], "ada@mail", "the-sale-key"):
            assert word.encode() not in told, word
        assert traced_shop.key.encode() not in told


@pytest.mark.parametrize(("address", "is_followed"), [(PROXY, True), ("127.0.0.3", False)])
async def test_a_trace_is_followed_where_a_trusted_proxy_says_so(
    traced_shop: Shop, collector: Collector, address: str, is_followed: bool
) -> None:
    trace, parent, request_id = secrets.token_hex(16), secrets.token_hex(8), f"from-{address}"
    headers = {"traceparent": f"00-{trace}-{parent}-01", "X-Request-Id": request_id}
    async with Till(traced_shop.server, traced_shop.key, traced_shop.merchant_id, address=address) as till:
        assert (await till.http.get("/health/ready", headers=headers)).status_code == 200
    await collector.has(lambda: of_request(collector, request_id))
    span = of_request(collector, request_id)
    assert (span.trace_id.hex() == trace) is is_followed
    assert (span.parent_span_id.hex() == parent) is is_followed


async def test_what_is_left_is_sent_before_the_end(traced_shop: Shop, collector: Collector) -> None:
    async with traced_shop.till() as till:
        till.http.headers["X-Request-Id"] = "the-last"
        await till.http.get("/health/ready")
    await asyncio.to_thread(traced_shop.server.stop)
    assert of_request(collector, "the-last")
