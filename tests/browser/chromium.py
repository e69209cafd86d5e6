"""The browser that the tests drive: a real Chromium, found where `scripts/browser.sh` found or put it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--no-sandbox",  # it drives our own pages only, and root has no other way
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MISSING: Final = (
    "There is no browser to test the pages with. `sh scripts/browser.sh` finds or installs one and says what is in the"
    " way; KADO_TEST_BROWSER=/path/to/chromium names one."
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, running. Raises `AssertionError` with what to do where there is none."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        named = os.environ.get("KADO_TEST_BROWSER")
        found = named or next((path for name in _NAMES if (path := shutil.which(name))), None)
        found = found or (own if Path(own).exists() else None)
        assert found is not None, _MISSING
        browser = playwright.chromium.launch(executable_path=found, args=list(_FLAGS))
        yield browser
        browser.close()
