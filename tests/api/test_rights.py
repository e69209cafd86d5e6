"""Who may do what: nobody without a token, each role and scope what its row says, and no forged token anything."""

import re
from collections.abc import Iterable, Iterator

import pytest
from fastapi.routing import APIRoute, APIRouter
from starlette.routing import BaseRoute, Route
from tests.api.access_operations import ACCESS
from tests.api.design_operations import LOOKS, ON_PAPER
from tests.api.operations import ABOUT_PEOPLE, FOR_CUSTOMERS, OPERATIONS, READING_PASSES, a_card_for, bearer_for, send
from tests.api.report_operations import REPORTS
from tests.api.shop import UNKNOWN, Shop, Superuser, card_path, fingerprint, good
from tests.document import document

from kado.access import keys, staff
from kado.access.permissions import LIVE_ONLY, OF_KEYS, Permission, Role
from kado.doors.api import application, rights, rights_table

# ── without a token ────────────────────────────────────────────────────────────────────────────────────────────────

PUBLIC = {
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/v2/giftcards/health"),
    ("GET", "/v2/giftcards/captcha"),
    ("POST", "/v2/token"),
    ("POST", "/v2/token/mfa-verify"),
    ("POST", "/v2/giftcards/programs/{programId}/balance-check"),
    ("POST", "/v2/giftcards/customer/balance-check"),
}
"""The whole list. Whoever makes it longer gives something to everyone on the internet."""


