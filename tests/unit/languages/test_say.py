"""Every language says the same things: no word is missing, none is left over, and all leave the same places open."""

from string import Formatter

import pytest

from kado.languages.choose import Language
from kado.languages.say import areas, saying, words

AREAS = areas()


def _open(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("language", [one for one in Language if one is not Language.ENGLISH])
def test_every_language_has_the_words_of_the_others(area: str, language: Language) -> None:
    english, own = words(area, Language.ENGLISH), words(area, language)
    assert list(own) == list(english)
    for key, text in english.items():
        assert _open(own[key]) == _open(text), key
        assert own[key].strip() != "", key


@pytest.mark.parametrize("area", AREAS)
def test_nothing_is_filled_in_but_names(area: str) -> None:
    """A place that is open has a plain name: no member of an object, no format."""
    for language in Language:
        for key, text in words(area, language).items():
            assert all(name.isidentifier() for name in _open(text)), (language, key)
            assert all(not spec and not turned for _, name, spec, turned in Formatter().parse(text) if name), key


@pytest.mark.parametrize("area", AREAS)
def test_what_people_wrote_is_filled_in_and_never_read(area: str) -> None:
    hostile = "{key.__class__} {0} %s"
    for key, text in words(area, Language.ENGLISH).items():
        if _open(text):
            assert hostile in saying(area, Language.ENGLISH)(key, **dict.fromkeys(_open(text), hostile))
