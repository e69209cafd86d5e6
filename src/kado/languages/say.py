"""The words themselves: `words/<area>.<language>.toml`, one file for an area in each language.

What stands in braces is filled in. Only our own words are read like this: what people wrote is filled in, never read.
"""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias

from kado.languages.choose import Language

Say: TypeAlias = Callable[..., str]
"""`say("key", name="…")`: the words under this key, with what they leave open. Raises `KeyError` for any other."""

_WORDS: Final = files("kado.languages") / "words"


@cache
def words(area: str, language: Language) -> Mapping[str, str]:
    """All words of an area in a language, by their keys."""
    return tomllib.loads((_WORDS / f"{area}.{language}.toml").read_text(encoding="utf-8"))


@cache
def saying(area: str, language: Language) -> Say:
    """What says the words of an area in a language."""
    known = words(area, language)

    def say(key: str, /, **facts: object) -> str:
        return known[key].format_map(facts)

    return say


def areas() -> list[str]:
    """The areas that there are words for."""
    return sorted({name.partition(".")[0] for one in _WORDS.iterdir() if (name := one.name).endswith(".toml")})
