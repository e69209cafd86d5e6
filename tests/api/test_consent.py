"""What people agree to: the latest word counts, and every earlier one is kept."""

import asyncio

import pytest
from tests.api.people import Somebody, erased, exported
from tests.api.people_operations import GDPR
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, good
from tests.api.sign_in import a_phone, an_email, on_behalf, signed_in

CONSENT = f"{GDPR}/consent"
LOOKUP = f"{CONSENT}/lookup"


async def agreed(shop: Shop, *purposes: str, **asked: object) -> Body:
    return good(await shop.post(CONSENT, {"purposes": list(purposes), **asked}))


async def test_somebody_agrees_changes_and_withdraws(shop: Shop, fits: Fits, thief: Superuser) -> None:
    email, phone = an_email(), a_phone()
    first = fits(
        "ConsentRecordResponse", await agreed(shop, "news", customerEmail=email.upper(), ipAddress="192.0.2.7")
    )
    assert (first["purposes"], first["ipAddress"], first["updatedAt"], first["expiresAt"]) == (
        ["news"],
        "192.0.2.7",
        None,
        None,
    )
    assert good(await shop.get(f"{CONSENT}/{first['customerId']}")) == first
    assert good(await shop.get(f"{LOOKUP}?customerEmail={email}")) == first
    second = await agreed(shop, "news", "sms", customerEmail=email, customerPhone=phone)
    assert second == first | {"purposes": ["news", "sms"], "ipAddress": None, "updatedAt": second["updatedAt"]}
    assert good(await shop.get(f"{LOOKUP}?customerPhone=%2B{phone[1:]}")) == second
    last = fits("ConsentRecordResponse", good(await shop.post(f"{CONSENT}/{first['customerId']}", {})))
    assert last["purposes"] == []
    assert last["consentedAt"] == first["consentedAt"]
    assert good(await shop.get(f"{LOOKUP}?customerId={first['customerId']}&customerEmail={email}")) == last
    kept = await shop.rows("SELECT purposes FROM consent WHERE customer_id = $1 ORDER BY given_at", last["customerId"])
    assert [row["purposes"] for row in kept] == [["news"], ["news", "sms"], []]
    noted = await shop.rows("SELECT action FROM audit_log WHERE subject = $1 ORDER BY at", last["customerId"])
    assert [row["action"] for row in noted] == ["consent:given", "consent:given", "consent:withdrawn"]


async def test_a_customer_is_known_by_their_own_id(shop: Shop) -> None:
    session = await signed_in(shop)
    own = session["identity"]["id"]
    given = good(await shop.post(f"{CONSENT}/{own}", {"purposes": ["news"]}))
    assert given["customerId"] == own
    assert (await agreed(shop, "sms", customerEmail=session["identity"]["email"]))["customerId"] == own


async def test_who_signs_in_later_takes_their_consent_along(shop: Shop) -> None:
    email = an_email()
    before = await agreed(shop, "news", customerEmail=email)
    session = await signed_in(shop, email)
    own = good(await shop.get(f"{CONSENT}/{session['identity']['id']}"))
    assert own == before | {"customerId": session["identity"]["id"]}


async def test_a_customer_speaks_for_themselves_alone(shop: Shop) -> None:
    session, other = await signed_in(shop), await signed_in(shop)
    mine = on_behalf(session)
    given = good(await shop.post(CONSENT, {"purposes": ["news"]}, headers=mine))
    assert given["customerId"] == session["identity"]["id"]
    assert good(await shop.get(LOOKUP, headers=mine)) == given
    theirs = other["identity"]
    for path in (f"{CONSENT}/{theirs['id']}", f"{LOOKUP}?customerEmail={theirs['email']}"):
        assert good(await shop.get(path, headers=mine), 404)["code"] == "customer_not_found"
    for path in (CONSENT, f"{CONSENT}/{theirs['id']}"):
        body = {"purposes": ["sms"], "customerEmail": theirs["email"]}
        assert good(await shop.post(path, body, headers=mine), 404)["code"] == "customer_not_found"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{CONSENT}/{UNKNOWN}", 404, "consent_not_found"),
        (f"{CONSENT}/whoever", 404, "consent_not_found"),
        (f"{LOOKUP}?customerEmail=nobody.at.all@example.com", 404, "consent_not_found"),
        (LOOKUP, 422, "person_required"),
    ],
)
async def test_who_never_said_anything_is_not_found(shop: Shop, path: str, status: int, code: str) -> None:
    assert good(await shop.get(path), status)["code"] == code


