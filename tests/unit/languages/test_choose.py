"""Which language somebody is spoken to in: by tags, by what browsers send, by nonsense."""

import pytest

from kado.languages.choose import Language, spoken, wanted


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at-1996", "de"),
        ("it, nl", "nl"),
        ("fr;q=0.5, es;q=0.8", "es"),
        ("fr ; q=0.8 , es;q=0.8", "fr"),
        ("en;q=0.9,de;q=0.95", "de"),
        ("de;q=0, nl;q=0.1", "nl"),
        ("de;q=0.000", "en"),
        ("*", "en"),
        ("", "en"),
        ("de;q=2, fr", "fr"),
        ("de;q=0.1234, fr", "fr"),
        ("zz-Latn", "en"),
        (",,;q=,\x00,ＤＥ", "en"),
    ],
)
def test_the_heaviest_wish_that_is_understood_wins(said: str, language: str) -> None:
    assert wanted(said) == Language(language)


def test_who_asks_for_nothing_known_is_spoken_to_as_usual() -> None:
    assert wanted("ja", usual=Language.DUTCH) is Language.DUTCH


def test_a_list_without_end_is_read_to_the_twentieth_wish() -> None:
    assert wanted("ja," * 19 + "de") is Language.GERMAN
    assert wanted("ja," * 20 + "de") is Language.ENGLISH


@pytest.mark.parametrize("tag", [None, 7, "", "german", "de;q=1", "de_DE", "d" * 9, "de-\n"])
def test_what_is_no_tag_of_a_language_that_is_spoken_is_none(tag: object) -> None:
    assert spoken(tag) is None
