"""A shop whose secret key is changed: the same one under the old secret, under both, and under the new one alone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop

from kado.access.captcha import NoCaptcha
from kado.cards.balance_check import BalanceChecks
from kado.cards.codes import make_code
from kado.cards.ledger import Ledger
from kado.cards.numbers import show_number
from kado.crypto import Keyring
from kado.rotation.rotate import Rotated, rotate
from kado.storage.database import Database

OLD, NEW = "old-secret-of-the-operator-0123456789", "new-secret-of-the-operator-0123456789"
BEFORE, KNOWN, BOTH, AFTER = Keyring([OLD]), Keyring([OLD, NEW]), Keyring([NEW, OLD]), Keyring([NEW])


@dataclass
class Change:
    """One database, and what a server with these or those secrets sees of it."""

    database: Database
    thief: Any
    shop: Shop
    """Under the old secret alone."""

    def under(self, keyring: Keyring) -> Shop:
        return replace(self.shop, keyring=keyring, ledger=Ledger(self.database, keyring))

    def checks(self, keyring: Keyring) -> BalanceChecks:
        return BalanceChecks(self.database, keyring, NoCaptcha())

    async def number(self, card_id: str, keyring: Keyring = BEFORE) -> str:
        card = await self.shop.look(card_id)
        return show_number(keyring, card.program_id, card.id, card.number_sealed)

    async def code(self, card_id: str, keyring: Keyring = BEFORE) -> str:
        made = await make_code(self.database, keyring, "https://kado.example", self.shop.program_id, card_id)
        assert made is not None, "the card can be used"
        return made.code

    async def rotate(self, keyring: Keyring = BOTH) -> Rotated:
        return await rotate(self.database, keyring, actor="operator:test", tell=lambda _: None)


@pytest.fixture
async def change(database: Database, superuser: Any) -> AsyncIterator[Change]:
    shop = await open_shop(database, BEFORE)
    yield Change(database, superuser, shop)
    await shop.ledger.close()