async def test_what_cannot_be_written_down(shop: Shop) -> None:
    assert good(await shop.post(CONSENT, {"purposes": ["news"]}), 422)["code"] == "contact_required"
    assert good(await shop.post(f"{CONSENT}/{UNKNOWN}", {"purposes": []}), 404)["code"] == "customer_not_found"
    for wrong in (
        {"ipAddress": "300.1.1.1"},
        {"ipAddress": "::1%eth0\n"},
        {"purposes": [""]},
        {"purposes": ["x" * 101]},
        {"purposes": ["x"] * 51},
        {"purposes": ["a\x00"]},
        {"customerEmail": "nobody"},
        {"customerPhone": "12"},
    ):
        answer = await shop.post(CONSENT, {"customerEmail": an_email(), **wrong})
        assert answer.status_code == 422, wrong
        assert next(iter(wrong)) in answer.json()["detail"][0]["loc"]


async def test_two_peoples_consents_are_not_mixed(shop: Shop) -> None:
    one, other = an_email(), an_email()
    first = await agreed(shop, "news", customerEmail=one, customerPhone=a_phone())
    second = await agreed(shop, "sms", customerEmail=other)
    wrong = [
        await shop.post(f"{CONSENT}/{first['customerId']}", {"customerEmail": other}),
        await shop.post(CONSENT, {"customerEmail": one, "customerPhone": a_phone()}),
        await shop.get(f"{LOOKUP}?customerEmail={one}&customerId={second['customerId']}"),
        await shop.get(f"{LOOKUP}?customerEmail={one}&customerId=somebody"),
    ]
    assert [(answer.status_code, answer.json().get("code")) for answer in wrong] == [(422, "more_than_one_person")] * 4
    assert good(await shop.get(f"{LOOKUP}?customerEmail={one}")) == first
    assert good(await shop.get(f"{LOOKUP}?customerEmail={other}")) == second


async def test_another_merchants_and_test_modes_consents_are_their_own(shop: Shop) -> None:
    email = an_email()
    given = await agreed(shop, "news", customerEmail=email)
    _, stranger = await shop.stranger()
    for token in (stranger, await shop.key(is_test=True)):
        for path in (f"{CONSENT}/{given['customerId']}", f"{LOOKUP}?customerEmail={email}"):
            assert good(await shop.get(path, token=token), 404)["code"] == "consent_not_found"
        answer = await shop.post(f"{CONSENT}/{given['customerId']}", {"purposes": []}, token=token)
        assert good(answer, 404)["code"] == "customer_not_found"


async def test_two_first_words_at_once_are_one_persons(shop: Shop) -> None:
    email = an_email()
    both = await asyncio.gather(*(agreed(shop, "news", customerEmail=email) for _ in range(8)))
    assert len({one["customerId"] for one in both}) == 1


async def test_after_an_erasure_a_proof_is_left_that_names_nobody(shop: Shop, thief: Superuser) -> None:
    who = Somebody.new()
    given = await agreed(shop, "news", customerEmail=who.email, customerPhone=who.phone, ipAddress="2001:db8::7")
    done = await erased(shop, customerId=given["customerId"])
    rows = await shop.rows("SELECT * FROM consent WHERE erasure_id = $1", done["requestId"])
    assert [(row["purposes"], row["customer_id"], row["email"], row["phone"], row["address"]) for row in rows] == [
        (["news"], None, None, None, None)
    ]
    assert good(await shop.get(f"{CONSENT}/{given['customerId']}"), 404)["code"] == "consent_not_found"
    assert (await exported(shop, customerEmail=who.email))["consents"] == []
    with pytest.raises(Exception, match="what somebody agreed to is never changed"):
        await thief.execute("UPDATE consent SET purposes = '{sms}' WHERE erasure_id = $1", done["requestId"])
