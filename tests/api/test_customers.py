"""Customers sign in with a code that came by mail or text message: through their merchant's front end, for a day."""

import asyncio
import json
import re
from collections import Counter

import httpx2
import pytest
from tests.api.serving import serving
from tests.api.shop import Body, Fits, Shop, Superuser, an_address, good
from tests.api.sign_in import (
    LOGOUT,
    SEND,
    SESSION,
    VERIFY,
    a_phone,
    an_email,
    code_for,
    on_behalf,
    other_than,
    sent_to,
    signed_in,
    verified,
)

from kado.access import keys
from kado.access.permissions import Permission, Role
from kado.access.signatures import sign
from kado.settings import Settings

# ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("target", "channel"), [(an_email(), "email"), (a_phone(), "sms")])
async def test_a_code_is_sent_by_the_way_that_the_target_has(
    shop: Shop, fits: Fits, thief: Superuser, target: str, channel: str
) -> None:
    said = fits("SendOTPResponse", await sent_to(shop, target))
    assert said == {
        "success": True,
        "message": "A code is on its way.",
        "error": None,
        "otpType": channel,
        "mockCode": None,
    }
    row = await thief.fetchrow("SELECT * FROM customer_otp WHERE target = $1", target)
    assert row is not None
    assert (row["channel"], row["state"], row["code_hash"]) == (channel, "queued", None)
    jobs = await thief.fetch("SELECT convert_from(payload, 'UTF8') AS job FROM pgqueuer WHERE entrypoint = 'send_otp'")
    assert row["id"] in [json.loads(row["job"])["otp"] for row in jobs]


@pytest.mark.parametrize(
    "target", ["Ada", "ada@", "@example.com", "0151 123", "+49", "a@b@c.de", "٠١٥", "+4930 x", " "]
)
async def test_a_target_that_is_neither_address_nor_number_is_refused(shop: Shop, target: str) -> None:
    said = good(await shop.post(SEND, {"target": target}), 400)
    assert (said["success"], said["code"]) == (False, "bad_target")
    assert said["error"] == said["detail"]


@pytest.mark.parametrize("path", [SEND, VERIFY, LOGOUT, SESSION])
@pytest.mark.parametrize("wrong", ["", "x" * 256, "a\u0000b", 7, None, ["x"], {}])
async def test_what_is_no_text_is_a_wrong_field_and_is_not_shown(shop: Shop, path: str, wrong: object) -> None:
    name = "target" if "otp" in path else "sessionToken"
    answer = await shop.post(path, {"code": "123456", name: wrong})
    errors = good(answer, 422)["detail"]
    assert [error["loc"] for error in errors] == [["body", name]]
    assert "input" not in errors[0]


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", "١٢٣٤٥٦", "123456\n", "", 123456, None])
async def test_a_code_is_six_digits(shop: Shop, code: object) -> None:
    errors = good(await shop.post(VERIFY, {"target": an_email(), "code": code}), 422)["detail"]
    assert {tuple(error["loc"]) for error in errors} == {("body", "code")}
    assert all("input" not in error for error in errors)


async def test_five_codes_an_hour_go_to_a_target_and_ten_a_day(shop: Shop, thief: Superuser) -> None:
    target = an_email()
    for _ in range(5):
        await sent_to(shop, target)
    answer = await shop.post(SEND, {"target": target.upper()})
    assert good(answer, 429)["code"] == "otp_limit_reached"
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    await sent_to(shop, an_email())
    earlier = (
        "UPDATE attempt SET failed_at = ARRAY(SELECT t - interval '{}' FROM unnest(failed_at) t ORDER BY t)"
        " WHERE kind = 'otp-target'"
    )
    await thief.execute(earlier.format("61 minutes"))
    for _ in range(5):
        await sent_to(shop, target)
    await thief.execute(earlier.format("61 minutes"))
    answer = await shop.post(SEND, {"target": target})
    assert good(answer, 429)["code"] == "otp_limit_reached"
    assert 20 * 3600 < int(answer.headers["retry-after"]) <= 24 * 3600
    await thief.execute(earlier.format("23 hours"))
    await sent_to(shop, target)


async def test_one_mailbox_in_many_spellings_is_one_target(shop: Shop) -> None:
    box = an_email().partition("@")[0]
    for spelling in (box, f"{box}+1", f"{box}+1+2", f"{box[0]}.{box[1:]}", f"{box[:3]}.{box[3:]}+x"):
        await sent_to(shop, f"{spelling}@example.com")
    for spelling in (box.upper(), f"{box}+99"):
        assert (await shop.post(SEND, {"target": f"{spelling}@example.com"})).status_code == 429
    await sent_to(shop, f"{box}@example.org")


