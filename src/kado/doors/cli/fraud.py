"""`kado fraud`: a program's rules, the alerts that they raise, and blocked addresses."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, cast

import typer

from kado.doors.cli.output import AsJson, example, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.errors import NotFound
from kado.fraud import alerts as alerts_room
from kado.fraud import blocked as blocked_room
from kado.fraud import rules as rules_room
from kado.fraud.alert import Alert, AlertStatus, Judgement
from kado.fraud.config import Around, RuleType
from kado.fraud.rule import Rule, RuleAction
from kado.programs import find
from kado.programs.program import Program
from kado.settings import Settings
from kado.storage.database import Database

app: Final = typer.Typer(
    name="fraud",
    help="Fraud: rules of a program, the alerts that they raise, blocked addresses.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SHOWN_MAX: Final = 250

ProgramId = Annotated[str, typer.Argument(help="The program's id, as `kado program list` shows it.")]
RuleId = Annotated[str, typer.Argument(help="The rule's id, as `kado fraud rules` shows it.")]
Address = Annotated[str, typer.Argument(help="An IP address; an IPv6 one stands for its /64.")]


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("rules", epilog=example("kado fraud rules 6710c5f2a94be10c77de3a51"))
@command
async def rules(program_id: ProgramId, as_json: AsJson = False) -> None:
    """List a program's rules, oldest first."""
    async with session() as (database, _):
        await _program(database, program_id)
        found = await rules_room.list_rules(database, program_id)
    if as_json:
        print_json([_rule_facts(rule) for rule in found])
        return
    print_table(
        ("ID", "NAME", "TYPE", "ACTION", "ACTIVE", "ENDS", "CONFIG"),
        [
            (
                rule.id,
                rule.name,
                rule.type.value,
                rule.action.value,
                "yes" if rule.is_active else "no",
                shown(rule.expires_at),
                json.dumps(rule.config),
            )
            for rule in found
        ],
    )


