"""Numbers and codes: their form, their chance, and how they are hidden. No bound is ever met by luck."""

import random
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest

from kado.cards import numbers
from kado.crypto import Keyring, Undecipherable
from kado.ids import new_id

MANY = 100_000
OLD, NEW = "the-old-secret-of-the-operator-0123456789", "the-new-secret-of-the-operator-9876543210"
PROGRAM, CARD, OTHER = "aa" * 12, "bb" * 12, "cc" * 12
KEYRING = Keyring([NEW])


def chi_square(counts: Counter[str], outcomes: int) -> float:
    """How far the counts are from equal ones."""
    expected = counts.total() / outcomes
    seen = sum((count - expected) ** 2 / expected for count in counts.values())
    return seen + (outcomes - len(counts)) * expected


def assert_even(values: Iterable[str], outcomes: int, bound: float) -> None:
    """`bound` is the value of χ² that chance exceeds less than once in a hundred million times."""
    assert chi_square(Counter(values), outcomes) < bound


# ── Luhn ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("7992739871", "3"),
        ("37828224631000", "5"),
        ("411111111111111", "1"),
        ("555555555555444", "4"),
        ("0", "0"),
        ("", "0"),
    ],
)
def test_the_check_digit_is_that_of_iso_7812(body: str, digit: str) -> None:
    assert numbers.luhn_digit(body) == digit


def test_a_mistyped_digit_and_a_swapped_pair_are_noticed() -> None:
    for _ in range(50):
        number = numbers.new_number("4000")
        body, digit = number[:-1], number[-1]
        for at in range(15):
            for other in set("0123456789") - {body[at]}:
                assert numbers.luhn_digit(body[:at] + other + body[at + 1 :]) != digit
        for at, (one, two) in enumerate(pairwise(body)):
            swapped = body[:at] + two + one + body[at + 2 :]
            noticed = numbers.luhn_digit(swapped) != digit
            assert noticed is (one != two and {one, two} != {"0", "9"})


# ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("prefix", ["", "4000", "12345678"])
def test_a_number_has_sixteen_digits_its_prefix_and_its_check_digit(prefix: str) -> None:
    for _ in range(100):
        number = numbers.new_number(prefix)
        assert re.fullmatch(r"[0-9]{16}", number)
        assert number.startswith(prefix)
        assert numbers.luhn_digit(number[:-1]) == number[-1]


def test_numbers_have_no_order_no_pattern_and_no_twins() -> None:
    made = [numbers.new_number("") for _ in range(MANY)]
    assert len(set(made)) == MANY
    for at in range(16):
        assert_even((number[at] for number in made), 10, 60)
    for at in range(0, 14, 2):
        assert_even((number[at : at + 2] for number in made), 100, 200)
    assert_even((one[7] + other[7] for one, other in pairwise(made)), 100, 200)
    rising = sum(one < other for one, other in pairwise(made))
    assert abs(rising - MANY / 2) < 600


