"""What the card page does against the card's code, and what it never does without."""

import asyncio
import re

import asyncpg
import httpx2
import pytest
from tests.api.shop import fingerprint
from tests.database.cards.builders import Shop
from tests.pages.visitor import address_of, form_of, message_of, other, send

from kado.audit.origin import Origin, coming_from
from kado.doors.pages import Rooms
from kado.errors import NotFound, TooMany
from kado.storage.database import Database


async def rows(database: Database, shop: Shop, card_id: str) -> list[tuple[str, str]]:
    """Actor and action of what the audit log says of a card, oldest first."""
    async with database.read() as connection:
        found = await connection.fetch(
            "SELECT actor, action FROM audit_log WHERE program_id = $1 AND subject = $2 ORDER BY at, id",
            shop.program_id,
            card_id,
        )
    return [(row["actor"], row["action"]) for row in found]


async def test_the_code_puts_the_value_on_the_card(shop: Shop, browser: httpx2.AsyncClient, database: Database) -> None:
    card_id = await shop.issue(2500)
    code = (await message_of(shop, card_id)).code
    address = await address_of(shop, card_id)
    answer = await send(browser, await browser.get(f"{address}?lang=de"), code=f" {code} ")
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, f"{address}?lang=de", b"")
    assert answer.headers["cache-control"] == "no-store"
    card = await shop.look(card_id)
    assert (card.balance, card.activated_at is not None) == (2500, True)
    assert (f"holder:{card_id}", "card:activated") in await rows(database, shop, card_id)
    assert [entry.merchant_id for entry in await shop.entries(card_id)] == [shop.program.merchant_id] * 2
    assert (await browser.get(f"{address}/activate")).headers["location"] == address


