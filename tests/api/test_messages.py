"""Security codes on their way: one message with each issue and resend, to whom and when, and not too many of them."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tests.api.shop import Body, Shop, Superuser, card_path, cards_path, good

from kado import clock
from kado.ids import new_id

ADA = {"customerEmail": "ada@example.com"}
PHONE = {"customerPhone": "+49 30 901820"}


def resent(card: Body) -> str:
    return card_path(card, "resend-code")


def shown(message: Body) -> Body:
    """What a message is about; the rest is about its delivery."""
    names = ("kind", "channel", "recipient", "sender_name", "custom_message", "state")
    return {name: message[name] for name in names}


def a_code(channel: str, recipient: str, **members: object) -> Body:
    return {
        "kind": "security_code",
        "channel": channel,
        "recipient": recipient,
        "sender_name": None,
        "custom_message": None,
        "state": "queued",
    } | members


async def jobs(thief: Superuser) -> list[tuple[str, Any]]:
    """Payload and time of what a worker will do."""
    rows = await thief.fetch("SELECT convert_from(payload, 'UTF8') AS payload, execute_after FROM pgqueuer ORDER BY id")
    return [(row["payload"], row["execute_after"]) for row in rows]


# ── with an issue ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("contacts", "channel", "recipient"),
    [(ADA, "email", "ada@example.com"), (PHONE, "sms", "+4930901820"), (ADA | PHONE, "email", "ada@example.com")],
)
async def test_an_issue_sends_the_code_by_mail_before_sms(
    shop: Shop, contacts: Body, channel: str, recipient: str
) -> None:
    card = await shop.issue(senderName="Charles", customMessage="Happy\nbirthday", **contacts)
    (message,) = await shop.messages(card)
    assert shown(message) == a_code(channel, recipient, sender_name="Charles", custom_message="Happy\nbirthday")
    assert clock.text(message["next_attempt_at"]) == card["createdAt"]


async def test_a_message_names_the_request_that_caused_it(shop: Shop) -> None:
    body = {"initialValue": "10.00", "merchantId": shop.merchant_id, **ADA}
    card = good(await shop.post(cards_path(shop.program_id), body, headers={"X-Request-Id": "the-counter-17"}), 201)
    assert [message["request_id"] for message in await shop.messages(card)] == ["the-counter-17"]
    good(await shop.post(resent(card), headers={"X-Request-Id": "the-counter-18"}))
    assert [message["request_id"] for message in await shop.messages(card)] == ["the-counter-17", "the-counter-18"]


async def test_an_issue_to_nobody_sends_nothing(shop: Shop, thief: Superuser) -> None:
    before = await jobs(thief)
    assert await shop.messages(await shop.issue()) == []
    assert await jobs(thief) == before


async def test_a_message_has_a_job_and_no_code_in_it(shop: Shop, thief: Superuser) -> None:
    before = len(await jobs(thief))
    card = await shop.issue(**ADA)
    (message,) = await shop.messages(card)
    assert len(await jobs(thief)) == before + 1
    payload, _ = (await jobs(thief))[-1]
    assert payload == f'{{"program": "{card["programId"]}", "message": "{message["id"]}"}}'
    assert (await shop.stored(card)).code_hash is None


async def test_a_delivery_waits_for_its_day(shop: Shop, thief: Superuser) -> None:
    day = await shop.now() + timedelta(days=30)
    card = await shop.issue(deliverAt=clock.text(day), **ADA)
    assert (card["deliverAt"], card["delivered"]) == (clock.text(day), False)
    (message,) = await shop.messages(card)
    assert message["next_attempt_at"] == day
    _, execute_after = (await jobs(thief))[-1]
    assert abs(execute_after - day) < timedelta(minutes=1)


async def test_a_day_of_delivery_that_is_over_means_now(shop: Shop) -> None:
    day = await shop.now() - timedelta(days=1)
    card = await shop.issue(deliverAt=clock.text(day), **ADA)
    (message,) = await shop.messages(card)
    assert card["deliverAt"] == clock.text(day)
    assert clock.text(message["next_attempt_at"]) == card["createdAt"]


async def test_a_refused_issue_sends_nothing(shop: Shop, thief: Superuser) -> None:
    counts = "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM card), (SELECT count(*) FROM pgqueuer)"
    before = await thief.fetchrow(counts)
    body = {"initialValue": "1.00", "merchantId": shop.merchant_id, "expiresAt": "2001-01-01T00:00:00Z", **ADA}
    good(await shop.post(cards_path(shop.program_id), body), 422)
    assert await thief.fetchrow(counts) == before


async def test_a_repeated_issue_sends_one_code(shop: Shop) -> None:
    key, body = new_id(), {"initialValue": "1.00", "merchantId": shop.merchant_id, **ADA}
    first = good(await shop.post(cards_path(shop.program_id), body, key=key), 201)
    good(await shop.post(cards_path(shop.program_id), body, key=key), 201)
    assert len(await shop.messages(first)) == 1


# ── again ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body", [None, {}, {"customerEmail": None, "customerPhone": None}], ids=["null", "{}", "nulls"]
)
async def test_a_resend_goes_to_the_cards_own_contacts(shop: Shop, body: Body | None) -> None:
    card = await shop.active(senderName="Charles", **ADA, **PHONE)
    good(await shop.post(resent(card), body))
    assert [shown(message) for message in await shop.messages(card)] == [
        a_code("email", "ada@example.com", sender_name="Charles", state="superseded"),
        a_code("email", "ada@example.com", sender_name="Charles"),
    ]


async def test_a_resend_needs_no_body(shop: Shop) -> None:
    card = await shop.active(**PHONE)
    answer = good(await shop.post(resent(card)))
    assert (answer["channel"], answer["sentTo"]) == ("sms", "+49*****820")


async def test_a_resend_voids_the_code_at_once(shop: Shop) -> None:
    card = await shop.active(**ADA)
    code = await shop.code_of(card)
    good(await shop.check(card, code))
    good(await shop.post(resent(card)))
    assert (await shop.stored(card)).code_hash is None
    assert (await shop.check(card, code)).status_code == 404


async def test_words_of_the_sender_are_for_this_message_alone(shop: Shop) -> None:
    card = await shop.active(senderName="Charles", customMessage="Happy birthday", **ADA)
    good(await shop.post(resent(card), {"senderName": "Mary", "customMessage": "Once more"}))
    message = (await shop.messages(card))[-1]
    assert (message["sender_name"], message["custom_message"]) == ("Mary", "Once more")
    seen = await shop.look(card)
    assert (seen["senderName"], seen["customMessage"]) == ("Charles", "Happy birthday")


async def test_a_card_without_contacts_has_no_recipient(shop: Shop) -> None:
    card = await shop.active()
    before = await shop.snapshot(card)
    refused = good(await shop.post(resent(card), {"senderName": "Mary"}), 400)
    assert refused["code"] == "no_recipient"
    assert await shop.snapshot(card) == before


@pytest.mark.parametrize(
    ("named", "channel", "recipient", "masked"),
    [
        ({"customerEmail": "bob@elsewhere.example"}, "email", "bob@elsewhere.example", "b***@e***.example"),
        ({"customerPhone": "+44 20 7946 0958"}, "sms", "+442079460958", "+44*****958"),
    ],
)
async def test_a_code_sent_elsewhere_is_told_to_the_cards_own_contact(
    shop: Shop, named: Body, channel: str, recipient: str, masked: str
) -> None:
    card = await shop.active(senderName="Charles", customMessage="Hi", **ADA)
    answer = good(await shop.post(resent(card), named))
    assert (answer["channel"], answer["sentTo"]) == (channel, masked)
    _, *fresh = await shop.messages(card)
    notice = a_code("email", "ada@example.com", kind="code_sent_elsewhere")
    code = a_code(channel, recipient, sender_name="Charles", custom_message="Hi")
    assert sorted((shown(message) for message in fresh), key=lambda message: message["kind"]) == [notice, code]
    seen = await shop.look(card)
    assert (seen["customerEmail"], seen["customerPhone"]) == ("ada@example.com", None)
    latest = (await shop.entries(card))[0]
    assert latest["description"] == f"New security code sent to {masked}"
    (row,) = await shop.rows(
        "SELECT details::text FROM audit_log WHERE subject = $1 AND action = 'card:code-resent'", card["id"]
    )
    assert '"elsewhere": true' in row["details"]
    assert recipient not in row["details"]


async def test_naming_the_cards_own_contact_is_not_elsewhere(shop: Shop) -> None:
    card = await shop.active(**ADA)
    good(await shop.post(resent(card), ADA))
    assert [message["kind"] for message in await shop.messages(card)] == ["security_code"] * 2


async def test_a_card_without_contacts_can_be_sent_elsewhere(shop: Shop) -> None:
    card = await shop.active()
    good(await shop.post(resent(card), ADA))
    (message,) = await shop.messages(card)
    assert shown(message) == a_code("email", "ada@example.com")


# ── not too many ───────────────────────────────────────────────────────────────────────────────────────────────────


def too_many(answer: httpx2.Response, seconds: int) -> None:
    assert good(answer, 429)["code"] == "resend_limit_reached"
    assert seconds - 60 < int(answer.headers["retry-after"]) <= seconds + 1


async def test_three_new_codes_an_hour_are_enough(shop: Shop) -> None:
    card, other = await shop.active(**ADA), await shop.active(**ADA)
    for _ in range(3):
        good(await shop.post(resent(card)))
    before = await shop.snapshot(card), len(await shop.messages(card))
    too_many(await shop.post(resent(card)), 3600)
    too_many(await shop.post(resent(card), {"customerEmail": "bob@elsewhere.example"}), 3600)
    assert (await shop.snapshot(card), len(await shop.messages(card))) == before
    good(await shop.post(resent(other)))
    now = await shop.now()
    await shop.shift(card, codes_sent_at=[now - timedelta(minutes=61), *[now - timedelta(minutes=5)] * 2])
    good(await shop.post(resent(card)))
    too_many(await shop.post(resent(card)), 3300)


async def test_ten_new_codes_a_day_are_enough(shop: Shop) -> None:
    card = await shop.active(**ADA)
    now = await shop.now()
    await shop.shift(card, codes_sent_at=[now - timedelta(hours=23)] + [now - timedelta(hours=2)] * 8)
    good(await shop.post(resent(card)))
    too_many(await shop.post(resent(card)), 3600)
    await shop.shift(card, codes_sent_at=[now - timedelta(hours=25)] + [now - timedelta(hours=2)] * 9)
    good(await shop.post(resent(card)))


async def test_an_issue_is_no_resend(shop: Shop) -> None:
    card = await shop.issue(**ADA)
    for _ in range(3):
        good(await shop.post(resent(card)))


async def test_a_void_stops_what_waits_to_be_sent(shop: Shop) -> None:
    card = await shop.issue(**ADA)
    good(await shop.post(card_path(card, "void"), {"reason": "lost"}))
    assert [message["state"] for message in await shop.messages(card)] == ["superseded"]


async def test_a_resend_leaves_the_delivery_of_another_day_alone(shop: Shop) -> None:
    card = await shop.issue(deliverAt=clock.text(await shop.now() + timedelta(days=1)), **ADA)
    good(await shop.post(resent(card)))
    assert [message["state"] for message in await shop.messages(card)] == ["queued", "queued"]
