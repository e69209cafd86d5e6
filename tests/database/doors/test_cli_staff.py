"""`kado staff`, `kado session`, and a merchant that requires a second factor."""

import base64

from tests.database.doors.conftest import PASSWORD, SECRET_KEY, Kado

from kado.access import second_factor, sign_in, staff, totp
from kado.access.authenticate import Access
from kado.access.permissions import Role
from kado.access.sign_in import Pending, SignedIn
from kado.crypto import Keyring
from kado.errors import Unauthenticated
from kado.programs.create import create
from kado.programs.program import NewProgram
from kado.storage.database import Database

BO, ANNA = "bo@flowers.example", "anna@flowers.example"
SHOP = ("--merchant", "Flower Shop")
HERE = "203.0.113.9"


async def added(kado: Kado, email: str = BO, role: str = "cashier") -> str:
    words = ("staff", "add", email, *SHOP, "--role", role, "--json", "--password-stdin")
    return str((await kado(*words, stdin=PASSWORD + "\n")).json["staffId"])


async def token_of(database: Database, email: str, password: str = PASSWORD) -> str:
    opened = await sign_in.with_password(database, Keyring([SECRET_KEY]), email, password, HERE)
    assert isinstance(opened, SignedIn)
    return opened.token


async def is_let_in(database: Database, token: str) -> bool:
    try:
        return bool(await Access(database, Keyring([SECRET_KEY])).authenticate(f"Bearer {token}"))
    except Unauthenticated:
        return False


async def test_people_are_added_listed_changed_and_closed(
    kado: Kado, database: Database, flower_shop: dict[str, str]
) -> None:
    staff_id = await added(kado)
    token = await token_of(database, BO)
    listed = (await kado("staff", "list", *SHOP, "--json")).json
    assert [(one["email"], one["role"], one["active"], one["secondFactor"]) for one in listed] == [
        (ANNA, "owner", True, False),
        (BO, "cashier", True, False),
    ]
    assert (await kado("staff", "role", BO, "manager")).out == f"{BO} is manager now.\n"
    person = await staff.find(database, staff_id)
    assert person is not None
    assert person.role is Role.MANAGER
    assert (await kado("staff", "close", BO)).code == 0
    assert not await is_let_in(database, token)
    assert "closed" in (await kado("staff", "list", *SHOP)).out
    assert (await kado("staff", "reopen", BO)).code == 0
    assert await token_of(database, BO)
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT action, actor FROM audit_log WHERE subject = $1 ORDER BY at, id", staff_id
        )
    assert [tuple(row) for row in rows] == [
        ("staff:created", "operator:cli"),
        *[("staff:changed", "operator:cli")] * 3,
    ]


async def test_the_last_owner_stays_and_nobody_is_named_twice(kado: Kado, flower_shop: dict[str, str]) -> None:
    for words in (("role", ANNA, "cashier"), ("close", ANNA)):
        ran = await kado("staff", *words)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == "kado: This is the merchant's only owner; make somebody else one first.\n"
    ran = await kado("staff", "add", ANNA.upper(), *SHOP, "--password", PASSWORD)
    assert (ran.code, "exists already" in ran.err) == (1, True)
    ran = await kado("staff", "close", "nobody@flowers.example")
    assert (ran.code, ran.err) == (1, "kado: There is no such person.\n")


async def test_a_new_password_ends_what_the_old_one_opened(
    kado: Kado, database: Database, flower_shop: dict[str, str]
) -> None:
    token = await token_of(database, ANNA)
    new = "another horse, another battery"
    ran = await kado("staff", "reset-password", ANNA, "--password-stdin", stdin=new + "\n")
    assert (ran.code, ran.out) == (0, f"{ANNA} has another password.\n")
    assert not await is_let_in(database, token)
    assert await token_of(database, ANNA, new)


async def test_sessions_are_listed_and_ended(kado: Kado, database: Database, flower_shop: dict[str, str]) -> None:
    tokens = [await token_of(database, ANNA) for _ in range(3)]
    listed = (await kado("staff", "sessions", ANNA, "--json")).json
    assert [(one["kind"], one["name"], one["address"]) for one in listed] == [("staff", ANNA, HERE)] * 3
    assert (await kado("session", "end", listed[0]["id"], *SHOP)).code == 0
    assert len((await kado("session", "list", *SHOP, "--kind", "staff")).out.splitlines()) == 3
    ran = await kado("session", "end", listed[0]["id"], *SHOP)
    assert (ran.code, ran.err) == (1, "kado: There is no such session, or it is over.\n")
    assert (await kado("staff", "sign-out", ANNA)).out == f"2 sign-ins of {ANNA} ended.\n"
    assert [await is_let_in(database, token) for token in tokens] == [False] * 3


async def test_a_lost_second_factor_is_reset(kado: Kado, database: Database, flower_shop: dict[str, str]) -> None:
    keyring = Keyring([SECRET_KEY])
    account = await staff.find_by_email(database, ANNA)
    secret, _ = await second_factor.set_up(database, keyring, account)
    async with database.read() as connection:
        step = int((await connection.fetchval("SELECT clock_timestamp()")).timestamp()) // 30
    code = totp.code_of(base64.b32decode(secret), step)
    await second_factor.confirm(database, keyring, account, code, None)
    assert isinstance(await sign_in.with_password(database, keyring, ANNA, PASSWORD, HERE), Pending)
    assert (await kado("staff", "reset-mfa", ANNA)).out == f"{ANNA} has no second factor any more.\n"
    assert await token_of(database, ANNA)


async def test_a_merchant_requires_a_second_factor_and_stops(
    kado: Kado, database: Database, flower_shop: dict[str, str]
) -> None:
    token = await token_of(database, ANNA)
    for words, lacks in (((), True), (("--off",), False)):
        assert (await kado("merchant", "require-second-factor", "Flower Shop", *words)).code == 0
        caller = await Access(database, Keyring([SECRET_KEY])).authenticate(f"Bearer {token}")
        assert caller.lacks_second_factor is lacks


async def test_keys_end_and_enter_chosen_programs(kado: Kado, database: Database, flower_shop: dict[str, str]) -> None:
    new = NewProgram(name="Cards")
    program = (await create(database, flower_shop["merchantId"], "operator:test", new)).id
    made = await kado("key", "create", *SHOP, "--expires", "30", "--program", program, "--json")
    (facts,) = (await kado("key", "list", *SHOP, "--json")).json
    assert (facts["programs"], facts["expiresAt"] > facts["createdAt"]) == ([program], True)
    caller = await Access(database, Keyring([SECRET_KEY])).authenticate(f"Bearer {made.json['secret']}")
    assert caller.programs == frozenset({program})
    ran = await kado("key", "create", *SHOP, "--program", "0" * 24)
    assert (ran.code, "does not own the program" in ran.err) == (1, True)
    assert (await kado("key", "create", *SHOP, "--signing", "--expires", "30")).code == 2
