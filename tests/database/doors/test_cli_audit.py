"""`kado audit`, and the rows that every command leaves that writes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import typer
from tests.database.doors.conftest import Kado

from kado.doors.cli import build
from kado.doors.cli.nouns import NOUNS
from kado.doors.cli.nouns import read as read_noun

SHOP = ("--merchant", "Flower Shop")

CHANGES_NOTHING = {
    *("serve", "demo", "bench", "config", "status", "setup-code", "sign", "verify", "secret status", "database status"),
    *("merchant list", "key list", "program list", "webhook list", "webhook deliveries"),
    *("mail preview", "wallet check", "wallet certificate"),
    *("outbox list", "outbox show", "outbox check", "card proof", "card check", "audit list"),
    *("seal export", "seal list", "seal check", "seal key", "seal now", "seal verify"),
    *(
        "terminal list",
        "terminal offline",
        "staff list",
        "staff sessions",
        "session list",
        "fraud rules",
        "fraud alerts",
        "fraud blocked",
    ),
    *("report business", "report figures", "report escheatment"),
}
"""Commands that read, or work for a server's own requests."""

LEAVES = {
    "merchant create": ["merchant:created", "staff:created"],
    "key create": ["key:created"],
    "key revoke": ["key:revoked"],
    "program admit": ["program:admitted"],
    "program dismiss": ["program:dismissed"],
    "audit export": ["audit:exported"],
}
ELSEWHERE = {
    "card accept": "tests/database/cards/test_accept.py",
    "card print": "tests/api/test_print_runs.py",
    "merchant require-second-factor": "tests/database/doors/test_cli_staff.py",
    "session end": "tests/database/doors/test_cli_staff.py",
    **{
        f"staff {word}": "tests/database/doors/test_cli_staff.py"
        for word in ("add", "role", "close", "reopen", "reset-password", "reset-mfa", "sign-out")
    },
    **{
        f"terminal {word}": "tests/database/doors/test_cli_terminals.py"
        for word in ("code", "change", "revoke", "set-pin", "take-pin")
    },
    **{
        f"fraud {word}": "tests/database/doors/test_cli_fraud.py"
        for word in ("acknowledge", "add-rule", "change-rule", "delete-rule", "block", "unblock")
    },
    "people export": "tests/database/doors/test_cli_people.py",
    "people erase": "tests/database/doors/test_cli_people.py",
    "report export": "tests/database/doors/test_cli_reports.py",
    "report rebuild": "tests/database/doors/test_cli_reports.py",
    "backup": "tests/recovery/test_restore.py",
    "restore": "tests/recovery/test_restore.py",
    "database migrate": "tests/recovery/test_restore.py",
    "database distribute": "tests/database/doors/test_cli_distribute.py",
    **{f"database {word}": "tests/recovery/test_majors.py" for word in ("upgrade", "downgrade", "forget-old")},
    **{f"secret {word}": "tests/database/doors/test_cli_secret.py" for word in ("new", "use", "drop")},
    "secret rotate": "tests/database/rotation/test_rotate.py",
    "secret renew-codes": "tests/database/doors/test_cli_secret.py",
    "outbox replay": "tests/database/doors/test_cli_outbox.py",
    "mail bounce": "tests/database/doors/test_cli_mail.py",
    "webhook replay": "tests/database/doors/test_cli_webhooks.py",
}
"""Those whose rows are looked at where what they need is at hand."""


def commands(group: Any, name: str = "") -> list[str]:
    found = []
    for word, one in group.commands.items():
        full = f"{name} {word}".strip()
        known = read_noun(word) if not name and word in NOUNS else one
        found += commands(known, full) if hasattr(known, "commands") else [full]
    return found


def test_every_command_is_known_here() -> None:
    named = commands(typer.main.get_command(build(lambda: None, lambda: None)))
    every = {name.replace("keys ", "secret ") for name in named}  # the same commands under another name
    assert every <= CHANGES_NOTHING | LEAVES.keys() | ELSEWHERE.keys()
    assert LEAVES.keys() | ELSEWHERE.keys() <= every
    for file in ELSEWHERE.values():
        assert "audit" in (Path(__file__).parents[3] / file).read_text()


