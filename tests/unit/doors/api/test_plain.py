"""What the fast lane takes for a plain request: httptools, which reads all others, reads it in the same way."""

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.api import raw

from kado.doors.api.fast_lane.plain import BYTES_MAX, INCOMPLETE, KNOWN, Plain, read

PATH = b"/v2/giftcards/programs/" + b"a" * 24 + b"/cards/" + b"b" * 24 + b"/redeem"
BODY = b'{"amount":"1.00"}'


def request(*more: bytes, start: bytes = b"POST " + PATH + b" HTTP/1.1", body: bytes = BODY) -> bytes:
    lines = [start, b"Host: kado", b"Content-Type: application/json", b"Content-Length: %d" % len(BODY), *more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Read:
    """What httptools makes of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.url = self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.ends = 0
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ends += 1


def assert_read_alike(data: bytes, plain: Plain) -> None:
    """The same request, whole, and nothing behind it: one more request after it is understood too."""
    other = Read(data)
    assert other.ends == 1
    assert (other.parser.get_method(), other.parser.get_http_version()) == (plain.method, "1.1")
    assert other.url.removeprefix(b"/api") == plain.path.encode()
    assert dict(other.headers) == plain.headers
    assert len(other.headers) == len(plain.headers)
    assert other.body == plain.body
    assert other.parser.should_keep_alive()
    other.parser.feed_data(data)
    assert other.ends == 2


@pytest.mark.parametrize(
    "data",
    [
        request(),
        request(b"Idempotency-Key: till-1/7", b"X-Request-Id: abc", b"User-Agent: Till 2.0 (x; y)"),
        request(b"Connection: Keep-Alive", b"X-Forwarded-For: 203.0.113.7, 10.0.0.1", b"Accept: */*"),
        request(start=b"POST /api" + PATH + b" HTTP/1.1"),
        b"GET /v2/giftcards/programs/x/cards/y HTTP/1.1\r\nhost: kado\r\n\r\n",
    ],
)
def test_plain_requests_are_read_as_httptools_reads_them(data: bytes) -> None:
    plain = read(data)
    assert isinstance(plain, Plain)
    assert_read_alike(data, plain)


@pytest.mark.parametrize("cut", [1, len(BODY)])
def test_a_body_on_its_way_is_told_from_one_that_is_none(cut: int) -> None:
    assert read(request()[:-cut]) is INCOMPLETE


@pytest.mark.parametrize(
    "data",
    [
        request(b"Host: other"),
        request(b"content-length: 17"),
        request(b"Transfer-Encoding: chunked"),
        request(b"Expect: 100-continue"),
        request(b"Connection: close"),
        request(b"Connection: keep-alive, upgrade"),
        request(b"Content-Encoding: gzip"),
        request(b"X-Eposn-Customer-Token: x"),
        request(b"X-Anything: x"),
        request(b"Idempotency-Key: "),
        request(b"Idempotency-Key:x"),
        request(b"Idempotency-Key : x"),
        request(b"Idempotency-Key: x "),
        request(b"Idempotency-Key: x\r\n y"),
        request(b"Idempotency-Key: x\ny"),
        request(b"Idempotency-Key: \xc3\xa9"),
        request(start=b"POST " + PATH + b" HTTP/1.0"),
        request(start=b"POST " + PATH + b"?x=1 HTTP/1.1"),
        request(start=b"POST http://kado" + PATH + b" HTTP/1.1"),
        request(start=b"PUT " + PATH + b" HTTP/1.1"),
        request(start=b"POST  " + PATH + b" HTTP/1.1"),
        request(body=BODY + b"GET / HTTP/1.1\r\n\r\n"),
        request().replace(b"Host: kado\r\n", b""),
        request().replace(b"Length: 17", b"Length: +17"),
        request().replace(b"Length: 17", b"Length: 0x11"),
        request().replace(b"\r\n", b"\n"),
        b"\r\n" + request(),
        request(b"User-Agent: " + b"x" * BYTES_MAX),
        request().replace(b"Length: 17", b"Length: 65537"),
        request()[:30],
        b"",
    ],
)
def test_whatever_can_be_read_in_two_ways_is_not_plain(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize("name", dict(raw.requests()))
def test_what_is_wrong_below_json_is_not_plain_or_read_alike(name: str) -> None:
    data = dict(raw.requests())[name].replace(raw.PATH, PATH).replace(b"Connection: close\r\n", b"")
    plain = read(data)
    if isinstance(plain, Plain):
        assert_read_alike(data, plain)


_ODD = st.sampled_from([b"", b" ", b"\t", b"\r", b"\n", b"\r\n", b":", b"\0", b"\x7f", b"\xe9", b",", b"0", b"chunked"])
_NAME = st.sampled_from(sorted(KNOWN | {b"transfer-encoding", b"upgrade", b"expect", b"te"})) | st.binary(max_size=4)
_VALUE = st.sampled_from([b"17", b"5", b"kado", b"keep-alive", b"close", b"application/json"]) | st.binary(max_size=6)
_LINE = st.tuples(_NAME, st.sampled_from([b": ", b":", b" : ", b":\t"]), _VALUE, _ODD).map(b"".join)


@given(st.lists(_LINE, max_size=4), st.sampled_from([b"\r\n", b"\n"]), st.binary(max_size=20), _ODD)
@example([], b"\r\n", b"", b"")
def test_any_bytes_that_are_plain_are_read_alike(lines: list[bytes], end: bytes, body: bytes, behind: bytes) -> None:
    head = [b"POST " + PATH + b" HTTP/1.1", b"Host: kado", *lines, b"Content-Length: %d" % len(body)]
    data = end.join(head) + end + end + body + behind
    plain = read(data)
    if isinstance(plain, Plain):
        assert_read_alike(data, plain)