async def test_sent_twice_and_at_once_it_does_it_once(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.issue(2500)
    code, address = (await message_of(shop, card_id)).code, await address_of(shop, card_id)
    first, second = await browser.get(address), await browser.get(address)
    answers = await asyncio.gather(*(send(browser, page, code=code) for page in (first, first, second, first)))
    answers += [await send(browser, first, code=code)]
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {(303, address)}
    assert [entry.amount for entry in await shop.entries(card_id)] == [0, 2500]


async def test_a_wrong_code_does_nothing_and_each_answer_is_the_same(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.issue(2500)
    without_code = await shop.issue(2500)
    code = (await message_of(shop, card_id)).code
    seen = set()
    for one, wrong in ((card_id, other(code)), (card_id, ""), (card_id, "x" * 9000), (without_code, code)):
        answer = await send(browser, await browser.get(await address_of(shop, one)), code=wrong)
        assert answer.status_code == 403
        last_four = (await shop.look(one)).last_four
        text = re.sub(r"[0-9a-f]{56}|[0-9]+\.[0-9a-f]{32}\.[0-9a-f]{64}", "", answer.text).replace(last_four, "")
        seen.add((text, tuple((k, v) for k, v in answer.headers.items() if k != "content-length")))
        assert (await shop.look(one)).activated_at is None
    assert len(seen) == 1
    assert "This code does not fit." in next(iter(seen))[0]


async def test_wrong_codes_count_with_those_of_every_other_way(
    shop: Shop, rooms: Rooms, browser: httpx2.AsyncClient
) -> None:
    card_id = await shop.card(2500)
    told = await message_of(shop, card_id)
    page = await browser.get(await address_of(shop, card_id))
    for _ in range(3):
        assert (await send(browser, page, code=other(told.code))).status_code == 403
    for at in range(2):
        with pytest.raises(NotFound):
            await rooms.checks.check(shop.program_id, told.card_number, other(told.code), address=f"192.0.2.{at}")
    locked = await send(browser, page, code=told.code)
    assert (locked.status_code, int(locked.headers["retry-after"]) > 3600) == (429, True)
    assert "There were too many tries." in locked.text
    assert told.card_number not in locked.text
    with pytest.raises(TooMany):
        await rooms.checks.check(shop.program_id, told.card_number, told.code, address="192.0.2.9")
    # A new code opens it again.
    assert (await shop.resend(card_id)).status == 200
    fresh = await message_of(shop, card_id)
    assert (await send(browser, page, code=fresh.code)).status_code == 200


async def test_an_address_that_goes_from_card_to_card_is_stopped(shop: Shop, browser: httpx2.AsyncClient) -> None:
    statuses: list[int] = []
    with coming_from(Origin(address="198.51.100.7")):
        for card_id in [await shop.card(100) for _ in range(8)]:
            page = await browser.get(await address_of(shop, card_id))
            statuses += [(await send(browser, page, code="nothing")).status_code for _ in range(4)]
    assert statuses == [403] * 30 + [429] * 2


async def test_the_number_is_shown_for_the_code_and_each_look_is_noted(
    shop: Shop, rooms: Rooms, browser: httpx2.AsyncClient, database: Database
) -> None:
    card_id = await shop.card(2500)
    told = await message_of(shop, card_id)
    address = await address_of(shop, card_id)
    page = await browser.get(address)
    refused = await send(browser, page, code=other(told.code))
    shown = await send(browser, page, code=told.code.lower())
    grouped = " ".join(re.findall("....", told.card_number))
    assert (refused.status_code, grouped in refused.text) == (403, False)
    assert (shown.status_code, grouped in shown.text, "Barcode of the card number" in shown.text) == (200, True, True)
    assert told.code not in shown.text
    assert "<form" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    await rooms.looks.written()
    assert [row for row in await rows(database, shop, card_id) if row[0].startswith("holder:")] == [
        (f"holder:{card_id}", "pii_access")
    ]
    assert (await browser.get(f"{address}/number")).headers["location"] == address
    assert grouped not in (await browser.get(address)).text


@pytest.mark.parametrize("state", ["suspended", "voided"])
async def test_a_card_that_cannot_be_used_shows_its_number_to_nobody(
    state: str, shop: Shop, browser: httpx2.AsyncClient
) -> None:
    card_id = await shop.card(2500)
    told, address = await message_of(shop, card_id), await address_of(shop, card_id)
    page = await browser.get(address)
    await (shop.suspend(card_id) if state == "suspended" else shop.void(card_id))
    answer = await send(browser, page, code=told.code)
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, address, b"")


async def test_a_card_that_was_stopped_meanwhile_shows_so(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.issue(2500)
    code, address = (await message_of(shop, card_id)).code, await address_of(shop, card_id)
    page = await browser.get(address)
    await shop.suspend(card_id)
    assert (await send(browser, page, code=code)).headers["location"] == address
    assert (await shop.look(card_id)).activated_at is None
    # What was refused is not remembered: the same page works once the card does.
    await shop.unsuspend(card_id)
    assert (await send(browser, page, code=code)).status_code == 303
    assert (await shop.look(card_id)).balance == 2500


async def test_looking_and_scanning_sets_nothing_off(
    shop: Shop, browser: httpx2.AsyncClient, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Previews of links, scanners of mails: they get and head what they find, and follow links and forms' addresses."""
    told = [(card_id, await message_of(shop, card_id)) for card_id in (await shop.issue(2500), await shop.card(2500))]
    before = await fingerprint(superuser)
    for card_id, message in told:
        address = await address_of(shop, card_id)
        page = await browser.get(address)
        links = set(re.findall(r'(?:href|action)="(/[^"]+)"', page.text)) | {address, f"{address}/activate"}
        for link in links:
            for method in ("GET", "HEAD"):
                for agent in ("WhatsApp/2", "Slackbot-LinkExpanding 1.0", "Mozilla/5.0"):
                    answer = await browser.request(method, link.replace("&amp;", "&"), headers={"User-Agent": agent})
                    assert message.card_number not in answer.text
                    assert message.code not in answer.text
                    assert method == "GET" or answer.content == b""
        for body in ({}, {"code": message.code}, {"code": message.code, "form": "1.2.3"}):
            assert (await browser.post(f"{address}/activate", data=body)).status_code in (303, 403)
    assert await fingerprint(superuser) == before


async def test_a_preview_tells_the_shop_and_nothing_of_the_card(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.issue(2500, customer_name="Ada", sender_name="Ben", custom_message="Happy birthday!")
    page = await browser.get(await address_of(shop, card_id))
    previewed = re.findall(r"<title>(.*?)</title>|<meta (?:property|name)=\"[a-z:]+\" content=\"(.*?)\"", page.text)
    told = [title or content for title, content in previewed]
    assert told.count(f"Gift card of {shop.program.merchant_name}") == 2
    for secret in ("Ada", "Ben", "birthday", "25.00", (await shop.look(card_id)).last_four):
        assert not [one for one in told if secret in one]
    assert "og:image" not in page.text
    assert "og:url" not in page.text


@pytest.mark.parametrize(
    "token", ["", "1", "..", "1.2.3", "999999999.0.0", "x" * 200, "-1.0.0", "\N{ARABIC-INDIC DIGIT ONE}.0.0"]
)
async def test_a_form_that_is_not_ours_does_nothing(token: str, shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.issue(2500)
    code, address = (await message_of(shop, card_id)).code, await address_of(shop, card_id)
    answer = await browser.post(f"{address}/activate", data={"form": token, "code": code})
    assert (answer.status_code, "This page had been open for a long time." in answer.text) == (403, True)
    assert (await shop.look(card_id)).activated_at is None
    assert (await send(browser, answer, code=code)).status_code == 303


async def test_a_form_of_another_card_or_of_another_kind_does_nothing(shop: Shop, browser: httpx2.AsyncClient) -> None:
    pending, active = await shop.issue(2500), await shop.card(2500)
    code, address = (await message_of(shop, pending)).code, await address_of(shop, pending)
    _, foreign = form_of(await browser.get(await address_of(shop, await shop.issue(2500))))
    _, number = form_of(await browser.get(await address_of(shop, active)))
    for hidden in (foreign, number):
        answer = await browser.post(f"{address}/activate", data={**hidden, "code": code})
        assert answer.status_code == 403
    assert (await shop.look(pending)).activated_at is None


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)]
)
async def test_a_form_that_another_site_sends_is_turned_away(
    site: str, status: int, shop: Shop, browser: httpx2.AsyncClient
) -> None:
    card_id = await shop.issue(2500)
    code = (await message_of(shop, card_id)).code
    action, hidden = form_of(await browser.get(await address_of(shop, card_id)))
    answer = await browser.post(action, data={**hidden, "code": code}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == status
    assert ((await shop.look(card_id)).activated_at is None) is (status == 403)
