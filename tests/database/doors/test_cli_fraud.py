"""`kado fraud`: rules, alerts and blocked addresses at the command line."""

from typing import Any, TypeAlias

import asyncpg
import pytest
from tests.database.doors.conftest import Kado

from kado.fraud.defaults import begin_with_usual_rules
from kado.ids import new_id
from kado.programs.create import create
from kado.programs.program import NewProgram, Program
from kado.storage.database import Database

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def program(database: Database, flower_shop: dict[str, str]) -> Program:
    new = NewProgram(name="Cards", currency="EUR")
    return await create(database, flower_shop["merchantId"], "operator:test", new, begin_with_usual_rules)


async def test_rules_are_made_changed_and_deleted(kado: Kado, program: Program, superuser: Superuser) -> None:
    assert len((await kado("fraud", "rules", program.id, "--json")).json) == 6
    made = await kado(
        "fraud", "add-rule", program.id, "--name", "Much", "--type", "TRANSACTION_LIMIT", "--action", "require_review",
        "--config", '{"maxAmount": 12.5}', "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    rule: dict[str, Any] = made.json
    assert (rule["action"], rule["config"]["maxAmount"], rule["isActive"]) == ("require_review", "12.50", True)
    ran = await kado("fraud", "change-rule", program.id, rule["id"], "--action", "flag", "--off")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Rule {rule['id']}: flag, off, ")
    listed = (await kado("fraud", "rules", program.id)).out.splitlines()
    assert len(listed) == 8
    assert "TRANSACTION_LIMIT  flag    no" in listed[-1]
    assert (await kado("fraud", "delete-rule", program.id, rule["id"])).code == 0
    actions = await superuser.fetch(
        "SELECT action FROM audit_log WHERE subject = $1 AND actor = 'operator:cli' ORDER BY at", rule["id"]
    )
    assert [row["action"] for row in actions] == ["fraud-rule:created", "fraud-rule:updated", "fraud-rule:deleted"]


async def test_addresses_are_blocked_and_unblocked(kado: Kado, program: Program) -> None:
    ran = await kado("fraud", "block", program.id, "203.0.113.7", "--range", "203.0.113.0/24", "--for-ever")
    assert (ran.code, ran.out) == (0, "203.0.113.0/24 is blocked until it is unblocked.\n")
    ran = await kado("fraud", "block", program.id, "2001:db8::1", "--until", "2093-01-01", "--reason", "bot")
    assert (ran.code, ran.out) == (0, "2001:db8::/64 is blocked until 2093-01-01 00:00Z.\n")
    assert [one["ipAddress"] for one in (await kado("fraud", "blocked", program.id, "--json")).json] == [
        "2001:db8::",
        "203.0.113.7",
    ]
    assert (await kado("fraud", "blocked", program.id)).out.splitlines()[1].endswith("operator:cli  bot")
    assert (await kado("fraud", "unblock", program.id, "2001:db8::5")).code == 0
    assert len((await kado("fraud", "blocked", program.id, "--json")).json) == 1


async def test_what_is_too_long_or_empty_is_said(kado: Kado, program: Program) -> None:
    for reason in ("", " ", "x" * 501, "two\nlines"):
        ran = await kado("fraud", "block", program.id, "203.0.113.7", "--reason", reason)
        assert (ran.code, ran.out) == (1, "")
        assert "A reason has 1 to 500 printable characters." in ran.err
    ran = await kado(
        "fraud", "add-rule", program.id, "--name", "Much", "--type", "TRANSACTION_LIMIT",
        "--config", '{"maxAmount": 12.5}', "--description", "x" * 501,
    )  # fmt: skip
    assert ran.code == 1
    assert "A description has at most 500 characters." in ran.err


async def test_alerts_are_listed_and_acknowledged(kado: Kado, program: Program, superuser: Superuser) -> None:
    alert_id, card_id = new_id(), new_id()
    await superuser.execute(
        "INSERT INTO fraud_alert (program_id, id, action, pattern_type, severity, status, subject, card_ids, entry_ids,"
        " is_test, occurrences, facts, detected_at, last_at)"
        " VALUES ($1, $2, 'flag', 'CUSTOM', 'low', 'open', 'program', ARRAY[$3], '{}', false, 7, '{}', now(), now())",
        program.id,
        alert_id,
        card_id,
    )
    ran = await kado("fraud", "alerts", program.id)
    assert ran.out.splitlines()[1].split()[:6] == [alert_id, "CUSTOM", "low", "flag", "open", "7"]
    ran = await kado("fraud", "acknowledge", program.id, alert_id, "--false-positive", "--notes", "a drill")
    assert (ran.code, ran.out) == (0, f"Alert {alert_id}: false_positive.\n")
    assert (await kado("fraud", "alerts", program.id, "--json")).json == []
    (alert,) = (await kado("fraud", "alerts", program.id, "--all", "--json")).json
    assert (alert["notes"], alert["cardIds"]) == ("a drill", [card_id])


async def test_what_is_refused_is_said(kado: Kado, program: Program, subtests: pytest.Subtests) -> None:
    rule = ("--name", "x", "--type", "TRANSACTION_LIMIT", "--config")
    for arguments, code, message in (
        (("rules", "0" * 24), 1, "There is no program"),
        (("add-rule", program.id, *rule, "[]"), 2, "takes a JSON object"),
        (("add-rule", program.id, *rule, "{}"), 1, "Say how much is usual"),
        (("add-rule", program.id, *rule, '{"maxAmount": 1e-3}'), 1, "at most 2 decimals"),
        (("delete-rule", program.id, "0" * 24), 1, "There is no such rule"),
        (("block", program.id, "10.0.0.1"), 1, "inside somebody's own network"),
        (("unblock", program.id, "203.0.113.7"), 1, "not blocked by itself"),
        (("acknowledge", program.id, "0" * 24), 1, "There is no such alert"),
    ):
        with subtests.test(arguments=arguments):
            ran = await kado("fraud", *arguments)
            assert (ran.code, ran.out) == (code, "")
            assert message in " ".join(ran.err.split())