@app.command(
    "add-rule",
    epilog=example(
        "kado fraud add-rule 6710c5f2a94be10c77de3a51 --name 'Much at once' --type TRANSACTION_LIMIT"
        """ --action require_review --config '{"maxAmount": "500.00"}'"""
    ),
)
@command
async def add_rule(
    program_id: ProgramId,
    name: Annotated[str, typer.Option(help="What to call it.")],
    kind: Annotated[RuleType, typer.Option("--type", help="What it looks at.")],
    config: Annotated[str, typer.Option(help="Its figures, as a JSON object; the reference page on fraud has them.")],
    action: Annotated[RuleAction, typer.Option(help="What is done about what it finds.")] = RuleAction.BLOCK,
    description: Annotated[str, typer.Option(help="What to say about it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a rule, in force from this moment."""
    async with session() as (database, settings):
        program = await _program(database, program_id)
        new = rules_room.NewRule(name=name, type=kind, config=_object(config), description=description, action=action)
        rule = await rules_room.create(
            database, program.merchant_id, ACTOR, program_id, new, _around(program, settings)
        )
    if as_json:
        print_json(_rule_facts(rule))
    else:
        print(f"Rule {rule.id} is in force.")


@app.command(
    "change-rule",
    epilog=example("kado fraud change-rule 6710c5f2a94be10c77de3a51 6710c5f2a94be10c77de3a52 --action flag"),
)
@command
async def change_rule(
    program_id: ProgramId,
    rule_id: RuleId,
    action: Annotated[RuleAction | None, typer.Option(help="What is done about what it finds from now on.")] = None,
    config: Annotated[str | None, typer.Option(help="Its figures, as a JSON object; it counts anew.")] = None,
    active: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is applied.")] = None,
) -> None:
    """Change a rule, from this moment."""
    async with session() as (database, settings):
        program = await _program(database, program_id)
        changes = rules_room.RuleChanges(
            action=action, is_active=active, config=None if config is None else _object(config)
        )
        rule = await rules_room.update(
            database, program.merchant_id, ACTOR, program_id, rule_id, changes, _around(program, settings)
        )
    print(f"Rule {rule.id}: {rule.action}, {'on' if rule.is_active else 'off'}, {json.dumps(rule.config)}.")


@app.command("delete-rule", epilog=example("kado fraud delete-rule 6710c5f2a94be10c77de3a51 6710c5f2a94be10c77de3a52"))
@command
async def delete_rule(program_id: ProgramId, rule_id: RuleId) -> None:
    """Delete a rule. Its alerts stay."""
    async with session() as (database, _):
        program = await _program(database, program_id)
        rule = await rules_room.delete(database, program.merchant_id, ACTOR, program_id, rule_id)
    print(f"Rule {rule.id} ({rule.name}) is deleted.")


# ── alerts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("alerts", epilog=example("kado fraud alerts 6710c5f2a94be10c77de3a51 --all"))
@command
async def alerts(
    program_id: ProgramId,
    every: Annotated[bool, typer.Option("--all", help="Those that somebody has looked at, too.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Of test cards, instead of live ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List a program's open alerts, newest first, at most 250."""
    async with session() as (database, _):
        await _program(database, program_id)
        statuses = None if every else [AlertStatus.OPEN]
        found, _total = await alerts_room.list_alerts(
            database, program_id, is_test=test, statuses=statuses, limit=_SHOWN_MAX, offset=0
        )
    if as_json:
        print_json([_alert_facts(alert) for alert in found])
        return
    print_table(
        ("ID", "PATTERN", "SEVERITY", "ACTION", "STATUS", "TIMES", "FIRST", "LAST", "WHOSE", "LATEST CARD"),
        [
            (
                alert.id,
                alert.pattern_type,
                alert.severity.value,
                alert.action.value,
                alert.status.value,
                str(alert.occurrences),
                shown(alert.detected_at),
                shown(alert.last_at),
                alert.subject,
                alert.card_id,
            )
            for alert in found
        ],
    )


@app.command(
    "acknowledge",
    epilog=example(
        "kado fraud acknowledge 6710c5f2a94be10c77de3a51 6710c5f2a94be10c77de3a52 --notes 'asked the customer'"
    ),
)
@command
async def acknowledge(
    program_id: ProgramId,
    alert_id: Annotated[str, typer.Argument(help="The alert's id, as `kado fraud alerts` shows it.")],
    notes: Annotated[str | None, typer.Option(help="What you found.")] = None,
    false_positive: Annotated[
        bool,
        typer.Option(
            "--false-positive", help="Nothing is wrong: its cards pass a rule that asks for reviews for a day."
        ),
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="An alert about test cards.")] = False,
) -> None:
    """Say that somebody has looked at an alert. To suspend its card as well, use the API."""
    async with session() as (database, _):
        program = await _program(database, program_id)
        judgement = Judgement(by=ACTOR, notes=notes, is_false_positive=false_positive)
        alert = await alerts_room.acknowledge(
            database, program.merchant_id, program_id, alert_id, judgement, is_test=test
        )
    print(f"Alert {alert.id}: {alert.status}.")


# ── blocked addresses ──────────────────────────────────────────────────────────────────────────────────────────────


@app.command("blocked", epilog=example("kado fraud blocked 6710c5f2a94be10c77de3a51"))
@command
async def blocked(program_id: ProgramId, as_json: AsJson = False) -> None:
    """List the addresses from which nobody may call a program, newest first."""
    async with session() as (database, _):
        await _program(database, program_id)
        found = await blocked_room.list_blocks(database, program_id)
    if as_json:
        print_json([blocked_room.shown(one) for one in found])
        return
    print_table(
        ("ADDRESS", "NETWORK", "UNTIL", "BY", "REASON"),
        [(one.address, str(one.network), shown(one.expires_at), one.created_by, one.reason) for one in found],
    )


@app.command("block", epilog=example("kado fraud block 6710c5f2a94be10c77de3a51 203.0.113.7 --range 203.0.113.0/24"))
@command
async def block(
    program_id: ProgramId,
    address: Address,
    cidr_range: Annotated[str | None, typer.Option("--range", help="The whole network that it lies in.")] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Without an end.")] = False,
    until: Annotated[datetime | None, typer.Option(help="The end, in UTC. Otherwise it lasts for 24 hours.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "Manual block",
) -> None:
    """Block an address, or a network: running servers refuse balance checks and calls from there within 30 seconds."""
    async with session() as (database, settings):
        program = await _program(database, program_id)
        wanted = blocked_room.Wanted(
            address=address,
            cidr_range=cidr_range,
            reason=reason,
            is_permanent=for_ever,
            expires_at=None if until is None else until.replace(tzinfo=UTC),
        )
        made = await blocked_room.block(
            database, program.merchant_id, ACTOR, program_id, wanted, settings.trusted_proxies
        )
    print(f"{made.network} is blocked until {shown(made.expires_at) if made.expires_at else 'it is unblocked'}.")


@app.command("unblock", epilog=example("kado fraud unblock 6710c5f2a94be10c77de3a51 203.0.113.7"))
@command
async def unblock(program_id: ProgramId, address: Address) -> None:
    """Lift the block that was made for this address, with its whole network."""
    async with session() as (database, _):
        program = await _program(database, program_id)
        lifted = await blocked_room.unblock(database, program.merchant_id, ACTOR, program_id, address)
    print(f"{lifted.network} is not blocked any more. Running servers notice within 30 seconds.")


# ── what they share ────────────────────────────────────────────────────────────────────────────────────────────────


async def _program(database: Database, program_id: str) -> Program:
    program = await find.get(database, program_id)
    if program is None:
        raise NotFound("program_not_found", f"There is no program {program_id}.")
    return program


def _around(program: Program, settings: Settings) -> Around:
    return Around(program.currency, settings.country_header is not None, settings.trusted_proxies)


def _object(text: str) -> dict[str, object]:
    try:
        read = json.loads(text, parse_float=Decimal)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise wrong_usage("--config takes a JSON object.")
    return cast("dict[str, object]", read)


def _rule_facts(rule: Rule) -> dict[str, object]:
    return {"id": rule.id, **rules_room.shown(rule)}


def _alert_facts(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "patternType": alert.pattern_type,
        "severity": alert.severity.value,
        "action": alert.action.value,
        "status": alert.status.value,
        "ruleId": alert.rule_id,
        "subject": alert.subject,
        "cardIds": alert.card_ids,
        "transactionIds": alert.entry_ids,
        "occurrences": alert.occurrences,
        "detectedAt": shown(alert.detected_at),
        "lastDetectedAt": shown(alert.last_at),
        "notes": alert.notes,
    }
