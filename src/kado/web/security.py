"""What a page may do in a browser: load its own style, our own pictures, and scripts of ours, and nothing else."""

import base64
import hashlib
from collections.abc import Mapping
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
_OURS: Final = "'self'"
_NOTHING: Final = "'none'"
_EVERY_PAGE: Final = {"default-src": _NOTHING, "img-src": _OURS, "base-uri": _NOTHING, "frame-ancestors": _NOTHING}


def app_headers(*, is_till: bool = False) -> dict[str, str]:
    """The headers of a page of the console: forms, scripts and styles of ours, by their addresses.

    A till is installed, works on in a script of its own, and scans with the camera.
    """
    policy = dict.fromkeys(("style-src", "script-src", "connect-src", "form-action"), _OURS)
    if is_till:
        policy |= dict.fromkeys(("worker-src", "manifest-src"), _OURS)
    return _headers(policy) | (_CAMERA if is_till else {})


def headers(style: str, *, takes_form: bool, runs_script: bool) -> dict[str, str]:
    """The headers of a page with this style. A page that has no form and no script may have none."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    script = _OURS if runs_script else _NOTHING
    return _headers(
        {
            "style-src": f"'sha256-{digest}'",
            "script-src": script,
            "connect-src": script,
            "form-action": _OURS if takes_form else _NOTHING,
        }
    )


def _headers(policy: Mapping[str, str]) -> dict[str, str]:
    said = "; ".join(f"{name} {value}" for name, value in (_EVERY_PAGE | dict(policy)).items())
    return {"Content-Security-Policy": said, **STANDARD}
