"""A token is accepted when it is exactly one of ours, and refused in one way for every reason."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from tests.forged_tokens import HEADER, Forger

from kado.access import tokens
from kado.access.permissions import Role
from kado.crypto import Keyring
from kado.errors import Unauthenticated

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
SECRET = "one-secret-of-the-operator-0123456789-abcdef"
KEYRING = Keyring([SECRET])
KEY = KEYRING.key("jwt")
STAFF_ID, MERCHANT_ID = "aa" * 12, "bb" * 12

FORGER = Forger(
    KEYRING,
    SECRET,
    {
        "exp": SECONDS + 3600,
        "nbf": SECONDS,
        "iat": SECONDS,
        "iss": "kado",
        "aud": "kado-api",
        "sub": f"staff:{STAFF_ID}",
        "jti": "c0ffee",
        "merchant": MERCHANT_ID,
        "role": "owner",
    },
)
claims, signed = FORGER.claims, FORGER.signed
FORGED, GOOD = FORGER.all(), FORGER.good()
H, P, S = GOOD.split(".")


def accepted(token: str, keyring: Keyring = KEYRING, now: datetime = NOW) -> tokens.Claims:
    said = tokens.verify(keyring, token)
    said.check_time(now)
    return said


def test_the_list_of_forged_tokens_is_long_enough() -> None:
    assert len(FORGED) >= 90
    assert GOOD not in FORGED.values()


@pytest.mark.parametrize("token", FORGED.values(), ids=[ascii(name) for name in FORGED])
def test_forged_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        accepted(token)
    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"
    assert refusal.value.code in {"invalid_token", "token_expired"}


def test_the_token_that_the_forgeries_start_from_is_accepted() -> None:
    said = accepted(GOOD)
    assert (said.staff_id, said.merchant_id, said.role) == (STAFF_ID, MERCHANT_ID, Role.OWNER)


def test_an_issued_token_is_accepted_and_says_what_it_was_issued_for() -> None:
    token = tokens.issue(KEYRING, staff_id=STAFF_ID, merchant_id=MERCHANT_ID, role=Role.CASHIER, now=NOW)
    said = accepted(token)
    assert (said.staff_id, said.merchant_id, said.role) == (STAFF_ID, MERCHANT_ID, Role.CASHIER)
    assert said.expires_at - said.issued_at == 3600
    assert jwt.get_unverified_header(token) == HEADER
    assert "=" not in token


def test_two_tokens_of_the_same_moment_differ() -> None:
    issue: Callable[[], str] = lambda: tokens.issue(  # noqa: E731 - called twice below
        KEYRING, staff_id=STAFF_ID, merchant_id=MERCHANT_ID, role=Role.OWNER, now=NOW
    )
    assert issue() != issue()


@pytest.mark.parametrize(
    ("seconds", "is_valid"), [(-6, False), (-5, True), (0, True), (3600, True), (3604, True), (3605, False)]
)
def test_a_token_lives_an_hour_give_or_take_five_seconds(seconds: int, is_valid: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    if is_valid:
        accepted(GOOD, now=now)
    else:
        with pytest.raises(Unauthenticated):
            accepted(GOOD, now=now)


def test_every_live_secret_is_tried_and_a_retired_one_is_not() -> None:
    newer = "a-newer-secret-of-the-operator-9876543210"
    assert accepted(GOOD, Keyring([newer, SECRET])).staff_id == STAFF_ID
    with pytest.raises(Unauthenticated):
        accepted(GOOD, Keyring([newer]))


def test_a_token_of_the_second_in_which_others_were_taken_back_is_dated_after_it() -> None:
    taken_back = NOW + timedelta(milliseconds=300)
    token = tokens.issue(
        KEYRING,
        staff_id=STAFF_ID,
        merchant_id=MERCHANT_ID,
        role=Role.OWNER,
        now=NOW + timedelta(milliseconds=400),
        valid_from=taken_back,
    )
    assert accepted(token).issued_at >= taken_back.timestamp()
