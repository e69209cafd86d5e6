"""What a mail says, apart from how it looks: the same for its HTML and for its plain text.

Our words come from `kado.languages`; what people wrote is filled in, cleaned before, escaped here, and never read as
anything. Each stands by itself, so that a name that runs from right to left does not turn around what stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from kado.delivery.wording import CODE_GOES_HERE, isolated, plain_link
from kado.languages.choose import Language
from kado.languages.say import words

_ALONE: Final = Markup("<bdi>{}</bdi>")
_COLUMN: Final = 16
"""Where the values of facts stand in plain text, if all their names are short."""


class Said(NamedTuple):
    """A sentence of ours with words of others in it."""

    words: str
    facts: Mapping[str, str]

    @property
    def text(self) -> str:
        """As plain text."""
        return self.words.format_map({name: isolated(value) for name, value in self.facts.items()})

    @property
    def html(self) -> Markup:
        """As HTML."""
        facts = {name: _ALONE.format(value) for name, value in self.facts.items()}
        return escape(self.words).format(**facts)


class Fact(NamedTuple):
    """Something with its name. `is_number` is read digit by digit."""

    label: str
    value: str
    is_number: bool = False

    @property
    def kind(self) -> str:
        """The class of its value in HTML."""
        return "digits" if self.is_number else "fact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail before it looks like anything."""

    language: Language
    shop: str
    """From whom it is, cleaned."""
    subject: Said
    hello: Said
    title: Said
    quote: Sequence[str] = ()
    """What the giver says, in clean lines."""
    shows_card: bool = False
    """Whether the card itself is to be seen, where there is a picture of it."""
    amount: str = ""
    """What stands large. The plain text has it among the facts."""
    facts: Sequence[Fact] = ()
    told: Sequence[Fact] = ()
    """Facts of the plain text alone, before the others."""
    code: Fact | None = None
    see: Fact | None = None
    """An address to open, and what it is called."""
    scan: Fact | None = None
    """What the code for cameras leads to, and what it is called."""
    notes: Sequence[Said] = ()

    @property
    def link(self) -> Fact | None:
        """The address as the HTML has it."""
        return self.see and self.see._replace(value=plain_link(self.see.value) or self.see.value)

    @property
    def lines(self) -> list[str]:
        """The facts of the plain text, one under the other, with a place for the code."""
        code = None if self.code is None else self.code._replace(value=CODE_GOES_HERE)
        see = self.link if self.see is not None and plain_link(self.see.value) else None
        parts = [[*self.told, *self.facts], [code] if code else [], [see] if see else []]
        colon = words("mail", self.language)["colon"]
        width = max([_COLUMN, *(len(fact.label + colon) + 2 for part in parts for fact in part)])
        lines: list[str] = []
        for part in filter(None, parts):
            lines += [""] if lines else []
            lines += [f"{fact.label}{colon}".ljust(width) + isolated(fact.value) for fact in part]
        return lines


def sayer(language: Language, area: str = "mail") -> "Sayer":
    """What makes sentences of an area in a language."""
    return Sayer(words(area, language))


class Sayer(NamedTuple):
    """Our words in one language, by their keys."""

    known: Mapping[str, str]

    def __call__(self, key: str, /, **facts: str) -> Said:
        """The sentence under this key. Raises `KeyError` for any other."""
        return Said(self.known[key], facts)

    def word(self, key: str) -> str:
        """Words that leave nothing open."""
        return self.known[key]
