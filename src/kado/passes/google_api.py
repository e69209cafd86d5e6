"""Writes classes and objects at Google over REST."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any, Final

import httpx2
import msgspec

from kado.passes import google
from kado.passes.failures import NeverTold, NotTold
from kado.passes.google_account import Account
from kado.passes.shown import Shown
from kado.settings.wallets import GoogleSettings

_SECONDS: Final = 10
_EARLY: Final = 120
_LONGEST: Final = 3600
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLASSES_MAX: Final = 10_000


class GoogleWallet:
    """Speaks to Google for one issuer. Safe to share between tasks."""

    def __init__(self, settings: GoogleSettings, account: Account) -> None:
        self.issuer = settings.issuer
        self._url = settings.url
        self._save_url = settings.save_url
        self._account = account
        self._client: httpx2.AsyncClient | None = None
        self._signing_in = asyncio.Lock()
        self._token = ""
        self._token_until = -1.0
        self._classes: dict[str, bytes] = {}
        """The digests of the classes that this process has written."""

    def save_link(self, shown: Shown, origin: str) -> str:
        """Where somebody saves the card, whose object is written."""
        names = google.class_id(self.issuer, shown.program), google.object_id(self.issuer, shown.card)
        return f"{self._save_url}/{self._account.save_token(*names, origin)}"

    async def write(self, shown: Shown) -> None:
        """Bring class and object to what is shown. Raises `NotTold` (or `NeverTold`)."""
        made = google.gift_card_class(self.issuer, shown)
        digest = hashlib.sha256(msgspec.json.encode(made)).digest()
        if self._classes.get(made["id"]) != digest:
            await self._put("giftCardClass", made)
            if len(self._classes) >= _CLASSES_MAX:
                self._classes.clear()
            self._classes[made["id"]] = digest
        await self._put("giftCardObject", google.gift_card_object(self.issuer, shown))

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _put(self, kind: str, said: dict[str, Any]) -> None:
        """Write it over, or write it for the first time."""
        status = await self._send("PUT", f"/{kind}/{said['id']}", said)
        if status == 404:
            status = await self._send("POST", f"/{kind}", said)
        if status in (200, 201):
            return
        reason = f"Google answered {status} to a {kind}"
        raise (NeverTold if status in (400, 404) else NotTold)(reason)

    async def _send(self, method: str, path: str, said: dict[str, Any]) -> int:
        for is_first in (True, False):
            token = await self._signed_in(anew=not is_first)
            answer = await self._ask(
                method,
                self._url + path,
                content=msgspec.json.encode(said),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            # What was good for an hour may be taken back: then a new one is asked for, once.
            if answer.status_code != 401:
                break
        return answer.status_code

    async def _signed_in(self, *, anew: bool) -> str:
        async with self._signing_in:
            now = asyncio.get_running_loop().time()
            if anew or now >= self._token_until:
                form = {"grant_type": _GRANT, "assertion": self._account.assertion()}
                answer = await self._ask("POST", self._account.token_url, data=form)
                self._token, seconds = _access_token(answer)
                self._token_until = now + max(0, min(seconds, _LONGEST) - _EARLY)
            return self._token

    async def _ask(self, method: str, url: str, **sent: Any) -> httpx2.Response:  # noqa: ANN401 - as httpx2 takes it
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=_SECONDS, trust_env=False, follow_redirects=False)
        try:
            return await self._client.request(method, url, **sent)
        except (TimeoutError, httpx2.TimeoutException):
            raise NotTold(f"no answer from Google within {_SECONDS} seconds") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            raise NotTold("no connection to Google") from None


def _access_token(answer: httpx2.Response) -> tuple[str, int]:
    if answer.status_code != 200:
        wait = timedelta(minutes=1) if answer.status_code == 429 else None
        raise NotTold(f"Google does not let the service account in ({answer.status_code})", wait)
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, Any])
        return str(said["access_token"]), int(said.get("expires_in", 0))
    except (msgspec.DecodeError, KeyError, ValueError, TypeError):
        raise NotTold("Google gave no access token") from None
