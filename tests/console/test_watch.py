"""Messages, fraud, traffic and the audit log in the console."""

import re
from html import unescape

from tests.api.fraud import alerts
from tests.api.shop import Shop, a_merchant, good
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role
from kado.delivery import samples
from kado.languages.choose import Language


async def failed(shop: Shop, program_id: str) -> str:
    """A message of a new card in this program that was given up; its id."""
    body = {"initialValue": "10.00", "merchantId": shop.merchant_id, "customerEmail": "ada@mail.example"}
    good(await shop.call("POST", f"/v2/giftcards/programs/{program_id}/cards", body), 201)
    async with shop.api.services.database.transaction() as connection:
        return str(
            await connection.fetchval(
                "UPDATE message SET state = 'failed', last_error = 'the mail server refused the recipient (550)',"
                " next_attempt_at = NULL WHERE program_id = $1 RETURNING id",
                program_id,
            )
        )


async def state_of(shop: Shop, message_id: str) -> str:
    async with shop.api.services.database.read() as connection:
        return str(await connection.fetchval("SELECT state FROM message WHERE id = $1", message_id))


async def test_a_message_that_was_given_up_is_sent_again(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    message_id = await failed(shop, program_id)
    here = f"/console/{program_id}/messages"
    page = await owner.get(f"{here}?state=failed")
    assert ("refused the recipient (550)" in page.text, "ada@mail.example" in page.text) == (True, False)
    answer = await owner.send(page, f"{here}/{message_id}/again")
    assert (await owner.follow(answer)).status_code == 200
    assert await state_of(shop, message_id) == "queued"


async def test_no_message_of_another_program_is_sent_again(owner: Person, shop: Shop) -> None:
    mine, other = await shop.program(), await shop.program()
    message_id = await failed(shop, other)
    forged = f"/console/{mine}/messages/{message_id}/again"
    assert forged not in forms_of(await owner.get(f"/console/{mine}/messages"))
    token = await failed(shop, mine)
    page = await owner.get(f"/console/{mine}/messages")
    form = forms_of(page)[f"/console/{mine}/messages/{token}/again"]
    assert (await owner.post(forged, form)).status_code == 403
    assert await state_of(shop, message_id) == "failed"


async def test_each_kind_of_message_is_shown_in_each_language_and_can_do_nothing(owner: Person, shop: Shop) -> None:
    here = f"/console/{shop.program_id}/messages/preview"
    for language in Language:
        page = await owner.get(f"{here}?in={language}")
        manner = samples.manner(language)
        assert all(samples.subject(kind, manner) in unescape(page.text) for kind in samples.KINDS)
    for kind in samples.KINDS:
        alone = await owner.get(f"{here}/{kind}?in=de")
        assert alone.status_code == 200
        policy = alone.headers["content-security-policy"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    assert (await owner.get(f"{here}/no-such-kind")).status_code == 404


async def test_a_test_mail_says_what_the_mail_server_said(owner: Person, shop: Shop) -> None:
    here = f"/console/{shop.program_id}/messages/preview"
    page = await owner.fill(here)
    assert page.status_code == 200
    assert "The mail did not leave" in page.text or "took the mail" in page.text
    manager = await signed_in(shop, await hired(shop, Role.MANAGER))
    assert here not in forms_of(await manager.get(here))


async def test_an_address_is_blocked_and_let_go_and_nobody_locks_themselves_out(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/fraud"
    for typed in (
        {"ipAddress": "x", "reason": "y"},
        {"ipAddress": "203.0.113.9"},
        {"ipAddress": owner.address, "reason": "me"},
    ):
        answer = await owner.fill(here, f"{here}/block", **typed)
        assert (answer.status_code, re.search('id="[a-zA-Z]+-problem"', answer.text) is not None) == (422, True), typed
    await owner.fill(here, f"{here}/block", ipAddress="203.0.113.9", reason="guesses")
    listed = good(await shop.call("GET", f"/v2/giftcards/programs/{program_id}/fraud/blocked-ips"))
    assert [one["ipAddress"] for one in listed["items"]] == ["203.0.113.9"]
    await owner.fill(here, f"{here}/unblock")
    listed = good(await shop.call("GET", f"/v2/giftcards/programs/{program_id}/fraud/blocked-ips"))
    assert listed["items"] == []


async def test_a_rule_is_switched_off_and_keeps_all_else(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    path = f"/v2/giftcards/programs/{program_id}/fraud/rules"
    before = good(await shop.call("GET", path))["items"][0]
    here = f"/console/{program_id}/fraud/rules"
    assert (await owner.fill(here, f"{here}/{before['id']}/switch")).status_code == 303
    after = good(await shop.call("GET", path))["items"][0]
    assert (after["isActive"], after["config"], after["name"]) == (False, before["config"], before["name"])


async def test_an_alert_is_looked_at_and_its_card_paused(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    path = f"/v2/giftcards/programs/{program_id}/fraud"
    config = {"scope": "card", "windowMinutes": 60, "maxCount": 1}
    rule = {"name": "Any", "description": "x", "ruleType": "VELOCITY_LIMIT", "action": "block", "config": config}
    made = await shop.call("POST", f"{path}/rules", rule)
    assert made.status_code == 201, made.text
    card = await shop.active("10.00", program_id=program_id)
    one = f"/v2/giftcards/programs/{program_id}/cards/{card['id']}"
    for _ in range(3):
        await shop.redeem(card)
    (alert,) = [one for one in await alerts(shop, program_id) if one["ruleName"] == "Any"]
    here = f"/console/{program_id}/fraud"
    action = f"{here}/alerts/{alert['id']}"
    wrong = await owner.fill(here, action, verdict="nothing", notes="\x00")
    assert wrong.status_code == 422
    assert (await owner.fill(here, action, verdict="suspend", notes="stolen")).status_code == 303
    assert good(await shop.call("GET", one))["status"] == "suspended"
    assert action not in forms_of(await owner.get(here))
    assert "stolen" in (await owner.get(f"{here}?all=yes")).text


async def test_traffic_as_usual_says_so(owner: Person, shop: Shop) -> None:
    assert "Everything is as usual." in (await owner.get(f"/console/{shop.program_id}/anomalies")).text


async def test_the_audit_log_is_searched_and_taken_as_a_file(owner: Person, shop: Shop) -> None:
    await shop.program(name="Found in the log")
    page = await owner.get("/console/audit?action=program:created&subjectName=found+in")
    assert ("<code>program:created</code>" in page.text, "Found in the log" in page.text) == (True, True)
    assert "Nothing fits." in (await owner.get("/console/audit?action=no:such")).text
    assert (await owner.get("/console/audit?from=x")).status_code == 422
    ordered = await owner.send(page, "/console/audit/export", format="csv")
    waiting = await owner.follow(ordered)
    for _ in range(100):
        if found := re.search(r'href="([^"]+/file/[^"]+)"', waiting.text):
            break
        waiting = await owner.follow(ordered)
    assert found is not None
    file = await owner.get(unescape(found[1]))
    assert (file.status_code, file.headers["content-type"].partition(";")[0]) == (200, "text/csv")
    assert ("Found in the log" in file.text, "program:updated" in file.text) == (True, False)


async def test_a_cashier_sees_what_they_did_themselves_and_no_other_shop_is_there(shop: Shop) -> None:
    cashier = await signed_in(shop, await hired(shop, Role.CASHIER))
    page = await cashier.get("/console/audit")
    assert (page.status_code, "program:created" in page.text, "/console/audit/export" in forms_of(page)) == (
        200,
        False,
        False,
    )
    other = await a_merchant(shop.api, "A Shop Apart")
    foreigner = await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))
    assert "program:created" not in (await foreigner.get("/console/audit")).text
