"""What reports count: each measure is a name for kinds of entries, so that the entries behind any figure can be listed.

Over all of a program's time, activated + reloaded + refunded − redeemed − voided − forfeited is what is owed:
transfers, replacements and consolidations only move money between cards.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kado.cards.turnover.figures import Book
from kado.cards.turnover.kinds import NEW_CARDS, Kind


class Measure(StrEnum):
    """The names, as the API and the command line have them."""

    ISSUED = "issued"  # cards made; what activation will put on them
    ACTIVATED = "activated"
    RELOADED = "reloaded"
    SOLD = "sold"  # activated and reloaded: what people paid for
    REDEEMED = "redeemed"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FORFEITED = "forfeited"  # voided after their time was over: breakage
    LIABILITY = "liability"  # every entry: what all of them come to is what is owed


@dataclass(frozen=True, slots=True)
class Figure:
    """How many entries, and what they come to in minor units: more than zero for what a measure is named after."""

    count: int
    minor: int


KINDS: Final[dict[Measure, tuple[Kind, ...]]] = {
    Measure.ISSUED: (Kind.PURCHASE,),
    Measure.ACTIVATED: (Kind.ACTIVATION,),
    Measure.RELOADED: (Kind.RELOAD,),
    Measure.SOLD: (Kind.ACTIVATION, Kind.RELOAD),
    Measure.REDEEMED: (Kind.REDEMPTION,),
    Measure.REFUNDED: (Kind.REFUND,),
    Measure.VOIDED: (Kind.VOID,),
    Measure.FORFEITED: (Kind.FORFEIT,),
    Measure.LIABILITY: tuple(Kind),
}

_TAKES_AWAY: Final = (Measure.REDEEMED, Measure.VOIDED, Measure.FORFEITED)

FLOWS: Final = tuple(one for one in Measure if one is not Measure.LIABILITY)
"""What happens in a time; what is owed stands at its end."""


def figure(book: Book, measure: Measure) -> Figure:
    """What a book says of a measure."""
    found = book.of(*KINDS[measure])
    if measure is Measure.LIABILITY:
        return Figure(found.entries, book.moved)
    return Figure(found.entries, -found.minor if measure in _TAKES_AWAY else found.minor)


def share(measure: Measure, kind: Kind, minor: int) -> int:
    """What an entry that adds `minor` to the sum of its kind is of the figure of this measure, in minor units."""
    if measure is Measure.LIABILITY:
        return 0 if kind is Kind.PURCHASE else minor
    return -minor if measure in _TAKES_AWAY else minor


def new_cards(book: Book) -> int:
    """How many cards were made, those that take the place of others included."""
    return book.of(*NEW_CARDS).entries
