"""Rules say what the reference says, about anything that can happen under anything that they can be."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.rules_reference import MINUTE, Moved, Ruled, judged

from kado import money
from kado.clock import EPOCH
from kado.fraud.config import Around, RuleType, read
from kado.fraud.judge import judge, look_back
from kado.fraud.move import Kind, Move
from kado.fraud.rule import Rule, RuleAction, copied, copy_of, rule_of
from kado.fraud.tally import Part, Tallies

DOLLARS = money.currency("USD")
PROGRAM, MERCHANT = "a" * 24, "m"
START = 1_790_000_000_000_000
EXAMPLES = 300


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


# ── what there can be ──────────────────────────────────────────────────────────────────────────────────────────────

kinds = st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=3, unique=True).map(
    lambda some: [k.value for k in some]
)
cents = st.integers(1, 500)
clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
days = st.lists(
    st.sampled_from("monday tuesday wednesday thursday friday saturday sunday".split()), min_size=1, unique=True
)
networks = st.lists(
    st.sampled_from(["203.0.113.7", "203.0.113.0/24", "198.51.100.0/23", "192.0.2.1"]), min_size=1, unique=True
)
words = st.lists(st.sampled_from(["curl", "BOT", "till"]), min_size=1, unique=True)
countries = st.lists(st.sampled_from(["DE", "AT", "FR"]), min_size=1, unique=True)


def config(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional={"transactionTypes": kinds, **(optional or {})})


scopes = st.sampled_from(["card", "cashier", "terminal", "merchant", "address", "actor", "program"])
windows = st.sampled_from([1, 2, 7, 60])
counting = config({"scope": scopes, "windowMinutes": windows, "maxCount": st.integers(1, 4)}, {"maxAmount": cents})
plain: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "VELOCITY_LIMIT": config({"counts": st.just("spend_after_activation"), "windowMinutes": st.integers(1, 9)}),
    "TRANSACTION_LIMIT": st.one_of(config({"maxAmount": cents}), config({"minAmount": cents})),
    "IP_BLOCK": config({"addresses": networks}),
    "USER_AGENT_BLOCK": config({"contains": words}, {"orNone": st.booleans()}),
    "GEOGRAPHIC_RESTRICTION": st.one_of(
        config({"allowedCountries": countries}, {"unknownToo": st.booleans()}),
        config({"blockedCountries": countries}, {"unknownToo": st.booleans()}),
    ),
    "TIME_RESTRICTION": config({"timeZone": st.just("UTC"), "from": clocks, "to": clocks, "weekdays": days}),
}
one_part: st.SearchStrategy[dict[str, Any]] = st.one_of(
    [st.fixed_dictionaries({"ruleType": st.just(kind), "config": some}) for kind, some in plain.items()]
)
common = {"transactionTypes": ["REDEMPTION", "RELOAD"]}
combined = st.lists(one_part, min_size=2, max_size=3).map(
    lambda parts: {"all": [part | {"config": part["config"] | common} for part in parts]}
)
typed = st.one_of(
    st.tuples(st.just("VELOCITY_LIMIT"), counting),
    st.tuples(st.just("VELOCITY_LIMIT"), counting),
    *(st.tuples(st.just(kind), some) for kind, some in plain.items()),
    st.tuples(st.just("CUSTOM"), combined),
)
actions = st.sampled_from(["block", "flag", "require_review"])
lives = st.tuples(st.sampled_from([0, START + 3 * MINUTE]), st.sampled_from([None, START + 200 * MINUTE]))


@st.composite
def rules(draw: st.DrawFn, action: str | None = None) -> Ruled:
    kind, some = draw(typed)
    since, until = draw(lives)
    return Ruled(kind, some, action or draw(actions), since, until)


def maybe(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *values])


moves = st.builds(
    Moved,
    kind=st.sampled_from([kind.value for kind in Kind]),
    amount=cents,
    at=st.just(0),
    card=st.sampled_from(["c1", "c2"]),
    activated_at=st.sampled_from([None, START - 10 * MINUTE, START, START + 2 * MINUTE]),
    is_test=st.booleans(),
    merchant=st.sampled_from([MERCHANT, "other"]),
    cashier=maybe("A", "B"),
    terminal=maybe("T"),
    address=maybe("203.0.113.7", "203.0.113.200", "198.51.101.1"),
    actor=maybe("key:1"),
    agent=maybe("curl/8", "Till 1", "a Robot"),
    country=maybe("DE", "FR"),
)
# Together or one by one, seconds or hours apart; a clock may step back.
steps = st.lists(
    st.tuples(
        st.lists(moves, min_size=1, max_size=3),
        st.sampled_from([0, 1, 999_999, MINUTE // 60, MINUTE, 7 * MINUTE, 61 * MINUTE, 25 * 60 * MINUTE, -MINUTE]),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


# ── the same in both languages ─────────────────────────────────────────────────────────────────────────────────────


def in_major(some: dict[str, Any]) -> dict[str, Any]:
    """The config as it is sent: amounts as decimal strings."""
    if "all" in some:
        return {"all": [part | {"config": in_major(part["config"])} for part in some["all"]]}
    return {name: DOLLARS.text(value) if "Amount" in name else value for name, value in some.items()}


def rule(number: int, ruled: Ruled) -> Rule:
    facts = {
        "program_id": PROGRAM, "id": f"{number:024x}", "series_id": f"{number + 100:024x}", "name": str(number),
        "description": "", "type": ruled.type, "action": ruled.action, "is_active": True, "updated_at": None,
        "config": read(RuleType(ruled.type), in_major(ruled.config), Around(DOLLARS))[1],
        "expires_at": None if ruled.until is None else moment(ruled.until), "since": moment(ruled.since),
        "created_at": moment(0),
    }  # fmt: skip
    return rule_of(DOLLARS, facts)


def move(moved: Moved) -> Move:
    return Move(
        kind=Kind(moved.kind),
        amount=moved.amount,
        at=moment(moved.at),
        program_id=PROGRAM,
        card_id=moved.card,
        is_test=moved.is_test,
        merchant_id=moved.merchant,
        actor=moved.actor,
        cashier_id=moved.cashier,
        terminal_id=moved.terminal,
        address=moved.address,
        user_agent=moved.agent,
        country=moved.country,
        activated_at=None if moved.activated_at is None else moment(moved.activated_at),
    )


def in_time(story: Sequence[tuple[list[Moved], int]]) -> list[list[Moved]]:
    """Each step at its moment."""
    told, now = [], START
    for together, pause in story:
        now += pause
        told.append([Moved(**(vars(one) | {"at": now})) for one in together])
    return told


def kept(tallies: Tallies) -> Tallies:
    """As if what was counted had been written and read again."""
    after = Tallies()
    for key, parts in tallies.read.items():
        after.learn((key, bucket, part) for bucket, part in parts.items())
    for key, bucket, part, _ in tallies.changes():
        was = after.read.get(key, {}).get(bucket, Part())
        after.learn([(key, bucket, Part(was.count + part.count, was.amount + part.amount, was.hits + part.hits))])
    return after


# ── properties ─────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(
    st.lists(rules(), min_size=1, max_size=4),
    steps,
    st.sets(st.tuples(st.integers(0, 3), st.just("c1"))),
    st.booleans(),
)
def test_what_is_about_to_happen_is_judged_like_the_reference(
    ruleds: list[Ruled], story: list[tuple[list[Moved], int]], cleared: set[tuple[int, str]], written: bool
) -> None:
    own, tallies = [rule(number, ruled) for number, ruled in enumerate(ruleds)], Tallies()
    ids = {(f"{number:024x}", card) for number, card in cleared}
    for together in in_time(story):
        refusing, flagged = judge(own, [move(one) for one in together], tallies, ids, DOLLARS)
        expected = judged(ruleds, together, cleared)
        got = None if refusing is None else refusing.rule_name
        assert (got, [hit.rule_name for hit in flagged]) == (
            None if expected[0] is None else str(expected[0]),
            [str(number) for number in expected[1]],
        )
        if written:
            tallies = kept(tallies)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(st.lists(rules(action="flag"), min_size=1, max_size=4), steps)
def test_what_has_happened_is_judged_like_the_reference(
    ruleds: list[Ruled], story: list[tuple[list[Moved], int]]
) -> None:
    own, tallies = [rule(number, ruled) for number, ruled in enumerate(ruleds)], Tallies()
    for together in in_time(story):
        for one in together:
            hits = look_back(own, move(one), tallies, DOLLARS)
            assert [hit.rule_name for hit in hits] == [
                str(number) for number, ruled in enumerate(ruleds) if ruled.speaks(one)
            ]
            for ruled in ruleds:
                ruled.note(one)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(st.integers(1, 5), st.sampled_from([1, 3, 60]), st.lists(st.integers(0, 90_000), min_size=1, max_size=60))
def test_no_span_as_long_as_the_window_holds_more_than_a_limit(most: int, minutes: int, pauses: list[int]) -> None:
    ruled = Ruled("VELOCITY_LIMIT", {"scope": "card", "windowMinutes": minutes, "maxCount": most})
    own, tallies, now, passed = [rule(0, ruled)], Tallies(), START, []
    for pause in pauses:
        now += pause * 1000
        refusing, _ = judge(own, [move(Moved("REDEMPTION", 1, now, "c1"))], tallies, set(), DOLLARS)
        if refusing is None:
            passed.append(now)
        # Whoever waits for a window and its sixtieth is never refused.
        last = passed[-most] if len(passed) >= most else None
        assert refusing is None or last is not None
        assert refusing is None or last is None or now - last <= minutes * MINUTE * 61 // 60
    for at in passed:
        assert sum(at - minutes * MINUTE < other <= at for other in passed) <= most


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(rules(), max_size=4))
def test_rules_are_the_same_on_the_programs_row(ruleds: list[Ruled]) -> None:
    own = [rule(number, ruled) for number, ruled in enumerate(ruleds)]
    text = copy_of(own)
    judged_at_once = [one for one in own if one.is_judged_at_once]
    assert (text is None) is (judged_at_once == [])
    if text is not None:
        assert list(copied(text, PROGRAM, "USD")) == judged_at_once
    assert all(one.action is RuleAction.FLAG for one in own if not one.is_judged_at_once)
