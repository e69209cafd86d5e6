"""Who reaches which program: the owner, the admitted, and nobody else."""

import pytest

from kado.errors import Forbidden, NotFound, Refusal
from kado.programs import find
from kado.programs.admit import admit, dismiss
from kado.programs.create import create
from kado.programs.program import NewProgram, Program, ProgramChanges
from kado.programs.reach import Reaches
from kado.programs.update import update
from kado.storage.database import Database

ACTOR = "operator:test"


@pytest.fixture
async def program(database: Database, owner: str) -> Program:
    return await create(database, owner, ACTOR, NewProgram(name="Cards"))


async def forbidden(reaches: Reaches, program_id: str, merchant_id: str) -> tuple[object, ...]:
    with pytest.raises(Forbidden) as refusal:
        await reaches.reach(program_id, merchant_id)
    return refusal.value.code, refusal.value.detail, refusal.value.members, refusal.value.headers


async def test_the_owner_reaches_its_program(database: Database, owner: str, program: Program) -> None:
    reach = await Reaches(database).reach(program.id, owner)
    assert (reach.program, reach.is_owner) == (program, True)


async def test_a_strangers_answer_is_the_same_for_a_program_that_exists_and_one_that_does_not(
    database: Database, other: str, program: Program
) -> None:
    reaches = Reaches(database)
    answers = {str(await forbidden(reaches, program_id, other)) for program_id in (program.id, "0" * 24, "no id", "\0")}
    assert len(answers) == 1


async def test_an_admission_counts_at_once_and_for_every_process(
    database: Database, other: str, program: Program
) -> None:
    reaches = Reaches(database)
    await forbidden(reaches, program.id, other)
    assert await admit(database, program.id, other, ACTOR)
    for each in (reaches, Reaches(database)):
        reach = await each.reach(program.id, other)
        assert (reach.program.id, reach.is_owner) == (program.id, False)
    assert not await admit(database, program.id, other, ACTOR)


async def test_a_dismissal_counts_for_who_has_not_asked_lately(
    database: Database, other: str, program: Program
) -> None:
    await admit(database, program.id, other, ACTOR)
    await dismiss(database, program.id, other, ACTOR)
    await forbidden(Reaches(database), program.id, other)
    with pytest.raises(NotFound):
        await dismiss(database, program.id, other, ACTOR)


async def test_the_answer_is_remembered_until_the_program_changes(
    database: Database, owner: str, other: str, program: Program
) -> None:
    reaches = Reaches(database)
    await admit(database, program.id, other, ACTOR)
    first = [await reaches.reach(program.id, merchant_id) for merchant_id in (owner, other)]
    again = [await reaches.reach(program.id, merchant_id) for merchant_id in (owner, other)]
    assert all(one is two for one, two in zip(first, again, strict=True))
    await update(database, reaches, owner, ACTOR, program.id, ProgramChanges(name="Gifts"))
    for merchant_id in (owner, other):
        assert (await reaches.reach(program.id, merchant_id)).program.name == "Gifts"


async def test_another_processs_change_is_noticed_within_thirty_seconds(
    database: Database, owner: str, program: Program
) -> None:
    passed = 1000.0
    reaches = Reaches(database, timer=lambda: passed)
    await reaches.reach(program.id, owner)
    await update(database, Reaches(database), owner, ACTOR, program.id, ProgramChanges(name="Gifts"))
    passed += 29.9
    assert (await reaches.reach(program.id, owner)).program.name == "Cards"
    passed += 0.1
    assert (await reaches.reach(program.id, owner)).program.name == "Gifts"


async def test_only_other_merchants_that_exist_are_admitted_and_only_to_programs_that_exist(
    database: Database, owner: str, other: str, program: Program
) -> None:
    with pytest.raises(Refusal) as refusal:
        await admit(database, program.id, owner, ACTOR)
    assert refusal.value.code == "merchant_is_owner"
    with pytest.raises(NotFound, match="merchant"):
        await admit(database, program.id, "0" * 24, ACTOR)
    with pytest.raises(NotFound, match="program"):
        await admit(database, "0" * 24, other, ACTOR)


async def test_admissions_are_audited_once(database: Database, owner: str, other: str, program: Program) -> None:
    await admit(database, program.id, other, ACTOR)
    await admit(database, program.id, other, ACTOR)
    await dismiss(database, program.id, other, ACTOR)
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT action, program_id, subject, actor FROM audit_log WHERE subject = $1 ORDER BY at", other
        )
    assert [tuple(row) for row in rows] == [
        ("program:admitted", program.id, other, ACTOR),
        ("program:dismissed", program.id, other, ACTOR),
    ]


async def test_lists_hold_what_is_reachable_oldest_first(
    database: Database, owner: str, other: str, program: Program
) -> None:
    second = await create(database, owner, ACTOR, NewProgram(name="More cards"))
    theirs = await create(database, other, ACTOR, NewProgram(name="Books"))
    await admit(database, second.id, other, ACTOR)
    assert [p.id for p in await find.list_reachable(database, owner)] == [program.id, second.id]
    assert [p.id for p in await find.list_reachable(database, other)] == [second.id, theirs.id]
    assert [p.id for p in await find.list_all(database)] == [program.id, second.id, theirs.id]
    assert await find.list_reachable(database, "0" * 24) == []
