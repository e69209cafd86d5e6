"""What the till works with, put together once by the composition root."""

from dataclasses import dataclass

from kado.audit.looks import Looks
from kado.cards.ledger import Ledger
from kado.crypto import Keyring
from kado.fraud.blocked import Blocks
from kado.programs.reach import Reaches
from kado.storage.database import Database


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that the till opens on. `public_url` says whether its cookies travel by TLS alone."""

    database: Database
    keyring: Keyring
    blocks: Blocks
    ledger: Ledger
    reaches: Reaches
    looks: Looks
    public_url: str

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us by TLS."""
        return self.public_url.startswith("https://")
