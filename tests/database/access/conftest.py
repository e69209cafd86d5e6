"""A merchant with an owner, whose password is known."""

import pytest

from kado.access import staff
from kado.access.staff import NewMerchant
from kado.storage.database import Database

EMAIL = "anna@flowers.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture
async def merchant(database: Database) -> NewMerchant:
    return await staff.create_merchant(database, "Flower Shop", EMAIL, PASSWORD, "operator:test")
