"""Takes without a line over HTTP: what a device sends, what nobody else may, and what the shop reads of it."""

import json
from html import unescape
from typing import Any

from tests.api.shop import Shop, Superuser, good
from tests.console.person import Person, hired, signed_in
from tests.database.cards.away import Device, a_device, number_of
from tests.database.cards.builders import Shop as Counter

from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.cards.offline.settle import Claim, Settling
from kado.doors.pos.respond import DEVICE_COOKIE, PERSON_COOKIE
from kado.languages.choose import Language
from kado.languages.say import words
from kado.programs.find import get

SETTLE = "/pos/offline/settle"


async def a_till(shop: Shop) -> Device:
    """In a program of its own that allows takes without a line."""
    services = shop.api.services
    program_id = await shop.program(currency="EUR", maxOfflineTake="25.00", maxOfflineTotal="60.00")
    program = await get(services.database, program_id)
    assert program is not None
    caller = Caller(program.merchant_id, "key:test", Role.OWNER, ROLES[Role.OWNER], is_test=False)
    counter = Counter(services.database, services.keyring, services.ledger, program, caller)
    settling = Settling(services.database, services.keyring, services.ledger, services.reaches)
    return await a_device(counter, settling, f"bo.{program_id}@flowers.example")


def at(shop: Shop, device: Device) -> Person:
    """The device's browser."""
    return Person(shop.api, cookies={DEVICE_COOKIE: device.token, PERSON_COOKIE: device.session})


def sent(device: Device, *claims: Claim) -> dict[str, str]:
    takes = [
        {"seq": one.seq, "key": one.key, "amount": one.amount, "at": one.at, "sealed": one.sealed} for one in claims
    ]
    return {"allowance": device.allowance, "takes": json.dumps(takes)}


async def test_a_device_settles_whoever_is_signed_in_and_the_shop_reads_of_it(
    shop: Shop, owner: Person, thief: Superuser
) -> None:
    device = await a_till(shop)
    program_id = device.terminal.program_id
    full, poor = [await shop.active(value, program_id=program_id) for value in ("20.00", "5.00")]
    takes = [device.take(seq, 1000, await number_of(device.shop, one["id"])) for seq, one in enumerate((full, poor), 1)]
    page = f"/console/{program_id}/reports/offline"
    before = await owner.get(page)
    assert "€60.00" in before.text
    assert "No till has taken anything without a connection." in before.text
    await thief.execute("DELETE FROM till_session WHERE terminal_id = $1", device.terminal.id)
    browser = at(shop, device)
    for _ in range(2):
        answer = await browser.post(SETTLE, sent(device, *takes))
        assert (answer.status_code, answer.headers["kado-outcome"]) == (200, "settled")
        assert "1 of 2 taken without a connection are settled" in answer.text
        assert answer.text.index('data-seq="2" data-state="refused"') < answer.text.index(
            'data-seq="1" data-state="set'
        )
    left = good(await shop.call("GET", f"/v2/giftcards/programs/{program_id}/cards/{full['id']}"))
    assert left["balance"] == "10.00"
    for language in Language:
        listed = unescape((await owner.get(page, Accept_Language=language.value)).text)
        assert words("refusals", language)["insufficient_balance_offline"] in listed
        assert listed.count(f"/cards/{full['id']}") == listed.count(f"/cards/{poor['id']}") == 1
    stranger = await signed_in(shop, await hired(shop, Role.CASHIER))
    assert (await stranger.get(page)).status_code == 403


async def test_what_no_till_sends_changes_nothing(shop: Shop, thief: Superuser) -> None:
    device = await a_till(shop)
    card = await shop.active("20.00", program_id=device.terminal.program_id)
    take = device.take(1, 1000, await number_of(device.shop, card["id"]))
    body, browser = sent(device, take), at(shop, device)
    wrong: list[tuple[Any, int]] = [
        ({}, 422),
        ({"takes": "["}, 422),
        ({"takes": "{}"}, 422),
        ({"takes": "[" * 10_000}, 422),
        ({"takes": '[{"seq": NaN}]'}, 422),
        ({"takes": body["takes"].replace("1000", "1000.5")}, 422),
        ({"takes": json.dumps(json.loads(body["takes"]) * 51)}, 422),
    ]
    for fields, status in wrong:
        assert (await browser.post(SETTLE, body | {"takes": ""} | fields)).status_code == status, fields
    assert (await browser.post(SETTLE, body, Sec_Fetch_Site="cross-site")).status_code == 403
    assert (await Person(shop.api).post(SETTLE, body)).status_code == 401
    assert (
        await Person(shop.api, cookies={DEVICE_COOKIE: "kado_term_" + "A" * 43}).post(SETTLE, body)
    ).status_code == 401
    forged = await browser.post(SETTLE, body | {"allowance": device.allowance[:-3] + "AAA"})
    assert (forged.status_code, 'data-state="kept"' in forged.text) == (200, True)
    assert await thief.fetchval("SELECT count(*) FROM offline_take o WHERE o.claim = $1", take.digest) == 0
    left = good(await shop.call("GET", f"/v2/giftcards/programs/{device.terminal.program_id}/cards/{card['id']}"))
    assert left["balance"] == "20.00"


async def test_an_allowance_is_for_who_stands_there(shop: Shop) -> None:
    device = await a_till(shop)
    browser = at(shop, device)
    given = await browser.post("/pos/offline/allowance")
    assert given.json()["allowance"] == device.allowance
    assert given.headers["cache-control"] == "no-store"
    assert (await browser.post("/pos/offline/allowance", Sec_Fetch_Site="cross-site")).status_code == 403
    nobody = Person(shop.api, cookies={DEVICE_COOKIE: device.token})
    answer = await nobody.post("/pos/offline/allowance")
    assert (answer.status_code, device.allowance in answer.text) == (401, False)
    rules = {"maxOfflineTake": None, "maxOfflineTotal": None}
    good(await shop.call("PUT", f"/v2/loyalty/programs/{device.terminal.program_id}", rules))
    assert (await browser.post("/pos/offline/allowance")).json()["allowance"] is None


async def test_nothing_is_settled_from_a_blocked_address(shop: Shop, thief: Superuser) -> None:
    device = await a_till(shop)
    card = await shop.active("20.00", program_id=device.terminal.program_id)
    take, browser = device.take(1, 1000, await number_of(device.shop, card["id"])), at(shop, device)
    blocked = f"/v2/giftcards/programs/{device.terminal.program_id}/fraud/block-ip"
    good(await shop.call("POST", blocked, {"ipAddress": browser.address}), 201)
    for path, body in ((SETTLE, sent(device, take)), ("/pos/offline/allowance", {})):
        answer = await browser.post(path, body)
        assert (answer.status_code, "settlement" in answer.text, "kado_" in answer.text) == (403, False, False), path
    assert await thief.fetchval("SELECT count(*) FROM offline_take WHERE claim = $1", take.digest) == 0
    elsewhere = Person(shop.api, cookies=dict(browser.cookies))
    assert 'data-state="settled"' in (await elsewhere.post(SETTLE, sent(device, take))).text
