"""What a till takes without a line: granted within limits, settled once, and nothing for whoever cheats."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.database.cards.away import LIMITS, Device, a_device, balance, codes, facts_of, number_of
from tests.database.cards.builders import Shop, open_shop
from tests.database.cards.test_one_list import clean

from kado.access import staff, terminals
from kado.cards.ledger import Ledger
from kado.cards.offline import allowance, store
from kado.cards.offline.settle import UNKNOWN_MAX, Settling, claims_of
from kado.cards.redeem import Redeem
from kado.crypto import Keyring
from kado.errors import Forbidden, Invalid
from kado.programs.reach import Reaches
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> Any:
    shop = await open_shop(database, keyring, limits=LIMITS)
    yield shop
    await shop.ledger.close()


@pytest.fixture
def settling(shop: Shop) -> Settling:
    return Settling(shop.database, shop.keyring, shop.ledger, Reaches(shop.database))


@pytest.fixture
async def device(shop: Shop, settling: Settling) -> Device:
    return await a_device(shop, settling)


async def test_what_was_taken_is_settled_once_whole_or_not_at_all(shop: Shop, device: Device) -> None:
    full, poor = await shop.card(5000), await shop.card(300)
    page = f"https://kado.example/cards/{(await shop.look(full)).pass_sid}"
    takes = [
        device.take(1, 1000, await number_of(shop, full)),
        device.take(2, 500, await number_of(shop, poor)),
        device.take(3, 2500, page),
    ]
    for _ in range(2):
        assert codes(await device.settle(*takes)) == ["settled", "insufficient_balance", "settled"]
        assert [await balance(shop, one) for one in (full, poor)] == [1500, 300]
    taken = [one for one in await shop.entries(full) if one.type == "REDEMPTION"]
    assert [(one.amount, one.cashier_id, one.terminal_id) for one in taken] == [
        (-1000, device.person, device.terminal.id),
        (-2500, device.person, device.terminal.id),
    ]
    async with shop.database.read() as connection:
        told = await store.list_takes(connection, shop.program_id, None, 10, 0)
    assert sorted((one.seq, one.state, one.code, one.card_id, one.staff_name, one.terminal_name) for one in told) == [
        (1, "settled", None, full, "Bo", "Till 1"),
        (2, "refused", "insufficient_balance", poor, "Bo", "Till 1"),
        (3, "settled", None, full, "Bo", "Till 1"),
    ]
    # What was refused is refused for good, whatever comes onto the card later.
    await shop.reload(poor, 5000)
    assert codes(await device.settle(takes[1])) == ["insufficient_balance"]
    await clean(shop)


async def test_two_windows_that_settle_the_same_queue_move_money_once(shop: Shop, device: Device) -> None:
    card = await shop.card(5000)
    other = replace(device.settling, ledger=Ledger(shop.database, shop.keyring))
    takes = [device.take(seq, 500, await number_of(shop, card)) for seq in range(1, 7)]
    both = await asyncio.gather(device.settle(*takes), device.settle(*takes, on=other), device.settle(*takes[::-1]))
    assert [codes(one) for one in both] == [["settled"] * 6] * 3
    assert await balance(shop, card) == 2000
    await other.ledger.close()
    await clean(shop)


async def test_what_was_posted_before_the_server_died_is_told_and_not_done_again(
    shop: Shop, device: Device, superuser: Any
) -> None:
    card = await shop.card(5000)
    take = device.take(1, 1000, await number_of(shop, card))
    await device.settle(take)
    # It died between the ledger and its own note, and the person lost the right meanwhile.
    await superuser.execute("UPDATE offline_take SET state = 'open', entry_id = NULL, ended_at = NULL")
    await superuser.execute("UPDATE staff SET role = 'read-only' WHERE id = $1", device.person)
    assert codes(await device.settle(take)) == ["settled"]
    assert await balance(shop, card) == 4000
    assert codes(await device.settle(device.take(2, 1000, await number_of(shop, card)))) == ["permission_denied"]
    assert await balance(shop, card) == 4000


async def test_of_a_settlement_and_a_redemption_at_once_both_never_overdraw(shop: Shop, device: Device) -> None:
    other = Ledger(shop.database, shop.keyring)
    for seq in range(1, 7):
        card = await shop.card(1000)
        take = device.take(seq, 900, await number_of(shop, card))
        outcomes = await asyncio.gather(
            device.settle(take), other.post(shop.posting(Redeem, card, amount=900)), return_exceptions=True
        )
        assert await balance(shop, card) == 100, outcomes
    await other.close()
    await clean(shop)


async def test_a_place_is_used_once(shop: Shop, device: Device) -> None:
    card, number = await shop.card(5000), ""
    number = await number_of(shop, card)
    take = device.take(1, 1000, number)
    assert codes(await device.settle(take)) == ["settled"]
    others = [
        replace(take, key="another"),
        replace(take, amount=1001),
        replace(take, at=take.at + 1),
        replace(take, sealed=device.take(1, 1000, number).sealed),
        device.take(1, 1000, number),
    ]
    assert codes(await device.settle(*others)) == ["offline_place_used"] * len(others)
    assert await balance(shop, card) == 4000
    assert codes(await device.settle(take)) == ["settled"]


async def test_what_goes_beyond_the_allowance_moves_nothing(shop: Shop, device: Device) -> None:
    card = await shop.card(50_000)
    number, facts = await number_of(shop, card), device.facts
    wrong = {
        "offline_too_large": device.take(1, 2501, number),
        "offline_outside": device.take(2, 100, number, at=facts["granted"] - 121_000),
    }
    assert codes(await device.settle(*wrong.values())) == list(wrong)
    late = device.take(3, 100, number, at=facts["expires"] + 121_000)
    soon = device.take(4, 100, number, at=int((datetime.now(UTC) + timedelta(minutes=30)).timestamp()) * 1000)
    assert codes(await device.settle(late, soon)) == ["offline_outside"] * 2
    assert await balance(shop, card) == 50_000
    # What was claimed counts, whatever became of it: 25.01 and three times 1.00 so far, of 60.00.
    assert codes(await device.settle(device.take(5, 2500, number), device.take(6, 699, number))) == ["settled"] * 2
    assert codes(await device.settle(device.take(7, 1, number))) == ["offline_total"]
    assert await balance(shop, card) == 50_000 - 3199


async def test_a_take_is_read_only_where_it_was_made_for(shop: Shop, device: Device) -> None:
    card = await shop.card(5000)
    mine = device.take(1, 100, await number_of(shop, card))
    moved = [
        replace(mine, seq=2),
        replace(mine, seq=3, amount=2500),
        device.take(4, 100, "", sealed="AAAA"),
        device.take(5, 100, "", sealed="!"),
        device.take(6, 100, "", sealed=base64.b64encode(bytes(200)).decode()),
    ]
    assert codes(await device.settle(*moved)) == ["offline_unreadable"] * len(moved)
    assert await balance(shop, card) == 5000


async def test_a_forged_or_foreign_allowance_moves_nothing(shop: Shop, device: Device, settling: Settling) -> None:
    card = await shop.card(5000)
    take = device.take(1, 100, await number_of(shop, card))
    version, body, mac = device.allowance.split(".")
    more = json.dumps({**device.facts, "total": 10**9, "most": 10**9}).encode()
    enlarged = base64.urlsafe_b64encode(more).decode().rstrip("=")
    other = await a_device(shop, settling, "cy@flowers.example")
    secret = Keyring(["another secret, of somebody who has none of ours"])
    forged = base64.urlsafe_b64encode(secret.mac("till-allowance", body.encode())).decode().rstrip("=")
    for token in (
        "",
        "..",
        "x.y.z",
        "é.é.é",
        f"{version}.{enlarged}.{mac}",
        f"{version}.{body}.{forged}",
        f"{secret.version.hex()}.{body}.{forged}",
        f"00.{body}.{mac}",
        f"{version}.{body}.{mac}.",
        device.allowance[:-2],
        "x" * 5000,
        other.allowance,
    ):
        with pytest.raises(Forbidden):
            await device.settle(take, token=token)
    with pytest.raises(Forbidden):
        await other.settle(take, token=device.allowance)
    assert await balance(shop, card) == 5000
    async with shop.database.read() as connection:
        assert await store.list_takes(connection, shop.program_id, None, 10, 0) == []


async def test_cards_of_other_programs_and_unknown_ones_are_not_found_and_not_searched_for_long(
    shop: Shop, device: Device, keyring: Keyring
) -> None:
    elsewhere = await open_shop(shop.database, keyring)
    strange, card = await elsewhere.card(5000), await shop.card(5000)
    wrong = [await number_of(elsewhere, strange), "4000000000000000", "", "\x00", "x" * 500]
    wrong += [f"{4000_0000_0000_0000 + at}" for at in range(UNKNOWN_MAX - len(wrong))]
    takes = [device.take(seq, 1, text) for seq, text in enumerate(wrong, 1)]
    assert codes(await device.settle(*takes)) == ["card_not_found"] * UNKNOWN_MAX
    right = device.take(40, 100, await number_of(shop, card))
    assert codes(await device.settle(right)) == ["offline_unknown_cards"]
    assert await balance(shop, card) == 5000
    assert await balance(elsewhere, strange) == 5000
    await elsewhere.ledger.close()


async def test_all_guesses_at_once_are_no_more_than_one_by_one(shop: Shop, device: Device) -> None:
    takes = [device.take(seq, 1, f"{4000_0000_0000_0000 + seq}") for seq in range(1, 41)]
    outcomes = await asyncio.gather(*(device.settle(one) for one in takes))
    told = [codes(one)[0] for one in outcomes]
    assert told.count("card_not_found") <= UNKNOWN_MAX
    assert set(told) == {"card_not_found", "offline_unknown_cards"}


async def test_of_two_allowances_of_a_till_one_is_used(shop: Shop, device: Device) -> None:
    card = await shop.card(50_000)
    number, first = await number_of(shop, card), device.allowance
    assert await device.ask() == first, "an answer that was lost leaves no second one"
    await device.sign_in()
    second = await device.ask()
    assert facts_of(second)["id"] != facts_of(first)["id"]
    assert codes(await device.settle(device.take(1, 2500, number))) == ["settled"]
    device.allowance = first
    assert codes(await device.settle(device.take(1, 2500, number))) == ["offline_replaced"]
    assert await balance(shop, card) == 47_500
    # And the other way round: a device that never heard of the second goes on with the first.
    device.allowance = second
    await device.sign_in()
    third = await device.ask()
    assert codes(await device.settle(device.take(2, 2500, number), token=second)) == ["offline_unreadable"]
    device.allowance = second
    assert codes(await device.settle(device.take(3, 1000, number))) == ["settled"]
    device.allowance = third
    assert codes(await device.settle(device.take(1, 1000, number))) == ["offline_replaced"]


Happens = Callable[[Shop, Device, Any], Awaitable[object]]
MEANWHILE: dict[str, tuple[Happens, str]] = {
    "the device was revoked": (
        lambda shop, device, _: terminals.revoke(
            shop.database, shop.program.merchant_id, device.terminal.id, "operator:test"
        ),
        "terminal_revoked",
    ),
    "the account was closed": (
        lambda shop, device, _: staff.change(
            shop.database, shop.program.merchant_id, device.person, "operator:test", active=False
        ),
        "account_closed",
    ),
    "a week went by": (
        lambda _, __, superuser: superuser.execute(
            "UPDATE offline_allowance SET granted_at = granted_at - interval '7 days 13 hours',"
            " expires_at = expires_at - interval '7 days 13 hours', settle_by = settle_by - interval '7 days 13 hours'"
        ),
        "offline_late",
    ),
    "the card was paused": (
        lambda shop, _, superuser: superuser.execute("UPDATE card SET suspended_at = now() - interval '1 minute'"),
        "card_not_active",
    ),
    "the sign-in was over": (lambda shop, _, superuser: superuser.execute("DELETE FROM till_session"), "settled"),
    "the program does without": (
        lambda shop, _, superuser: superuser.execute(
            "UPDATE program SET max_offline_take = NULL, max_offline_total = NULL"
        ),
        "settled",
    ),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_what_happens_meanwhile(shop: Shop, device: Device, superuser: Any, what: str) -> None:
    card = await shop.card(5000)
    take = device.take(1, 1000, await number_of(shop, card))
    happens, outcome = MEANWHILE[what]
    await happens(shop, device, superuser)
    for _ in range(2):
        assert codes(await device.settle(take)) == [outcome]
    assert await balance(shop, card) == (4000 if outcome == "settled" else 5000)
    async with shop.database.read() as connection:
        (told,) = await store.list_takes(connection, shop.program_id, shop.program.merchant_id, 10, 0)
    assert (told.card_id, told.code) == (card, None if outcome == "settled" else outcome)


async def test_nothing_is_granted_where_it_is_off_or_not_allowed(
    shop: Shop, device: Device, superuser: Any, settling: Settling
) -> None:
    assert (device.facts["most"], device.facts["total"]) == (2500, 6000)
    await superuser.execute("UPDATE program SET max_redeem = 1000")
    settling.reaches.forget(shop.program_id)
    await device.ask()
    assert device.facts["most"] == 1000
    await superuser.execute("UPDATE staff SET role = 'read-only' WHERE id = $1", device.person)
    assert await device.ask() == ""
    await superuser.execute("UPDATE staff SET role = 'cashier' WHERE id = $1", device.person)
    await superuser.execute("UPDATE program SET max_offline_take = NULL, max_offline_total = NULL")
    settling.reaches.forget(shop.program_id)
    assert await device.ask() == ""


async def test_another_secret_opens_what_an_older_one_was_given_for(shop: Shop, device: Device) -> None:
    card = await shop.card(5000)
    take = device.take(1, 1000, await number_of(shop, card))
    # The server's keyring in these tests has one secret; a new one is put before it.
    older = device.settling.keyring
    both = Keyring(["a newer secret that was put before it, long enough", *_values(older)])
    ledger = Ledger(shop.database, both)
    on = replace(device.settling, keyring=both, ledger=ledger)
    assert codes(await device.settle(take, on=on)) == ["settled"]
    gone = replace(device.settling, keyring=Keyring(["only a newer secret is left, long enough"]))
    with pytest.raises(Forbidden):
        await device.settle(take, on=gone)
    await ledger.close()


def _values(keyring: Keyring) -> list[str]:
    return [secret.value.decode() for secret in keyring._secrets]


GOOD: dict[str, object] = {"seq": 1, "key": "k", "amount": 1, "at": 1, "sealed": "s"}
WRONG: dict[str, tuple[object, ...]] = {
    "seq": (0, 501, True, "1", Decimal(1)),
    "key": ("", "k" * 65, "é", "a\nb", 1),
    "amount": (0, -1, 2**40 + 1, None, Decimal("0.5")),
    "at": (0, 2**43),
    "sealed": ("", "s" * 1025, None),
}


def test_what_no_till_sends_is_refused_by_name() -> None:
    assert claims_of([GOOD] * 50)
    nonsense: tuple[object, ...] = (None, {}, [], "x", [None], [1], [[]], [{}], [GOOD, {"seq": 1}], [GOOD] * 51)
    for said in nonsense:
        with pytest.raises(Invalid) as refused:
            claims_of(said)
        assert (refused.value.loc or ())[:2] == ("body", "takes")
    for name, values in WRONG.items():
        for value in values:
            with pytest.raises(Invalid) as refused:
                claims_of([GOOD, GOOD | {name: value}])
            assert refused.value.loc == ("body", "takes", 1, name), value


async def test_allowances_that_are_of_no_use_go(shop: Shop, device: Device, superuser: Any) -> None:
    async with shop.database.read() as connection:
        assert await store.exposed(connection, shop.program_id, None) == (1, 6000)
    await superuser.execute(
        "UPDATE offline_allowance SET granted_at = granted_at - interval '39 days',"
        " expires_at = expires_at - interval '39 days', settle_by = settle_by - interval '39 days'"
    )
    async with shop.database.read() as connection:
        assert await store.exposed(connection, shop.program_id, None) == (0, 0)
    assert await allowance.sweep(shop.database) == 1
    assert await allowance.sweep(shop.database) == 0
