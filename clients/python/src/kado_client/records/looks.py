"""How a program's cards look: colours and words, pictures, designs. Colours are `#rrggbb`."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from kado_client.wire import Record


@dataclass(frozen=True, kw_only=True)
class ShownLook(Record):
    """What people see: what the program says, else the shop's theme, moved towards black or white to be readable."""

    background_color: str
    foreground_color: str
    logo_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class CardLook(Record):
    """What a program says of how its cards look. None follows from the shop's theme."""

    shown: ShownLook
    background_color: str | None = None
    foreground_color: str | None = None
    label_color: str | None = None
    logo_text: str | None = None
    description: str | None = None


class LookChanges(TypedDict, total=False):
    """What can be said of it. Colours are `#rgb`, `#rrggbb` or `rgb(r, g, b)`; None takes one's word back."""

    background_color: str | None
    foreground_color: str | None
    label_color: str | None
    logo_text: str | None
    description: str | None


@dataclass(frozen=True, kw_only=True)
class Picture(Record):
    """A picture of a program. Everybody may fetch `url`, and it is this picture for ever. Sizes are pixels."""

    type: str
    url: str
    width: int
    height: int
    content_type: str
    bytes: int
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Design(Record):
    """What a card's `design_template` can name: a drawing that comes along, or art of one's `own`."""

    slug: str
    own: bool
    url: str
    width: int
    """Pixels, or a drawing's own units."""
    height: int
    content_type: str
    bytes: int | None = None
    """None for a drawing, and so is `updated_at`: it comes along."""
    updated_at: datetime | None = None
