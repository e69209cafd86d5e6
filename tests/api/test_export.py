"""What is known of somebody, as a file: all of it, to whoever may have it, and for an hour."""

import csv
import io
from datetime import timedelta

import pytest
from tests.api.bulk import a_task
from tests.api.people import Somebody, exported
from tests.api.people_operations import GDPR
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, card_path, good
from tests.api.sign_in import an_email, on_behalf, signed_in

from kado.access.permissions import Role
from kado.people.known import SECTIONS


async def wanted(shop: Shop, *, token: str = "", **asked: object) -> Body:
    return good(await shop.post(f"{GDPR}/export", {"format": "json", **asked}, token=token))


def download(made: Body, more: str = "", *, form: str = "json") -> str:
    return f"{GDPR}/download?exportId={made['exportId']}&format={form}{more}"


async def test_everything_that_is_known_is_in_the_file(shop: Shop, fits: Fits) -> None:
    who = Somebody.new()
    session = await signed_in(shop, who.email.lower())
    card = await shop.active("100.00", **who.contacts)
    good(await shop.redeem(card, "30.00", more={"description": f"for {who.name}", "referenceId": "order 7"}))
    hold = await shop.hold(card, "5.00", description="until Friday")
    other = await shop.active("8.00", customerEmail="ada@example.com")
    good(await shop.post(card_path(other, "resend-code"), {"customerEmail": who.email}))
    task = await a_task(shop, count=None, recipients=[{**who.contacts}] + [{"customerEmail": an_email()}] * 50)
    good(await shop.post(f"{GDPR}/consent", {"customerEmail": who.email, "purposes": ["news"], "ipAddress": "::1"}))
    good(await shop.post(card_path(card, "suspend"), {"reason": f"{who.name} called"}))

    made = fits("ExportCustomerDataResponse", await wanted(shop, customerEmail=who.email))
    lasts = await shop.rows(
        "SELECT expires_at - requested_at AS time, person FROM person_export WHERE id = $1", made["exportId"]
    )
    assert lasts[0]["time"] == timedelta(hours=1)
    assert who.email.lower().encode() not in lasts[0]["person"]
    assert made["downloadUrl"].endswith(download(made))
    answer = await shop.get(download(made))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = good(answer)
    assert list(said) == ["person", *SECTIONS]
    assert said["person"]["customerId"] == session["identity"]["id"]
    assert [one["email"] for one in said["customers"]] == [who.email.lower()]
    assert [one["customerId"] for one in said["sessions"]] == [session["identity"]["id"]]
    (shown,) = said["cards"]
    assert shown["cardNumber"] == f"**** {card['lastFourDigits']}"
    assert {name: shown[name] for name in ("balance", "customMessage", "suspendedReason")} == {
        "balance": "70.00",
        "customMessage": who.contacts["customMessage"],
        "suspendedReason": f"{who.name} called",
    }
    assert [one["amount"] for one in said["transactions"]] == ["0.00", "100.00", "-30.00"]
    assert said["transactions"][-1]["description"] == f"for {who.name}"
    assert [(one["id"], one["amount"], one["description"]) for one in said["holds"]] == [
        (hold["id"], "5.00", "until Friday")
    ]
    assert {one["cardId"] for one in said["messages"]} == {card["id"], other["id"]}
    assert [(one["purposes"], one["ipAddress"]) for one in said["consents"]] == [(["news"], "::1")]
    assert [(one["taskId"], one["customerName"]) for one in said["bulkRecipients"]] == [(task, who.name)]
    assert {"card:suspended", "consent:given"} <= {one["action"] for one in said["auditLog"]}
    assert {one["actor"] for one in said["auditLog"]} <= {"key", "front-end", "customer"}
    assert card["cardNumber"] not in answer.text


async def test_the_same_as_a_table_has_no_formulas(shop: Shop) -> None:
    email = an_email()
    evil = '=HYPERLINK("http://x.example","a")'
    card = await shop.active(customerEmail=email, customerName=evil, senderName="+1+cmd|' /C calc'!A0")
    good(await shop.redeem(card, "30.00", more={"description": '@SUM(1),"x"\n-2'}))
    made = await wanted(shop, customerEmail=email, format="csv")
    answer = await shop.get(download(made, form="csv"))
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="person-{made["exportId"]}.csv"'
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == ["section", "record", "field", "value"]
    facts = {(section, record, field): value for section, record, field, value in rows[1:]}
    assert facts["cards", "1", "customerName"] == f"'{evil}"
    assert facts["cards", "1", "senderName"] == "'+1+cmd|' /C calc'!A0"
    assert facts["transactions", "3", "amount"] == "-30.00"
    assert facts["transactions", "3", "description"] == '\'@SUM(1),"x"\n-2'
    assert not any(cell[:1] in ("=", "@") for row in rows for cell in row)


