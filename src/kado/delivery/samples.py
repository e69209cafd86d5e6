"""One message of each kind about a card that does not exist, to look at before anybody is sent one."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Final

from kado import money
from kado.cards.card import TransactionType
from kado.cards.codes import CodeForDelivery
from kado.delivery import compose, render, short
from kado.delivery.letter import Letter
from kado.delivery.manner import ART_WIDTH, PLAIN, SHARP, Manner, Shown
from kado.designs import raster
from kado.languages.choose import Language
from kado.languages.say import saying

_SHOP: Final = "Café Sample"
_PROGRAM: Final = "Gift cards"
_EURO: Final = money.currency("EUR")
_URL: Final = f"https://cards.example.com/cards/{'ab12' * 14}"
_ENDS: Final = datetime(2027, 12, 24, 23, 0, tzinfo=UTC)

CARD: Final = CodeForDelivery(
    code="481516",
    card_number="4000123456789017",
    last_four="9017",
    balance=2500,
    value=2500,
    currency=_EURO,
    expires_at=_ENDS,
    customer_name="Anna Beispiel",
    sender_name="Zoé",
    custom_message="Happy birthday!\nכל טוב, مع أطيب التمنيات",
    merchant_name=_SHOP,
    program_name=_PROGRAM,
    url=_URL,
)
"""The card that does not exist."""

_NOTICE: Final = compose.Notice(_SHOP, _PROGRAM, "9017", "somebody@example.org")
_RECEIPT: Final = compose.Receipt(
    merchant_name=_SHOP,
    program_name=_PROGRAM,
    customer_name="Anna Beispiel",
    sent_to="anna@example.com",
    value=2500,
    currency=_EURO,
    deliver_at=None,
)
_REMINDER: Final = compose.Reminder(
    merchant_name=_SHOP,
    program_name=_PROGRAM,
    customer_name="Anna Beispiel",
    last_four="9017",
    balance=1250,
    currency=_EURO,
    expires_at=_ENDS,
    url=_URL,
)
_CHANGE: Final = compose.Change(
    merchant_name=_SHOP,
    program_name=_PROGRAM,
    customer_name="Anna Beispiel",
    last_four="9017",
    type=TransactionType.REDEMPTION,
    amount=-1250,
    balance=1250,
    currency=_EURO,
    at=datetime(2027, 3, 12, 14, 30, tzinfo=UTC),
    url=_URL,
)

_AT_TILL: Final = compose.TillReceipt(
    merchant_name=_SHOP,
    program_name=_PROGRAM,
    last_four="9017",
    entry_id="6710c5f2a94be10c77de3a52",
    type=TransactionType.REDEMPTION,
    amount=-1250,
    balance=1250,
    currency=_EURO,
    at=datetime(2027, 3, 12, 14, 30, tzinfo=UTC),
)

_LETTERS: Final[dict[str, Callable[[Manner], Letter]]] = {
    "code": lambda manner: compose.code_letter(CARD, manner),
    "code-elsewhere": lambda manner: compose.notice_letter(_NOTICE, manner),
    "sign-in": lambda manner: compose.sign_in_letter(_SHOP, "481516", manner),
    "receipt": lambda manner: compose.receipt_letter(_RECEIPT, manner),
    "receipt-planned": lambda manner: compose.receipt_letter(replace(_RECEIPT, deliver_at=_ENDS), manner),
    "reminder": lambda manner: compose.reminder_letter(_REMINDER, manner),
    "spent": lambda manner: compose.change_letter(_CHANGE, manner),
    "reloaded": lambda manner: compose.change_letter(
        replace(_CHANGE, type=TransactionType.RELOAD, amount=1000, balance=2250), manner
    ),
    "refunded": lambda manner: compose.change_letter(
        replace(_CHANGE, type=TransactionType.REFUND, amount=1250, balance=2500), manner
    ),
    "till-receipt": lambda manner: compose.till_letter(_AT_TILL, manner),
}

_SHORT: Final[dict[str, Callable[[Manner], str]]] = {
    "code": lambda manner: short.code_text(CARD, manner),
    "code-elsewhere": lambda manner: short.notice_text(_NOTICE, manner),
    "sign-in": lambda manner: short.sign_in_text(_SHOP, "481516", manner),
    "reminder": lambda manner: short.reminder_text(_REMINDER, manner),
}

KINDS: Final = tuple(_LETTERS)
"""What there are samples of."""


def manner(language: Language) -> Manner:
    """How a sample is said and looks where nothing else is known."""
    art = raster.png("birthday", PLAIN.light.button, ART_WIDTH * SHARP)
    return replace(PLAIN, language=language, art=Shown(art, "", ART_WIDTH))


def letter(kind: str, manner: Manner) -> Letter:
    """The mail before it looks like anything."""
    return _LETTERS[kind](manner)


def subject(kind: str, manner: Manner) -> str:
    """What the mail is called."""
    return _LETTERS[kind](manner).subject.text


def text(kind: str, manner: Manner) -> str:
    """The mail's plain text."""
    return render.plain(_LETTERS[kind](manner))


def html(kind: str, manner: Manner) -> str:
    """The mail's HTML with its pictures in it, so that a browser shows it."""
    letter = _LETTERS[kind](manner)
    page = render.html(letter, manner)
    for name, content in render.pictures(letter, manner):
        page = page.replace(f"cid:{name}", f"data:image/png;base64,{base64.b64encode(content).decode()}")
    return page


def text_message(kind: str, manner: Manner) -> str | None:
    """The same as a text message; None where it goes by mail alone."""
    make = _SHORT.get(kind)
    return None if make is None else make(manner)


def test_mail(recipient: str, manner: Manner) -> EmailMessage:
    """A mail that says of itself that it is a test, with the sample of a code, whose card does not exist."""
    mail = compose.code_mail(CARD, recipient, manner)
    title = f"[{saying('mail', manner.language)('test_mail')}] {subject('code', manner)}"
    del mail["Subject"]
    mail["Subject"] = title
    return mail
