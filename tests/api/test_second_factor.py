"""A second factor: set up, asked for, used once, guessed at in vain, lost, required."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from tests.api.shop import PASSWORD, Body, Shop, an_address, good
from tests.api.sign_in import an_email

from kado.access import second_factor, staff, totp
from kado.access.permissions import Role

SETUP, CONFIRM, DISABLE = ("/v2/token/mfa/setup", "/v2/token/mfa/confirm", "/v2/token/mfa/disable")
RENEW, VERIFY, SESSIONS = ("/v2/token/mfa/recovery-codes", "/v2/token/mfa-verify", "/v2/token/sessions")


@dataclass
class Phone:
    """A person with an authenticator. Each code is of a later step than the one before, as if time went by."""

    shop: Shop
    email: str
    token: str
    seed: bytes
    recovery: list[str] = field(default_factory=list)

    async def step(self) -> int:
        return int((await self.shop.now()).timestamp()) // 30

    async def code(self, aside: int = 0) -> str:
        return totp.code_of(self.seed, await self.step() + aside)

    async def forget_the_last_step(self) -> None:
        """As if half a minute and more had passed since the last code."""
        await self.shop.superuser.execute(
            "UPDATE staff_totp t SET last_step = last_step - 3 FROM staff s WHERE s.id = t.staff_id AND s.email = $1",
            self.email,
        )

    async def pending(self) -> str:
        """The first half of a sign-in."""
        said = good(await self.shop.sign_in(self.email))
        assert said == {
            "accessToken": None,
            "tokenType": "bearer",
            "mfaPending": True,
            "pendingToken": said["pendingToken"],
        }
        return str(said["pendingToken"])

    async def verify(self, pending: str, code: str, *, address: str | None = None) -> httpx2.Response:
        body, headers = {"pendingToken": pending, "code": code}, {"X-Forwarded-For": address or an_address()}
        return await self.shop.post(VERIFY, body, token=None, headers=headers)

    async def sign_in(self, code: str | None = None) -> httpx2.Response:
        return await self.verify(await self.pending(), code or await self.code())


async def begun(shop: Shop, role: Role = Role.CASHIER) -> Phone:
    email, token = await shop.somebody(role)
    said = good(await shop.post(SETUP, token=token))
    assert said.keys() == {"secret", "otpUri"}
    assert said["otpUri"].startswith("otpauth://totp/Kado%3Astaff")
    return Phone(shop, email, token, base64.b32decode(said["secret"]))


async def confirmed(shop: Shop, role: Role = Role.CASHIER) -> Phone:
    phone = await begun(shop, role)
    body = {"code": await phone.code(), "password": PASSWORD}
    phone.recovery = good(await shop.post(CONFIRM, body, token=phone.token))["recoveryCodes"]
    await phone.forget_the_last_step()
    return phone


def refused(answer: httpx2.Response, code: str, status: int = 401) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


# ── from the first code to a token ─────────────────────────────────────────────────────────────────────────────────


async def test_nothing_is_asked_for_before_a_code_was_shown(shop: Shop) -> None:
    phone = await begun(shop)
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False
    refused(await shop.post(CONFIRM, {"code": "000000", "password": PASSWORD}, token=phone.token), "wrong_code")
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False


async def test_a_stolen_token_cannot_lock_its_owner_out(shop: Shop) -> None:
    phone = await begun(shop)
    body = {"code": await phone.code(), "password": "wrong horse battery staple"}
    refused(await shop.post(CONFIRM, body, token=phone.token), "invalid_credentials")
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False


async def test_password_and_code_together_give_a_token(shop: Shop) -> None:
    phone = await confirmed(shop)
    said = good(await phone.sign_in())
    assert (said["tokenType"], said["mfaPending"], said["pendingToken"]) == ("bearer", False, None)
    assert good(await shop.get("/v2/token", token=said["accessToken"]))["email"] == phone.email
    listed = (await shop.get(SESSIONS, token=said["accessToken"])).json()
    assert [one["secondFactor"] for one in listed if one["current"]] == [True]


async def test_a_confirmation_ends_the_sign_ins_that_were_made_without(shop: Shop) -> None:
    phone = await begun(shop)
    elsewhere = await shop.token_of(phone.email)
    good(await shop.get("/v2/token", token=elsewhere))
    good(await shop.post(CONFIRM, {"code": await phone.code(), "password": PASSWORD}, token=phone.token))
    refused(await shop.get("/v2/token", token=elsewhere), "invalid_token")
    good(await shop.get("/v2/token", token=phone.token))


@pytest.mark.parametrize("name", ["setup", "confirm"])
async def test_a_factor_that_is_there_is_not_replaced(shop: Shop, name: str) -> None:
    phone = await confirmed(shop)
    body = {"code": await phone.code(), "password": PASSWORD}
    refused(await shop.post(f"/v2/token/mfa/{name}", body, token=phone.token), "second_factor_active", 400)
    good(await phone.sign_in())


async def test_a_set_up_that_was_begun_twice_takes_the_second_seed(shop: Shop) -> None:
    phone = await begun(shop)
    first, said = phone.seed, good(await shop.post(SETUP, token=phone.token))
    phone.seed = base64.b32decode(said["secret"])
    wrong = totp.code_of(first, await phone.step())
    refused(await shop.post(CONFIRM, {"code": wrong, "password": PASSWORD}, token=phone.token), "wrong_code")
    good(await shop.post(CONFIRM, {"code": await phone.code(), "password": PASSWORD}, token=phone.token))


async def test_confirming_what_was_not_begun_is_refused(shop: Shop) -> None:
    _, token = await shop.somebody()
    answer = await shop.post(CONFIRM, {"code": "123456", "password": PASSWORD}, token=token)
    refused(answer, "second_factor_not_begun", 400)


# ── pending tokens ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_pending_token_is_no_bearer(shop: Shop) -> None:
    pending = await (await confirmed(shop)).pending()
    for path in ("/v2/token", "/v2/loyalty/programs", SESSIONS):
        refused(await shop.get(path, token=pending), "invalid_token")


async def test_a_pending_token_lasts_five_minutes_and_is_good_once(shop: Shop) -> None:
    phone = await confirmed(shop)
    used, late = await phone.pending(), await phone.pending()
    good(await phone.verify(used, await phone.code()))
    await phone.forget_the_last_step()
    refused(await phone.verify(used, await phone.code()), "invalid_pending_token")
    ends = await shop.superuser.fetchval("SELECT max(expires_at) - clock_timestamp() FROM staff_pending")
    assert ends.total_seconds() <= 300
    await shop.superuser.execute("UPDATE staff_pending SET expires_at = clock_timestamp()")
    refused(await phone.verify(late, await phone.code()), "invalid_pending_token")


@pytest.mark.parametrize("pending", ["x", "kado_pending_" + "A" * 43, "kado_live_" + "A" * 43])
async def test_a_token_that_nobody_gave_is_not_pending(shop: Shop, pending: str) -> None:
    refused(await (await confirmed(shop)).verify(pending, "123456"), "invalid_pending_token")


async def test_another_persons_code_does_not_finish_a_sign_in(shop: Shop) -> None:
    anna, bo = await confirmed(shop), await confirmed(shop)
    refused(await anna.verify(await anna.pending(), await bo.code()), "wrong_code")
    refused(await anna.verify(await anna.pending(), bo.recovery[0]), "wrong_code")
    good(await bo.sign_in(bo.recovery[0]))


# ── codes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_code_is_good_once(shop: Shop) -> None:
    phone = await confirmed(shop)
    code = await phone.code()
    good(await phone.sign_in(code))
    refused(await phone.sign_in(code), "wrong_code")
    refused(await phone.sign_in(await phone.code(-1)), "wrong_code")
    good(await phone.sign_in(await phone.code(1)))


async def test_the_same_code_sent_twenty_times_at_once_opens_one_session(shop: Shop) -> None:
    phone = await confirmed(shop)
    code, pending = await phone.code(), [await phone.pending() for _ in range(8)]
    answers = await asyncio.gather(*(phone.verify(one, code) for one in pending))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]


async def test_five_guesses_at_a_pending_token_and_ten_at_a_person(shop: Shop) -> None:
    phone = await confirmed(shop)
    right = await phone.code(1)
    wrong = [f"{n:06}" for n in range(40) if f"{n:06}" not in {await phone.code(aside) for aside in (-1, 0, 1, 2)}]
    pending = await phone.pending()
    for guess in wrong[:5]:
        refused(await phone.verify(pending, guess), "wrong_code")
    refused(await phone.verify(pending, right), "invalid_pending_token")
    again = await phone.pending()
    for guess in wrong[5:10]:
        refused(await phone.verify(again, guess), "wrong_code")
    answer = await phone.sign_in(right)
    refused(answer, "too_many_attempts", 429)
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    # Whoever guesses at codes knows the password, and still does not keep the owner out.
    good(await phone.sign_in(phone.recovery[3]))


async def test_sixty_parallel_guesses_get_no_more_than_ten_evaluations(shop: Shop) -> None:
    phone = await confirmed(shop)
    taken = {await phone.code(aside) for aside in (-1, 0, 1, 2)}
    pending = [await phone.pending() for _ in range(12)]
    guesses = [f"{n:06}" for n in range(100) if f"{n:06}" not in taken][:60]
    answers = await asyncio.gather(*(phone.verify(pending[n % len(pending)], guess) for n, guess in enumerate(guesses)))
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("wrong_code") == 10
    assert set(codes) == {"wrong_code", "too_many_attempts"}


async def test_one_address_gets_thirty_wrong_codes_whatever_the_people(shop: Shop) -> None:
    address, phones = an_address(), [await confirmed(shop) for _ in range(4)]
    answers = []
    for phone in phones:
        for start in range(0, 10, 5):
            pending = await phone.pending()
            answers += [await phone.verify(pending, f"00000{n}"[-6:], address=address) for n in range(start, start + 5)]
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("wrong_code") == 30
    assert codes.count("too_many_attempts") == 10


# ── recovery codes ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_recovery_codes_open_once_each_and_are_kept_nowhere(shop: Shop) -> None:
    phone = await confirmed(shop)
    assert len(set(phone.recovery)) == 10
    dump = str(await shop.rows("SELECT * FROM staff_recovery_code")) + str(await shop.rows("SELECT * FROM audit_log"))
    assert not [one for one in phone.recovery if one in dump or one.replace("-", "") in dump]
    typed = phone.recovery[0].lower().replace("-", " ")
    good(await phone.sign_in(typed))
    refused(await phone.sign_in(phone.recovery[0]), "wrong_code")
    good(await phone.sign_in(phone.recovery[1]))
    left = await shop.rows(
        "SELECT count(*) AS n FROM staff_recovery_code r JOIN staff s ON s.id = r.staff_id"
        " WHERE s.email = $1 AND r.used_at IS NULL",
        phone.email,
    )
    assert left == [{"n": 8}]


async def test_new_recovery_codes_take_the_place_of_all_others(shop: Shop) -> None:
    phone = await confirmed(shop)
    refused(await shop.post(RENEW, {"code": "000000"}, token=phone.token), "wrong_code")
    renewed = good(await shop.post(RENEW, {"code": await phone.code()}, token=phone.token))["recoveryCodes"]
    refused(await phone.sign_in(phone.recovery[0]), "wrong_code")
    good(await phone.sign_in(renewed[0]))


# ── without it again ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_disabled_against_a_code_only(shop: Shop) -> None:
    phone = await confirmed(shop)
    refused(await shop.post(DISABLE, {"code": "000000"}, token=phone.token), "wrong_code")
    assert (await phone.pending()).startswith("kado_pending_")
    good(await shop.post(DISABLE, {"code": phone.recovery[0]}, token=phone.token))
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False
    assert (
        await shop.rows("SELECT * FROM staff_totp t JOIN staff s ON s.id = t.staff_id WHERE email = $1", phone.email)
        == []
    )


async def test_the_owner_resets_it_for_whoever_lost_it(shop: Shop) -> None:
    phone = await confirmed(shop)
    colleague = good(await shop.get("/v2/token", token=phone.token))["id"]
    said = good(await shop.call("DELETE", f"/v2/staff/{colleague}/mfa", token=await shop.person()))
    assert said["secondFactor"] is False
    refused(await shop.get("/v2/token", token=phone.token), "invalid_token")
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False


async def test_an_owner_does_not_reset_their_own(shop: Shop) -> None:
    phone = await confirmed(shop, Role.OWNER)
    own = good(await shop.get("/v2/token", token=phone.token))["id"]
    said = good(await shop.call("DELETE", f"/v2/staff/{own}/mfa", token=phone.token), 400)
    assert said["code"] == "own_second_factor"
    assert (await phone.pending()).startswith("kado_pending_")
    good(await shop.call("DELETE", f"/v2/staff/{own}/mfa", token=await shop.person()))
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False


# ── what is kept and told ──────────────────────────────────────────────────────────────────────────────────────────


async def test_seeds_are_encrypted_and_bound_to_their_person(shop: Shop) -> None:
    phone = await confirmed(shop)
    rows = await shop.rows(
        "SELECT t.* FROM staff_totp t JOIN staff s ON s.id = t.staff_id WHERE email = $1", phone.email
    )
    sealed = bytes(rows[0]["secret"])
    assert phone.seed not in sealed
    keyring = shop.api.services.keyring
    assert keyring.decrypt("stored-secret", sealed, rows[0]["staff_id"].encode()) == phone.seed
    other = await confirmed(shop)
    # Somebody who can write to the database puts their own seed in another's place.
    await shop.superuser.execute(
        "UPDATE staff_totp SET secret = $1 WHERE staff_id = (SELECT id FROM staff WHERE email = $2)",
        sealed,
        other.email,
    )
    refused(await other.sign_in(await phone.code(1)), "wrong_code")


async def test_all_of_it_is_in_the_audit_log_without_a_secret(shop: Shop) -> None:
    phone = await confirmed(shop)
    good(await phone.sign_in(phone.recovery[0]))
    good(await shop.post(DISABLE, {"code": phone.recovery[1]}, token=phone.token))
    person = good(await shop.get("/v2/token", token=phone.token))["id"]
    rows: list[Body] = await shop.rows(
        "SELECT action, actor, merchant_id, details FROM audit_log WHERE actor = $1 ORDER BY at, id", f"staff:{person}"
    )
    assert {row["merchant_id"] for row in rows} == {shop.merchant_id}
    assert [row["action"] for row in rows] == [
        "staff:signed-in",
        "staff:second-factor-begun",
        "staff:second-factor-confirmed",
        "staff:recovery-code-used",
        "staff:signed-in",
        "staff:recovery-code-used",
        "staff:second-factor-disabled",
    ]
    details: list[Any] = [json.loads(row["details"]) for row in rows if row["details"] != "{}"]
    assert details == [{"secondFactor": False}, {"left": 9}, {"secondFactor": True}, {"left": 8}]


# ── required of everybody ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_merchant_can_require_it_of_its_staff(shop: Shop) -> None:
    merchant_id, key = await shop.stranger()
    database = shop.api.services.database
    email, _ = await shop.somebody(merchant_id=merchant_id)
    await staff.require_second_factor(database, merchant_id, required=True, actor="operator:test")
    token = await shop.token_of(email)
    refused(await shop.get("/v2/loyalty/programs", token=token), "second_factor_required", 403)
    refused(await shop.post("/v2/programs", {"name": "Mine"}, token=token), "second_factor_required", 403)
    good(await shop.get("/v2/token", token=token))
    phone = Phone(shop, email, token, base64.b32decode(good(await shop.post(SETUP, token=token))["secret"]))
    good(await shop.post(CONFIRM, {"code": await phone.code(), "password": PASSWORD}, token=token))
    assert (await shop.get("/v2/loyalty/programs", token=token)).status_code == 200
    # Keys have none and go on; what they may do is said when they are made.
    assert (await shop.get("/v2/loyalty/programs", token=key)).status_code == 200


async def test_the_operators_reset_leaves_a_person_who_can_sign_in(shop: Shop) -> None:
    phone = await confirmed(shop)
    account = await staff.find_by_email(shop.api.services.database, phone.email)
    assert await second_factor.reset(shop.api.services.database, account, "operator:test")
    assert not await second_factor.reset(shop.api.services.database, account, "operator:test")
    assert good(await shop.sign_in(phone.email))["mfaPending"] is False


async def test_who_has_one_confirms_a_new_owner_with_a_code(shop: Shop) -> None:
    """A password alone would be what whoever stole the laptop may have beside its token."""
    phone = await confirmed(shop, Role.OWNER)
    body = {"email": an_email(), "password": PASSWORD, "role": "owner"}
    for wrong in (PASSWORD, "000000"):
        refused(await shop.post("/v2/staff", body | {"confirmation": wrong}, token=phone.token), "wrong_code")
    code = await phone.code()
    good(await shop.post("/v2/staff", body | {"confirmation": code}, token=phone.token), 201)
    again = body | {"email": an_email(), "confirmation": code}
    refused(await shop.post("/v2/staff", again, token=phone.token), "wrong_code")
    again["confirmation"] = phone.recovery[0]
    good(await shop.post("/v2/staff", again, token=phone.token), 201)
