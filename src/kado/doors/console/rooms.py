"""What the console works with, put together once by the composition root."""

from dataclasses import dataclass

from kado.access.authenticate import Access
from kado.access.customer_sessions import CustomerSessions
from kado.audit.looks import Looks
from kado.cards.balance_check import BalanceChecks
from kado.cards.glances import Glances
from kado.cards.ledger import Ledger
from kado.crypto import Keyring
from kado.fraud.blocked import Blocks
from kado.passes.wallets import Wallets
from kado.programs.reach import Reaches
from kado.reports.source import Source
from kado.settings import Settings
from kado.storage.copies import Reader
from kado.storage.database import Database
from kado.webhooks.post import Poster


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that the console opens on."""

    settings: Settings
    keyring: Keyring
    database: Database
    reader: Reader
    """For lists and figures that people look at, perhaps from a copy."""
    reports: Source
    """From where reports read."""
    access: Access
    reaches: Reaches
    ledger: Ledger
    glances: Glances
    checks: BalanceChecks
    blocks: Blocks
    looks: Looks
    poster: Poster
    wallets: Wallets
    customers: CustomerSessions
    has_captcha: bool
    """Whether there is one that a program could ask for."""
