"""`kado program`: list programs, and admit other merchants to them."""

from typing import Annotated, Final

import typer

from kado.doors.cli.merchants import named
from kado.doors.cli.output import AsJson, example, print_json, print_table
from kado.doors.cli.session import ACTOR, command, session
from kado.programs import admit as admission
from kado.programs import find

app: Final = typer.Typer(
    name="program",
    help="Programs: currency, limits and life of a merchant's cards.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ProgramId = Annotated[str, typer.Argument(help="The program's id, as `kado program list` shows it.")]
MerchantName = Annotated[str, typer.Option("--merchant", help="The merchant's name.")]


@app.command("admit", epilog=example('kado program admit 6710c5f2a94be10c77de3a51 --merchant "Book Shop"'))
@command
async def admit(program_id: ProgramId, merchant: MerchantName) -> None:
    """Let another merchant's tills issue and accept the program's cards, from this moment."""
    async with session() as (database, _):
        is_new = await admission.admit(database, program_id, (await named(database, merchant)).id, ACTOR)
    print(f"{merchant!r} {'is' if is_new else 'was already'} admitted to program {program_id}.")


@app.command("dismiss", epilog=example('kado program dismiss 6710c5f2a94be10c77de3a51 --merchant "Book Shop"'))
@command
async def dismiss(program_id: ProgramId, merchant: MerchantName) -> None:
    """End an admission. Running servers notice within 30 seconds; cards and entries stay."""
    async with session() as (database, _):
        await admission.dismiss(database, program_id, (await named(database, merchant)).id, ACTOR)
    print(f"{merchant!r} is no longer admitted to program {program_id}.")


@app.command("list", epilog=example('kado program list --merchant "Flower Shop"'))
@command
async def list_(
    merchant: Annotated[
        str | None, typer.Option(help="Only programs that this merchant owns or is admitted to.")
    ] = None,
    json: AsJson = False,
) -> None:
    """List programs, oldest first."""
    async with session() as (database, _):
        if merchant is None:
            programs = await find.list_all(database)
        else:
            programs = await find.list_reachable(database, (await named(database, merchant)).id)
    if json:
        print_json(
            [{"id": p.id, "name": p.name, "currency": p.currency.code, "merchantId": p.merchant_id} for p in programs]
        )
        return
    print_table(
        ("ID", "NAME", "CURRENCY", "OWNER"), [(p.id, p.name, p.currency.code, p.merchant_name) for p in programs]
    )