async def test_limits_are_shared_by_processes_and_survive_a_restart(
    shop: Shop, app_settings: Settings, shared_database_url: str
) -> None:
    target = an_email()
    for _ in range(3):
        await sent_to(shop, target)
    async with serving(app_settings, shared_database_url) as second:
        headers = {"Authorization": f"Bearer {shop.owner}"}
        sent = [await second.client.post(SEND, json={"target": target}, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in sent] == [200, 200, 429]
    assert (await shop.post(SEND, {"target": target})).status_code == 429


async def test_another_merchant_has_limits_of_its_own(shop: Shop) -> None:
    target = an_email()
    for _ in range(5):
        await sent_to(shop, target)
    _, stranger = await shop.stranger()
    await sent_to(shop, target, token=stranger)


async def test_codes_that_nobody_uses_slow_an_address_and_a_merchant_down(shop: Shop, thief: Superuser) -> None:
    _, token = await shop.stranger()
    address = {"X-Forwarded-For": an_address()}
    await sent_to(shop, an_email(), token=token, headers=address)
    filled = (
        "UPDATE attempt SET failed_at = ARRAY(SELECT clock_timestamp() - n * interval '1 second'"
        " FROM generate_series(1, {}) n ORDER BY n DESC) || failed_at WHERE kind = '{}' AND cardinality(failed_at) = {}"
    )
    await thief.execute(filled.format(98, "otp-address", 1))
    used = an_email()
    await sent_to(shop, used, token=token, headers=address)  # the hundredth
    refused = await shop.post(SEND, {"target": an_email()}, token=token, headers=address)
    assert good(refused, 429)["code"] == "otp_limit_reached"
    good(await verified(shop, used, await code_for(shop, used), token=token))  # one is used: it counts no more
    await sent_to(shop, an_email(), token=token, headers=address)
    await thief.execute(filled.format(298, "otp-merchant", 2))
    elsewhere = {"X-Forwarded-For": an_address()}
    assert (await shop.post(SEND, {"target": an_email()}, token=token, headers=elsewhere)).status_code == 429
    await sent_to(shop, an_email())  # another merchant's customers are served


# ── verifying ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_right_code_signs_in(shop: Shop, fits: Fits, thief: Superuser) -> None:
    await sent_to(shop, "Ada.Lovelace@Example.COM")
    target = "ada.lovelace@example.com"
    code = await code_for(shop, target)
    answer = await verified(shop, target.upper(), code, more={"name": "Ada Lovelace"})
    said = fits("VerifyOTPResponse", good(answer))
    assert answer.headers["cache-control"] == "no-store"
    assert (said["success"], said["error"], said["verifiedTarget"], said["otpType"]) == (True, None, target, "email")
    assert len(said["sessionToken"]) == 43
    identity = said["identity"]
    assert (identity["email"], identity["phone"], identity["name"]) == (target, None, "Ada Lovelace")
    assert (identity["verified"], identity["trustLevel"]) == (True, "verified")
    stored = await thief.fetchrow("SELECT * FROM customer WHERE id = $1", identity["id"])
    assert stored is not None
    assert (stored["merchant_id"], stored["is_test"], stored["logins"]) == (shop.merchant_id, False, 1)
    assert identity["verifiedAt"][:19] == stored["verified_at"].isoformat()[:19]


async def test_a_number_is_known_in_one_form(shop: Shop) -> None:
    target = a_phone()
    typed = f"{target[:3]} ({target[3:6]}) {target[6:9]}-{target[9:]}"
    await sent_to(shop, typed)
    said = good(await verified(shop, typed, await code_for(shop, target)))
    assert (said["verifiedTarget"], said["otpType"], said["identity"]["phone"]) == (target, "sms", target)


async def test_a_customer_is_found_again_and_keeps_the_name(shop: Shop, thief: Superuser) -> None:
    target = an_email()
    ids = set()
    for name in ("Ada", "Mallory"):
        await sent_to(shop, target)
        said = good(await verified(shop, target, await code_for(shop, target), more={"name": name}))
        ids.add(said["identity"]["id"])
        assert said["identity"]["name"] == "Ada"
    (customer,) = ids
    row = await thief.fetchrow(
        "SELECT logins, last_login_at > created_at AS later FROM customer WHERE id = $1", customer
    )
    assert row is not None
    assert (row["logins"], row["later"]) == (2, True)
    audited = await thief.fetch("SELECT action FROM audit_log WHERE subject = $1 ORDER BY at, action", customer)
    assert [row["action"] for row in audited] == ["customer:created", "customer:signed-in", "customer:signed-in"]


def refused(answer: httpx2.Response) -> tuple[bytes, list[tuple[str, str]]]:
    """What a refusal tells: everything but request id and date."""
    said = good(answer, 400)
    assert (said["success"], said["code"]) == (False, "otp_not_valid")
    assert said["error"] == said["detail"]
    headers = [pair for pair in sorted(answer.headers.items()) if pair[0] not in ("date", "x-request-id")]
    return answer.content, headers


async def test_every_failure_tells_the_same(shop: Shop, thief: Superuser) -> None:
    targets = {name: an_email() for name in ("wrong", "over", "used", "tried", "unsent", "replaced", "not sent yet")}
    codes = {}
    for name, target in targets.items():
        if name != "unsent":
            await sent_to(shop, target)
        if name not in ("unsent", "not sent yet"):
            codes[name] = await code_for(shop, target)
    await thief.execute("UPDATE customer_otp SET expires_at = clock_timestamp() WHERE target = $1", targets["over"])
    good(await verified(shop, targets["used"], codes["used"]))
    tried = [await verified(shop, targets["tried"], other_than(codes["tried"])) for _ in range(3)]
    await sent_to(shop, targets["replaced"])
    if (fresh := await code_for(shop, targets["replaced"])) == codes["replaced"]:
        codes["replaced"] = other_than(fresh)
    codes |= {"wrong": other_than(codes["wrong"]), "unsent": "123456", "not sent yet": "000000"}
    told = {name: refused(await verified(shop, target, codes[name])) for name, target in targets.items()}
    told |= {"no target": refused(await verified(shop, "nobody", "123456"))}
    told |= {str(at): refused(answer) for at, answer in enumerate(tried)}
    assert len(set(map(str, told.values()))) == 1, told
    good(await verified(shop, targets["replaced"], fresh))


async def test_sixty_tries_at_once_get_three_comparisons(shop: Shop, thief: Superuser) -> None:
    target = an_email()
    await sent_to(shop, target)
    code = await code_for(shop, target)
    wrong = other_than(code)
    answers = await asyncio.gather(*(verified(shop, target, wrong) for _ in range(60)))
    # On a busy machine some wait for a connection until they are told to come back.
    assert {400} <= {answer.status_code for answer in answers} <= {400, 503}
    assert await thief.fetchval("SELECT tries FROM customer_otp WHERE target = $1", target) == 3
    refused(await verified(shop, target, code))


async def test_of_many_right_codes_at_once_one_signs_in(shop: Shop) -> None:
    target = an_email()
    await sent_to(shop, target)
    code = await code_for(shop, target)
    answers = await asyncio.gather(*(verified(shop, target, code) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 9}


async def test_two_sendings_at_once_leave_one_code(shop: Shop, thief: Superuser) -> None:
    target = an_email()
    await asyncio.gather(*(sent_to(shop, target) for _ in range(5)))
    assert await thief.fetchval("SELECT count(*) FROM customer_otp WHERE target = $1", target) == 1
    answers = await asyncio.gather(*(shop.post(SEND, {"target": target}) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {429}
    good(await verified(shop, target, await code_for(shop, target)))


async def test_a_code_is_good_at_the_desk_that_sent_it(shop: Shop) -> None:
    target, test_key = an_email(), await shop.key(is_test=True)
    _, stranger = await shop.stranger()
    await sent_to(shop, target)
    code = await code_for(shop, target)
    refused(await verified(shop, target, code, token=stranger))
    refused(await verified(shop, target, code, token=test_key))
    good(await verified(shop, target, code))


# ── test mode ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_in_test_mode_the_code_is_shown_and_nothing_is_sent(shop: Shop, thief: Superuser) -> None:
    target, test_key = an_email(), await shop.key(is_test=True)
    jobs = await thief.fetchval("SELECT count(*) FROM pgqueuer")
    said = await sent_to(shop, target, token=test_key)
    assert re.fullmatch("[0-9]{6}", said["mockCode"])
    assert await thief.fetchval("SELECT count(*) FROM pgqueuer") == jobs
    tested = good(await verified(shop, target, said["mockCode"], token=test_key))
    lived = await signed_in(shop, target)
    assert tested["identity"]["id"] != lived["identity"]["id"]


# ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def seen(shop: Shop, session: Body | str, **options: str) -> Body:
    token = session if isinstance(session, str) else session["sessionToken"]
    return good(await shop.post(SESSION, {"sessionToken": token}, **options))


async def test_a_session_says_whose_it_is(shop: Shop, fits: Fits, thief: Superuser) -> None:
    session = await signed_in(shop)
    assert fits("SessionResponse", await seen(shop, session)) == {"valid": True, "identity": session["identity"]}
    row = await thief.fetchrow(
        "SELECT expires_at - created_at AS life, token_hash FROM customer_session WHERE customer_id = $1",
        session["identity"]["id"],
    )
    assert row is not None
    assert row["life"].total_seconds() == 24 * 3600


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 128, "é" * 43, "eyJhbGciOiJIUzI1NiJ9.e30.x"])
async def test_a_token_that_names_no_session_is_not_valid(shop: Shop, token: str) -> None:
    assert await seen(shop, token) == {"valid": False, "identity": None}
    assert good(await shop.post(LOGOUT, {"sessionToken": token}))["success"] is True


async def test_a_session_is_unknown_to_other_merchants_and_in_the_other_mode(shop: Shop) -> None:
    session = await signed_in(shop)
    _, stranger = await shop.stranger()
    for token in (stranger, await shop.key(is_test=True)):
        assert await seen(shop, session, token=token) == {"valid": False, "identity": None}
        good(await shop.post(LOGOUT, {"sessionToken": session["sessionToken"]}, token=token))
    assert (await seen(shop, session))["valid"] is True


async def test_who_signs_out_is_out_at_once(shop: Shop, fits: Fits) -> None:
    session, other = await signed_in(shop), await signed_in(shop)
    assert (await seen(shop, session))["valid"] is True
    for _ in range(2):
        said = good(await shop.post(LOGOUT, {"sessionToken": session["sessionToken"]}, headers=on_behalf(session)))
        assert fits("LogoutResponse", said)["success"] is True
    assert (await seen(shop, session))["valid"] is False
    answer = await shop.get("/v2/giftcards/customer/reports", headers=on_behalf(session))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session_token")
    assert (await seen(shop, other))["valid"] is True


async def test_a_session_outlives_the_process_and_ends_after_its_day(
    shop: Shop, thief: Superuser, app_settings: Settings, shared_database_url: str
) -> None:
    session = await signed_in(shop)
    body, headers = {"sessionToken": session["sessionToken"]}, {"Authorization": f"Bearer {shop.owner}"}
    async with serving(app_settings, shared_database_url) as restarted:
        assert (await restarted.client.post(SESSION, json=body, headers=headers)).json()["valid"] is True
    await thief.execute(
        "UPDATE customer_session SET expires_at = clock_timestamp() WHERE customer_id = $1", session["identity"]["id"]
    )
    async with serving(app_settings, shared_database_url) as restarted:
        assert (await restarted.client.post(SESSION, json=body, headers=headers)).json()["valid"] is False


# ── who may ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def signature(shop: Shop, path: str, body: bytes) -> dict[str, str]:
    services = shop.api.services
    made = await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
    value = sign(made.secret, made.key_id, "POST", path, body, (await shop.now()).timestamp())
    return {"X-Kado-Signature": value, "Content-Type": "application/json"}


async def test_a_trusted_front_end_signs_customers_in_and_out(shop: Shop) -> None:
    target = an_email()

    async def signed(path: str, said: Body) -> Body:
        body = json.dumps(said).encode()
        headers = await signature(shop, path, body)
        return good(await shop.post(path, content=body, headers=headers, token=None))

    assert (await signed(SEND, {"target": target}))["mockCode"] is None
    session = await signed(VERIFY, {"target": target, "code": await code_for(shop, target)})
    named = {"sessionToken": session["sessionToken"]}
    assert (await signed(SESSION, named))["valid"] is True
    assert (await seen(shop, session))["valid"] is True  # the same customer to the merchant's bearer
    await signed(LOGOUT, named)
    assert (await seen(shop, session))["valid"] is False


async def test_a_signature_is_of_this_body(shop: Shop) -> None:
    body, other = b'{"target": "ada@example.com"}', b'{"target": "eve@example.com"}'
    headers = await signature(shop, SEND, body)
    answer = await shop.post(SEND, content=other, headers=headers, token=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    answer = await shop.post(SEND, content=other, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")


@pytest.mark.parametrize("path", [SEND, VERIFY, LOGOUT, SESSION])
async def test_it_takes_the_right_to_sign_customers_in(shop: Shop, path: str) -> None:
    body = {"target": an_email(), "code": "123456", "sessionToken": "x"}
    for token in (await shop.key(Role.READ_ONLY), await shop.key(scopes=[Permission.CARDS_READ])):
        said = good(await shop.post(path, body, token=token), 403)
        assert said["permission"] == Permission.CUSTOMERS_SIGN_IN
    till = await shop.post(path, body, token=await shop.key(Role.CASHIER))
    assert till.status_code == (400 if path == VERIFY else 200)
