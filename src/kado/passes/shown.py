"""What a pass shows of a card, whichever wallet it is in. Never its number and never its code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kado import clock
from kado.cards.card import Card, CardStatus
from kado.cards.codes import page_url
from kado.cards.find import Found
from kado.designs.look import Look, look_of
from kado.designs.pictures import OwnPicture, own_in_wallets
from kado.languages.choose import Language
from kado.languages.say import Say, saying
from kado.programs import find
from kado.programs.program import Program
from kado.storage.database import Database

AREA: Final = "wallet"
"""Of the words in `kado.languages`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as it was at one moment, its program, and how the shop and its cards look."""

    card: Card
    program: Program
    look: Look
    own: Mapping[str, OwnPicture]
    """The program's pictures, by kind."""
    now: datetime
    public_url: str

    @property
    def page_url(self) -> str:
        """The holder's page of the card."""
        return page_url(self.public_url, self.card.pass_sid)

    @property
    def status(self) -> CardStatus:
        """What the card can do at that moment."""
        return self.card.status_at(self.now)

    @property
    def is_over(self) -> bool:
        """Whether it can never be used again as it is."""
        return self.status in (CardStatus.EXPIRED, CardStatus.VOIDED)

    @property
    def expires_at(self) -> datetime | None:
        """When it expires; None for never."""
        return None if self.card.expires_at >= clock.NEVER else self.card.expires_at

    @property
    def amount(self) -> int:
        """What stands on it in large, in minor units: of a card that is not activated yet, what it will be worth."""
        return self.card.initial_value if self.status is CardStatus.PENDING else self.card.balance

    @property
    def masked(self) -> str:
        """The last four digits as every language reads them."""
        return f"•••• {self.card.last_four}"

    @property
    def words(self) -> tuple[str, str] | None:
        """From whom the gift is, and what they wrote; None where nobody said anything."""
        if self.card.custom_message is None and self.card.sender_name is None:
            return None
        return self.card.sender_name or "", self.card.custom_message or ""


def say_of(shown: Shown, language: Language | None = None) -> Say:
    """What says a pass's words, in the program's language unless another one is named."""
    return saying(AREA, language or shown.program.language)


async def show(database: Database, public_url: str, found: Found) -> Shown:
    """A card that was found, with all that a pass shows beside it."""
    program = await find.get(database, found.card.program_id)
    assert program is not None, "a card has a program"
    look = await look_of(database, program)
    own = await own_in_wallets(database, program.id)
    return Shown(found.card, program, look, own, found.now, public_url)
