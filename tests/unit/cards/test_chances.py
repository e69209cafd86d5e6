"""What is left to a guesser, from the constants of the code. `python tests/unit/cards/test_chances.py` prints it.

Let C be how many codes there are, m how many wrong ones a card takes, V how many numbers a program can have, N how many
live cards it has, g how many guesses a day are compared. A known number is opened with the chance m/C, an unknown one
g · N/V · 1/C times a day.
"""

from datetime import timedelta
from fractions import Fraction
from typing import Final

from kado.cards import balance_check, guesses, numbers
from kado.cards.balance_check import ADDRESS_LIMITS
from kado.programs.program import DEFAULT_NUMBER_PREFIX, CodeFormat

BOT: Final = 4_000_000 * 24
"""Guesses a day of the largest bot that was ever seen at gift cards (GiftGhostBot, 2017: four million an hour)."""
CARDS: Final = 1_000_000

CODES: Final = {
    CodeFormat.DIGITS: 10**numbers.CODE_LENGTH,
    CodeFormat.LETTERS: len(numbers._LETTERS) ** numbers.CODE_LENGTH,
}
# The last digit of a number follows from the others.
NUMBERS: Final = 10 ** (numbers.NUMBER_DIGITS - len(DEFAULT_NUMBER_PREFIX) - 1)


def of_a_known_number(code_format: CodeFormat) -> Fraction:
    """That it is ever opened, by any number of guessers over any time, until its owner asks for a new code."""
    return Fraction(balance_check._WRONG_EVER, CODES[code_format])


def of_a_known_number_in_a_day(code_format: CodeFormat) -> Fraction:
    return Fraction(balance_check._WRONG_A_DAY, CODES[code_format])


def of_unknown_numbers_in_a_day(code_format: CodeFormat, guesses_a_day: int = BOT) -> Fraction:
    """How many cards are opened, on average."""
    return guesses_a_day * Fraction(CARDS, NUMBERS) * Fraction(1, CODES[code_format])


def flood_a_day() -> int:
    """How many guesses a quiet program compares a day at most, where there is no captcha to be asked for."""
    return guesses._FLOOD_FACTOR * guesses._ATTACK_FLOOR * 60 * 24


def addresses_for(guesses_a_day: int) -> int:
    """How many addresses that many guesses a day cost."""
    most = next(limit.count for limit in ADDRESS_LIMITS if limit.window == timedelta(days=1))
    return -(-guesses_a_day // most)


def table() -> list[tuple[str, str]]:
    rows = []
    for form in CodeFormat:
        rows += [
            (f"a known number, {form}, in a day", f"{float(of_a_known_number_in_a_day(form)):.1e}"),
            (f"a known number, {form}, ever", f"{float(of_a_known_number(form)):.1e}"),
            (f"10,000 known numbers, {form}, ever, cards", f"{float(10_000 * of_a_known_number(form)):.1e}"),
            (f"unknown numbers, {form}, 4 M an hour, cards a day", f"{float(of_unknown_numbers_in_a_day(form)):.1e}"),
            (
                f"unknown numbers, {form}, without a captcha, cards a day",
                f"{float(of_unknown_numbers_in_a_day(form, flood_a_day())):.1e}",
            ),
        ]
    return [*rows, ("addresses that 4 M guesses an hour take", f"{addresses_for(BOT):,}")]


def test_a_known_number_is_all_but_safe_for_ever() -> None:
    assert of_a_known_number(CodeFormat.DIGITS) <= Fraction(2, 10**5)
    assert of_a_known_number(CodeFormat.LETTERS) <= Fraction(23, 10**9)


def test_five_wrong_codes_a_day_are_what_a_day_gives() -> None:
    assert of_a_known_number_in_a_day(CodeFormat.DIGITS) <= Fraction(5, 10**6)
    assert of_a_known_number_in_a_day(CodeFormat.LETTERS) <= Fraction(57, 10**10)


def test_unknown_numbers_give_next_to_nothing_to_the_largest_bot() -> None:
    assert of_unknown_numbers_in_a_day(CodeFormat.DIGITS) <= Fraction(1, 10**3)
    assert of_unknown_numbers_in_a_day(CodeFormat.LETTERS) <= Fraction(11, 10**7)


def test_without_a_captcha_a_quiet_program_compares_few() -> None:
    assert flood_a_day() == 288_000
    assert of_unknown_numbers_in_a_day(CodeFormat.DIGITS, flood_a_day()) < Fraction(3, 10**6)


def test_so_many_guesses_cost_a_million_addresses() -> None:
    assert addresses_for(BOT) >= 960_000
    assert [(limit.count, limit.window) for limit in ADDRESS_LIMITS] == [
        (30, timedelta(hours=1)),
        (100, timedelta(days=1)),
    ]


def test_what_the_figures_rest_on() -> None:
    """A change of these changes the figures; what they are is shown by the tests of guessing and of numbers."""
    assert (balance_check._WRONG_A_DAY, balance_check._WRONG_EVER) == (5, 20)
    assert (CODES[CodeFormat.DIGITS], CODES[CodeFormat.LETTERS], NUMBERS) == (10**6, 31**6, 10**11)


if __name__ == "__main__":
    for what, figure in table():
        print(f"{what:<60} {figure}")
