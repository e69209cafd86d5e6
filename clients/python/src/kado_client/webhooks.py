"""Webhooks at the receiving end: is this one from Kado, and is it new? Signed as Standard Webhooks describes it."""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from kado_client.errors import NotGenuine
from kado_client.wire import Json, parse

TOLERANCE_SECONDS: Final = 300
_PREFIX: Final = "whsec_"


@dataclass(frozen=True, slots=True)
class Event:
    """A genuine event. `id` is the same for every delivery of it: keep it, and pass over what you have seen."""

    id: str
    sent_at: datetime
    body: Json = field(repr=False)

    @property
    def type(self) -> str:
        """What happened, such as `giftcard.redeemed`; `webhook.verify` asks for an answer with its token."""
        return str(self.body.get("type", ""))

    @property
    def data(self) -> Json:
        """What it happened to."""
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Event:
    """The event in a request, if `secret` signed exactly this body, at most `tolerance_seconds` from `now`.

    The body has to be the bytes as they came: parsed and written again it is another one. While a secret is being
    replaced there are several signatures, of which one has to fit. Raises `NotGenuine`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, sent, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise NotGenuine(f"there is no header {missing.args[0]}") from None
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise NotGenuine("webhook-timestamp is not a number of seconds")
    signed = f"{event_id}.{sent}.".encode() + body
    expected = base64.b64encode(hmac.digest(_key(secret), signed, "sha256"))
    offered = [text.removeprefix("v1,").encode() for text in signatures.split() if text.startswith("v1,")]
    if not any(hmac.compare_digest(expected, one) for one in offered):
        raise NotGenuine("no signature fits the secret and the body")
    if abs((time.time() if now is None else now) - int(sent)) > tolerance_seconds:
        raise NotGenuine("the signature is too old, or this computer's clock is wrong")
    try:
        parsed = parse(body)
    except ValueError:
        raise NotGenuine("the body is not JSON") from None
    return Event(event_id, datetime.fromtimestamp(int(sent), UTC), parsed if isinstance(parsed, dict) else {})


def _key(secret: str) -> bytes:
    """The bytes that `whsec_…` encodes; of a secret that you chose yourself, the text."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
