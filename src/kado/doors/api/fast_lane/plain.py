"""A plain request, read from the bytes of a connection; whatever could be read in two ways is not plain.

One request and nothing behind it, HTTP/1.1, each header once, from a list of those that are known to change nothing
here or that are looked at here, values of visible characters, a body of exactly the announced length.
"""

import re
from dataclasses import dataclass
from typing import Final

BYTES_MAX: Final = 8 * 1024
"""Of a whole request. A longer one is not slow because of the way that it goes."""

_HEAD: Final = re.compile(
    rb"(GET|POST) (?:/api)?(/v2/giftcards/programs/[a-z0-9/-]++) HTTP/1\.1"
    rb"((?:\r\n[A-Za-z0-9-]++: [\x21-\x7e][\x20-\x7e]*+)+)\r\n\r\n"
)
_BEGINNINGS: Final = (
    b"POST /v2/giftcards/programs/",
    b"GET /v2/giftcards/programs/",
    b"POST /api/v2/",
    b"GET /api/v2/",
)

KNOWN: Final = frozenset(
    b"accept accept-encoding accept-language authorization connection content-length content-type host idempotency-key"
    b" traceparent tracestate user-agent"
    b" x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-real-ip x-request-id".split()
)
"""With any other header the request goes the usual way, where every header is looked at."""

_DIGITS: Final = re.compile(rb"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain request: names of headers in lower case."""

    method: bytes
    path: str
    headers: dict[bytes, bytes]
    body: bytes


class Incomplete:
    """So far it is one, and its body is still on the way."""


INCOMPLETE: Final = Incomplete()


def read(data: bytes, more: frozenset[bytes] = frozenset()) -> Plain | Incomplete | None:
    """The request that these bytes are; None where they are anything but one plain request.

    `more` names further headers that may come, in lower case.
    """
    if len(data) > BYTES_MAX or not data.startswith(_BEGINNINGS):
        return None
    found = _HEAD.match(data)
    if found is None:
        return None
    method, path, block = found.groups()
    headers: dict[bytes, bytes] = {}
    for line in block[2:].split(b"\r\n"):
        name, _, value = line.partition(b": ")
        name = name.lower()
        if name in headers or not (name in KNOWN or name in more) or value[-1] == 0x20:
            return None
        headers[name] = value
    if b"host" not in headers or headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    body = data[found.end() :]
    announced = headers.get(b"content-length", b"0")
    if _DIGITS.fullmatch(announced) is None or not len(body) <= int(announced) <= BYTES_MAX:
        return None
    if len(body) < int(announced):
        return INCOMPLETE
    return Plain(method, path.decode("ascii"), headers, body)
