"""Signed requests: a merchant's trusted front end proves that it asks, without a token in anyone's browser.

    X-Kado-Signature: keyId=<id>,t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<METHOD>.<path>")>

The path is as sent, without the query. Where there is a body, `.<hex sha256(body)>` is appended to what is signed.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from kado.access import store
from kado.crypto import Keyring, Undecipherable
from kado.errors import Unauthenticated
from kado.storage.database import Database

HEADER: Final = "X-Kado-Signature"
SECONDS_OLD_MAX: Final = 300
SECONDS_AHEAD_MAX: Final = 60

_REMEMBERED_SECONDS: Final = 30
_SIZE: Final = 10_000
_HEADER_CHARS_MAX: Final = 200
_FIELDS: Final = {
    "keyId": re.compile(r"[0-9a-f]{24}"),
    "t": re.compile(r"0|[1-9][0-9]{0,11}"),
    "v1": re.compile(r"[0-9a-f]{64}"),
}


@dataclass(frozen=True, slots=True)
class _Key:
    merchant_id: str
    secret: str
    clock_ahead: float  # the database's clock in seconds since 1970, minus the timer


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose front end signed a request, and with which key."""

    merchant_id: str
    key_id: str


def sign(secret: str, key_id: str, method: str, path: str, body: bytes, now: float) -> str:
    """The header's value for a request at `now` (seconds since 1970; fractions are dropped)."""
    moment = str(int(now))
    return f"keyId={key_id},t={moment},v1={_digest(secret, moment, method, path, body)}"


class Signatures:
    """Verifies signatures; remembers each key for 30 seconds at most."""

    def __init__(self, database: Database, keyring: Keyring, timer: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._keyring = keyring
        self._timer = timer
        self._keys: TTLCache[str, _Key] = TTLCache(_SIZE, _REMEMBERED_SECONDS, timer)

    async def verify(self, header: str | None, method: str, path: str, body: bytes) -> str:
        """The id of the merchant whose key signed exactly this request. Raises as `signer` does."""
        return (await self.signer(header, method, path, body)).merchant_id

    async def signer(self, header: str | None, method: str, path: str, body: bytes) -> Signer:
        """Whose key signed exactly this request, at most 300 s ago by the database's clock.

        Raises `Unauthenticated` for anything else, with one answer.
        """
        fields = _fields(header)
        key = self._keys.get(fields["keyId"])
        if key is None:
            key = self._keys[fields["keyId"]] = await self._read(fields["keyId"])
        genuine = hmac.compare_digest(_digest(key.secret, fields["t"], method, path, body), fields["v1"])
        age = self._timer() + key.clock_ahead - int(fields["t"])
        if not genuine or not -SECONDS_AHEAD_MAX <= age <= SECONDS_OLD_MAX:
            raise refused()
        return Signer(key.merchant_id, fields["keyId"])

    async def _read(self, key_id: str) -> _Key:
        async with self._database.read() as connection:
            found = await store.find_signing_key(connection, key_id)
        if found is None:
            raise refused()
        key, now = found
        try:
            secret = self._keyring.decrypt("stored-secret", key.sealed_secret, key_id.encode()).decode()
        except Undecipherable:
            # Written under a secret key that the operator has taken away since: nothing can be proved with it.
            raise refused() from None
        return _Key(key.merchant_id, secret, now.timestamp() - self._timer())


def refused() -> Unauthenticated:
    """The one answer for everything that is wrong with a signature."""
    return Unauthenticated("invalid_signature", "The request is not signed, or the signature is not valid for it.")


def _fields(header: str | None) -> dict[str, str]:
    """The three fields, each once, in any order, in exactly the form in which `sign` writes them."""
    if header is None or len(header) > _HEADER_CHARS_MAX:
        raise refused()
    pairs = [part.partition("=") for part in header.split(",")]
    fields = {name: value for name, _, value in pairs}
    if len(pairs) != len(_FIELDS) or fields.keys() != _FIELDS.keys():
        raise refused()
    if not all(form.fullmatch(fields[name]) for name, form in _FIELDS.items()):
        raise refused()
    return fields


def _digest(secret: str, moment: str, method: str, path: str, body: bytes) -> str:
    signed = f"{moment}.{method.upper()}.{path}"
    if body:
        signed += f".{hashlib.sha256(body).hexdigest()}"
    return hmac.new(secret.encode(), signed.encode(errors="surrogatepass"), "sha256").hexdigest()
