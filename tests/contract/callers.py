"""Who sends a generated request: the merchant's owner or front end, a till or a customer, as the operation wants."""

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from tests.api.shop import Shop, good

from kado.access import keys
from kado.access.keys import NewKey
from kado.access.permissions import Role
from kado.access.signatures import HEADER, sign

BASE: Final = "/v2/giftcards"
OPENING: Final = f"{BASE}/merchants/session"
PEOPLES: Final = ("/v2/token", "/v2/appkeys", "/v2/staff")
"""Where a key will not do, or not for everything."""
CUSTOMER: Final = "X-Eposn-Customer-Token"
TILL: Final = "X-Eposn-Merchant-Token"


class Signature(AuthBase):
    """Signs whatever is sent, as a trusted front end of the merchant does."""

    def __init__(self, key: NewKey) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        content = request.body or b""
        if isinstance(content, str):
            content = content.encode()
        assert isinstance(content, bytes), "nothing is streamed"
        path = urlsplit(str(request.url)).path
        request.headers[HEADER] = sign(
            self._key.secret, self._key.key_id, str(request.method), path, content, time.time()
        )
        return request


@dataclass(frozen=True)
class Callers:
    """Tokens of everybody, as far as the server has sessions for them."""

    owner: str
    person: str
    network: str
    test_key: str
    signature: Signature
    customer_session: str | None
    till_session: str | None

    @classmethod
    async def of(cls, shop: Shop) -> "Callers":
        services = shop.api.services
        signing = await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
        test_key = await shop.key(is_test=True)
        return cls(
            shop.owner,
            await shop.person(),
            await shop.key(Role.NETWORK_ADMINISTRATOR),
            test_key,
            Signature(signing),
            await _customer_session(shop, test_key),
            await _till_session(shop, signing),
        )

    def headers(self, path: str, method: str) -> dict[str, str]:
        """What proves who is asking there. A customer of the test key can be signed in without reading mail.

        Nobody signs out: those who come later need the session too.
        """
        if path == OPENING or (method.upper() == "DELETE" and path.startswith(f"{BASE}/customer/")):
            return {}
        if path.startswith(PEOPLES):
            return {"Authorization": f"Bearer {self.person}"}
        if path.startswith(("/v2/network/", "/v2/giftcards/network/")):
            return {"Authorization": f"Bearer {self.network}"}
        if path.startswith(f"{BASE}/customer/") and self.customer_session:
            return {"Authorization": f"Bearer {self.test_key}", CUSTOMER: self.customer_session}
        if path.startswith(f"{BASE}/merchants/") and self.till_session:
            return {"Authorization": f"Bearer {self.owner}", TILL: self.till_session}
        return {"Authorization": f"Bearer {self.owner}"}

    def session_named_at(self, path: str) -> str | None:
        """The session that a body can name there. Nobody signs out: those who come later need the session too."""
        return {
            f"{BASE}/customers/session": self.customer_session,
            f"{BASE}/merchants/session/validate": self.till_session,
        }.get(path)


async def _customer_session(shop: Shop, test_key: str) -> str | None:
    target = {"target": "ada@example.com"}
    sent = await shop.post(f"{BASE}/customers/otp/send", target, token=test_key)
    if sent.status_code == 404:
        return None
    proof = target | {"code": good(sent)["mockCode"]}
    return str(good(await shop.post(f"{BASE}/customers/otp/verify", proof, token=test_key))["sessionToken"])


async def _till_session(shop: Shop, key: NewKey) -> str | None:
    content = b'{"appToken": "app-token-0123456789", "merchantId": "shop-1", "role": "owner", "locationId": "1"}'
    signature = sign(key.secret, key.key_id, "POST", OPENING, content, time.time())
    opened = await shop.call("POST", OPENING, token=None, headers={HEADER: signature}, content=content)
    return None if opened.status_code == 404 else str(good(opened)["sessionToken"])
