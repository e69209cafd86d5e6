"""Customers of a shop: how they prove who they are, and what is sent with a request on their behalf."""

import itertools
from typing import Any

import httpx2
from tests.api.shop import Body, Shop, good

from kado.access import otp
from kado.storage.database import Database

SEND = "/v2/giftcards/customers/otp/send"
VERIFY = "/v2/giftcards/customers/otp/verify"
LOGOUT = "/v2/giftcards/customers/logout"
SESSION = "/v2/giftcards/customers/session"
REPORTS = "/v2/giftcards/customer/reports"
TRANSACTIONS = "/v2/giftcards/customer/transactions"
MERCHANTS = "/v2/giftcards/customer/consolidatable-merchants"
CHECK = "/v2/giftcards/customer/balance-check"

_numbers = itertools.count(1)


def an_email() -> str:
    """An address that nobody in these tests has."""
    return f"customer{next(_numbers)}@example.com"


def a_phone() -> str:
    """A number that nobody in these tests has."""
    return f"+4915112{next(_numbers):06}"


async def sent_to(shop: Shop, target: str, **options: Any) -> Body:
    return good(await shop.post(SEND, {"target": target}, **options))


async def code_for(shop: Shop, target: str) -> str:
    """The one-time password as the worker makes it when the message leaves."""
    services = shop.api.services
    made = await otp.make(services.database, services.keyring, await otp_id(services.database, target))
    assert made is not None, "it is still wanted"
    return made.code


async def otp_id(database: Database, target: str) -> str:
    async with database.read() as connection:
        return str(await connection.fetchval("SELECT id FROM customer_otp WHERE target = $1", target))


async def verified(shop: Shop, target: str, code: str, **options: Any) -> httpx2.Response:
    more = options.pop("more", {})
    return await shop.post(VERIFY, {"target": target, "code": code, **more}, **options)


async def signed_in(shop: Shop, target: str | None = None, *, is_test: bool = False, token: str = "") -> Body:
    """The answer to a sign-in that went well: session token and identity."""
    who = target or an_email()
    bearer = token or (await shop.key(is_test=True) if is_test else shop.owner)
    said = await sent_to(shop, who, token=bearer)
    code = said["mockCode"] or await code_for(shop, who)
    return good(await verified(shop, who, code, token=bearer))


def on_behalf(session: Body) -> dict[str, str]:
    """The header of a request on behalf of this customer."""
    return {"X-Eposn-Customer-Token": session["sessionToken"]}


def other_than(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06}"
