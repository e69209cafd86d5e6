"""What `kado demo` prints: where everything is, the cards, and commands that work when they are pasted."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kado.app.demo_cards import Json, Shown, Tour
from kado.delivery.wording import grouped
from kado.settings import Settings

_JSON: Final = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Login:
    """Who may do what in the demo; both secrets were made for this start."""

    email: str
    password: str = field(repr=False)
    merchant_id: str
    merchant_name: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AtTill:
    """What makes a browser a till, within a quarter of an hour, and whose PIN signs the owner in there."""

    code: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours, where a person is watching who wants them."""

    on: bool

    def bold(self, text: str) -> str:
        """For headings."""
        return f"\033[1m{text}\033[0m" if self.on else text

    def dim(self, text: str) -> str:
        """For what explains."""
        return f"\033[2m{text}\033[0m" if self.on else text


def page(
    *,
    settings: Settings,
    base: str,
    login: Login,
    till: AtTill,
    program: Json,
    shown: Sequence[Shown],
    tour: Tour,
    cleared: Sequence[str],
) -> str:
    """The whole text. Only the commands are longer than 100 columns: broken, they could not be pasted one by one."""
    ink = Ink(sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    lines = [
        "",
        ink.bold(f"Kado is ready at {base}") + "   (/openapi.json, /health/ready; Ctrl-C stops it)",
        "",
        *_facts(settings, base, login, till, program, tour),
        "",
        *_table(ink, shown),
        "",
        ink.bold("To paste into another terminal, in this order. All is about one card, issued a moment ago."),
        *(f"\n{ink.dim(f'# {what}')}\n{command}" for what, command in _commands(base, login, program, tour)),
        "",
        ink.bold("Anyone can check, while it runs or afterwards"),
        _verify(settings.data_dir, cleared),
        "",
    ]
    return "\n".join(lines) + "\n"


def _facts(settings: Settings, base: str, login: Login, till: AtTill, program: Json, tour: Tour) -> Iterator[str]:
    facts = (
        ("Console", f"{base}/console", "for the shop's people"),
        ("Sign in", f"{login.email}  {login.password}", "password new at each start"),
        ("Till", f"{base}/pos  code {till.code}", "good for 15 minutes"),
        ("PIN", till.pin, "the owner's, at the till; new at each start"),
        ("API key", login.key, "new at each start"),
        ("Merchant", f"{login.merchant_id}  {login.merchant_name}", ""),
        ("Program", f"{program['id']}  {program['name']}, EUR", ""),
        ("A card", tour.card["card"]["url"], ""),
        ("Balance", f"{base}/balance/{program['id']}", "for who has number and code"),
        ("Data", str(settings.data_dir), "remove it to begin anew"),
        ("Mail", str(settings.data_dir / "mail"), "one .eml file each; no mail leaves"),
    )
    for name, value, note in facts:
        yield f"  {name:<9} {value}" + (f"  ({note})" if note else "")


def _table(ink: Ink, shown: Sequence[Shown]) -> Iterator[str]:
    yield ink.bold(f"  {'Cards':<20} {'status':<10} {'balance':>8}  {'number':<20} id")
    for one in shown:
        card = one.card
        number = grouped(card["cardNumber"])
        yield f"  {one.title:<20} {card['status']:<10} {card['balance']:>8}  {number:<20} {card['id']}"


def _commands(base: str, login: Login, program: Json, tour: Tour) -> Iterator[tuple[str, str]]:
    programs = f"{base}/v2/giftcards/programs/{program['id']}"
    card = f"{programs}/cards/{tour.card['id']}"
    bearer = f"Authorization: Bearer {login.key}"
    number, run = tour.card["cardNumber"], tour.run
    sale = _curl(
        f"{card}/redeem",
        bearer,
        _JSON,
        f"Idempotency-Key: sale-{run}",
        body=f'{{"amount": "12.50", "posTransactionId": "sale-{run}"}}',
    )
    top_up = f'{{"cardNumber": "{number}", "amount": "10.00"}}'
    check = f'{{"cardNumber": "{number}", "securityCode": "{tour.code}"}}'
    yield (
        "Sign in as a person: a token for an hour",
        _curl(f"{base}/v2/token", form={"username": login.email, "password": login.password}),
    )
    yield (
        "Issue a card: sent before with this key, so the answer is the first one and there is one card",
        _curl(f"{programs}/cards", bearer, _JSON, f"Idempotency-Key: issue-{run}", body=tour.request),
    )
    yield "Activate it: now it is worth 60.00 EUR", _curl(f"{card}/activate", bearer, _JSON, body="{}")
    yield "Redeem 12.50 EUR", sale
    yield "The same again, as a till does that got no answer: same answer, no second deduction", sale
    yield (
        "Reload 10.00 EUR by card number",
        _curl(f"{programs}/cards/reload-by-number", bearer, _JSON, f"Idempotency-Key: reload-{run}", body=top_up),
    )
    yield (
        "Check the balance as its holder does, with number and code from the mail and no key",
        _curl(f"{programs}/balance-check", _JSON, body=check),
    )
    yield (
        "Take the sale back by the till's own number; it may be sent as often as one likes",
        _curl(
            f"{programs}/reversals",
            bearer,
            _JSON,
            body=f'{{"cardId": "{tour.card["id"]}", "posTransactionId": "sale-{run}"}}',
        ),
    )
    yield (
        "Set 20.00 EUR aside for an order: they stay on the card, but nothing else can spend them",
        _curl(f"{card}/holds", bearer, _JSON, body=f'{{"amount": "20.00", "orderReference": "order-{run}"}}'),
    )
    yield "Find it by the beginning of its recipient's email", _curl(f"{programs}/search?q=anna", bearer)
    yield (
        "Send a new code: the old one is void at once, the new one is in the newest mail",
        _curl(f"{card}/resend-code", bearer, method="POST"),
    )


def _curl(
    url: str, *headers: str, body: str | None = None, form: Mapping[str, str] | None = None, method: str | None = None
) -> str:
    words = ["curl", "-i", *([] if method is None else ["-X", method]), url]
    for header in headers:
        words += ["-H", header]
    for name, value in (form or {}).items():
        words += ["--data-urlencode", f"{name}={value}"]
    if body is not None:
        words += ["-d", body]
    return shlex.join(words)


def _verify(data_dir: Path, cleared: Sequence[str]) -> str:
    """The command, with the settings that the demo does without taken from its environment as well."""
    program = Path(sys.executable).with_name("kado")
    command = [str(program)] if program.exists() else [sys.executable, "-m", "kado"]
    away = ["env", *(word for name in cleared for word in ("-u", name))] if cleared else []
    return f"{shlex.join(away)} KADO_DATA_DIR={shlex.quote(str(data_dir))} {shlex.join([*command, 'verify'])}".strip()