def walk(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        assert isinstance(route, APIRoute | Route), f"{route} is not walked by this test"
        yield from ((method, route.path) for method in sorted(route.methods or ()))


ROUTES = list(walk(application(None).routes))


def test_the_walk_misses_nothing_that_is_published() -> None:
    published = document()["paths"]
    assert {(method.upper(), path) for path, methods in published.items() for method in methods} <= set(ROUTES)


def test_the_public_list_names_routes_that_exist() -> None:
    assert set(ROUTES) >= PUBLIC
    assert {f"{method} {path}" for method, path in PUBLIC if method != "HEAD"} == rights.PUBLIC


def test_a_route_without_a_rule_keeps_the_server_from_starting() -> None:
    router = APIRouter()
    router.add_api_route("/v2/forgotten", lambda: None, methods=["GET"])
    with pytest.raises(ValueError, match="GET /v2/forgotten has 0 rules"):
        list(rights.rows(router.routes))


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nothing_but_the_public_list_answers_without_a_token(shop: Shop, method: str, path: str) -> None:
    address = re.sub(r"\{[A-Za-z_]+\}", UNKNOWN, path)
    for body in (b"", b"{}") if method == "POST" else (b"",):
        answer = await shop.call(method, address, token=None, content=body)
        if (method, path) == ("POST", "/v2/token/mfa-verify"):
            assert answer.status_code == 422  # it wants a pending token, in the body
        elif (method, path) in PUBLIC:
            assert answer.status_code not in (401, 403)
        else:
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


OF_ONESELF = {row.path for row in rights_table() if row.rule and row.rule.permission is Permission.SELF_READ}
"""What takes exactly the right that the token below has."""
OTHER_PROOF = {
    "POST /v2/giftcards/merchants/session": "unauthenticated",  # a signature
    **{
        f"{row.method} {row.path}": "merchant_session_required"
        for row in rights_table()
        if row.rule and row.rule.at_till
    },
}
"""Where a bearer alone is not who is asked for, and the refusal."""


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in PUBLIC])
async def test_a_token_without_rights_opens_nothing(shop: Shop, method: str, path: str) -> None:
    address = path.replace("{programId}", shop.program_id)
    address = re.sub(r"\{[A-Za-z_]+\}", UNKNOWN, address)
    token = await shop.key(scopes=[Permission.SELF_READ])
    proof = OTHER_PROOF.get(f"{method} {path}")
    if path in OF_ONESELF and proof is None:
        return
    answer = await shop.call(method, address, token=token, content=b"{}")
    expected = 401 if ("/passes/" in path and method == "GET") or proof else 403
    assert (answer.status_code, answer.json()["code"]) == (expected, proof or "permission_denied")


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("header", ["X-Eposn-Customer-Token", "X-Eposn-Merchant-Token"])
async def test_a_session_token_that_is_not_valid_spoils_a_valid_bearer(shop: Shop, name: str, header: str) -> None:
    if name in FOR_CUSTOMERS and "Customer" in header:
        return  # they say by themselves whether a session is good, and end one that is over
    card = await a_card_for(shop, name)
    before = await shop.snapshot(card)
    answer = await send(shop, name, card, headers={header: "eyJhbGciOiJIUzI1NiJ9.e30.x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await shop.snapshot(card) == before


# ── roles and scopes ───────────────────────────────────────────────────────────────────────────────────────────────

EVERYONE = {Role.OWNER, Role.MANAGER, Role.CASHIER, Role.READ_ONLY}
TILL, OFFICE = EVERYONE - {Role.READ_ONLY}, {Role.OWNER, Role.MANAGER}
MAY = {
    "create": TILL,
    "activate": TILL,
    "redeem": TILL,
    "reload": TILL,
    "reload-by-number": TILL,
    "resend-code": TILL,
    "resend-elsewhere": OFFICE,
    "suspend": OFFICE,
    "unsuspend": OFFICE,
    "void": OFFICE,
    "refund": TILL,
    "reverse": TILL,
    "transfer": TILL,
    "consolidate": OFFICE,
    "replace": OFFICE,
    "transfer-ownership": OFFICE,
    "schedule": OFFICE,
    "process-expired": OFFICE,
    "hold": TILL,
    "capture": TILL,
    "release": TILL,
    "holds": EVERYONE,
    "read hold": EVERYONE,
    "lineage": EVERYONE,
    "sent": TILL,
    "details": EVERYONE,
    "transactions": EVERYONE,
    "list": EVERYONE - {Role.CASHIER},
    "search": EVERYONE - {Role.CASHIER},
    "list all": EVERYONE - {Role.CASHIER},
    "search all": EVERYONE - {Role.CASHIER},
    "list all of one": EVERYONE - {Role.CASHIER},
    "fraud metrics": EVERYONE - {Role.CASHIER},
    "fraud patterns": EVERYONE - {Role.CASHIER},
    "velocity checks": EVERYONE - {Role.CASHIER},
    "fraud alerts": EVERYONE - {Role.CASHIER},
    "acknowledge fraud": OFFICE,
    "blocked ips": EVERYONE - {Role.CASHIER},
    "block ip": OFFICE,
    "unblock ip": OFFICE,
    "fraud rules": EVERYONE - {Role.CASHIER},
    "create fraud rule": OFFICE,
    "update fraud rule": OFFICE,
    "delete fraud rule": OFFICE,
    "paper": EVERYONE,
    **dict.fromkeys(ON_PAPER, OFFICE),
    **{name: EVERYONE if one.permission is Permission.PROGRAMS_READ else {Role.OWNER} for name, one in LOOKS.items()},
    **dict.fromkeys(READING_PASSES, EVERYONE - {Role.CASHIER}),
    "push pass": OFFICE,
    "validate session": set(Role),
    "bulk": OFFICE,
    "poll bulk": OFFICE,
    "renew bulk link": OFFICE,
    "download bulk": OFFICE,
    "audit log": EVERYONE,
    "export audit log": OFFICE,
    "audit export": OFFICE,
    "download audit log": OFFICE,
    "list programs": EVERYONE,
    "read program": EVERYONE,
    "update program": {Role.OWNER},
    "create program": {Role.OWNER},
    "send otp": TILL,
    "verify otp": TILL,
    "customer session": TILL,
    "customer logout": TILL,
    **dict.fromkeys(ABOUT_PEOPLE, OFFICE),
    "list webhooks": OFFICE,
    "create webhook": {Role.OWNER},
    "read webhook": OFFICE,
    "update webhook": {Role.OWNER},
    "delete webhook": {Role.OWNER},
    "enable webhook": {Role.OWNER},
    "disable webhook": {Role.OWNER},
    "list deliveries": OFFICE,
    "replay delivery": {Role.OWNER},
    "anomaly alerts": OFFICE | {Role.READ_ONLY},
    "anomaly metrics": OFFICE | {Role.READ_ONLY},
    "acknowledge anomaly": OFFICE,
    **{name: set(Role) for name, one in ACCESS.items() if one.permission is Permission.SELF_READ},
    "list app keys": OFFICE,
    "create app key": {Role.OWNER},
    "revoke app key": {Role.OWNER},
    "list staff": OFFICE,
    "add staff": {Role.OWNER},
    "update staff": {Role.OWNER},
    "reset staff mfa": {Role.OWNER},
    "staff sessions": OFFICE,
    "end staff sessions": {Role.OWNER},
    "end staff session": {Role.OWNER},
    "customers sessions": OFFICE,
    "end customers sessions": OFFICE,
    "till sessions": OFFICE,
    "end till session": OFFICE,
    **{
        name: OFFICE if one.permission is Permission.REPORTS_WRITE else OFFICE | {Role.READ_ONLY}
        for name, one in REPORTS.items()
    },
    "network overview": {Role.NETWORK_ADMINISTRATOR},
    "network merchants": {Role.NETWORK_ADMINISTRATOR},
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("role", Role)
async def test_a_role_may_do_what_its_row_says(shop: Shop, name: str, role: Role) -> None:
    card = await a_card_for(shop, name)
    before = await shop.snapshot(card)
    answer = await send(shop, name, card, token=await bearer_for(shop, name, role))
    if role in MAY[name]:
        assert answer.status_code == OPERATIONS[name].status, answer.text
    else:
        # To send a code elsewhere one must be allowed to send one at all.
        first = name == "resend-elsewhere" and role in (Role.READ_ONLY, Role.NETWORK_ADMINISTRATOR)
        missing = Permission.CARDS_RESEND if first else OPERATIONS[name].permission
        said = {"detail": f"This needs the permission {missing}.", "code": "permission_denied"}
        if name in READING_PASSES:
            assert good(answer, 401) == said
        else:
            assert good(answer, 403) == said | {"permission": missing}
        assert await shop.snapshot(card) == before


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_scope_narrows_a_key_to_what_it_names(shop: Shop, name: str) -> None:
    needed, holder = OPERATIONS[name].permission, Role.OWNER
    if needed is Permission.NETWORK_READ:
        holder = Role.NETWORK_ADMINISTRATOR
    with_it = {needed, Permission.CARDS_RESEND} if name == "resend-elsewhere" else {needed}
    card = await a_card_for(shop, name)
    without = await shop.key(scopes=OF_KEYS[Role.OWNER] - {needed})
    assert (await send(shop, name, card, token=without)).json()["code"] == "permission_denied"
    answer = await send(shop, name, card, token=await shop.key(holder, scopes=with_it))
    if OPERATIONS[name].by_person:
        assert (answer.status_code, answer.json()["code"]) == (401, "not_a_person")
    else:
        assert answer.status_code == OPERATIONS[name].status


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if one.permission in LIVE_ONLY])
async def test_a_test_key_sees_and_changes_no_rules_people_or_keys(shop: Shop, thief: Superuser, name: str) -> None:
    card, test_key = await a_card_for(shop, name), await shop.key(is_test=True)
    before = await fingerprint(thief)
    answer = await send(shop, name, card, token=test_key)
    assert (answer.status_code, answer.json()["code"]) in ((403, "permission_denied"), (401, "not_a_person"))
    assert await fingerprint(thief) == before


async def test_a_person_has_the_rights_of_their_role(shop: Shop) -> None:
    password = "correct horse battery"
    services = shop.api.services
    made = await staff.create_merchant(services.database, "Bakery", "eve@bakery.example", password, "operator:test")
    form = {"username": "eve@bakery.example", "password": password}
    token = good(await shop.api.client.post("/v2/token", data=form))["accessToken"]
    program = good(await shop.post("/v2/programs", {"name": "Buns"}, token=token), 201)
    assert program["merchantId"] == made.merchant_id
    await shop.superuser.execute("UPDATE staff SET role = 'read-only' WHERE id = $1", made.owner_id)
    again = good(await shop.api.client.post("/v2/token", data=form))["accessToken"]
    assert (await shop.post("/v2/programs", {"name": "Rolls"}, token=again)).status_code == 403
    good(await shop.get(f"/v2/loyalty/programs/{program['id']}", token=again))


async def test_a_key_is_no_person(shop: Shop) -> None:
    answer = await shop.get("/v2/token")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_a_person")


async def test_a_revoked_key_opens_nothing(shop: Shop) -> None:
    database = shop.api.services.database
    made = await keys.create_key(database, shop.merchant_id, "operator:test")
    await keys.revoke(database, made.key_id, "operator:test")
    assert (await shop.get("/v2/loyalty/programs", token=made.secret)).json()["code"] == "invalid_token"


# ── bearers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic {}", "{}", "Token {}", "Bearer  {}", "Bearer {},", "Bearer {} {}", "bearer\t{}",
     "Bearer {}="],
)  # fmt: skip
async def test_a_key_counts_only_as_a_bearer(shop: Shop, header: str) -> None:
    answer = await shop.get(
        "/v2/loyalty/programs", token=None, headers={"Authorization": header.replace("{}", shop.owner)}
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_case_of_the_scheme_is_free(shop: Shop) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        good_answer = await shop.get(
            card_path(await shop.issue()), token=None, headers={"Authorization": f"{scheme} {shop.owner}"}
        )
        good(good_answer)
