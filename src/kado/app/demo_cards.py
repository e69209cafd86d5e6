"""The demo's cards, made the way a till or a site makes them: through the HTTP API, each step with its own key."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from kado import clock
from kado.delivery.wording import grouped

PROGRAM_NAME: Final = "Demo gift cards"
_FILE: Final = "demo.json"
_MAIL_SECONDS: Final = 15
_PATIENCE_SECONDS: Final = 10

Json = dict[str, Any]


class DemoError(Exception):
    """The demo cannot be prepared; the text says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A card that the demo keeps to be looked at: what it shows, and the card as the API gives it."""

    title: str
    card: Json


@dataclass(frozen=True, slots=True)
class Tour:
    """The card that the printed commands are about. `run` makes this start's idempotency keys its own."""

    run: str
    request: str
    card: Json
    code: str


class Api:
    """The HTTP API as its callers have it."""

    def __init__(self, base: str, key: str) -> None:
        self.base = base
        # No proxy from the environment: the server is in this very process.
        self._client = httpx2.Client(
            base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=_PATIENCE_SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str) -> Json | None:
        """What is at this path; None when there is nothing."""
        answer = self._client.get(path)
        return None if answer.status_code == HTTPStatus.NOT_FOUND else dict(self._checked(answer))

    def post(self, path: str, body: str, key: str | None = None) -> Json:
        """The answer to a JSON text, sent with an idempotency key if there is one."""
        headers = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
        return dict(self._checked(self._client.post(path, content=body, headers=headers)))

    def program(self) -> Json:
        """The demo's program, opened if there is none yet."""
        programs = self._checked(self._client.get("/v2/loyalty/programs"))
        for one in programs:
            if one["name"] == PROGRAM_NAME:
                return dict(one)
        return self.post("/v2/programs", json.dumps({"name": PROGRAM_NAME, "currency": "EUR"}))

    def _checked(self, answer: httpx2.Response) -> Any:  # noqa: ANN401 - whatever JSON it is
        if not answer.is_success:
            raise DemoError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
        return answer.json()


# ── cards to look at ───────────────────────────────────────────────────────────────────────────────────────────────

_Step = tuple[str, Json]
_ACTIVATE: Final[_Step] = ("activate", {})
_CARDS: Final[Mapping[str, tuple[str, tuple[_Step, ...]]]] = {
    "not yet activated": ("20.00", ()),
    "ready to spend": ("50.00", (_ACTIVATE,)),
    "partly spent": ("80.00", (_ACTIVATE, ("redeem", {"amount": "32.50"}), ("reload", {"amount": "5.00"}))),
    "spent to zero": ("25.00", (_ACTIVATE, ("redeem", {"amount": "25.00"}))),
    "held for an order": (
        "60.00",
        (_ACTIVATE, ("holds", {"amount": "45.00", "orderReference": "order-7", "expiresInSeconds": 2_592_000})),
    ),
    "stopped for a while": ("40.00", (_ACTIVATE, ("suspend", {"reason": "Reported lost"}))),
    "expires soon": ("30.00", (_ACTIVATE,)),
    "ended for good": ("15.00", (_ACTIVATE, ("void", {"reason": "Issued by mistake"}))),
}
_SOON: Final = timedelta(minutes=10)


def show_cards(api: Api, program: Json, merchant_id: str, data_dir: Path) -> list[Shown]:
    """A card for each state, made at the first start and found again at later ones."""
    file = data_dir / _FILE
    made = _read(file)
    if any(api.get(_card_path(program, card_id)) is None for card_id in made["cards"].values()):
        made = _fresh()  # the file outlived the database that it is about
    shown = []
    for title in _CARDS:
        if title not in made["cards"]:
            _write(file, made)  # the keys first: what is cut short now is taken up again, not done twice
            made["cards"][title] = _make(api, program, merchant_id, title, made["keys"])
            _write(file, made)
        card = api.get(_card_path(program, made["cards"][title]))
        assert card is not None, "made or found a moment ago"
        shown.append(Shown(title, card))
    return shown


def _make(api: Api, program: Json, merchant_id: str, title: str, keys: str) -> str:
    value, steps = _CARDS[title]
    key = f"demo-{keys}-{title.replace(' ', '-')}"
    wanted = {"initialValue": value, "merchantId": merchant_id}
    if title == "expires soon":
        wanted["expiresAt"] = clock.text(datetime.now(UTC) + _SOON)
        key += "-" + wanted["expiresAt"]  # another moment is another request
    card = api.post(_cards_path(program), json.dumps(wanted), key)
    for at, (action, body) in enumerate(steps):
        api.post(f"{_card_path(program, card['id'])}/{action}", json.dumps(body), f"{key}-{at}")
    return str(card["id"])


def _read(file: Path) -> Json:
    try:
        made: Json = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return _fresh()
    return made


def _fresh() -> Json:
    return {"keys": secrets.token_hex(4), "cards": {}}


def _write(file: Path, made: Json) -> None:
    unfinished = file.with_name(f".{file.name}")
    unfinished.write_text(json.dumps(made, indent=2) + "\n")
    unfinished.replace(file)


# ── the card that the commands are about ───────────────────────────────────────────────────────────────────────────


def take_tour(api: Api, program: Json, merchant_id: str, mail: Path) -> Tour:
    """Issue a card as the first printed command does, with the same key, and read its code from its mail."""
    run = secrets.token_hex(3)
    request = json.dumps({"initialValue": "60.00", "merchantId": merchant_id, "customerEmail": "anna@demo.example"})
    card = api.post(_cards_path(program), request, f"issue-{run}")
    deadline = time.monotonic() + _MAIL_SECONDS
    while not card["delivered"] and time.monotonic() < deadline:
        time.sleep(0.05)
        card = api.get(_card_path(program, card["id"])) or card
    return Tour(run, request, card, _code_from(mail, card["cardNumber"]))


def _code_from(mail: Path, number: str) -> str:
    """The security code, from the newest mail about the card with this number."""
    for file in sorted(mail.glob("*.eml"), reverse=True):
        part = BytesParser(policy=policy.default).parsebytes(file.read_bytes()).get_body(("plain",))
        text = "" if part is None else part.get_content()
        if grouped(number) in text and (code := re.search(r"^Security code: +(\S+)$", text, re.MULTILINE)):
            return code[1]
    raise DemoError(f"the mail with the security code did not arrive in {mail} within {_MAIL_SECONDS} seconds")


def _cards_path(program: Json) -> str:
    return f"/v2/giftcards/programs/{program['id']}/cards"


def _card_path(program: Json, card_id: str) -> str:
    return f"{_cards_path(program)}/{card_id}"
