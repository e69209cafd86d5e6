"""Hebrew and Arabic: the order in which letters stand, and the forms in which they join."""

import pytest

from kado.paper.scripts import is_right_to_left, visual


@pytest.mark.parametrize(
    ("written", "stands"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("שלום", "םולש"),
        ("für שלום!", "für םולש!"),
        ("שלום 123", "123 םולש"),
        ("(שלום)", "(םולש)"),
        ("שלום Ada 25", "Ada 25 םולש"),
        ("25,00 € שלום", "םולש € 25,00"),
        ("Ελένη Наталья", "Ελένη Наталья"),
        ("", ""),
        ("…", "…"),
    ],
)
def test_letters_stand_in_the_order_in_which_they_are_read(written: str, stands: str) -> None:
    assert visual(written) == stands


@pytest.mark.parametrize(
    ("written", "stands"),
    [
        ("سلام", "\ufee1\ufefc\ufeb3"),  # seen and the lam that it joins, with its alef; then meem alone
        ("بب", "\ufe90\ufe91"),
        ("بَب", "\ufe90\u064e\ufe91"),
        ("دب", "\ufe8f\ufea9"),
        ("پ", "\ufb56"),
        ("لا", "\ufefb"),
    ],
)
def test_arabic_letters_join(written: str, stands: str) -> None:
    assert visual(written) == stands


def test_the_first_letter_with_a_direction_says_from_where_a_line_is_read() -> None:
    assert is_right_to_left("12: שלום Ada")
    assert not is_right_to_left("12: Ada שלום")
    assert not is_right_to_left("12")


def test_what_turns_text_round_by_command_is_dropped() -> None:
    assert visual("abc\u202edef\u2066") == "abcdef"
