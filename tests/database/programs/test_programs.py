"""Opening, changing and finding programs."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from kado import money
from kado.errors import Forbidden, Invalid, NotFound
from kado.programs import find
from kado.programs.create import create
from kado.programs.program import CodeFormat, ExpiryRule, NewProgram, Program, ProgramChanges, WantedLimits
from kado.programs.reach import Reaches
from kado.programs.update import update
from kado.storage.database import Database

ACTOR = "key:" + "ab" * 12

FULL = NewProgram(
    name="Blumen 🌷",
    currency="JPY",
    pass_type_identifier="pass.example.flowers",
    limits=WantedLimits(Decimal(5), Decimal(50), Decimal(100), Decimal(20), Decimal(30), Decimal(0)),
    expiry_rule=ExpiryRule.AFTER_RELOAD,
    expiry_months=60,
    code_format=CodeFormat.LETTERS,
    number_prefix="",
    requires_key=True,
    profile={"description": "Für alle", "website": None, "phone": "+49"},
)


async def audited(database: Database, action: str) -> list[dict[str, object]]:
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT actor, merchant_id, program_id, subject, before, after FROM audit_log WHERE action = $1"
            " ORDER BY at",
            action,
        )
    return [dict(row) | {name: json.loads(row[name] or "null") for name in ("before", "after")} for row in rows]


async def test_a_program_opens_with_the_defaults(database: Database, owner: str) -> None:
    program = await create(database, owner, ACTOR, NewProgram(name="Cards"))
    assert program == Program(
        id=program.id,
        merchant_id=owner,
        merchant_name="Flower Shop",
        name="Cards",
        currency=money.currency("USD"),
        pass_type_identifier="pass.kado.giftcard",
        min_initial_value=1,
        max_initial_value=1_000_000,
        max_balance=1_000_000,
        max_reload=500_000,
        max_redeem=None,
        cashier_issue_limit=50_000,
        expiry_rule=ExpiryRule.AFTER_ISSUE,
        expiry_months=12,
        code_format=CodeFormat.DIGITS,
        number_prefix="4000",
        requires_key=False,
        profile={},
        created_at=program.created_at,
        updated_at=None,
        is_heard=False,
        reminds_expiry=True,
    )
    assert await find.get(database, program.id) == program


async def test_a_program_keeps_everything_it_is_told(database: Database, owner: str) -> None:
    program = await create(database, owner, ACTOR, FULL)
    assert (program.min_initial_value, program.max_initial_value, program.max_balance) == (5, 50, 100)
    assert (program.max_reload, program.max_redeem, program.cashier_issue_limit) == (20, 30, 0)
    assert (program.expiry_rule, program.expiry_months) == (ExpiryRule.AFTER_RELOAD, 60)
    assert (program.code_format, program.number_prefix, program.requires_key) == (CodeFormat.LETTERS, "", True)
    assert (program.name, program.currency) == ("Blumen 🌷", money.currency("JPY"))
    assert program.profile == {"description": "Für alle", "phone": "+49"}
    (row,) = await audited(database, "program:created")
    assert (row["actor"], row["merchant_id"], row["program_id"]) == (ACTOR, owner, program.id)
    assert (row["subject"], row["before"]) == (program.id, None)
    rules = row["after"]
    assert isinstance(rules, dict)
    assert (rules["name"], rules["currency"], rules["max_redeem"]) == ("Blumen 🌷", "JPY", 30)


async def test_what_a_program_cannot_be_is_refused_and_leaves_nothing(
    database: Database, owner: str, subtests: pytest.Subtests
) -> None:
    good = NewProgram(name="Cards")
    for new, field in (
        (replace(good, name=""), "name"),
        (replace(good, name="a\0b"), "name"),
        (replace(good, currency="eur"), "currency"),
        (replace(good, currency="BTC"), "currency"),
        (replace(good, expiry_months=61), "expiryMonths"),
        (replace(good, number_prefix="12345678x"), "cardNumberPrefix"),
        (replace(good, pass_type_identifier="x"), "passTypeIdentifier"),
        (replace(good, limits=WantedLimits(max_balance=Decimal(10_001))), "maxBalance"),
    ):
        with subtests.test(field=field):
            with pytest.raises(Invalid) as refusal:
                await create(database, owner, ACTOR, new)
            assert refusal.value.loc == ("body", field)
    assert await find.list_all(database) == []
    assert await audited(database, "program:created") == []


async def test_a_program_needs_a_merchant(database: Database) -> None:
    with pytest.raises(NotFound):
        await create(database, "0" * 24, ACTOR, NewProgram(name="Cards"))


async def test_an_unknown_program_is_not_found(database: Database) -> None:
    assert await find.get(database, "0" * 24) is None
    assert await find.get(database, "no id") is None


async def test_a_change_is_kept_and_audited_with_before_and_after(database: Database, owner: str) -> None:
    program = await create(database, owner, ACTOR, NewProgram(name="Cards", profile={"terms": "none", "phone": "1"}))
    changes = ProgramChanges(
        name="Gifts",
        limits=WantedLimits(max_balance=Decimal(200)),
        expiry_rule=ExpiryRule.NEVER,
        requires_key=True,
        profile={"phone": None, "email": "anna@flowers.example"},
    )
    after = await update(database, Reaches(database), owner, ACTOR, program.id, changes)
    assert after == await find.get(database, program.id)
    assert after.updated_at is not None
    assert after == replace(
        program,
        name="Gifts",
        max_balance=20_000,
        max_initial_value=20_000,
        expiry_rule=ExpiryRule.NEVER,
        requires_key=True,
        profile={"terms": "none", "email": "anna@flowers.example"},
        updated_at=after.updated_at,
    )
    (row,) = await audited(database, "program:updated")
    assert (row["actor"], row["merchant_id"], row["program_id"]) == (ACTOR, owner, program.id)
    before, now = row["before"], row["after"]
    assert isinstance(now, dict)
    assert before == {
        "name": "Cards",
        "max_initial_value": 1_000_000,
        "max_balance": 1_000_000,
        "expiry_rule": "after_issue",
        "requires_key": False,
        "profile": {"terms": "none", "phone": "1"},
    }
    assert now["name"] == "Gifts"
    assert now.keys() == before.keys()


async def test_every_field_can_change_but_the_currency(database: Database, owner: str) -> None:
    program = await create(database, owner, ACTOR, replace(FULL, currency="EUR"))
    reaches = Reaches(database)
    after = await update(
        database,
        reaches,
        owner,
        ACTOR,
        program.id,
        ProgramChanges(
            currency="EUR",
            pass_type_identifier="pass.other",
            limits=WantedLimits(None, None, None, None, None, None),
            expiry_months=6,
            code_format=CodeFormat.DIGITS,
            number_prefix="77",
            requires_key=False,
        ),
    )
    assert (after.max_balance, after.max_redeem, after.cashier_issue_limit) == (1_000_000, None, 50_000)
    assert (after.pass_type_identifier, after.expiry_months, after.number_prefix) == ("pass.other", 6, "77")
    assert (after.code_format, after.requires_key) == (CodeFormat.DIGITS, False)
    with pytest.raises(Invalid) as refusal:
        await update(database, reaches, owner, ACTOR, program.id, ProgramChanges(currency="USD", name="X"))
    assert refusal.value.loc == ("body", "currency")
    assert await find.get(database, program.id) == after


async def test_no_change_writes_nothing(database: Database, owner: str) -> None:
    program = await create(database, owner, ACTOR, NewProgram(name="Cards"))
    same = await update(database, Reaches(database), owner, ACTOR, program.id, ProgramChanges(name="Cards"))
    assert same == program
    assert await audited(database, "program:updated") == []


async def test_only_the_owner_changes_a_program_and_strangers_learn_nothing(
    database: Database, owner: str, other: str
) -> None:
    program = await create(database, owner, ACTOR, NewProgram(name="Cards"))
    answers = []
    for program_id in (program.id, "0" * 24):
        with pytest.raises(Forbidden) as refusal:
            await update(database, Reaches(database), other, ACTOR, program_id, ProgramChanges(name="Mine"))
        answers.append((refusal.value.code, refusal.value.detail, refusal.value.members))
    assert answers[0] == answers[1]
    assert answers[0][0] == "program_forbidden"
    assert await find.get(database, program.id) == program


async def test_changes_at_the_same_time_are_all_kept(database: Database, owner: str) -> None:
    program = await create(database, owner, ACTOR, NewProgram(name="Cards"))
    reaches = Reaches(database)
    await asyncio.gather(
        *(
            update(database, reaches, owner, ACTOR, program.id, ProgramChanges(profile={f"line{n}": n}))
            for n in range(12)
        )
    )
    after = await find.get(database, program.id)
    assert after is not None
    assert after.profile == {f"line{n}": n for n in range(12)}
    assert len(await audited(database, "program:updated")) == 12
