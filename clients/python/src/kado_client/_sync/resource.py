# Written by scripts/client.py (make format) from _async/resource.py. Change that instead.

"""What the groups of operations have in common: a place in the API and eight ways to call something there."""

import json
from collections.abc import Mapping
from typing import TypeVar

from kado_client._sync.transport import Transport
from kado_client.call import Call, Page, form_data, many, new_key, one, untyped, whole
from kado_client.wire import Json, Record, path_of, valid_key

R = TypeVar("R", bound=Record)
Path = tuple[str, ...]


class Resource:
    """A group of operations below one path."""

    def __init__(self, transport: Transport, place: str = "v2") -> None:
        self._transport = transport
        self._place = place

    def _get(self, path: Path, record: type[R], **query: object) -> R:
        call = Call("GET", self._at(path), one(record), _query(query), is_safe=True)
        return self._transport.send(call)

    def _list(self, path: Path, record: type[R], **query: object) -> Page[R]:
        call = Call("GET", self._at(path), many(record), _query(query), is_safe=True)
        return self._transport.send(call)

    def _get_untyped(self, path: Path) -> Json:
        return self._transport.send(Call("GET", self._at(path), untyped, is_safe=True))

    def _get_file(self, path: Path, **query: object) -> bytes:
        return self._transport.send(Call("GET", self._at(path), whole, _query(query), is_safe=True))

    def _move(
        self,
        path: Path,
        record: type[R],
        body: Mapping[str, object],
        key: str | None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> R:
        """A change of a card: with the caller's key or, so that it can be sent again, one of its own."""
        key = new_key() if key is None else valid_key(key)
        content = _json(body)
        call = Call(method, self._at(path), one(record), content=content, key=key, headers=headers or {})
        return self._transport.send(call)

    def _write(
        self,
        path: Path,
        record: type[R],
        body: Mapping[str, object] | None = None,
        *,
        method: str = "POST",
        is_safe: bool = False,
    ) -> R:
        """A change that takes no key; it is sent once, unless twice is the same as once (`is_safe`)."""
        content = b"" if body is None else _json(body)
        return self._transport.send(Call(method, self._at(path), one(record), content=content, is_safe=is_safe))

    def _send_picture(self, path: Path, record: type[R], image: bytes) -> R:
        """A picture in the place of the one before: the same one again changes nothing, so it may be sent twice."""
        content, content_type = form_data("image", image)
        call = Call("POST", self._at(path), one(record), content=content, content_type=content_type, is_safe=True)
        return self._transport.send(call)

    def _delete(self, path: Path) -> Json:
        return self._transport.send(Call("DELETE", self._at(path), untyped, is_safe=True))

    def _at(self, path: Path) -> str:
        return "/".join(part for part in (self._place, path_of(*path)) if part)


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _query(values: Mapping[str, object]) -> dict[str, str]:
    """What was asked for; names stay as they are on the wire, which has snake_case here."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None
    }