async def test_of_nobody_nothing_is_known(shop: Shop) -> None:
    unknown: list[Body] = [{"customerEmail": an_email()}, {"customerId": UNKNOWN}, {"customerId": "' OR 1=1"}]
    for asked in unknown:
        said = await exported(shop, **asked)
        assert [said[section] for section in SECTIONS] == [[]] * len(SECTIONS)


async def test_many_cards_are_all_there(shop: Shop) -> None:
    email = an_email()
    cards = [await shop.issue("1.00", customerEmail=email) for _ in range(55)]
    said = await exported(shop, customerEmail=email.upper())
    assert sorted(one["id"] for one in said["cards"]) == sorted(card["id"] for card in cards)
    assert len(said["transactions"]) == 55


@pytest.mark.parametrize("wrong", ["merchant", "mode", "format", "person", "id", "no id", "over", "admitted"])
async def test_a_file_is_there_only_for_who_asked_and_as_asked(shop: Shop, thief: Superuser, wrong: str) -> None:
    email = an_email()
    await shop.active(customerEmail=email)
    made = await wanted(shop, customerEmail=email)
    path, token = download(made, f"&customerEmail={email.upper()}"), ""
    good(await shop.get(path))
    nowhere = await shop.get(download({"exportId": UNKNOWN}))
    match wrong:
        case "merchant":
            _, token = await shop.stranger()
        case "admitted":
            _, token = await shop.admitted()
        case "mode":
            token = await shop.key(is_test=True)
        case "format":
            path = download(made, form="csv")
        case "person":
            path = download(made, f"&customerEmail={an_email()}")
        case "id":
            path = download({"exportId": UNKNOWN})
        case "no id":
            path = download({"exportId": "..%2f..%2fetc"})
        case "over":
            await thief.execute(
                "UPDATE person_export SET expires_at = clock_timestamp() WHERE id = $1", made["exportId"]
            )
    answer = await shop.get(path, token=token)
    assert (answer.status_code, answer.json()["code"]) == (404, "export_not_found")
    assert answer.content == nowhere.content


async def test_other_merchants_cards_are_not_in_it(shop: Shop) -> None:
    email = an_email()
    merchant_id, stranger = await shop.stranger()
    program = good(await shop.post("/v2/programs", {"name": "Books"}, token=stranger), 201)["id"]
    await shop.issue(program_id=program, token=stranger, merchantId=merchant_id, customerEmail=email)
    admitted_id, admitted = await shop.admitted()
    ours = await shop.issue(token=admitted, merchantId=admitted_id, customerEmail=email)
    await shop.issue(token=await shop.key(is_test=True), customerEmail=email)
    assert (await exported(shop, token=admitted, customerEmail=email))["cards"] == []
    assert [one["id"] for one in (await exported(shop, customerEmail=email))["cards"]] == [ours["id"]]


async def test_a_customer_gets_their_own_and_nobody_elses(shop: Shop) -> None:
    session, other = await signed_in(shop), await signed_in(shop)
    card = await shop.active(customerEmail=session["identity"]["email"])
    for asked in ({"customerId": other["identity"]["id"]}, {"customerEmail": other["identity"]["email"]}):
        answer = await shop.post(f"{GDPR}/export", {"format": "json", **asked}, headers=on_behalf(session))
        assert good(answer, 404)["code"] == "customer_not_found"
    said = await exported(shop, headers=on_behalf(session))
    assert [one["id"] for one in said["cards"]] == [card["id"]]
    made = await wanted(shop, customerEmail=session["identity"]["email"])
    good(await shop.get(download(made), headers=on_behalf(session)))
    assert good(await shop.get(download(made), headers=on_behalf(other)), 404)["code"] == "export_not_found"


async def test_a_look_is_written_down_without_whom_it_was_about(shop: Shop) -> None:
    who = Somebody.new()
    made = await wanted(shop, customerEmail=who.email, token=await shop.key(Role.MANAGER))
    good(await shop.get(download(made)))
    rows = await shop.rows(
        "SELECT action, actor, details FROM audit_log WHERE subject = $1 ORDER BY at", made["exportId"]
    )
    assert [row["action"] for row in rows] == ["person:export-requested", "person:exported"]
    assert rows[0]["actor"] != rows[1]["actor"]
    assert not any(word in str(rows).lower() for word in who.words)


async def test_who_had_the_card_before_is_not_in_the_file(shop: Shop) -> None:
    before, now = Somebody.new(), an_email()
    card = await shop.active("50.00", **before.contacts)
    given = {"newOwnerName": "Ada Lovelace", "newOwnerEmail": now}
    good(await shop.post(card_path(card, "transfer-ownership"), given))
    session = await signed_in(shop, now)
    said = await exported(shop, headers=on_behalf(session))
    assert len(said["messages"]) == 3
    assert {one["recipient"] for one in said["messages"]} == {None, now}
    shown = str(said).lower()
    assert [word for word in before.words if word in shown] == []
    theirs = await exported(shop, customerEmail=before.email)
    assert {one["recipient"] for one in theirs["messages"]} == {before.email.partition("@")[0] + "@example.com"}