async def test_each_command_leaves_exactly_its_rows(
    kado: Kado, flower_shop: dict[str, str], superuser: Any, tmp_path: Path
) -> None:
    program = await a_program(superuser, flower_shop["merchantId"])
    known = await ids(superuser)
    words = {
        "merchant create": ("merchant", "create", "Book Shop", "--owner", "bea@books.example", "--password-stdin"),
        "key create": ("key", "create", *SHOP, "--role", "cashier", "--json"),
        "program admit": ("program", "admit", program, "--merchant", "Book Shop"),
        "program dismiss": ("program", "dismiss", program, "--merchant", "Book Shop"),
        "audit export": ("audit", "export", "--out", str(tmp_path / "audit.csv")),
    }
    for name, line in words.items():
        ran = await kado(*line, stdin="correct horse battery staple\n")
        assert (ran.code, ran.err) == (0, ""), name
        assert await left(superuser, known) == LEAVES[name]
        if name == "key create":
            assert (await kado("key", "revoke", ran.json["keyId"])).code == 0
            assert await left(superuser, known) == LEAVES["key revoke"]
    # What comes to nothing leaves nothing.
    for line in (
        ("merchant", "create", "Book Shop", "--owner", "bo@books.example", "--password-stdin"),
        ("program", "dismiss", program, "--merchant", "Book Shop"),
        ("key", "revoke", "0" * 24),
        ("audit", "export", "--out", str(tmp_path / "audit.csv")),
    ):
        assert (await kado(*line, stdin="correct horse battery staple\n")).code == 1
        assert await left(superuser, known) == []
    actors = await superuser.fetch("SELECT DISTINCT actor, address FROM audit_log WHERE at > now() - interval '1 hour'")
    assert [tuple(row) for row in actors] == [("operator:cli", None)]


async def test_the_log_is_listed_with_filters(kado: Kado, flower_shop: dict[str, str]) -> None:
    key = (await kado("key", "create", *SHOP, "--json")).json
    listed = (await kado("audit", "list", "--json")).json
    assert [row["action"] for row in listed] == ["key:created", "staff:created", "merchant:created"]
    assert (listed[0]["resourceId"], listed[0]["actorType"], listed[0]["actorId"]) == (key["keyId"], "operator", "cli")
    for filters, actions in (
        (("--subject", key["keyId"]), ["key:created"]),
        (("--action", "staff:created", "--action", "key:created"), ["key:created", "staff:created"]),
        (("--actor", "cli", "--limit", "1"), ["key:created"]),
        (("--since", "2999-01-01"), []),
        (("--until", "2001-01-01T00:00:00Z"), []),
        (SHOP, ["key:created", "staff:created", "merchant:created"]),
    ):
        assert [row["action"] for row in (await kado("audit", "list", *filters, "--json")).json] == actions
    table = await kado("audit", "list", "--limit", "2")
    first, second, *_, rest = table.out.splitlines()
    assert first.split() == ["AT", "ACTION", "BY", "TO", "FROM", "REQUEST", "ID"]
    assert (second.split()[2], second.split()[4], rest) == ("key:created", key["keyId"], "2 of 3.")
    assert (await kado("audit", "list", "--merchant", "Nobody")).code == 1


async def test_the_log_is_written_to_a_file(kado: Kado, flower_shop: dict[str, str], tmp_path: Path) -> None:
    for name, read in (("csv", lambda text: list(csv.DictReader(io.StringIO(text)))), ("json", json.loads)):
        file = tmp_path / f"audit.{name}"
        ran = await kado("audit", "export", *SHOP, "--out", str(file), "--format", name)
        assert (ran.code, ran.out, ran.err) == (0, f"{file} is written.\n", "")
        rows = read(file.read_bytes().decode())
        assert [row["action"] for row in rows][:2] == ["merchant:created", "staff:created"]
        assert {row["merchantId"] for row in rows} == {flower_shop["merchantId"]}
        again = await kado("audit", "export", "--out", str(file))
        assert (again.code, again.err) == (1, f"kado: {file} cannot be written: File exists.\n")
    assert (await kado("audit", "export", "--out", str(tmp_path / "x"), "--format", "xlsx")).code == 2


async def a_program(superuser: Any, merchant_id: str) -> str:
    from kado.ids import new_id

    program_id = new_id()
    await superuser.execute(
        "INSERT INTO program (id, merchant_id, name, currency, pass_type_identifier, min_initial_value,"
        " max_initial_value, max_balance, max_reload, cashier_issue_limit, expiry_rule, expiry_months, code_format,"
        " number_prefix, requires_key) VALUES ($1, $2, 'Cards', 'USD', 'pass.x', 1, 1000, 1000, 1000, 0, 'never', 12,"
        " 'digits', '', false)",
        program_id,
        merchant_id,
    )
    return program_id


async def ids(superuser: Any) -> set[str]:
    return {row["id"] for row in await superuser.fetch("SELECT id FROM audit_log")}


async def left(superuser: Any, known: set[str]) -> list[str]:
    """The actions of the rows that are new, in alphabetical order; they are known from now on."""
    rows = await superuser.fetch("SELECT id, action FROM audit_log WHERE id <> ALL($1::text[])", list(known))
    known |= {row["id"] for row in rows}
    return sorted(row["action"] for row in rows)
