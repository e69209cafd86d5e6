"""Whom a card is for: their language and clock, what the giver is told, and what holders hear of their money."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.shop import Body, Shop, Superuser, card_path, cards_path, good

from kado.ids import new_id

ADA = {"customerEmail": "ada@example.com"}
GERMAN = {"Kado-Language": "de-AT", "Kado-Time-Zone": "Europe/Vienna"}
NOON = "2030-07-01T12:00:00"


async def issue(shop: Shop, headers: dict[str, str], *, program_id: str | None = None, **members: object) -> Body:
    body = {"initialValue": "25.00", "merchantId": shop.merchant_id, **members}
    return good(await shop.post(cards_path(program_id or shop.program_id), body, headers=headers), 201)


async def receiver(shop: Shop, card: Body) -> tuple[str | None, str | None]:
    stored = await shop.stored(card)
    return stored.language, stored.time_zone


# ── language and time zone ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_issue_keeps_what_it_says_of_the_receiver(shop: Shop) -> None:
    card = await issue(shop, GERMAN, **ADA)
    assert await receiver(shop, card) == ("de-AT", "Europe/Vienna")
    assert {"language", "timeZone"}.isdisjoint(card), "the contract's answers get no members"
    assert await receiver(shop, await shop.issue()) == (None, None)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Kado-Language", "1"),
        ("Kado-Language", "german, please"),
        ("Kado-Language", "de;q=0.5"),
        ("Kado-Language", "x" * 36),
        ("Kado-Time-Zone", "Mars/Olympus"),
        ("Kado-Time-Zone", "../../etc/passwd"),
        ("Kado-Time-Zone", "europe/vienna"),
        ("Kado-Time-Zone", "+02:00"),
        ("Kado-Receipt-Email", "nobody"),
        ("Kado-Receipt-Email", "a@b.example, c@d.example"),
    ],
)
async def test_what_is_no_language_zone_or_address_is_refused(shop: Shop, header: str, value: str) -> None:
    body = {"initialValue": "25.00", "merchantId": shop.merchant_id, **ADA}
    refused = good(await shop.post(cards_path(shop.program_id), body, headers={header: value}), 422)
    assert [part.lower() for part in refused["detail"][0]["loc"]] == ["header", header.lower()]


async def test_a_language_that_kado_does_not_speak_is_no_reason_to_sell_nothing(shop: Shop) -> None:
    card = await issue(shop, {"Kado-Language": "pt-BR"}, **ADA)
    assert await receiver(shop, card) == ("pt-BR", None)


async def test_a_resend_learns_of_the_cards_own_receiver_and_of_nobody_else(shop: Shop) -> None:
    card = await shop.active(**ADA)
    good(await shop.post(card_path(card, "resend-code"), {}, headers=GERMAN))
    assert await receiver(shop, card) == ("de-AT", "Europe/Vienna")
    elsewhere = {"customerEmail": "mary@example.com"}
    good(await shop.post(card_path(card, "resend-code"), elsewhere, headers={"Kado-Language": "fr"}))
    assert await receiver(shop, card) == ("de-AT", "Europe/Vienna")
    code = [one for one in await shop.messages(card) if one["kind"] == "security_code"][-1]
    assert (code["recipient"], code["language"]) == ("mary@example.com", "fr")


async def test_a_new_owner_has_a_language_of_their_own(shop: Shop) -> None:
    card = good(await shop.post(card_path(await issue(shop, GERMAN, **ADA), "activate"), {}))
    new = {"newOwnerName": "Mary", "newOwnerEmail": "mary@example.com"}
    good(await shop.post(card_path(card, "transfer-ownership"), new))
    assert await receiver(shop, card) == (None, None)


async def test_a_bulk_order_says_it_once_for_all(shop: Shop) -> None:
    body = {"initialValue": "5.00", "recipients": [{"customerEmail": f"r{at}@example.com"} for at in range(3)]}
    made = good(await shop.post(cards_path(shop.program_id) + "/bulk", body, headers=GERMAN), 201)
    for card in made["cards"]:
        assert await receiver(shop, card | {"programId": shop.program_id}) == ("de-AT", "Europe/Vienna")


async def test_a_repetition_that_says_something_else_is_another_request(shop: Shop) -> None:
    key, body = new_id(), {"initialValue": "25.00", "merchantId": shop.merchant_id, **ADA}
    first = await shop.post(cards_path(shop.program_id), body, key=key, headers=GERMAN)
    again = await shop.post(cards_path(shop.program_id), body, key=key, headers=GERMAN)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    other = await shop.post(cards_path(shop.program_id), body, key=key, headers={"Kado-Language": "fr"})
    assert good(other, 422)["code"] == "idempotency_key_reused"


# ── when a delivery leaves ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "zone", "planned"),
    [
        ({}, None, "12:00:00Z"),
        ({}, "Europe/Berlin", "10:00:00Z"),
        ({"Kado-Time-Zone": "America/New_York"}, "Europe/Berlin", "16:00:00Z"),
    ],
    ids=["UTC", "the program's", "the receiver's"],
)
async def test_a_day_without_an_offset_is_the_receivers(
    shop: Shop, headers: dict[str, str], zone: str | None, planned: str
) -> None:
    program_id = await shop.program(timeZone=zone)
    card = await issue(shop, headers, program_id=program_id, deliverAt=NOON, expiresAt="2030-12-31T00:00:00Z", **ADA)
    assert card["deliverAt"] == f"2030-07-01T{planned}"
    later = {"deliverAt": "2030-07-02T12:00:00"}
    assert good(await shop.call("PATCH", card_path(card, "schedule"), later))["deliverAt"] == f"2030-07-02T{planned}"
    exact = {"deliverAt": "2030-07-03T12:00:00+02:00"}
    assert good(await shop.call("PATCH", card_path(card, "schedule"), exact))["deliverAt"] == "2030-07-03T10:00:00Z"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
async def test_the_ends_of_time_are_a_refusal_and_no_fault(shop: Shop, moment: str) -> None:
    card = await shop.issue(**ADA)
    for zone in ("Pacific/Kiritimati", "America/Los_Angeles"):
        good(await shop.post(card_path(card, "resend-code"), {}, headers={"Kado-Time-Zone": zone}))
        good(await shop.call("PATCH", card_path(card, "schedule"), {"deliverAt": moment}), 422)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "CEST"])
async def test_a_program_is_somewhere_on_earth(shop: Shop, zone: str) -> None:
    refused = good(await shop.post("/v2/programs", {"name": "Nowhere", "timeZone": zone}), 422)
    assert refused["detail"][0]["loc"] == ["body", "timeZone"]


async def test_a_program_says_where_it_is_and_what_it_sends(shop: Shop) -> None:
    path = f"/v2/loyalty/programs/{await shop.program(timeZone='Europe/Berlin')}"
    seen = good(await shop.get(path))
    assert (seen["timeZone"], seen["remindExpiry"], seen["tellChanges"]) == ("Europe/Berlin", True, False)
    changes = {"timeZone": None, "remindExpiry": False, "tellChanges": True}
    assert changes.items() <= good(await shop.call("PUT", path, changes)).items()


# ── what the giver is told ─────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_gives_a_card_gets_a_receipt(shop: Shop) -> None:
    card = await issue(shop, {"Kado-Receipt-Email": "giver@example.com", "X-Request-Id": "the-shop-1"}, **ADA)
    code, receipt = await shop.messages(card)
    assert (code["kind"], code["recipient"]) == ("security_code", "ada@example.com")
    assert (receipt["kind"], receipt["channel"], receipt["recipient"]) == ("receipt", "email", "giver@example.com")
    assert receipt["request_id"] == "the-shop-1"
    (row,) = await shop.rows("SELECT details FROM audit_log WHERE subject = $1", card["id"])
    assert '"receiptTo": "g***@e***.com"' in row["details"]
    assert "giver@example.com" not in str(card)


async def test_a_receipt_leaves_at_once_although_the_card_waits(shop: Shop, thief: Superuser) -> None:
    day = (await shop.now() + timedelta(days=9)).isoformat()
    card = await issue(shop, {"Kado-Receipt-Email": "giver@example.com"}, deliverAt=day, **ADA)
    code, receipt = await shop.messages(card)
    assert receipt["next_attempt_at"] < code["next_attempt_at"]


async def test_where_nothing_leaves_there_is_no_receipt(shop: Shop) -> None:
    assert await shop.messages(await issue(shop, {"Kado-Receipt-Email": "giver@example.com"})) == []


# ── what holders hear of their money ───────────────────────────────────────────────────────────────────────────────


async def told(shop: Shop, card: Body) -> list[Any]:
    return [
        (message["recipient"], message["entry_seq"])
        for message in await shop.messages(card)
        if message["kind"] == "balance_changed"
    ]


async def test_a_program_tells_of_what_was_spent_and_added_if_it_wants_to(shop: Shop) -> None:
    program_id = await shop.program(tellChanges=True)
    card = await issue(shop, {}, program_id=program_id, **ADA)
    good(await shop.post(card_path(card, "activate"), {}))
    assert await told(shop, card) == []
    sale = await shop.sold(card, "10.00")
    good(await shop.reload(card, "5.00"))
    good(await shop.refund(card, sale))
    good(await shop.redeem(card, "999.00"), 400)
    entries = {entry["transactionType"]: entry for entry in await shop.entries(card)}
    assert await told(shop, card) == [("ada@example.com", seq) for seq in (3, 4, 5)]
    assert len(entries) == 5


async def test_nobody_is_told_twice_of_a_repeated_request(shop: Shop) -> None:
    program_id = await shop.program(tellChanges=True)
    card = await issue(shop, {}, program_id=program_id, **ADA)
    good(await shop.post(card_path(card, "activate"), {}))
    key = new_id()
    for _ in range(2):
        good(await shop.redeem(card, "1.00", key=key))
    assert len(await told(shop, card)) == 1


async def test_other_programs_and_cards_of_nobody_tell_nothing(shop: Shop) -> None:
    quiet = await shop.active(**ADA)
    await shop.sold(quiet)
    assert await told(shop, quiet) == []
    program_id = await shop.program(tellChanges=True)
    nobodys = await issue(shop, {}, program_id=program_id, customerPhone="+49 30 901820")
    good(await shop.post(card_path(nobodys, "activate"), {}))
    await shop.sold(nobodys, "1.00")
    assert await told(shop, nobodys) == []
