"""Text messages leave here: to a provider over HTTPS, or into a folder."""

import asyncio
import ssl
from functools import cached_property
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import httpx2

from kado.delivery.failures import PermanentFailure, TemporaryFailure
from kado.delivery.folder import Folder
from kado.delivery.wording import one_line

_SECONDS: Final = 10
# Besides 5xx: a server too busy or too early to say, and a password that the operator can put right.
_WORTH_ANOTHER_TRY: Final = frozenset({401, 408, 425, 429})


class Texter:
    """Hands text messages to the provider or folder that `KADO_SMS_URL` names. Safe to share between tasks."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._post = _Files(parts) if parts.scheme == "file" else _Provider(parts)

    async def send(self, to: str, body: str) -> None:
        """Hand over one message. Raises `TemporaryFailure` or `PermanentFailure`."""
        await self._post.put(to, body)


class _Files:
    """One .txt a message: the recipient on the first line, then the text."""

    def __init__(self, url: SplitResult) -> None:
        self._folder = Folder(url, ".txt")

    async def put(self, to: str, body: str) -> None:
        await self._folder.put(f"To: {one_line(to)}\n\n{body}\n".encode())


class _Provider:
    """A form POST of To, From and Body with basic authentication."""

    def __init__(self, url: SplitResult) -> None:
        parameters = parse_qsl(url.query, keep_blank_values=True)
        self._from = next((value for name, value in parameters if name == "from"), "")
        # The address that is asked, and that a log may show, holds neither the password nor the sender's number.
        host = url.netloc.rpartition("@")[2]
        query = urlencode([(name, value) for name, value in parameters if name != "from"])
        self._url = urlunsplit((url.scheme, host, url.path, query, ""))
        self._auth = httpx2.BasicAuth(unquote(url.username), unquote(url.password or "")) if url.username else None

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        # Reading the list of authorities takes longer than a request, so it is read once.
        return ssl.create_default_context()

    async def put(self, to: str, body: str) -> None:
        form = {"To": to, "Body": body} | ({"From": self._from} if self._from else {})
        try:
            async with (
                asyncio.timeout(_SECONDS),
                httpx2.AsyncClient(
                    verify=self._trusted, timeout=_SECONDS, follow_redirects=False, trust_env=False
                ) as client,
                client.stream("POST", self._url, data=form, auth=self._auth) as answer,
            ):
                status = answer.status_code
        except (TimeoutError, httpx2.TimeoutException):
            raise TemporaryFailure("the SMS provider did not answer in time") from None
        except (httpx2.HTTPError, OSError):
            raise TemporaryFailure("there is no connection to the SMS provider") from None
        _judge(status)


def _judge(status: int) -> None:
    if 200 <= status <= 299:
        return
    if 400 <= status <= 499 and status not in _WORTH_ANOTHER_TRY:
        raise PermanentFailure(f"the SMS provider refused the message ({status})")
    raise TemporaryFailure(f"the SMS provider did not take the message ({status})")
