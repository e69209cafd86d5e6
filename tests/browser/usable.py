"""What everybody needs of a page, looked at in one visit: each visit costs a second, and there are a hundred screens.

Nothing that axe finds by day or contrasts that are too low by night, nothing that is cut off on a narrow phone or a
tablet, nothing too small for a finger, and no more bytes than a slow line carries in a moment.
"""

from typing import Final

from playwright.sync_api import Page
from tests.browser.axe import TAGS, faults

NARROW: Final = (320, 640)
TABLET: Final = (768, 1024)
_FINGER: Final = 43.5
"""Pixels. WCAG 2.2, 2.5.8 wants 24; fingers want 44."""

_CUT: Final = (
    "[...document.querySelectorAll('main *, footer *')].filter(e => !e.closest('svg, .unseen, .wide-table, thead')"
    " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90))"
)
_PRESSED: Final = ("a", "button", "select", "summary", "input:not([type=hidden])")
_LOW: Final = (
    "([what, height, width]) => [...document.querySelectorAll(what)].filter(e => e.checkVisibility())"
    ".map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])"
    ".filter(([, box]) => box.height < height || box.width < width).map(([html]) => html)"
)


def in_the_way(
    page: Page, *, bytes_max: int, small: str = "", widths: tuple[tuple[int, int], ...] = (NARROW,)
) -> list[str]:
    """What is in somebody's way on this page, in words. Leaves the window as it was, and the page in light.

    `small` selects what may be smaller than a finger, because all around it can be pressed as well.
    """
    found = []
    page.emulate_media(color_scheme="light")
    found += [f"axe: {fault}" for fault in faults(page, "tag", *TAGS)]
    page.emulate_media(color_scheme="dark")
    found += [f"axe, dark: {fault}" for fault in faults(page, "rule", "color-contrast")]
    page.emulate_media(color_scheme="light")
    if not 0 < (size := weight(page)) < bytes_max:
        found.append(f"{size} bytes")
    before = page.viewport_size
    assert before is not None
    for width, height in widths:
        page.set_viewport_size({"width": width, "height": height})
        found += [f"wide at {width}: {one}" for one in cut_off(page)]
        if width == NARROW[0]:
            found += [f"small: {one}" for one in too_small(page, small)]
    page.set_viewport_size(before)
    return found


def cut_off(page: Page) -> list[str]:
    """What does not fit into the window as wide as it is now."""
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    cut: list[str] = page.evaluate(_CUT)
    return [*([f"the page: {wide[0]}"] if wide[0] > wide[1] else []), *cut]


def too_small(page: Page, but: str = "") -> list[str]:
    """What is pressed and smaller than a finger hits, but for what `but` selects."""
    pressed = ", ".join(f"{one}:not({but})" if but else one for one in _PRESSED)
    return lower_than(page, pressed, _FINGER, _FINGER)


def lower_than(page: Page, what: str, height: float, width: float = 0) -> list[str]:
    """What of `what` (a selector) is seen, and lower or narrower than so many pixels."""
    found: list[str] = page.evaluate(_LOW, [what, height, width])
    return found


def weight(page: Page) -> int:
    """The page and all that it fetched, in bytes as they are after decompression."""
    files: int = page.evaluate(
        "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.decodedBodySize, 0)"
    )
    return len(page.content().encode()) + files
