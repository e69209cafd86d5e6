"""Signing in to the console: password, second factor, what the browser keeps, and how it ends."""

import base64
import re
from datetime import timedelta
from html import unescape

import pytest
from tests.api.serving import PUBLIC_URL
from tests.api.shop import PASSWORD, Shop
from tests.console.person import SIGN_IN, Person, forms_of, hired, signed_in

from kado.access import sessions, staff, tokens, totp
from kado.access.permissions import Role
from kado.doors.console.cookie import TOKEN

FACTOR = "/console/account/second-factor"


async def test_the_cookie_is_kept_from_scripts_other_sites_and_the_rest_of_the_server(shop: Shop) -> None:
    assert PUBLIC_URL.startswith("https://")
    person = Person(shop.api)
    email = await hired(shop, Role.CASHIER)
    answer = await person.fill(SIGN_IN, email=f" {email.upper()} ", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    facts = [part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]]
    assert set(facts) == {"httponly", "path=/console", "samesite=lax", "secure"}
    assert person.token not in (await person.get("/console/account")).text


async def test_a_wrong_password_is_told_in_the_readers_words_and_not_repeated(shop: Shop) -> None:
    person, email = Person(shop.api), await hired(shop, Role.CASHIER)
    page = await person.get(SIGN_IN)
    answer = await person.send(page, SIGN_IN, email=email, password="not the password")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "The email address or the password is wrong." in answer.text
    assert email in answer.text
    assert "not the password" not in answer.text
    german = await person.post(
        SIGN_IN, forms_of(page)[SIGN_IN] | {"email": email, "password": "x"}, Accept_Language="de"
    )
    assert "Die E-Mail-Adresse oder das Passwort ist falsch." in german.text
    nobody = await person.send(page, SIGN_IN, email="nobody@flowers.example", password="x")
    assert (nobody.status_code, "The email address or the password is wrong." in nobody.text) == (401, True)


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/console/account", "/console/account"),
        ("//evil.example", "/console"),
        ("https://evil.example/console/", "/console"),
        ("/console/\\evil", "/console"),
        ("/v2/token", "/console"),
        ("/console/" + "x" * 600, "/console"),
        ("/console/\r\nSet-Cookie: a=b", "/console"),
    ],
)
async def test_who_signs_in_is_led_to_pages_of_the_console_only(shop: Shop, wanted: str, led: str) -> None:
    person, email = Person(shop.api), await hired(shop, Role.CASHIER)
    answer = await person.fill(SIGN_IN, email=email, password=PASSWORD, next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, led)


async def test_a_second_factor_is_set_up_shown_and_asked_for(shop: Shop) -> None:
    person = await signed_in(shop, await hired(shop, Role.MANAGER))
    begun = await person.fill(FACTOR)
    assert begun.status_code == 200
    seed = base64.b32decode(forms_of(begun)[f"{FACTOR}/confirm"]["seed"] + "===" * 0 + _padding(begun.text))
    wrong = await person.send(begun, f"{FACTOR}/confirm", code="000000", password=PASSWORD)
    assert (wrong.status_code, "<svg" in wrong.text) == (401, True)
    done = await person.send(wrong, f"{FACTOR}/confirm", code=await _code(shop, seed), password=PASSWORD)
    codes = re.findall(r"<code>([A-Z2-7-]{23})</code>", done.text)
    assert (done.status_code, len(codes)) == (200, 10)
    again = Person(shop.api)
    half = await again.fill(SIGN_IN, email=person.email, password=PASSWORD)
    assert (half.status_code, TOKEN in again.cookies) == (200, False)
    refused = await again.send(half, SIGN_IN, code="AAAAA-AAAAA-AAAAA-AAAAA")
    assert (refused.status_code, TOKEN in again.cookies) == (401, False)
    answer = await again.send(refused, SIGN_IN, code=codes[0].lower())
    assert (answer.status_code, TOKEN in again.cookies) == (303, True)


