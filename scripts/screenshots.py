"""Take pictures of every page in every state: phone and desktop, light and dark, two languages; and of every mail.
`make screenshots`.

Of the console, which has many, those that the documentation shows: by day on a desktop, by night on a phone.

They go to docs/images/ as WebP; docs/reference/pages.md and mails.md show them. A server of its own is started for it.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Browser, Page

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.console_screens import CONSOLE, PICTURED, sign_in  # noqa: E402
from tests.browser.counter import a_cashier, a_till  # noqa: E402
from tests.browser.screens import SCREENS  # noqa: E402
from tests.browser.till_screens import SCREENS as TILL_SCREENS  # noqa: E402
from tests.browser.world import World, world  # noqa: E402

from kado.delivery import samples  # noqa: E402
from kado.languages.choose import Language  # noqa: E402

FOLDER: Final = ROOT / "docs" / "images" / "screens"
MAILS: Final = ROOT / "docs" / "images" / "mails"
SIZES: Final = {"phone": (390, 844), "desktop": (1280, 800)}
LOCALES: Final = {"en": "en-GB", "de": "de-DE"}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_READ: Final[tuple[tuple[Language, Literal["light", "dark"]], ...]] = (
    (Language.ENGLISH, "light"),
    (Language.GERMAN, "dark"),
)
_PATIENCE: Final = 20_000
"""Milliseconds."""


def main(only: str = "") -> None:
    """Take all pictures, or those of the screens and mails whose name has `only` in it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    MAILS.mkdir(parents=True, exist_ok=True)
    # Wrong codes are part of the pictures: the limits on an address would end them.
    with chromium() as browser, world(KADO_TRUSTED_PROXIES="127.0.0.1") as shop:
        shop.in_every_state()
        total = sum(len(content) for kind in samples.KINDS if only in kind for content in _mails(browser, kind))
        for name, show in SCREENS.items():
            if only in name:
                total += sum(len(content) for content in _pictures(browser, shop, name, show))
        for name in PICTURED:
            if only in f"console-{name}":
                total += sum(len(content) for content in _of_console(browser, shop, name))
        total += sum(len(content) for content in _till_pictures(browser, shop, only))
        print(f"{total // 1024} kB in {FOLDER.parent.relative_to(ROOT)}")


def _mails(browser: Browser, kind: str) -> list[bytes]:
    """One mail as it is read on a phone: in English by day, in German by night."""
    taken = []
    with browser.new_context(viewport={"width": 420, "height": 700}) as context:
        page = context.new_page()
        for language, scheme in _READ:
            page.emulate_media(color_scheme=scheme)
            page.set_content(samples.html(kind, samples.manner(language)))
            content = _small(page.screenshot(full_page=True))
            (MAILS / f"{kind}-{scheme}-{language}.webp").write_bytes(content)
            taken.append(content)
    return taken


def _pictures(browser: Browser, shop: World, name: str, show: Callable[[Page, World], None]) -> list[bytes]:
    """One screen in all its forms; each is written to a file."""
    taken = []
    for at, (size, (width, height)) in enumerate(SIZES.items()):
        for language, locale in LOCALES.items():
            with browser.new_context(
                viewport={"width": width, "height": height},
                locale=locale,
                reduced_motion="reduce",
                extra_http_headers={"X-Forwarded-For": f"203.0.113.{list(SCREENS).index(name) * 2 + at}"},
            ) as context:
                page = context.new_page()
                page.set_default_timeout(_PATIENCE)
                show(page, shop)
                for scheme in SCHEMES:
                    page.emulate_media(color_scheme=scheme)
                    content = _small(page.screenshot(full_page=True))
                    (FOLDER / f"{name}-{size}-{scheme}-{language}.webp").write_bytes(content)
                    taken.append(content)
    return taken


def _of_console(browser: Browser, shop: World, name: str) -> list[bytes]:
    """One screen of the console in both its forms."""
    taken = []
    forms: tuple[tuple[str, str, Literal["light", "dark"]], ...] = (("desktop", "en", "light"), ("phone", "de", "dark"))
    for size, language, scheme in forms:
        width, height = SIZES[size]
        with browser.new_context(
            viewport={"width": width, "height": height},
            locale=LOCALES[language],
            color_scheme=scheme,
            reduced_motion="reduce",
            extra_http_headers={"X-Forwarded-For": f"203.0.113.{200 + PICTURED.index(name)}"},
        ) as context:
            page = context.new_page()
            page.set_default_timeout(_PATIENCE)
            sign_in(page, shop)
            CONSOLE[name](page, shop)
            content = _small(page.screenshot(full_page=True))
            (FOLDER / f"console-{name}-{size}-{scheme}-{language}.webp").write_bytes(content)
            taken.append(content)
    return taken


def _till_pictures(browser: Browser, shop: World, only: str) -> list[bytes]:
    """The till's screens as far as their names have `only` in them: on a tablet, and on a phone at night."""
    taken = []
    a_cashier(shop)
    for size, scheme, language in (("tablet", SCHEMES[0], "en"), ("phone", SCHEMES[1], "de")):
        width, height = (1024, 768) if size == "tablet" else SIZES[size]
        more = {"viewport": {"width": width, "height": height}, "locale": LOCALES[language], "color_scheme": scheme}
        more |= {"service_workers": "block"}  # what a worker has seen first, nobody can cut off for a picture
        with a_till(browser, shop.server.base_url, **more) as till:
            till.page.set_default_timeout(_PATIENCE)
            for name, show in TILL_SCREENS.items():
                show(till, shop)
                if only in f"till-{name}" and name not in ("known", "seen"):
                    content = _small(till.page.screenshot(full_page=name != "unknown"))
                    (FOLDER / f"till-{name}-{size}-{scheme}-{language}.webp").write_bytes(content)
                    taken.append(content)
    return taken


def _small(picture: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(out, "WEBP", quality=70)
    return out.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:2])
