"""Devices are told of changes: over HTTP/2, known by the pass's certificate, again and again until they heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.database.cards.builders import Shop
from tests.database.passes.test_apple_pass import a_pass, said
from tests.database.passes.test_web_service import PUSH_TOKEN, Phone
from tests.serving.push_server import PushServer

from kado.passes import untold
from kado.passes.registrations import ask_anew
from kado.passes.teller import Teller
from kado.passes.wallets import Wallets


@pytest.fixture
async def card_id(shop: Shop, apple: Wallets, browser: httpx2.AsyncClient) -> str:
    """A card that is on a phone."""
    made = await shop.card(5000)
    pass_ = said(await a_pass(shop, apple, made))
    assert await Phone(browser, pass_["serialNumber"], pass_["authenticationToken"]).register() == 201
    return made


@asynccontextmanager
async def working(teller: Teller) -> AsyncIterator[None]:
    stop = asyncio.Event()
    run = asyncio.create_task(teller.run(stop))
    yield
    stop.set()
    await run


async def state(superuser: Any, wanted: str) -> None:
    """Wait until there is nothing but this."""
    async with asyncio.timeout(10):
        while {row["state"] for row in await superuser.fetch("SELECT state FROM wallet_registration")} != {wanted}:
            await asyncio.sleep(0.01)


async def test_a_redeem_reaches_the_phone(
    shop: Shop, card_id: str, teller: Teller, push_server: PushServer, superuser: Any
) -> None:
    async with working(teller):
        await state(superuser, "told")
        await shop.redeem(card_id, 100)
        assert await superuser.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'tell_wallets'") > 0
        await teller.tell({"program": shop.program_id})
        pushes = await push_server.until(2)
        await state(superuser, "told")
    assert [push.path for push in pushes] == [f"/3/device/{PUSH_TOKEN}"] * 2
    assert pushes[1].headers["apns-topic"] == "pass.kado.giftcard"
    assert pushes[1].body == b"{}"
    assert push_server.connections == 1
    names = [part for parts in pushes[1].certificate["subject"] for part in parts]
    assert ("userId", "pass.kado.giftcard") in names or ("UID", "pass.kado.giftcard") in names


async def test_a_card_in_no_wallet_leaves_nothing_to_tell(shop: Shop, superuser: Any) -> None:
    await shop.card(5000, -100, 200)
    assert await superuser.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'tell_wallets'") == 0


async def test_every_change_and_nothing_else_is_told(shop: Shop, card_id: str, superuser: Any) -> None:
    async def is_told(change: Any) -> bool:
        await superuser.execute("UPDATE wallet_registration SET state = 'told', next_attempt_at = NULL")
        await change
        return bool(await superuser.fetchval("SELECT state = 'queued' FROM wallet_registration"))

    assert await is_told(shop.redeem(card_id, 100))
    assert await is_told(shop.reload(card_id, 100))
    assert await is_told(shop.suspend(card_id))
    assert await is_told(shop.unsuspend(card_id))
    assert not await is_told(shop.hold(card_id, 100))
    assert not await is_told(shop.redeem(card_id, 10**9))
    other = await shop.card(100)
    assert await is_told(shop.transfer(card_id, other, 100))


async def test_a_failed_push_comes_again_and_is_given_up_in_the_end(
    shop: Shop, card_id: str, teller: Teller, push_server: PushServer, superuser: Any
) -> None:
    push_server.answers = [(503, "ServiceUnavailable"), (429, "TooManyRequests")]
    async with working(teller):
        await superuser.execute("UPDATE wallet_registration SET next_attempt_at = now()")
        for _ in range(3):
            await _again(teller, shop, superuser)
        await state(superuser, "told")
        push_server.answers = [(403, "BadCertificate")] * 20
        await shop.redeem(card_id, 100)
        for _ in range(11):
            await _again(teller, shop, superuser)
        await state(superuser, "failed")
        [item] = await untold.list_wallets(shop.database, ["failed"], 10)
        assert (item.way, item.to, item.attempts) == ("wallet", "a device with Apple Wallet", 11)
        assert item.last_error == "Apple answered 403 BadCertificate"
        assert (await untold.count_wallets(shop.database)).failed == 1
        push_server.answers = []
        assert await untold.replay_wallets(shop.database, "operator:test", item.id) == 1
        await teller.tell({"program": shop.program_id})
        await state(superuser, "told")


async def _again(teller: Teller, shop: Shop, superuser: Any) -> None:
    """One more try, without waiting for its time."""
    async with asyncio.timeout(60):
        before = await superuser.fetchval("SELECT max(turn) FROM wallet_registration WHERE state = 'queued'")
        while before is not None:
            await superuser.execute(
                "UPDATE wallet_registration SET next_attempt_at = now()"
                " WHERE state = 'queued' AND last_error IS NOT NULL"
            )
            await teller.tell({"program": shop.program_id})
            row = await superuser.fetchrow("SELECT turn, state, last_error FROM wallet_registration")
            if row["turn"] > before and (row["state"] != "queued" or row["last_error"] is not None):
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("status", "reason"), [(410, "Unregistered"), (400, "BadDeviceToken")])
async def test_a_device_that_is_gone_is_forgotten(
    shop: Shop, card_id: str, teller: Teller, push_server: PushServer, superuser: Any, status: int, reason: str
) -> None:
    push_server.answers = [(status, reason)]
    async with working(teller), asyncio.timeout(10):
        while await superuser.fetchval("SELECT count(*) FROM wallet_registration"):
            await asyncio.sleep(0.01)
        while (await shop.look(card_id)).in_wallets:
            await asyncio.sleep(0.01)


async def test_a_change_while_a_push_is_under_way_is_not_taken_for_told(shop: Shop, card_id: str) -> None:
    [claimed] = await untold.claim(shop.database, shop.program_id, 10)
    assert await untold.claim(shop.database, shop.program_id, 10) == []
    await shop.redeem(card_id, 100)
    await untold.mark_told(shop.database, claimed)
    [again] = await untold.claim(shop.database, shop.program_id, 10)
    assert again.turn > claimed.turn
    await untold.give_up(shop.database, claimed, "late")
    await untold.mark_told(shop.database, again)
    assert await untold.claim(shop.database, shop.program_id, 10) == []
    card = await shop.look(card_id)
    assert await ask_anew(shop.database, card, card.updated_at) == 1


async def test_without_a_certificate_it_waits_and_says_why(
    shop: Shop, card_id: str, teller: Teller, superuser: Any
) -> None:
    await superuser.execute("UPDATE wallet_registration SET held_as = 'pass.other'")
    async with working(teller), asyncio.timeout(10):
        while not (reason := await superuser.fetchval("SELECT last_error FROM wallet_registration")):
            await asyncio.sleep(0.01)
    assert reason == "there is no certificate for the pass type pass.other"
