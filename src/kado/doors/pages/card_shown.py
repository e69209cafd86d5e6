"""What the page of a card says about it, as text in the reader's language. Nothing is looked up here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markupsafe import Markup

from kado import clock
from kado.barcodes import qr_svg
from kado.cards.card import CardStatus, TransactionType
from kado.cards.find import Found
from kado.cards.holder import Use
from kado.languages.choose import Language
from kado.languages.tell import day, money
from kado.programs.program import Program

TAKES_CODE: Final = frozenset({CardStatus.ACTIVE, CardStatus.DEPLETED})
"""The states in which the full number is shown to who has the code: the card can be spent, or can be again."""

PRINTED: Final = frozenset({CardStatus.PENDING, CardStatus.ACTIVE})
"""The states in which a paper of the card is of any use."""

_KINDS: Final = {
    TransactionType.ACTIVATION: "activation",
    TransactionType.RELOAD: "reload",
    TransactionType.REDEMPTION: "redemption",
    TransactionType.REFUND: "refund",
    TransactionType.TRANSFER_IN: "transfer_in",
    TransactionType.TRANSFER_OUT: "transfer_out",
    TransactionType.CONSOLIDATION: "consolidation",
    TransactionType.VOID: "void",
}
_GROUP: Final = 4


class ShownUse(NamedTuple):
    """An entry, as text; `kind` is the key of its words."""

    kind: str
    shop: str
    day: str
    amount: str
    is_gain: bool


class Art(NamedTuple):
    """The picture that was chosen for the card: where it is, and its size in pixels."""

    address: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Number:
    """A card's full number, for who has shown its code."""

    text: str
    drawn: str

    @property
    def grouped(self) -> str:
        """In groups of four, as it stands on cards."""
        return " ".join(self.text[at : at + _GROUP] for at in range(0, len(self.text), _GROUP))

    @property
    def barcode(self) -> Markup:
        """As Code 128, drawn by us."""
        return Markup(self.drawn)  # noqa: S704


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said, all of it text, but for the QR code."""

    status: str
    receiver: str | None
    sender: str | None
    words: str | None
    amount: str
    reserved: str | None
    last_four: str
    expires: str | None
    paused_until: str | None
    has_moved: bool
    is_test: bool
    takes_code: bool
    qr: Markup | None
    uses: Sequence[ShownUse]

    @property
    def is_pending(self) -> bool:
        """Whether it waits for its code."""
        return self.status == CardStatus.PENDING

    @property
    def can_be_printed(self) -> bool:
        """Whether a paper of it would be of any use."""
        return self.status in PRINTED

    @property
    def is_active(self) -> bool:
        """Whether it can be spent."""
        return self.status == CardStatus.ACTIVE


def facts_of(found: Found, program: Program, language: Language, uses: Sequence[Use]) -> Facts:
    """What the page says of the card as it was found. The QR code holds what a till looks the card up by."""
    card, zone = found.card, program.zone
    status = card.status_at(found.now)
    is_suspended = status is CardStatus.SUSPENDED

    def text(minor: int) -> str:
        return money(minor, program.currency, language)

    return Facts(
        status=status.value,
        receiver=card.customer_name,
        sender=card.sender_name,
        words=card.custom_message,
        amount=text(card.initial_value if status is CardStatus.PENDING else card.balance),
        reserved=text(card.held) if card.held else None,
        last_four=card.last_four,
        expires=None if card.expires_at >= clock.NEVER else day(card.expires_at, language, zone),
        paused_until=day(card.suspended_until, language, zone) if is_suspended and card.suspended_until else None,
        has_moved=card.successor_id is not None,
        is_test=card.is_test,
        takes_code=status in TAKES_CODE,
        qr=Markup(qr_svg(card.pass_sid)) if status is CardStatus.ACTIVE else None,  # noqa: S704 - drawn by us
        uses=[
            ShownUse(
                _KINDS.get(use.type, "other"), use.shop, day(use.at, language, zone), text(use.amount), use.amount > 0
            )
            for use in uses
        ],
    )
