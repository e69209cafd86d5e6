"""`kado terminal`: codes that make tills, tills, and PINs, with the rows that they leave in the audit log."""

from typing import Any

from tests.database.doors.conftest import PASSWORD, SECRET_KEY, Kado
from tests.database.doors.test_cli_audit import SHOP, a_program, ids, left

from kado.access import terminals
from kado.access.terminals import Enrolled
from kado.crypto import Keyring
from kado.storage.database import Database

BO = "bo@flowers.example"


async def test_a_till_is_made_changed_and_revoked(
    kado: Kado, database: Database, superuser: Any, flower_shop: dict[str, str]
) -> None:
    program = await a_program(superuser, flower_shop["merchantId"])
    known = await ids(superuser)
    where = ("--program", program, "--location", "Market Street", "--name", "Till 1")
    code = (await kado("terminal", "code", *SHOP, *where, "--json")).json["code"]
    assert await left(superuser, known) == ["terminal:code-made"]
    made = await terminals.enrol(database, Keyring([SECRET_KEY]), code, "203.0.113.9")
    assert isinstance(made, Enrolled)
    assert await left(superuser, known) == ["terminal:enrolled"]
    (listed,) = (await kado("terminal", "list", *SHOP, "--json")).json
    assert (listed["name"], listed["location"], listed["programId"], listed["idleMinutes"]) == (
        "Till 1",
        "Market Street",
        program,
        5,
    )
    assert listed["enrolledBy"] == "operator:cli"
    changed = await kado("terminal", "change", made.terminal_id, *SHOP, "--name", "Till 2", "--idle-minutes", "9")
    assert (changed.code, await left(superuser, known)) == (0, ["terminal:changed"])
    assert (await kado("terminal", "change", made.terminal_id, *SHOP, "--idle-minutes", "0")).code == 1
    assert (await kado("terminal", "revoke", made.terminal_id, *SHOP)).code == 0
    assert (await kado("terminal", "revoke", made.terminal_id, *SHOP)).code == 0
    assert await left(superuser, known) == ["terminal:revoked"]
    assert await terminals.find_by_token(database, made.token) is None
    assert "revoked" in (await kado("terminal", "list", *SHOP)).out


async def test_what_tills_took_without_a_line_is_listed(
    kado: Kado, superuser: Any, flower_shop: dict[str, str]
) -> None:
    program = await a_program(superuser, flower_shop["merchantId"])
    nothing = await kado("terminal", "offline", "--program", program, "--json")
    assert nothing.json == {"tills": 0, "exposed": "0.00", "currency": "USD", "takes": []}
    await kado("staff", "add", BO, *SHOP, "--password-stdin", stdin=PASSWORD + "\n")
    await superuser.execute(_AWAY, program, flower_shop["merchantId"], BO)
    listed = (await kado("terminal", "offline", "--program", program, "--json")).json
    assert (listed["tills"], listed["exposed"]) == (1, "60.00")
    assert [(one["amount"], one["state"], one["code"]) for one in listed["takes"]] == [
        ("12.50", "refused", "card_not_found")
    ]
    told = (await kado("terminal", "offline", "--program", program)).out
    assert "1 tills may take up to 60.00 USD without a line now." in told
    assert "card_not_found" in told
    unknown = await kado("terminal", "offline", "--program", "0" * 24)
    assert (unknown.code, "There is no such program." in unknown.err) == (1, True)


_AWAY = """
    WITH t AS (
        INSERT INTO terminal (id, token_hash, merchant_id, program_id, name, location, idle_minutes, enrolled_by)
        VALUES (repeat('a', 24), sha256('x'), $2, $1, 'Till 1', 'Market', 5, 'x') RETURNING id, merchant_id),
    a AS (
        INSERT INTO offline_allowance (id, terminal_id, program_id, merchant_id, staff_id, session_id, max_take,
            max_total, key_version, granted_at, expires_at, settle_by)
        SELECT repeat('b', 24), t.id, $1, t.merchant_id, s.id, repeat('c', 24), 2500, 6000, '\\x00000000', now(),
            now() + interval '1 hour', now() + interval '2 hours' FROM t, staff s WHERE s.email = $3 RETURNING id)
    INSERT INTO offline_take (allowance_id, seq, claim, amount, taken_at, state, code)
    SELECT id, 1, sha256('y'), 1250, now(), 'refused', 'card_not_found' FROM a"""


async def test_a_pin_is_given_and_taken(kado: Kado, superuser: Any, flower_shop: dict[str, str]) -> None:
    await kado("staff", "add", BO, *SHOP, "--password-stdin", stdin=PASSWORD + "\n")
    known = await ids(superuser)
    assert (await kado("terminal", "set-pin", BO, "--pin-stdin", stdin="2580\n")).out == f"{BO} has a new PIN.\n"
    assert await left(superuser, known) == ["staff:pin-set"]
    for weak in ("1111", "1234", "9876", "123", "12a4", "123456789"):
        assert (await kado("terminal", "set-pin", BO, "--pin-stdin", stdin=f"{weak}\n")).code == 1
    assert (await kado("terminal", "take-pin", BO)).out == f"{BO} has no PIN any more.\n"
    assert (await kado("terminal", "take-pin", BO)).out == f"{BO} had no PIN.\n"
    assert await left(superuser, known) == ["staff:pin-taken"]
