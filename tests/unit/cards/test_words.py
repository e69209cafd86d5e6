"""What a card is found by, and that each search finds it in exactly one of its rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kado.cards.words import after, terms_of, words_of

NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=255)


def matches(email: str | None, names: tuple[str | None, ...], typed: str) -> list[str]:
    """The rows that a search shows, as the database picks them."""
    first, *others = terms_of(typed)
    return [
        word.text
        for word in words_of(email, *names)
        if word.text.startswith(first)
        and word.shared < len(first)
        and all(f" {other}" in f" {word.text}" for other in others)
    ]


@pytest.mark.parametrize(
    "typed",
    ["l", "lov", "LOVELACE", "ada lov", "lov ada", "a", "babb", "ada charles", "Ada.Lovelace@EXAMPLE.com", "ada.",
     "  ada   lovelace  ", "ada a", "king"],
)  # fmt: skip
def test_a_card_is_found_by_the_beginnings_of_its_words_once(typed: str) -> None:
    assert len(matches("ada.lovelace@example.com", ("Ada King Lovelace", "Charles Babbage"), typed)) == 1


@pytest.mark.parametrize(
    "typed", ["ove", "ada x", "lovelace@", "example.com", "adalovelace", "%", "_", "\\", "'", "ad%"]
)
def test_a_card_is_not_found_by_anything_else(typed: str) -> None:
    assert matches("ada.lovelace@example.com", ("Ada King Lovelace", "Charles Babbage"), typed) == []


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Ann Jones-Smith", "smith"),
        ("Ann Jones-Smith", "jones-smith ann"),
        ("Sinéad O’Connor", "connor"),
        ("ÅSA Öberg", "åsa ö"),
        ("Straße", "STRASSE"),
        ("Zoë", "zoe\u0308"),
        ("Ирина", "ИР"),
        ("李 明", "李"),
        ("(Bob)", "bob"),
    ],
)
def test_letters_of_all_languages_count_without_regard_to_case(name: str, typed: str) -> None:
    assert len(matches(None, (name,), typed)) == 1


def test_accents_count_as_they_are_typed() -> None:
    assert matches(None, ("Zoë",), "zoe") == []


@given(email=st.none() | st.emails(), names=st.tuples(NAMES, NAMES))
def test_every_search_shows_a_card_in_the_first_row_that_fits(email: str | None, names: tuple[str, str]) -> None:
    rows = words_of(email, *names)
    texts = [row.text for row in rows]
    assert texts == sorted(set(texts))
    assert all(len(text) <= 600 and len(text.encode()) <= 2400 for text in texts)
    for text in texts:
        for length in (1, 2, len(text.split()[0])):
            prefix = text[:length]
            fitting = [row.text for row in rows if row.text.startswith(prefix)]
            assert [row.text for row in rows if row.text.startswith(prefix) and row.shared < length] == fitting[:1]


@given(prefix=st.text(min_size=1, max_size=5), rest=st.text(max_size=5), other=st.text(max_size=8))
def test_what_begins_with_a_text_lies_between_it_and_what_comes_after(prefix: str, rest: str, other: str) -> None:
    assert prefix + rest < after(prefix)
    assert (prefix <= other < after(prefix)) is other.startswith(prefix)


def test_names_without_end_leave_room_for_the_beginning() -> None:
    rows = words_of("a" * 64 + "@" + "b" * 180 + ".example", *(" ".join(f"{n:03}" for n in range(64)),) * 2)
    assert len(rows) == 32
    assert any(row.text.startswith("000 ") for row in rows)
