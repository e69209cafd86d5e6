"""What is secret in the life of some cards, and every way in which it could stand in a file."""

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

import httpx2

_BEGINNING = 6
"""Nothing that is looked for is shorter."""


class Collected:
    """What must not be found, by what it is."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.answers: dict[str, str] = {}

    def secret(self, kind: str, value: str) -> str:
        assert len(value) >= 6, "too short to be looked for"
        self.secrets[value] = kind
        return value

    def person(self, kind: str, value: str) -> str:
        self.people[value] = kind
        return value

    def answer(self, response: httpx2.Response) -> httpx2.Response:
        """The body, and of a body with a card in it the part from the number on, whatever stands before it."""
        assert response.status_code < 500, response.text
        if len(response.content) > 60:
            self.answers[response.text] = f"answer to {response.request.method} {response.request.url.path}"
        return response


def spellings(value: str) -> set[str]:
    """The ways in which a value could stand in a file, without regard to case."""
    ways = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], value.encode().hex()}
    if value.isdigit() and len(value) == 16:
        groups = re.findall("....", value)
        ways |= {joint.join(groups) for joint in (" ", "-", "%20", "+")}
    return {way.lower() for way in ways}


def in_base64(value: str) -> set[str]:
    """What a value looks like inside a longer text in base64: it may begin at the first, second or third byte of a
    group of three. Only the characters that depend on nothing else are taken."""
    ways = set()
    for at in range(3):
        coded = base64.b64encode(b"\0" * at + value.encode()).decode()
        ways.add(coded[(0, 2, 3)[at] : (at + len(value.encode())) * 8 // 6])
    return ways | {way.replace("+", "-").replace("/", "_") for way in ways}


def found_in(text: str, wanted: Mapping[str, str]) -> list[str]:
    """The kinds of what is found. A code of six digits counts only where it does not stand inside a longer number.

    One walk over the text tells which beginnings occur in it at all; only ways that begin so are looked for.
    """
    lowered = text.lower()
    plain = {value: spellings(value) for value in wanted}
    coded = {value: in_base64(value) for value in wanted}
    of_plain, of_coded = _beginnings(lowered, plain), _beginnings(text, coded)
    hits = []
    for value, kind in wanted.items():
        ways = {way for way in plain[value] if way[:_BEGINNING] in of_plain and way in lowered}
        ways |= {way for way in coded[value] if way[:_BEGINNING] in of_coded and way in text}
        if value in ways and value.isdigit() and len(value) == 6 and not _stands_alone(value, text):
            ways.discard(value)
        hits += [f"{kind} as {way[:30]!r}" for way in ways]
    return hits


def _beginnings(text: str, ways: Mapping[str, set[str]]) -> set[str]:
    """The beginnings of these that occur in the text."""
    wanted = {way[:_BEGINNING] for many in ways.values() for way in many}
    assert min(map(len, wanted), default=_BEGINNING) == _BEGINNING, "too short to be looked for"
    return wanted.intersection(text[at : at + _BEGINNING] for at in range(len(text) - _BEGINNING + 1))


def _stands_alone(value: str, text: str) -> bool:
    return re.search(rf"(?<![0-9a-zA-Z.]){value}(?![0-9a-zA-Z])", text) is not None


def readable(dump: str) -> str:
    """The dump, and what its bytea columns hold where that is text."""
    columns = (bytes.fromhex(found) for found in re.findall(r"\\x((?:[0-9a-f]{2})+)", dump))
    return dump + "\n" + "\n".join(column.decode("latin-1") for column in columns)
