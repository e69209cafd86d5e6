"""How to reach the shop, as its program says: addresses that a browser can do something with, and nothing else."""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

from kado.programs.program import Program

_NOT_DIALLED: Final = re.compile(r"[^0-9+]")


class Way(NamedTuple):
    """One way. `kind` is the key of its words."""

    kind: str
    address: str
    text: str


def ways_to(program: Program) -> list[Way]:
    """Phone, email and website, as far as the program names them."""
    phone, email, website = (str(program.profile.get(name) or "") for name in ("phone", "email", "website"))
    scheme, _, rest = website.partition("://")
    found = [
        Way("phone", f"tel:{_NOT_DIALLED.sub('', phone)}", phone) if _NOT_DIALLED.sub("", phone) else None,
        Way("email", f"mailto:{quote(email, safe='@+')}", email) if email else None,
        Way("website", website, rest.rstrip("/")) if scheme in ("https", "http") else None,
    ]
    return [way for way in found if way is not None]
