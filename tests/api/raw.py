"""Requests as bytes, for what no client library lets anybody send. Each is a sale, but for what is wrong with it."""

from collections.abc import Iterator
from typing import Final

BODY: Final = b'{"amount":"1.00"}'
PATH, TOKEN = b"<path>", b"<token>"
"""Stand for the address of the redemption and the bearer, which are only known later."""
_AUTHORIZATION: Final = b"Authorization: Bearer " + TOKEN
_TYPE: Final = b"Content-Type: application/json"
LENGTH: Final = b"Content-Length: %d" % len(BODY)
CHUNKED: Final = b"Transfer-Encoding: chunked"
PIECES: Final = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def sale(
    start: bytes = b"POST <path> HTTP/1.1",
    *more: bytes,
    auth: bytes = _AUTHORIZATION,
    kind: bytes = _TYPE,
    length: bytes = LENGTH,
    body: bytes = BODY,
) -> bytes:
    """The request; parts that are empty are left out."""
    lines = [start, b"Host: kado", b"Connection: close", auth, kind, length, *more]
    return b"\r\n".join(line for line in lines if line) + b"\r\n\r\n" + body


def with_header(*lines: bytes) -> bytes:
    return sale(b"POST <path> HTTP/1.1", *lines)


def to(target: bytes) -> bytes:
    return sale(b"POST " + target + b" HTTP/1.1")


def in_pieces(body: bytes, *more: bytes, length: bytes = CHUNKED) -> bytes:
    return sale(b"POST <path> HTTP/1.1", *more, length=length, body=body)


