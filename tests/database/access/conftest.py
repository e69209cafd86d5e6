"""A merchant with an owner, whose password is known."""

import pytest

from kado.access import sign_in, staff
from kado.access.sign_in import SignedIn
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.storage.database import Database

EMAIL = "anna@flowers.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture
async def merchant(database: Database) -> NewMerchant:
    return await staff.create_merchant(database, "Flower Shop", EMAIL, PASSWORD, "operator:test")


async def signs_in(database: Database, keyring: Keyring, email: str, password: str, address: str) -> str:
    """The token of somebody who has no second factor."""
    opened = await sign_in.with_password(database, keyring, email, password, address)
    assert isinstance(opened, SignedIn)
    return opened.token
