"""What stands on a card's paper, in words: whoever draws it needs nothing else, and no database."""

from dataclasses import dataclass, field
from typing import Final, Literal

Format = Literal["a4", "letter", "folded", "label"]
Size = Literal["a4", "letter"]
FORMATS: Final = ("a4", "letter", "folded", "label")
SIZES: Final = ("a4", "letter")

SHIFT_MAX: Final = 100
"""How far a sheet of labels can be moved, in tenths of a millimetre: printers pull paper in a little aslant."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the paper is. `size` is that of the sheet for what is folded or cut; shifts are tenths of a millimetre."""

    format: Format = "a4"
    size: Size = "a4"
    shift_right: int = 0
    shift_down: int = 0

    @property
    def paper(self) -> Size:
        """The size of the sheet in the printer."""
        match self.format:
            case "a4" | "letter":
                return self.format
            case _:
                return self.size


@dataclass(frozen=True, slots=True)
class Brand:
    """How the shop looks on paper. Colours are `#rrggbb`."""

    shop: str
    program: str
    card: str
    on_card: str
    text: str
    muted: str
    border: str
    accent: str
    logo: bytes | None = field(default=None, repr=False)
    """PNG or JPEG."""
    website: str | None = None
    terms: str | None = None


@dataclass(frozen=True, slots=True)
class PaperCard:
    """One card. `design` names a drawing that comes along; `art` is a picture (PNG or JPEG) that takes its place."""

    language: str
    value: str
    """As people write it: 25,00 €."""
    is_balance: bool
    """Whether that is what is left, and not what it begins with."""
    expires: str | None
    """The day, in words; None for a card that does not end."""
    number: str | None = field(repr=False)
    """In full, and as barcode; None for who may not see it: then its end stands there."""
    last_four: str
    url: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    to: str | None = None
    giver: str | None = None
    words: str | None = None
    design: str = "plain"
    art: bytes | None = field(default=None, repr=False)
    is_sample: bool = False

    @property
    def shown_number(self) -> str:
        """The number as it is read out, or its end."""
        return f"•••• {self.last_four}" if self.number is None else grouped(self.number)


def grouped(number: str) -> str:
    """A number as it is read out: in fours where it is a whole number of them."""
    if len(number) % 4:
        return number
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))
