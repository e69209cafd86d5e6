"""Bodies with files in them (RFC 7578), read strictly: what browsers and HTTP clients send, and nothing that is odd."""

import re
from typing import Final

from kado.errors import Invalid

_BOUNDARY: Final = re.compile(rb'(?:^|;)\s*boundary=("?)([0-9A-Za-z\'()+_,./:=?-]{1,70})\1\s*(?=;|$)', re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"content-disposition\s*:\s*form-data\s*;(.*)", re.IGNORECASE)
_NAME: Final = re.compile(rb'(?:^|;)\s*name="([A-Za-z0-9_-]{1,64})"')
_PARTS_MAX: Final = 8
_HEAD_BYTES: Final = 2048


def parse(content_type: bytes, body: bytes) -> dict[str, bytes]:
    """The parts by their names; file names and types that were sent with them are not looked at.

    Raises `Invalid` for what is no such body, for too many parts and for a name that comes twice.
    """
    found = _BOUNDARY.search(content_type.partition(b";")[2])
    if found is None:
        raise _malformed("has no boundary")
    mark = b"\r\n--" + found[2]
    first, *sections = (b"\r\n" + body).split(mark, _PARTS_MAX + 2)
    if first.strip() or not sections:
        raise _malformed("does not begin with its boundary")
    if len(sections) > _PARTS_MAX + 1:
        raise _malformed(f"has more than {_PARTS_MAX} parts")
    if not sections[-1].startswith(b"--") or sections[-1][2:].strip():
        raise _malformed("does not end with its boundary")
    parts: dict[str, bytes] = {}
    for section in sections[:-1]:
        name, content = _part(section)
        if name in parts:
            raise Invalid(("body", name), "This part comes twice.", "multipart")
        parts[name] = content
    return parts


def _part(section: bytes) -> tuple[str, bytes]:
    head, blank, content = section.partition(b"\r\n\r\n")
    if not head.startswith(b"\r\n") or not blank or len(head) > _HEAD_BYTES:
        raise _malformed("has a part without headers")
    for line in head[2:].split(b"\r\n"):
        said = _DISPOSITION.fullmatch(line)
        if said is not None and (named := _NAME.search(said[1])) is not None:
            return named[1].decode("ascii"), content
    raise _malformed("has a part without a name")


def _malformed(what: str) -> Invalid:
    return Invalid(("body",), f"A multipart body {what}.", "multipart")
