"""A till platform's front end: signs what it sends, as a merchant's own server would, and opens sessions for tills."""

import itertools
import json
import time
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.api.shop import Body, Shop, good

from kado.access import keys
from kado.access.keys import NewKey
from kado.access.signatures import HEADER, sign

SESSION = "/v2/giftcards/merchants/session"
VALIDATE = "/v2/giftcards/merchants/session/validate"
SETTINGS = "/v2/giftcards/merchants/settings"
THEME = "/v2/giftcards/merchants/theme"
APP_TOKEN = "app-token-of-the-platform-0123456789"
TOKEN = "X-Eposn-Merchant-Token"

_shops = itertools.count(1)


def a_platform_id() -> str:
    """A platform's id of a shop that nobody in these tests named before."""
    return f"shop-{next(_shops)}"


@dataclass
class FrontEnd:
    """Signs with one key of one merchant."""

    shop: Shop
    merchant_id: str
    key: NewKey

    @classmethod
    async def of(cls, shop: Shop, merchant_id: str | None = None) -> "FrontEnd":
        services, merchant = shop.api.services, merchant_id or shop.merchant_id
        key = await keys.create_signing_key(services.database, services.keyring, merchant, "operator:test")
        return cls(shop, merchant, key)

    def header(self, content: bytes, path: str = SESSION, *, method: str = "POST", age: float = 0) -> str:
        return sign(self.key.secret, self.key.key_id, method, path, content, time.time() - age)

    async def post(self, body: object, path: str = SESSION, *, age: float = 0) -> httpx2.Response:
        content = json.dumps(body).encode()
        headers = {HEADER: self.header(content, path, age=age)}
        return await self.shop.call("POST", path, token=None, headers=headers, content=content)

    async def open(self, **members: Any) -> httpx2.Response:
        """A session, in a shop of its own unless a `merchantId` is given."""
        return await self.post({"appToken": APP_TOKEN, "merchantId": a_platform_id(), **members})

    async def session(self, **members: Any) -> Body:
        return good(await self.open(**members))

    async def till(self, role: str = "owner", **members: Any) -> dict[str, str]:
        """The header that makes a request one of this till."""
        return {TOKEN: (await self.session(role=role, **members))["sessionToken"]}

    async def end(self) -> None:
        await keys.revoke(self.shop.api.services.database, self.key.key_id, "operator:test")


async def audit_of(shop: Shop, shop_id: str) -> list[Body]:
    """What the audit log says of a merchant's shop, oldest first."""
    rows = await shop.rows("SELECT * FROM audit_log WHERE subject = $1 ORDER BY at, id", shop_id)
    read = ("details", "before", "after")
    return [row | {name: json.loads(row[name] or "null") for name in read} for row in rows]


async def validated(shop: Shop, session_token: object, *, token: str = "") -> Body:
    """What a look at this session token says."""
    return good(await shop.post(VALIDATE, {"sessionToken": session_token}, token=token))
