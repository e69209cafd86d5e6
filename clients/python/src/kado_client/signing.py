"""Requests of a merchant's trusted front end: signed, so that no token has to lie in anyone's browser."""

import hashlib
import hmac
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key, as `kado key create --signing` prints it once."""

    key_id: str
    secret: str = field(repr=False)

    def header(self, method: str, path: str, body: bytes = b"", *, now: float | None = None) -> str:
        """The value of `X-Kado-Signature` for this request; the path as it is sent, without its query."""
        moment = str(int(time.time() if now is None else now))
        signed = f"{moment}.{method.upper()}.{path}"
        if body:
            signed += f".{hashlib.sha256(body).hexdigest()}"
        digest = hmac.new(self.secret.encode(), signed.encode(), "sha256").hexdigest()
        return f"keyId={self.key_id},t={moment},v1={digest}"
