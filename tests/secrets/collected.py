"""What is secret in the life of some cards, and every way in which it could stand in a file."""

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

import httpx2


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
    """The kinds of what is found. A code of six digits counts only where it does not stand inside a longer number."""
    hits = []
    lowered = text.lower()
    for value, kind in wanted.items():
        ways = {way for way in spellings(value) if way in lowered} | {way for way in in_base64(value) if way in text}
        if value.isdigit() and len(value) == 6 and not re.search(rf"(?<![0-9a-zA-Z.]){value}(?![0-9a-zA-Z])", text):
            ways.discard(value)
        hits += [f"{kind} as {way[:30]!r}" for way in ways]
    return hits
