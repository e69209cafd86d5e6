"""What a page may load: its own style, known by its hash, and nothing else from anywhere."""

import base64
import hashlib
from importlib.resources import files
from typing import Final

STYLE: Final = (files("kado.doors.pages") / "templates" / "page.css").read_text(encoding="utf-8")

_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
