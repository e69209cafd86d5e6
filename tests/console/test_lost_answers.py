"""Where it is not known whether something was done: the same form is sent again, under the same key, and done once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest_asyncio
from starlette.applications import Starlette
from tests.api.shop import Shop
from tests.console.person import Person, forms_of

from kado.app import http
from kado.audit.origin import Origin, coming_from
from kado.cards.activate import Activate
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer
from kado.crypto import Keyring
from kado.doors import console
from kado.errors import Refusal, Unavailable
from kado.storage.database import Database


class Losing(Ledger):
    """A ledger whose first answer to each key gets lost on its way, after the commit."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        super().__init__(database, keyring)
        self._lost: set[str | None] = set()

    async def post(self, posting: Any) -> Answer:
        answer = await super().post(posting)
        if posting.key not in self._lost:
            self._lost.add(posting.key)
            raise Unavailable("database_unavailable", "away", 1)
        return answer


class Strict(Ledger):
    """A ledger of a program in which somebody has to look at activations first."""

    async def post(self, posting: Any) -> Answer:
        if isinstance(posting, Activate):
            raise Refusal("review_required", "Somebody has to look at this first.")
        return await super().post(posting)


@asynccontextmanager
async def before(shop: Shop, owner: Person, ledger: Ledger) -> AsyncIterator[Person]:
    """The owner, before a console over this ledger."""
    rooms = replace(http._console(shop.api.services), ledger=ledger)
    transport = httpx2.ASGITransport(Starlette(routes=[*console.routes(rooms)]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://kado.test") as client:
        with coming_from(Origin(address="198.51.100.7")):
            yield Person(replace(shop.api, client=client), owner.email, dict(owner.cookies))
    await ledger.close()


@pytest_asyncio.fixture(loop_scope="module")
async def unlucky(shop: Shop, owner: Person) -> AsyncIterator[Person]:
    """The owner, before a console whose answers get lost."""
    async with before(shop, owner, Losing(shop.api.services.database, shop.api.services.keyring)) as person:
        yield person


async def test_a_redemption_is_sent_again_and_done_once(shop: Shop, unlucky: Person) -> None:
    card = await shop.active("100.00")
    path = f"/console/{shop.program_id}/cards/{card['id']}/redeem"
    asked = await unlucky.fill(path, amount="12.50", description="two\nlines")
    lost = await unlucky.send(asked, path)
    assert (lost.status_code, "It is not known whether that was done" in lost.text) == (503, True)
    assert forms_of(lost)[path]["form"] == forms_of(asked)[path]["form"]
    done = await unlucky.send(lost, path)
    assert (done.status_code, "done=redeem" in done.headers["location"]) == (303, True)
    assert [entry["amount"] for entry in await shop.entries(card)].count("-12.50") == 1


async def test_a_sale_is_sent_again_and_there_is_one_card(shop: Shop, unlucky: Person) -> None:
    path = f"/console/{shop.program_id}/first-card"
    page = await unlucky.fill(path, initialValue="31", customerName="Only Once")
    while page.status_code == 503:
        page = await unlucky.send(page, path)
    assert page.status_code == 303
    found = await unlucky.get(f"/console/{shop.program_id}/cards?q=only+once")
    assert ("1 card" in found.text, "$31.00" in found.text) == (True, True)


async def test_a_card_that_could_not_be_activated_waits_and_is_not_made_again(shop: Shop, owner: Person) -> None:
    path = f"/console/{shop.program_id}/first-card"
    async with before(shop, owner, Strict(shop.api.services.database, shop.api.services.keyring)) as person:
        answer = await person.fill(path, initialValue="32", customerName="Waits Here")
        assert (answer.status_code, "done=issue_waits" in answer.headers["location"]) == (303, True)
        page = await person.follow(answer)
        assert "could not be activated" in page.text
        found = await person.get(f"/console/{shop.program_id}/cards?q=waits+here")
        assert ("1 card" in found.text, "Waiting" in found.text) == (True, True)
