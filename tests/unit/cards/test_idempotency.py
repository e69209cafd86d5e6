"""Fingerprints of keys and requests: equal exactly when key, scope and wish are, and secret without the secret."""

from itertools import combinations

import pytest

from kado.cards import refusals
from kado.cards.idempotency import (
    Fingerprint,
    Remembered,
    fingerprints,
    internal_fingerprint,
    is_stored,
    recall,
    remember,
)
from kado.cards.posting import Answer
from kado.crypto import Keyring, Undecipherable
from kado.errors import Forbidden, Invalid, NotFound, Refusal, TooMany, Unauthenticated, Unavailable

OLD, NEW = "the-old-secret-of-the-operator-0123456789", "the-new-secret-of-the-operator-9876543210"
KEYRING, BOTH = Keyring([NEW]), Keyring([NEW, OLD])
PROGRAM, OTHER = "aa" * 12, "bb" * 12
SCOPE = ("redeem", "cc" * 12)
FACTS = ("merchant", False, 100, None)
ANSWER = Answer(200, b'{"remainingBalance":"75.00"}')


def prints(
    keyring: Keyring = KEYRING,
    program: str = PROGRAM,
    scope: tuple[str, ...] = SCOPE,
    key: str = "k",
    facts: tuple[object, ...] = FACTS,
) -> list[Fingerprint]:
    return fingerprints(keyring, program, scope, key, facts)


def test_the_same_is_the_same() -> None:
    assert prints() == prints()
    ((key_hash, request_hash),) = prints()
    assert (len(key_hash), len(request_hash)) == (32, 32)


def test_program_scope_and_key_make_another_key() -> None:
    hashes = {
        prints(**change)[0].key_hash
        for change in (
            {},
            {"program": OTHER},
            {"scope": ("reload", SCOPE[1])},
            {"scope": ("redeem", OTHER)},
            {"scope": ("redeem",)},
            {"scope": (*SCOPE, "k"), "key": ""},
            {"key": "K"},
            {"key": "k "},
            {"key": "kk"},
        )
    }
    assert len(hashes) == 9


@pytest.mark.parametrize(
    ("one", "other"),
    list(
        combinations(
            [(None,), ("-",), ("",), (0,), ("0",), (False,), (), (None, None), ("a", "b"), ("ab",), ("str:a",)], 2
        )
    ),
)
def test_different_wishes_have_different_hashes(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    mine, theirs = prints(facts=one)[0], prints(facts=other)[0]
    assert mine.key_hash == theirs.key_hash
    assert mine.request_hash != theirs.request_hash


def test_without_the_secret_nobody_can_say_which_key_it_was() -> None:
    assert prints()[0].key_hash != prints(Keyring([OLD]))[0].key_hash


def test_a_request_without_a_key_gets_one_that_nobody_else_has() -> None:
    assert len({internal_fingerprint().key_hash for _ in range(1000)}) == 1000


# ── remembering ────────────────────────────────────────────────────────────────────────────────────────────────────


def remembered(keyring: Keyring = KEYRING) -> dict[tuple[str, bytes], Remembered]:
    row = remember(keyring, PROGRAM, prints(keyring)[0], ANSWER)
    return {(row.program_id, row.key_hash): Remembered(row.request_hash, row.status, row.answer)}


def test_an_answer_comes_back_byte_for_byte_and_says_that_it_is_one() -> None:
    answer = recall(KEYRING, PROGRAM, prints(), remembered())
    assert answer == Answer(200, ANSWER.body, {"Idempotent-Replayed": "true"})


def test_an_unknown_key_has_no_answer() -> None:
    for other in (prints(key="x"), prints(scope=("reload", SCOPE[1])), prints(program=OTHER)):
        assert recall(KEYRING, PROGRAM, other, remembered()) is None
    assert recall(KEYRING, OTHER, prints(), remembered()) is None


def test_the_same_key_with_another_wish_is_refused() -> None:
    refusal = recall(KEYRING, PROGRAM, prints(facts=("other",)), remembered())
    assert isinstance(refusal, refusals.KeyReused)
    assert (refusal.status, refusal.code) == (422, "idempotency_key_reused")


def test_a_key_of_which_only_the_entry_is_left_is_refused_whatever_is_wished() -> None:
    known = dict.fromkeys(remembered(), Remembered(b"", 0, None))
    for facts in (FACTS, ("other",)):
        refusal = recall(KEYRING, PROGRAM, prints(facts=facts), known)
        assert isinstance(refusal, refusals.KeyReused)
        assert (refusal.status, refusal.code) == (422, "idempotency_key_expired")


def test_what_was_answered_under_the_old_secret_is_found_beside_the_new_one() -> None:
    answer = recall(BOTH, PROGRAM, prints(BOTH), remembered(Keyring([OLD])))
    assert isinstance(answer, Answer)
    assert answer.body == ANSWER.body
    assert recall(KEYRING, PROGRAM, prints(), remembered(Keyring([OLD]))) is None


def test_an_answer_is_encrypted_and_bound_to_its_key() -> None:
    known = remembered()
    ((place, row),) = known.items()
    assert row.answer is not None
    assert b"75.00" not in row.answer
    other = prints(key="x")[0]
    moved = {(PROGRAM, other.key_hash): Remembered(other.request_hash, row.status, row.answer)}
    with pytest.raises(Undecipherable):
        recall(KEYRING, PROGRAM, [other], moved)
    assert place == (PROGRAM, prints()[0].key_hash)


@pytest.mark.parametrize(
    ("refusal", "stored"),
    [
        (Refusal("insufficient_balance", "No."), True),
        (refusals.no_recipient(), True),
        (refusals.same_card(), True),
        (Invalid(("body", "amount"), "No."), False),
        (Unauthenticated(), False),
        (Forbidden("no", "No."), False),
        (NotFound("no", "No."), False),
        (TooMany("no", "No.", 1), False),
        (Unavailable("no", "No."), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_was_decided_on_the_card_is_kept(refusal: Refusal, stored: bool) -> None:
    assert is_stored(refusal) is stored
