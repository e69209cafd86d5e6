"""Time-based one-time passwords as authenticator apps make them (RFC 6238): SHA-1, six digits, steps of thirty seconds.

Other lengths and hashes exist in the standard; these are the only ones that every app understands.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final
from urllib.parse import quote

DIGITS: Final = 6
STEP_SECONDS: Final = 30
STEPS_ASIDE: Final = 1
"""How far the phone's clock may be off, in steps, to either side."""

_ISSUER: Final = "Kado"
_SEED_BYTES: Final = 20  # as long as the hash (RFC 4226, section 4)
_FORM: Final = re.compile(r"[0-9]{6}", re.ASCII)


def new_seed() -> bytes:
    """160 bits from the operating system's generator."""
    return secrets.token_bytes(_SEED_BYTES)


def seed_text(seed: bytes) -> str:
    """The seed as people type it into an app that cannot scan: base32 without padding."""
    return base64.b32encode(seed).decode().rstrip("=")


def uri(seed: bytes, account: str) -> str:
    """The seed as apps scan it; `account` is what the person sees there beside "Kado"."""
    label = quote(f"{_ISSUER}:{account}", safe="")
    return (
        f"otpauth://totp/{label}?secret={seed_text(seed)}&issuer={_ISSUER}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )


def is_code(text: str) -> bool:
    """Whether the text has the form of a code."""
    return _FORM.fullmatch(text) is not None


def code_of(seed: bytes, step: int) -> str:
    """The code of a time step, which is the number of whole thirty seconds since 1970."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def matching_step(seed: bytes, code: str, now_seconds: float, after: int | None) -> int | None:
    """The step whose code this is, at most one away from now and later than `after`; None where there is none.

    The same work whatever the code is.
    """
    current = int(now_seconds) // STEP_SECONDS
    found = None
    for step in range(current - STEPS_ASIDE, current + STEPS_ASIDE + 1):
        is_it = hmac.compare_digest(code_of(seed, max(step, 0)).encode(), code.encode(errors="surrogatepass"))
        if is_it and found is None and (after is None or step > after):
            found = step
    return found
