"""What the pages work with, put together once by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from kado.audit.looks import Looks
from kado.cards.balance_check import BalanceChecks
from kado.cards.ledger import Ledger
from kado.cards.page_check import PageChecks
from kado.crypto import Keyring
from kado.fraud.blocked import Blocks
from kado.programs.program import Program
from kado.storage.database import Database

Offers: TypeAlias = Callable[[Program], Awaitable[frozenset[str]]]
"""Which wallets take a program's cards: `apple`, `google`."""


async def no_wallets(_: Program) -> frozenset[str]:
    """None of them."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that the pages open on."""

    database: Database
    keyring: Keyring
    public_url: str
    blocks: Blocks
    ledger: Ledger
    checks: BalanceChecks
    page_checks: PageChecks
    looks: Looks
    offers: Offers = no_wallets
