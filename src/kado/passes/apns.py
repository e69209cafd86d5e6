"""Tells devices with Apple Wallet that a pass changed: over HTTP/2, known by the pass's own certificate.

What is sent is empty. The device then asks the web service for what is new.
"""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from kado.passes.certificates import Certificate
from kado.passes.failures import NeverTold, NotTold, WalletGone

_SECONDS: Final = 10
_GONE: Final = frozenset({"Unregistered", "BadDeviceToken", "DeviceTokenNotForTopic"})
"""What Apple says of devices that will never take anything: they removed the pass, or never were what they said."""
_OURS: Final = frozenset({"BadCertificate", "BadCertificateEnvironment", "BadTopic", "TopicDisallowed", "MissingTopic"})
_WAIT_MAX: Final = 24 * 3600


class Pusher:
    """One connection for each certificate, kept open. `authority` is a file with who vouches for the server, in place
    of those that the machine believes."""

    def __init__(self, url: str, certificates: Mapping[str, Certificate], authority: Path | None = None) -> None:
        self._url = url
        self._certificates = certificates
        self._authority = authority
        self._clients: dict[str, httpx2.AsyncClient] = {}

    async def push(self, pass_type: str, push_token: str) -> None:
        """Tell the device. Raises `NotTold` (or `NeverTold`) where that was not possible, `WalletGone`."""
        client = self._client(pass_type)
        try:
            answer = await client.post(f"/3/device/{push_token}", content=b"{}", headers={"apns-topic": pass_type})
        except (TimeoutError, httpx2.TimeoutException):
            raise NotTold(f"no answer within {_SECONDS} seconds") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            raise NotTold("no connection to Apple's push service") from None
        _judge(answer)

    async def close(self) -> None:
        """End the connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, pass_type: str) -> httpx2.AsyncClient:
        client = self._clients.get(pass_type)
        if client is None:
            certificate = self._certificates.get(pass_type)
            if certificate is None:
                raise NotTold(f"there is no certificate for the pass type {pass_type}")
            try:
                context = certificate.for_connections(ssl.create_default_context(cafile=self._authority))
            except OSError:
                raise NotTold(f"the certificate for the pass type {pass_type} cannot be used") from None
            client = self._clients[pass_type] = httpx2.AsyncClient(
                base_url=self._url,
                http1=False,
                http2=True,
                verify=context,
                timeout=_SECONDS,
                trust_env=False,
                follow_redirects=False,
            )
        return client


def _judge(answer: httpx2.Response) -> None:
    if answer.status_code == 200:
        return
    reason = _reason(answer)
    if answer.status_code == 410 or reason in _GONE:
        raise WalletGone
    said = f"Apple answered {answer.status_code}" + (f" {reason}" if reason in _OURS else "")
    if answer.status_code in (400, 404, 405, 413):
        raise NeverTold(said)
    raise NotTold(said, _retry_after(answer))


def _reason(answer: httpx2.Response) -> str:
    try:
        return str(msgspec.json.decode(answer.content, type=dict[str, object]).get("reason", ""))
    except msgspec.DecodeError:
        return ""


def _retry_after(answer: httpx2.Response) -> timedelta | None:
    seconds = answer.headers.get("retry-after", "")
    if not (seconds.isascii() and seconds.isdigit()):
        return None
    return timedelta(seconds=min(int(seconds[:9]), _WAIT_MAX))
