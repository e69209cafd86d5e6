"""What a theme is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

Radius = Literal["none", "sm", "md", "lg", "full"]
"""How round corners are."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours (`#rgb` or `#rrggbb`), logo, font and corners. The defaults are those of the preset `eposn-default`."""

    preset_id: str = "eposn-default"
    primary: str = "#15803d"
    primary_fg: str = "#ffffff"
    sidebar_bg: str = "#ffffff"
    sidebar_text: str = "#4b5563"
    sidebar_active_bg: str = "#f0fdf4"
    sidebar_active_text: str = "#15803d"
    sidebar_badge: str = "#15803d"
    background: str = "#f9fafb"
    foreground: str = "#111827"
    surface: str = "#ffffff"
    border: str = "#e5e7eb"
    muted: str = "#6b7280"
    logo_url: str | None = None
    logo_alt: str | None = None
    font_family: str | None = None
    border_radius: Radius = "lg"


COLOURS: Final = (
    "primary",
    "primary_fg",
    "sidebar_bg",
    "sidebar_text",
    "sidebar_active_bg",
    "sidebar_active_text",
    "sidebar_badge",
    "background",
    "foreground",
    "surface",
    "border",
    "muted",
)
"""The members of a theme that are colours."""

PRESETS: Final[Mapping[str, Theme]] = {Theme().preset_id: Theme()}
"""Themes that come along, by their names."""


def wire_name(member: str) -> str:
    """The member as the API calls it: `primary_fg` is `primaryFg`."""
    first, *rest = member.split("_")
    return first + "".join(word.capitalize() for word in rest)


def members(theme: Theme) -> dict[str, Any]:
    """All members by the names that the API gives them."""
    return {wire_name(name): value for name, value in asdict(theme).items()}


def theme_of(said: Mapping[str, Any]) -> Theme:
    """The theme with these members, by the API's names; what is not said has its default."""
    known = {field.name: wire_name(field.name) for field in fields(Theme)}
    return Theme(**{name: said[wire] for name, wire in known.items() if wire in said})
