"""How long a new card may live: from now on, up to five calendar years, leap days included."""

from datetime import UTC, datetime, timedelta

import pytest

from kado import money
from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.audit.origin import NOBODY
from kado.cards.idempotency import internal_fingerprint
from kado.cards.issue import Issue, Placed, Withdrawn, place
from kado.cards.posting import Answer
from kado.clock import NEVER
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.programs.program import CodeFormat, ExpiryRule, Program

KEYRING = Keyring(["a-secret-of-the-operator-0123456789-abcdef"])
MERCHANT, PROGRAM = "aa" * 12, "bb" * 12
TICK = timedelta(microseconds=1)


def utc(year: int, month: int, day: int, *time: int) -> datetime:
    hour, minute, second, micros = [*time, 0, 0, 0, 0][:4]
    return datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)


def issued(now: datetime, expires_at: datetime | None, rule: ExpiryRule, months: int) -> Placed | Refusal:
    program = Program(
        id=PROGRAM,
        merchant_id=MERCHANT,
        merchant_name="Flower Shop",
        name="Vouchers",
        currency=money.currency("USD"),
        pass_type_identifier="pass.kado.giftcard",
        min_initial_value=1,
        max_initial_value=1_000_000,
        max_balance=1_000_000,
        max_reload=500_000,
        max_redeem=None,
        cashier_issue_limit=50_000,
        expiry_rule=rule,
        expiry_months=months,
        code_format=CodeFormat.DIGITS,
        number_prefix="4000",
        requires_key=False,
        profile={},
        created_at=now,
        updated_at=None,
        is_heard=False,
    )
    issue = Issue(
        program_id=PROGRAM,
        caller=Caller(MERCHANT, "key:test", Role.OWNER, ROLES[Role.OWNER], is_test=False),
        key=None,
        render=lambda _: Answer(201, b"{}"),
        merchant_id=MERCHANT,
        merchant_name="Flower Shop",
        initial_value=100,
        expires_at=expires_at,
    )
    outcome = place(KEYRING, issue, program, now, internal_fingerprint(), NOBODY)
    assert not isinstance(outcome, Withdrawn)
    return outcome


def life(now: datetime, expires_at: datetime | None = None, rule: str = "after_issue", months: int = 12) -> object:
    """The end of the card's life, or the code of the refusal."""
    outcome = issued(now, expires_at, ExpiryRule(rule), months)
    return outcome.card.expires_at if isinstance(outcome, Placed) else outcome.code


LEAP_DAY, NOON = utc(2028, 2, 29), utc(2026, 5, 4, 12)


@pytest.mark.parametrize(
    ("now", "rule", "months", "end"),
    [
        (NOON, "after_issue", 12, utc(2027, 5, 4, 12)),
        (NOON, "after_reload", 12, utc(2027, 5, 4, 12)),
        (NOON, "after_issue", 1, utc(2026, 6, 4, 12)),
        (NOON, "after_issue", 60, utc(2031, 5, 4, 12)),
        (NOON, "never", 12, NEVER),
        (LEAP_DAY, "after_issue", 12, utc(2029, 2, 28)),
        (LEAP_DAY, "after_issue", 48, utc(2032, 2, 29)),
        (utc(2026, 1, 31), "after_issue", 1, utc(2026, 2, 28)),
    ],
)
def test_the_program_decides_where_the_caller_says_nothing(
    now: datetime, rule: str, months: int, end: datetime
) -> None:
    assert life(now, rule=rule, months=months) == end


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (NOON, utc(2031, 5, 4, 12)),
        (LEAP_DAY, utc(2033, 2, 28)),
        (utc(2027, 2, 28), utc(2032, 2, 28)),
        (utc(2027, 3, 1), utc(2032, 3, 1)),
        (utc(2099, 12, 31), utc(2104, 12, 31)),
    ],
)
def test_five_calendar_years_and_not_a_moment_more(now: datetime, last: datetime) -> None:
    assert life(now, last) == last
    assert life(now, last + TICK) == "expiry_too_far"


def test_from_now_on_and_not_a_moment_earlier() -> None:
    assert life(NOON, NOON + TICK) == NOON + TICK
    assert life(NOON, NOON) == "expiry_in_the_past"
    assert life(NOON, NOON - TICK) == "expiry_in_the_past"


@pytest.mark.parametrize("rule", ["after_issue", "after_reload", "never"])
def test_what_the_caller_says_goes_before_the_program(rule: str) -> None:
    assert life(NOON, utc(2026, 5, 5), rule=rule) == utc(2026, 5, 5)
