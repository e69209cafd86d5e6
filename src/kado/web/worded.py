"""Words on a page: as plain text, and as part of its markup."""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

from markupsafe import Markup

from kado.languages.choose import Language
from kado.languages.say import Say, words

Tell: TypeAlias = Callable[..., Markup]
"""`tell("key", name="…")`: as `Say`, as part of a page. What people wrote stands apart, so that it turns nothing beside
it around."""


@cache
def _known(areas: tuple[str, ...], language: Language) -> Mapping[str, str]:
    """The words of these areas; those of a later one take the place of an earlier one's."""
    return {key: said for area in areas for key, said in words(area, language).items()}


def say_of(areas: tuple[str, ...], language: Language) -> Say:
    """Words as plain text, with what they leave open. Raises `KeyError` for what these areas have no words for."""
    found = _known(areas, language)

    def say(key: str, /, **facts: object) -> str:
        return found[key].format_map(facts)

    return say


def tell_of(areas: tuple[str, ...], language: Language) -> Tell:
    """The same as markup."""
    found = _known(areas, language)

    def tell(key: str, /, **facts: object) -> Markup:
        apart = {name: Markup("<bdi>{}</bdi>").format(fact) for name, fact in facts.items()}
        return Markup(found[key]).format_map(apart)  # noqa: S704 - our own words, and what is filled in is escaped

    return tell


def why_not(
    code: str, detail: str, language: Language, *, member: str = "", facts: Mapping[str, object] = MappingProxyType({})
) -> str:
    """Why something was refused, by the refusal's code; `detail`, which is English, where there are no words for it,
    or where these leave something open that `facts` do not say.

    Some rooms say of several members only that they are wrong: the words for the one named here come first.
    """
    known = words("refusals", language)
    text = known.get(f"{code}_{member}" if member else "") or known.get(code)
    if text is None:
        return detail
    try:
        return text.format_map({name: str(value) for name, value in facts.items()})
    except KeyError:  # the same code without this fact
        return detail