def test_the_prefix_leaves_the_rest_to_chance() -> None:
    made = [numbers.new_number("4000") for _ in range(MANY // 10)]
    for at in range(4, 16):
        assert_even((number[at] for number in made), 10, 60)


# ── codes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code_format", "form", "outcomes", "bound"),
    [("digits", "[0-9]{6}", 10, 60), ("letters", "[ABCDEFGHJKLMNPQRSTUVWXYZ3-9]{6}", 31, 110)],
)
def test_codes_have_no_order_and_no_pattern(code_format: str, form: str, outcomes: int, bound: float) -> None:
    made = [numbers.new_code(code_format) for _ in range(MANY)]
    assert all(re.fullmatch(form, code) for code in made)
    for at in range(6):
        assert_even((code[at] for code in made), outcomes, bound)
    assert_even((one[5] + other[0] for one, other in pairwise(made)), outcomes**2, 200 if outcomes == 10 else 1250)
    rising = sum(one < other for one, other in pairwise(made))
    assert abs(rising - MANY / 2) < 600


def test_codes_repeat_as_often_as_chance_has_it() -> None:
    """Of a million codes, 100 000 draws meet 95 163 different ones, give or take a few hundred."""
    different = len({numbers.new_code("digits") for _ in range(MANY)})
    assert 94_700 < different < 95_600


def test_everything_comes_from_the_operating_systems_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a generator that only ever gives zeros there is nothing left that differs."""
    monkeypatch.setattr(random, "_urandom", bytes)
    assert numbers.new_number("4000") == "4000000000000002"
    assert numbers.new_code("digits") == "000000"
    assert numbers.new_code("letters") == "AAAAAA"
    assert numbers.new_pass_sid(PROGRAM) == PROGRAM + "0" * 32
    assert new_id()[8:] == "0" * 16


def test_a_pass_sid_is_the_program_and_128_random_bits() -> None:
    made = {numbers.new_pass_sid(PROGRAM) for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(re.fullmatch(PROGRAM + "[0-9a-f]{32}", sid) for sid in made)


# ── hiding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hidden_number_opens_for_its_card_and_no_other() -> None:
    hidden = numbers.hide_number(KEYRING, PROGRAM, CARD, "4000123412341234")
    assert numbers.show_number(KEYRING, PROGRAM, CARD, hidden.sealed) == "4000123412341234"
    assert (hidden.last_four, hidden.key_version) == ("1234", KEYRING.version)
    assert b"1234" not in hidden.sealed + hidden.number_index
    for program, card in ((PROGRAM, OTHER), (OTHER, CARD), (CARD, PROGRAM)):
        with pytest.raises(Undecipherable):
            numbers.show_number(KEYRING, program, card, hidden.sealed)


@pytest.mark.parametrize(
    "typed",
    ["4000123412341234", "4000 1234 1234 1234", "4000-1234-1234-1234", " 4000123412341234 ", "40 0012-3412341234"],
)
def test_a_number_is_found_as_people_type_it(typed: str) -> None:
    hidden = numbers.hide_number(KEYRING, PROGRAM, CARD, "4000123412341234")
    assert numbers.indexes_of(KEYRING, PROGRAM, typed) == [hidden.number_index]


@pytest.mark.parametrize(
    "typed", ["4000123412341235", "400012341234123", "", "٤٠٠٠123412341234", "４０００123412341234", "\ud800"]
)
def test_any_other_number_is_another(typed: str) -> None:
    hidden = numbers.hide_number(KEYRING, PROGRAM, CARD, "4000123412341234")
    assert hidden.number_index not in numbers.indexes_of(KEYRING, PROGRAM, typed)


def test_an_imported_number_with_letters_is_found_in_either_case() -> None:
    hidden = numbers.hide_number(KEYRING, PROGRAM, CARD, "GIFT-77AB".replace("-", ""))
    assert numbers.indexes_of(KEYRING, PROGRAM, "gift-77ab") == [hidden.number_index]


def test_the_same_number_in_another_program_has_another_index() -> None:
    assert numbers.indexes_of(KEYRING, PROGRAM, "4000") != numbers.indexes_of(KEYRING, OTHER, "4000")


def test_a_number_is_looked_up_under_every_live_secret() -> None:
    old = numbers.hide_number(Keyring([OLD]), PROGRAM, CARD, "4000")
    both = Keyring([NEW, OLD])
    assert numbers.indexes_of(both, PROGRAM, "4000")[1] == old.number_index
    assert numbers.show_number(both, PROGRAM, CARD, old.sealed) == "4000"


def matches(code: str, hidden: numbers.HiddenCode | None, *, card: str = CARD, keyring: Keyring = KEYRING) -> bool:
    value, version = hidden or (None, None)
    return numbers.code_matches(keyring, PROGRAM, card, code, value, version)


def test_a_code_matches_itself_however_it_is_typed() -> None:
    hidden = numbers.hide_code(KEYRING, PROGRAM, CARD, "AB3456")
    assert all(matches(typed, hidden) for typed in ("AB3456", "ab3456", " AB3456 ", "Ab3456\n"))
    assert not any(matches(typed, hidden) for typed in ("AB3457", "AB 3456", "", "AB34566", "ＡＢ3456", "\ud800"))


def test_a_code_is_bound_to_its_card() -> None:
    hidden = numbers.hide_code(KEYRING, PROGRAM, CARD, "123456")
    assert not matches("123456", hidden, card=OTHER)
    assert b"123456" not in hidden.hash
    assert len(hidden.hash) == 32


def test_without_a_code_nothing_matches() -> None:
    assert not any(matches(code, None) for code in ("", "123456", "000000"))


def test_a_code_holds_while_its_secret_is_configured() -> None:
    hidden = numbers.hide_code(Keyring([OLD]), PROGRAM, CARD, "123456")
    assert matches("123456", hidden, keyring=Keyring([NEW, OLD]))
    assert not matches("123456", hidden, keyring=Keyring([NEW]))
