"""`kado program`, and what is true of every command."""

import pytest
from tests.database.doors.conftest import PASSWORD, Kado

from kado import __version__
from kado.errors import Forbidden
from kado.programs.create import create
from kado.programs.program import NewProgram, Program
from kado.programs.reach import Reaches
from kado.storage.database import Database

BOOKS = ("--merchant", "Book Shop")


@pytest.fixture
async def program(database: Database, flower_shop: dict[str, str]) -> Program:
    return await create(database, flower_shop["merchantId"], "operator:test", NewProgram(name="Cards", currency="EUR"))


@pytest.fixture
async def book_shop(kado: Kado) -> str:
    ran = await kado("merchant", "create", "Book Shop", "--owner", "bo@books.example", "--password", PASSWORD, "--json")
    return str(ran.json["merchantId"])


async def test_admitting_and_dismissing(kado: Kado, database: Database, program: Program, book_shop: str) -> None:
    ran = await kado("program", "admit", program.id, *BOOKS)
    assert (ran.code, ran.err) == (0, "")
    assert not (await Reaches(database).reach(program.id, book_shop)).is_owner
    again = await kado("program", "admit", program.id, *BOOKS)
    assert (again.code, "already" in again.out) == (0, True)
    ran = await kado("program", "dismiss", program.id, *BOOKS)
    assert (ran.code, ran.err) == (0, "")
    with pytest.raises(Forbidden):
        await Reaches(database).reach(program.id, book_shop)


async def test_list_shows_all_programs_or_a_merchants(
    kado: Kado, database: Database, program: Program, book_shop: str
) -> None:
    line = f"{program.id}  Cards  EUR       Flower Shop"
    for options in ((), ("--merchant", "Flower Shop")):
        ran = await kado("program", "list", *options)
        assert (ran.code, ran.out.splitlines()[1:]) == (0, [line])
    facts = {"id": program.id, "name": "Cards", "currency": "EUR", "merchantId": program.merchant_id}
    assert (await kado("program", "list", "--json")).json == [facts]
    assert (await kado("program", "list", *BOOKS)).out.splitlines()[1:] == []
    await kado("program", "admit", program.id, *BOOKS)
    assert (await kado("program", "list", *BOOKS)).out.splitlines()[1:] == [line]


async def test_what_is_refused_is_said_on_stderr_with_exit_code_1(
    kado: Kado, program: Program, book_shop: str, subtests: pytest.Subtests
) -> None:
    for arguments, message in (
        (("admit", "0" * 24, *BOOKS), "There is no such program."),
        (("admit", "nonsense", *BOOKS), "There is no such program."),
        (("admit", program.id, "--merchant", "Nobody"), "There is no merchant named 'Nobody'"),
        (("admit", program.id, "--merchant", "Flower Shop"), "This merchant owns the program"),
        (("dismiss", program.id, *BOOKS), "This merchant is not admitted"),
        (("list", "--merchant", "Nobody"), "There is no merchant named 'Nobody'"),
    ):
        with subtests.test(arguments=arguments):
            ran = await kado("program", *arguments)
            assert (ran.code, ran.out) == (1, "")
            assert ran.err.startswith(f"kado: {message}")


COMMANDS = (
    ("merchant", "create"),
    ("merchant", "list"),
    ("key", "create"),
    ("key", "list"),
    ("key", "revoke"),
    ("program", "admit"),
    ("program", "dismiss"),
    ("program", "list"),
    ("sign",),
)


async def test_the_help_of_every_command_has_an_example_that_can_be_copied(
    kado: Kado, subtests: pytest.Subtests
) -> None:
    for command in COMMANDS:
        with subtests.test(command=command):
            ran = await kado(*command, "--help")
            assert (ran.code, ran.err) == (0, "")
            assert f"\n  Example:\n    kado {' '.join(command)}" in ran.out


async def test_it_says_which_version_it_is(kado: Kado) -> None:
    ran = await kado("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"kado {__version__}\n", "")
