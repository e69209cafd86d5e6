"""Operations on who people are, on their keys and on their sessions, each with a good request."""

from collections.abc import Callable

from tests.api.operation import Operation, nothing
from tests.api.shop import PASSWORD, UNKNOWN, Body, Shop, good
from tests.api.sign_in import an_email, signed_in
from tests.api.tills import FrontEnd

from kado.access import keys
from kado.access.permissions import Permission, Role


async def _with_key(shop: Shop, _: Body, till: str) -> Body:
    made = await keys.create_key(shop.api.services.database, shop.merchant_id, "operator:test")
    return {"keyId": made.key_id}


async def _with_colleague(shop: Shop, _: Body, till: str) -> Body:
    _email, token = await shop.somebody(Role.CASHIER)
    colleague = good(await shop.get("/v2/token", token=token))
    open_now = await shop.get("/v2/token/sessions", token=token)
    (session,) = open_now.json()
    return {"staffId": colleague["id"], "sessionId": session["id"]}


async def _with_till(shop: Shop, _: Body, till: str) -> Body:
    await (await FrontEnd.of(shop)).session()
    newest, *_ = (await shop.get("/v2/giftcards/merchants/sessions")).json()
    return {"sessionId": newest["id"]}


async def _with_customer(shop: Shop, _: Body, till: str) -> Body:
    return {"customerId": (await signed_in(shop))["identity"]["id"]}


def _colleague(action: str = "") -> Callable[[Body], str]:
    return lambda card: f"/v2/staff/{card['staffId']}{action}"


ACCESS = {
    "who am I": Operation(Permission.SELF_READ, "GET", lambda _: "/v2/token", nothing, by_person=True),
    "set up mfa": Operation(Permission.SELF_READ, "POST", lambda _: "/v2/token/mfa/setup", nothing, by_person=True),
    # A password that is wrong, and codes of a factor that is not there.
    "confirm mfa": Operation(
        Permission.SELF_READ,
        "POST",
        lambda _: "/v2/token/mfa/confirm",
        lambda _: {"code": "123456", "password": "wrong horse battery staple"},
        status=401,
        by_person=True,
    ),
    "renew recovery codes": Operation(
        Permission.SELF_READ,
        "POST",
        lambda _: "/v2/token/mfa/recovery-codes",
        lambda _: {"code": "123456"},
        status=401,
        by_person=True,
    ),
    "disable mfa": Operation(
        Permission.SELF_READ,
        "POST",
        lambda _: "/v2/token/mfa/disable",
        lambda _: {"code": "AAAAA-AAAAA-AAAAA-AAAAA"},
        status=401,
        by_person=True,
    ),
    "own sessions": Operation(Permission.SELF_READ, "GET", lambda _: "/v2/token/sessions", nothing, by_person=True),
    "end other sessions": Operation(
        Permission.SELF_READ, "DELETE", lambda _: "/v2/token/sessions", nothing, by_person=True
    ),
    "end own session": Operation(
        Permission.SELF_READ,
        "DELETE",
        lambda _: f"/v2/token/sessions/{UNKNOWN}",
        nothing,
        status=404,
        by_person=True,
    ),
    "create app key": Operation(
        Permission.KEYS_WRITE, "POST", lambda _: "/v2/appkeys", lambda _: {"name": "till 2"}, by_person=True
    ),
    "list app keys": Operation(Permission.KEYS_READ, "GET", lambda _: "/v2/appkeys", nothing),
    "revoke app key": Operation(
        Permission.KEYS_WRITE,
        "DELETE",
        lambda card: f"/v2/appkeys/{card['keyId']}",
        nothing,
        prepare=_with_key,
        by_person=True,
    ),
    "list staff": Operation(Permission.STAFF_READ, "GET", lambda _: "/v2/staff", nothing),
    "add staff": Operation(
        Permission.STAFF_WRITE,
        "POST",
        lambda _: "/v2/staff",
        lambda _: {"email": an_email(), "password": PASSWORD, "role": "cashier"},
        status=201,
        by_person=True,
    ),
    "update staff": Operation(
        Permission.STAFF_WRITE,
        "PUT",
        _colleague(),
        lambda _: {"role": "read-only"},
        prepare=_with_colleague,
        by_person=True,
    ),
    "reset staff mfa": Operation(
        Permission.STAFF_WRITE, "DELETE", _colleague("/mfa"), nothing, prepare=_with_colleague, by_person=True
    ),
    "staff sessions": Operation(
        Permission.STAFF_READ, "GET", _colleague("/sessions"), nothing, prepare=_with_colleague
    ),
    "end staff sessions": Operation(
        Permission.STAFF_WRITE, "DELETE", _colleague("/sessions"), nothing, prepare=_with_colleague, by_person=True
    ),
    "end staff session": Operation(
        Permission.STAFF_WRITE,
        "DELETE",
        lambda card: f"/v2/staff/{card['staffId']}/sessions/{card['sessionId']}",
        nothing,
        prepare=_with_colleague,
        by_person=True,
    ),
    "customers sessions": Operation(
        Permission.SESSIONS_READ,
        "GET",
        lambda card: f"/v2/giftcards/customers/{card['customerId']}/sessions",
        nothing,
        prepare=_with_customer,
    ),
    "end customers sessions": Operation(
        Permission.SESSIONS_END,
        "DELETE",
        lambda card: f"/v2/giftcards/customers/{card['customerId']}/sessions",
        nothing,
        prepare=_with_customer,
    ),
    "till sessions": Operation(Permission.SESSIONS_READ, "GET", lambda _: "/v2/giftcards/merchants/sessions", nothing),
    "end till session": Operation(
        Permission.SESSIONS_END,
        "DELETE",
        lambda card: f"/v2/giftcards/merchants/sessions/{card['sessionId']}",
        nothing,
        prepare=_with_till,
    ),
    "network overview": Operation(Permission.NETWORK_READ, "GET", lambda _: "/v2/giftcards/network/overview", nothing),
    "network merchants": Operation(Permission.NETWORK_READ, "GET", lambda _: "/v2/network/merchants", nothing),
}
"""Who people are, their keys and their sessions."""

ON_ANOTHER = {
    "revoke app key": "keyId",
    "update staff": "staffId",
    "reset staff mfa": "staffId",
    "staff sessions": "staffId",
    "end staff sessions": "staffId",
    "end staff session": "sessionId",
    "end till session": "sessionId",
}
"""Those that name a key, a colleague or a session, and by which member."""
