"""What a page may do in a browser: load its own style, known by its hash, our own pictures, and one script of ours."""

import base64
import hashlib
from typing import Final

STANDARD: Final = {
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
"""Of everything that a page, or what belongs to one, is answered with."""


def headers(style: str, *, takes_form: bool, runs_script: bool) -> dict[str, str]:
    """The headers of a page with this style. A page that has no form and no script may have none."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "'self'",
        "script-src": "'self'" if runs_script else "'none'",
        "connect-src": "'self'" if runs_script else "'none'",
        "base-uri": "'none'",
        "form-action": "'self'" if takes_form else "'none'",
        "frame-ancestors": "'none'",
    }
    return {"Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()), **STANDARD}