METHODS: Final = {
    name: sale(name.encode() + b" <path> HTTP/1.1")
    for name in (
        "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "Post", "REDEEM", "PROPFIND", "M-SEARCH", "SOURCE",
        "CONNECT", "PO ST", "P\0ST", "POSTPOST",
    )
}  # fmt: skip
TARGETS: Final = {
    "star": b"*", "nothing": b"", "no slash": b"v2/token", "host": b"kado:80", "double slash": b"/<path>",
    "backslash": b"\\v2\\token", "dot": b"/.<path>", "dots": b"/v2/..<path>", "coded dots": b"/v2/%2e%2e<path>",
    "coded dots and slash": b"/v2/..%2f<path>", "double-coded": b"/v2/%252e%252e<path>", "slash behind": b"<path>/",
    "slashes behind": b"<path>//", "dot behind": b"<path>/.", "coded slash": b"<path>%2f", "NUL coded": b"<path>%00",
    "NUL": b"<path>\0", "control": b"<path>\x01", "tab": b"<path>\t", "latin-1": b"<path>\xe9",
    "utf-8": b"<path>\xc3\xa9", "overlong": b"<path>%c0%af", "half a code": b"<path>%", "no code": b"<path>%zz",
    "percent u": b"<path>%u002f", "line coded": b"<path>%0d%0aX-Y:%20z", "semicolon": b"<path>;x=1",
    "upper case": b"/V2/GIFTCARDS/PROGRAMS", "fragment": b"<path>%23x", "braces": b"/v2/giftcards/programs/{programId}",
    "asterisks": b"/v2/giftcards/programs/*/cards/*/redeem", "7 kB": b"/" + b"x" * 7_000, "17 kB": b"/" + b"x" * 17_000,
    "100 kB": b"/" + b"x" * 100_000, "query of 17 kB": b"<path>?" + b"x" * 17_000, "deep": b"/x" * 3_000,
    "another host": b"http://evil.example/v2/elsewhere", "another scheme": b"file:///etc/passwd", "question": b"?",
    "encoded letters": b"/%762/token/x",
}  # fmt: skip
VERSIONS: Final = {
    "0.9": b"POST <path>", "none": b"POST <path> ", "2.0": b"POST <path> HTTP/2.0", "9.9": b"POST <path> HTTP/9.9",
    "1.11": b"POST <path> HTTP/1.11", "lower case": b"POST <path> http/1.1", "more": b"POST <path> HTTP/1.1 x",
    "another": b"POST <path> FTP/1.0", "a blank": b"POST <path> HTTP/1. 1", "blank first": b" POST <path> HTTP/1.1",
}  # fmt: skip
NO_HTTP: Final = {
    "no host": sale().replace(b"Host: kado\r\n", b""),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("1603010100010000fc0303") + b"\0" * 60,
    "SSH": b"SSH-2.0-OpenSSH_9.7\r\n",
    "SMTP": b"EHLO kado\r\n\r\n",
    "NULs": b"\0" * 100,
    "noise": bytes(range(128, 256)) * 4,
    "JSON": BODY,
    "blanks": b"   \r\n   \r\n\r\n",
}
BEARERS: Final = {
    "two": b"Authorization: Bearer x\r\nAuthorization: Bearer <token>", "two, good first":
    b"Authorization: Bearer <token>\r\nAuthorization: Bearer x", "none": b"", "empty": b"Authorization:",
    "no token": b"Authorization: Bearer", "two blanks": b"Authorization: Bearer  <token>",
    "tab": b"Authorization: Bearer\t<token>", "basic": b"Authorization: Basic YTpi", "only the token":
    b"Authorization: <token>", "quotes": b'Authorization: Bearer "<token>"', "comma": b"Authorization: Bearer <token>,",
    "list": b"Authorization: Bearer <token>, Bearer <token>", "latin-1": b"Authorization: Bearer <token>\xe9",
    "long": b"Authorization: Bearer " + b"x" * 10_000, "another scheme": b"Authorization: Token <token>",
    "another name": b"Proxy-Authorization: Bearer <token>", "underscore": b"Authorization_: Bearer <token>",
}  # fmt: skip
HEADERS: Final = {
    "folded": (b"X-A: b\r\n c",), "no colon": (b"X-A",), "blank before the colon": (b"X-A : b",), "no name": (b": b",),
    "NUL in a name": (b"X\0A: b",), "NUL in a value": (b"X-A: b\0",), "control in a value": (b"X-A: b\x01",),
    "delete in a value": (b"X-A: \x7f",), "bare CR": (b"X-A: b\rX-B: c",), "quotes in a name": (b'"X": b',),
    "latin-1 in a name": (b"X\xe9: b",), "17 kB": (b"X-A: " + b"x" * 17_000,), "40 kB": (b"X-A: " + b"x" * 40_000,),
    "two hosts": (b"Host: evil.example",), "many": (b"X-A: b\r\n" * 6_000 + b"X-A: b",),
    "gzip": (b"Content-Encoding: gzip",),
    "identity and gzip": (b"Content-Encoding: identity, gzip",), "gzip, said twice":
    (b"Content-Encoding: identity", b"Content-Encoding: gzip"), "br": (b"Content-Encoding: br",),
    "unknown encoding": (b"Content-Encoding: x",), "key of blanks": (b"Idempotency-Key:   ",),
    "key with a blank": (b"Idempotency-Key: a b",), "key of 256": (b"Idempotency-Key: " + b"k" * 256,),
    "key in latin-1": (b"Idempotency-Key: \xe9",), "two keys": (b"Idempotency-Key: a", b"Idempotency-Key: b"),
    "empty customer": (b"X-Eposn-Customer-Token:",), "no such customer": (b"X-Eposn-Customer-Token: x",),
    "two customers": (b"X-Eposn-Customer-Token: x", b"X-Eposn-Customer-Token: y"),
    "empty till": (b"X-Eposn-Merchant-Token:",), "no such till": (b"X-Eposn-Merchant-Token: x",),
}  # fmt: skip
TYPES: Final = {
    name: sale(kind=name.encode() and b"Content-Type: " + name.encode())
    for name in (
        "", "text/plain", "text/json", "application/json5", "application/jsonx", "application/x-json", "json", "*/*",
        "application/json, text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
        "application/octet-stream", "application/merge-patch+json", "application/xml", "application/ json", ";",
    )
} | {"two": sale(kind=b"Content-Type: application/json\r\nContent-Type: text/plain")}  # fmt: skip
LENGTHS: Final = {
    name: sale(length=b"Content-Length: " + name.encode())
    for name in (
        "-1", "+17", "0x11", "17, 17", "17 17", "1e1", "17.0", "", "x", "9" * 30, "0", "1", "16", "18", "65537", "٣",
    )
} | {
    "two": sale(length=b"Content-Length: 17\r\nContent-Length: 5"),
    "two, first less": sale(length=b"Content-Length: 5\r\nContent-Length: 17"),
    "none": sale(length=b""),
}  # fmt: skip
SMUGGLING: Final = {
    "length too": in_pieces(PIECES, LENGTH), "length first": in_pieces(PIECES, length=LENGTH + b"\r\n" + CHUNKED),
    "gzip": in_pieces(PIECES, length=b"Transfer-Encoding: gzip, chunked"),
    "gzip last": in_pieces(PIECES, length=b"Transfer-Encoding: chunked, gzip"),
    "misspelt": in_pieces(PIECES, length=b"Transfer-Encoding: xchunked"),
    "twice": in_pieces(PIECES, length=b"Transfer-Encoding: chunked, chunked"),
    "identity": in_pieces(PIECES, length=b"Transfer-Encoding: identity"),
    "in two lines": in_pieces(PIECES, length=b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    "vertical tab": in_pieces(PIECES, length=b"Transfer-Encoding: \x0bchunked"),
    "blank before the colon": in_pieces(PIECES, length=b"Transfer-Encoding : chunked"),
    "folded": in_pieces(PIECES, length=b"Transfer-Encoding:\r\n chunked"),
    "in quotes": in_pieces(PIECES, length=b'Transfer-Encoding: "chunked"'),
    "no size": in_pieces(b"\r\n" + PIECES), "sign": in_pieces(b"+11\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "below 0": in_pieces(b"-11\r\n" + BODY + b"\r\n0\r\n\r\n"), "hex": in_pieces(b"0x11\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "huge size": in_pieces(b"f" * 17 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), "size too small": in_pieces(
        b"5\r\n" + BODY + b"\r\n0\r\n\r\n"), "size too large": in_pieces(b"20\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "bare line feeds": in_pieces(PIECES.replace(b"\r\n", b"\n")), "no end": in_pieces(PIECES[:-2]),
    "no last piece": in_pieces(PIECES[:-5]), "line feed in an extension": in_pieces(b"11;a\nb\r\n" + PIECES[4:]),
    "in 1.0": sale(b"POST <path> HTTP/1.0", length=CHUNKED, body=PIECES), "token behind the body": sale(
        auth=b"", length=CHUNKED, body=PIECES[:-2] + b"Authorization: Bearer <token>\r\n\r\n"),
    "type behind the body": sale(
        kind=b"", length=CHUNKED, body=PIECES[:-2] + b"Content-Type: application/json\r\n\r\n"),
    "upgrade": with_header(b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABk"),
    "websocket": with_header(b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"),
}  # fmt: skip


def requests() -> Iterator[tuple[str, bytes]]:
    """All of them, by name."""
    for group, found in {
        "method": METHODS,
        "address": {name: to(target) for name, target in TARGETS.items()},
        "version": {name: sale(start) for name, start in VERSIONS.items()},
        "no HTTP": NO_HTTP,
        "bearer": {name: sale(auth=line) for name, line in BEARERS.items()},
        "header": {name: with_header(*lines) for name, lines in HEADERS.items()},
        "type": TYPES,
        "length": LENGTHS,
        "smuggling": SMUGGLING,
    }.items():
        for name, request in found.items():
            yield f"{group}: {name or 'none'}", request
