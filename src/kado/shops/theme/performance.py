"""What a theme costs a visitor. Estimates for a slow mobile line: nothing is fetched to find out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from kado.shops.theme.check import families
from kado.shops.theme.theme import PRESETS, Theme, members

_MANY: Final = 8
_FONT_MS: Final = 150
_LOGO_MS: Final = 50
_LARGE_LOGO_MS: Final = 300
_MS_PER_POINT: Final = 10

# Formats in which a picture for a web page is seldom small.
_LARGE: Final = (".bmp", ".tif", ".tiff", ".gif", ".psd", ".heic")
# On every device, or a word for whatever is there.
_AT_HAND: Final = frozenset(
    "serif sans-serif monospace cursive fantasy system-ui ui-sans-serif arial helvetica verdana georgia tahoma"
    " times courier".split()
) | {"times new roman", "courier new", "trebuchet ms"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Something that takes a visitor time: estimated milliseconds, or None where it is too little to tell."""

    severity: Literal["info", "warning"]
    code: str
    message: str
    estimated_ms: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a theme costs. `changed` counts values that differ from the preset; 100 is the best score, 0 the worst."""

    changed: int
    has_custom_font: bool
    has_large_logo: bool
    costs: tuple[Cost, ...]
    score: int


def report(theme: Theme) -> Report:
    """What the theme costs a visitor."""
    changed, costs = _changed(theme), tuple(_costs(theme))
    spent = sum(cost.estimated_ms or 0 for cost in costs)
    return Report(changed, _has_custom_font(theme), _has_large_logo(theme), costs, max(0, 100 - spent // _MS_PER_POINT))


def _costs(theme: Theme) -> Iterator[Cost]:
    if _changed(theme) > _MANY:
        yield Cost("info", "many_changes", "Much differs from the preset; another preset may be closer.", None)
    if _has_custom_font(theme):
        yield Cost("warning", "custom_font", "The font is loaded before text shows in it.", _FONT_MS)
    if _has_large_logo(theme):
        message = "Pictures of this format are large; use SVG, WebP or PNG."
        yield Cost("warning", "large_logo", message, _LARGE_LOGO_MS)
    elif theme.logo_url is not None:
        yield Cost("info", "logo", "The logo is loaded from its address.", _LOGO_MS)


def _changed(theme: Theme) -> int:
    preset = members(PRESETS.get(theme.preset_id, Theme()))
    return sum(value != preset[name] for name, value in members(theme).items() if name != "presetId")


def _has_custom_font(theme: Theme) -> bool:
    return theme.font_family is not None and families(theme.font_family)[0].lower() not in _AT_HAND


def _has_large_logo(theme: Theme) -> bool:
    return theme.logo_url is not None and urlsplit(theme.logo_url).path.lower().endswith(_LARGE)
