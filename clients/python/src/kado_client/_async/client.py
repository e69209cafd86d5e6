"""The client itself: who is calling, and the groups of operations."""

from dataclasses import replace
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode, urlsplit

import httpx

from kado_client._async.customers import AsyncCustomers
from kado_client._async.merchants import AsyncMerchants
from kado_client._async.network import AsyncNetwork
from kado_client._async.passes import AsyncPasses
from kado_client._async.programs import AsyncProgram, AsyncPrograms
from kado_client._async.resource import AsyncResource
from kado_client._async.transport import AsyncTransport
from kado_client._async.webhooks import AsyncWebhooks
from kado_client.call import FORM, Call, one
from kado_client.records.cards import PassBalance
from kado_client.records.people import Person, Token
from kado_client.records.programs import Health
from kado_client.retries import Retries
from kado_client.signing import Signer
from kado_client.wire import Json, valid_token

_CUSTOMER: Final = "X-Eposn-Customer-Token"
_MERCHANT: Final = "X-Eposn-Merchant-Token"


class AsyncKado(AsyncResource):
    """A Kado server, as one caller.

    `key` is an API key or a token from `sign_in`; `signer` signs what a merchant's front end sends. Without `http`
    it has a pool of connections of its own, which closing it closes. It may be used by many at once.

        async with AsyncKado("https://cards.example", key) as kado:
            program = kado.program(program_id)
            await program.cards.redeem(card_id, "12.50", idempotency_key="sale-77")
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        signer: Signer | None = None,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("the address is one like https://cards.example")
        headers = {} if key is None else {"Authorization": f"Bearer {valid_token(key)}"}
        self._owns_http = http is None
        self._set(
            AsyncTransport(
                httpx.AsyncClient() if http is None else http, url.rstrip("/"), retries or Retries(), headers, signer
            )
        )

    def _set(self, transport: AsyncTransport) -> None:
        super().__init__(transport)
        self.programs = AsyncPrograms(transport)
        self.cards = AsyncNetwork(transport, "v2/giftcards")
        self.customers = AsyncCustomers(transport, "v2/giftcards")
        self.merchants = AsyncMerchants(transport, "v2/giftcards")
        self.passes = AsyncPasses(transport, "v2/passes")
        self.webhooks = AsyncWebhooks(transport)

    def program(self, program_id: str) -> AsyncProgram:
        """What there is to do in one program. Sends nothing."""
        return AsyncProgram(self._transport, program_id)

    def as_customer(self, session_token: str) -> Self:
        """The same client for a customer who has signed in: only what is theirs is there."""
        return self._with_header(_CUSTOMER, session_token)

    def as_merchant(self, session_token: str) -> Self:
        """The same client for a platform's merchant whose session this is."""
        return self._with_header(_MERCHANT, session_token)

    async def sign_in(self, username: str, password: str) -> Token:
        """A bearer for an hour, from a person's email address and password. Never sent twice by itself."""
        content = urlencode({"username": username, "password": password}).encode()
        return await self._transport.send(
            Call("POST", self._at(("token",)), one(Token), content=content, content_type=FORM)
        )

    async def me(self) -> Person:
        """The person behind the token. A key is nobody: `NotAuthenticated`."""
        return await self._get(("token",), Person)

    async def pass_balance(self, pass_sid: str) -> PassBalance:
        """Eight facts about the card of a wallet pass. Needs a signer, or a bearer with `passes:read`."""
        return await self._get(("giftcards", "passes", pass_sid), PassBalance)

    async def captcha(self) -> Json:
        """A challenge to solve, for `captcha_token`. `NotFound` where the server asks for none."""
        return await self._get_untyped(("giftcards", "captcha"))

    async def health(self) -> Health:
        """Whether the server can work. Raises `ServerFault` when it cannot."""
        return await self._get(("giftcards", "health"), Health)

    async def aclose(self) -> None:
        """Close the connections, if they are this client's own."""
        if self._owns_http:
            await self._transport.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.url!r})"

    def _with_header(self, name: str, value: str) -> Self:
        other = object.__new__(type(self))
        other._owns_http = False
        headers = {**self._transport.headers, name: valid_token(value)}
        other._set(replace(self._transport, headers=headers))
        return other