async def test_where_a_second_factor_is_wanted_nothing_else_opens_before(shop: Shop) -> None:
    person = await signed_in(shop, await hired(shop, Role.OWNER))
    database = shop.api.services.database
    await staff.require_second_factor(database, shop.merchant_id, required=True, actor="operator:test")
    shop.api.services.access.forget_person((await staff.find_by_email(database, person.email)).id)
    try:
        answer = await person.get(f"/console/{shop.program_id}/cards")
        assert (answer.status_code, answer.headers["location"]) == (303, FACTOR)
        page = await person.follow(answer)
        assert (page.status_code, "asks everybody for a second factor" in page.text) == (200, True)
    finally:
        await staff.require_second_factor(database, shop.merchant_id, required=False, actor="operator:test")


async def test_signing_out_ends_the_sign_in_everywhere(shop: Shop) -> None:
    person = await signed_in(shop, await hired(shop, Role.CASHIER))
    kept, bearer = dict(person.cookies), {"Authorization": f"Bearer {person.token}"}
    assert (await shop.api.client.get("/v2/token", headers=bearer)).status_code == 200
    answer = await person.send(await person.get("/console/account"), "/console/sign-out")
    assert (answer.headers["location"], TOKEN in person.cookies) == (SIGN_IN, False)
    person.cookies = kept
    assert (await person.get("/console/account")).headers["location"].startswith(SIGN_IN)
    assert (await shop.api.client.get("/v2/token", headers=bearer)).status_code == 401


async def test_a_sign_in_that_was_ended_elsewhere_is_over_here(shop: Shop) -> None:
    email = await hired(shop, Role.CASHIER)
    here, there = await signed_in(shop, email), await signed_in(shop, email)
    page = await there.get("/console/account")
    assert (await there.send(page, "/console/account/sessions/end")).status_code == 303
    assert (await here.get("/console/account")).headers["location"].startswith(SIGN_IN)
    assert (await there.get("/console/account")).status_code == 200


async def test_a_sign_in_that_is_used_is_renewed_under_the_same_name(shop: Shop) -> None:
    person = await signed_in(shop, await hired(shop, Role.CASHIER))
    services, fresh = shop.api.services, person.token
    assert (await person.get("/console/account")).headers.get("set-cookie") is None
    claims = tokens.verify(services.keyring, fresh)
    half_an_hour = timedelta(minutes=30)
    async with services.database.transaction() as connection:
        began = await connection.fetchval(
            "UPDATE staff_session SET started_at = started_at - $2::interval, expires_at = expires_at - $2::interval"
            " WHERE id = $1 RETURNING started_at",
            claims.token_id,
            half_an_hour,
        )
    first = person.cookies[TOKEN] = tokens.issue(
        services.keyring,
        staff_id=claims.staff_id,
        merchant_id=claims.merchant_id,
        role=claims.role,
        now=began,
        token_id=claims.token_id,
    )
    page = await person.get("/console/account")
    assert (page.status_code, person.token != first) == (200, True)
    before, after = (tokens.verify(services.keyring, one) for one in (first, person.token))
    assert (after.token_id, after.staff_id) == (before.token_id, before.staff_id)
    assert after.expires_at >= before.expires_at + half_an_hour.total_seconds()
    # A form of the old page belongs to the same sign-in.
    assert (await person.send(page, "/console/sign-out")).status_code == 303
    assert not await sessions.list_open(services.database, shop.merchant_id, "staff", before.staff_id)


def _padding(text: str) -> str:
    seed = re.search(r'name="seed" value="([A-Z2-7]+)"', unescape(text))
    assert seed is not None
    return "=" * (-len(seed[1]) % 8)


async def _code(shop: Shop, seed: bytes) -> str:
    async with shop.api.services.database.read() as connection:
        now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return totp.code_of(seed, int(now) // totp.STEP_SECONDS)
