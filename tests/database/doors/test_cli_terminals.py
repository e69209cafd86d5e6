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
