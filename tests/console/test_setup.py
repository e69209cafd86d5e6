"""Setting a fresh server up: all of it, or nothing."""

import pytest
from tests.api.serving import Served
from tests.console.person import Person, forms_of

from kado.access import first_setup

SETUP = "/console/setup"
ASKED = {"name": "Blumen & Bücher", "email": "anna@blumen.example", "timeZone": "Europe/Berlin"}


@pytest.mark.parametrize("currency", ["XXX", "", "\0", "eur "])
async def test_what_is_refused_has_changed_nothing(api: Served, currency: str) -> None:
    """Also where the shop could be and its first program could not."""
    services, stranger = api.services, Person(api)
    code = first_setup.code_of(services.keyring)
    form = forms_of(await stranger.get(SETUP))[SETUP]
    typed = {**ASKED, "password": "correct horse battery", "currency": currency, "code": code}
    answer = await stranger.post(SETUP, form | typed)
    assert (answer.status_code, "correct horse" in answer.text) == (422, False)
    assert await first_setup.is_open(services.database)
    assert not stranger.cookies
