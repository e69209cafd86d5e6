"""What a page may do in a browser: load its own style, known by its hash, and nothing else from anywhere."""

import base64
import hashlib
from importlib.resources import files
from typing import Final

STYLE: Final = (files("kado.doors.pages") / "templates" / "page.css").read_text(encoding="utf-8")

_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # The address of a card's page is its secret: it is kept nowhere, told to no other site, and found by no search.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    # Neither a window that opened this one nor a page that embeds it gets hold of it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Headers of every page."""
