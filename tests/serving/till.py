"""A till: speaks the API with one key, in one program, over connections that a test can look at."""

import asyncio
import secrets
from types import TracebackType
from typing import Any, Self

import httpx2
from tests.serving.server import Server

REPLAYED = "Idempotent-Replayed"
_TIMES = 10


class Till:
    """`address` is the loopback address from which it calls (127.0.0.0/8), for limits that count by address.

    `base_url` is for a way to the server that is not the straight one. Who `insists` does what a 503 says: sends the
    same again with the same key, a few times, so that it is told what became of it.
    """

    def __init__(
        self,
        server: Server,
        key: str,
        merchant_id: str,
        *,
        address: str | None = None,
        keep_alive: bool = True,
        base_url: str | None = None,
        insists: bool = False,
    ) -> None:
        self.merchant_id = merchant_id
        self.insists = insists
        self.program = ""
        self.http = httpx2.AsyncClient(
            base_url=base_url or server.base_url,
            headers={"Authorization": f"Bearer {key}"} | ({} if keep_alive else {"Connection": "close"}),
            transport=httpx2.AsyncHTTPTransport(
                verify=False,  # there is no TLS here, and loading the certificates takes long
                local_address=address,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            ),
            timeout=httpx2.Timeout(20),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def post(self, path: str, body: object = None, key: str | None = None) -> httpx2.Response:
        if key is None and self.insists:
            key = secrets.token_hex(12)
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.http.post(path, json=body, headers=headers)
        for _ in range(_TIMES if self.insists else 0):
            if answer.status_code != 503:
                break
            await asyncio.sleep(int(answer.headers["Retry-After"]))
            answer = await self.http.post(path, json=body, headers=headers)
        return answer

    async def open_program(self, **rules: object) -> str:
        """Open a program and work in it from now on."""
        answer = await self.post("/v2/programs", {"name": f"Program {secrets.token_hex(3)}", **rules})
        assert answer.status_code == 201, answer.text
        self.program = answer.json()["id"]
        return self.program

    def cards_path(self, card: str = "", action: str = "") -> str:
        return "/".join(part for part in (f"/v2/giftcards/programs/{self.program}/cards", card, action) if part)

    async def issue(self, value: str, key: str | None = None, **more: Any) -> httpx2.Response:
        body = {"initialValue": value, "merchantId": self.merchant_id, **more}
        return await self.post(self.cards_path(), body, key)

    async def activate(self, card: str, key: str | None = None, **more: object) -> httpx2.Response:
        return await self.post(self.cards_path(card, "activate"), more, key)

    async def card(self, value: str, **more: Any) -> dict[str, Any]:
        """A new active card."""
        issued = await self.issue(value, **more)
        assert issued.status_code == 201, issued.text
        active = await self.activate(issued.json()["id"])
        assert active.status_code == 200, active.text
        body: dict[str, Any] = active.json()
        return body

    async def redeem(self, card: str, amount: str, key: str | None = None) -> httpx2.Response:
        return await self.post(self.cards_path(card, "redeem"), {"amount": amount}, key)

    async def reload(self, card: str, amount: str, key: str | None = None) -> httpx2.Response:
        return await self.post(self.cards_path(card, "reload"), {"amount": amount}, key)

    async def resend(self, card: str, key: str | None = None) -> httpx2.Response:
        return await self.post(self.cards_path(card, "resend-code"), {}, key)

    async def suspend(self, card: str, key: str | None = None) -> httpx2.Response:
        return await self.post(self.cards_path(card, "suspend"), {"reason": "lost"}, key)

    async def unsuspend(self, card: str, key: str | None = None) -> httpx2.Response:
        return await self.post(self.cards_path(card, "unsuspend"), {}, key)

    async def void(self, card: str, key: str | None = None) -> httpx2.Response:
        return await self.post(self.cards_path(card, "void"), {"reason": "returned"}, key)

    async def check(self, number: str, code: str) -> httpx2.Response:
        """The public balance check: no token goes with it."""
        return await self.http.post(
            f"/v2/giftcards/programs/{self.program}/balance-check",
            json={"cardNumber": number, "securityCode": code},
            headers={"Authorization": ""},
        )

    async def details(self, card: str) -> dict[str, Any]:
        answer = await self.http.get(self.cards_path(card))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def entries(self, card: str) -> list[dict[str, Any]]:
        """All entries of a card, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            answer = await self.http.get(self.cards_path(card, "transactions"), params={"offset": len(found)})
            assert answer.status_code == 200, answer.text
            found += answer.json()
            if len(found) >= int(answer.headers["X-Total-Count"]):
                return found[::-1]

    async def bulk(self, key: str | None = None, **members: object) -> httpx2.Response:
        return await self.post(self.cards_path("bulk"), {"initialValue": "20.00", **members}, key)

    async def bulk_task(self, task: str) -> dict[str, Any]:
        """How far a bulk issue is."""
        answer = await self.http.get(self.cards_path("bulk", task))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body
