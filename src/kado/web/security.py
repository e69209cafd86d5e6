"""What a page may do in a browser: load its own style, our own pictures, and scripts of ours, and nothing else."""

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


_CAMERA: Final = {"Permissions-Policy": STANDARD["Permissions-Policy"].replace("camera=()", "camera=(self)")}


def app_headers(*, uses_camera: bool = False) -> dict[str, str]:
    """The headers of a page of the till or the console: forms, scripts and styles of ours, by their addresses."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self';"
        " worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, **STANDARD, **(_CAMERA if uses_camera else {})}


def headers(style: str | None, *, takes_form: bool, runs_script: bool) -> dict[str, str]:
    """The headers of a page with this style, or, without one, with styles of ours that it links to.

    A page that has no form and no script may have none.
    """
    digest = "" if style is None else base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "style-src": "'self'" if style is None else f"'sha256-{digest}'",
        "img-src": "'self'",
        "script-src": "'self'" if runs_script else "'none'",
        "connect-src": "'self'" if runs_script else "'none'",
        "base-uri": "'none'",
        "form-action": "'self'" if takes_form else "'none'",
        "frame-ancestors": "'none'",
    }
    return {"Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()), **STANDARD}
