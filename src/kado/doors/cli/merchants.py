"""`kado merchant`: make and list the tenants of this server."""

import sys
from typing import Annotated, Final

import typer

from kado import clock
from kado.access import staff
from kado.access.store import Merchant
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.errors import NotFound
from kado.storage.database import Database

app: Final = typer.Typer(
    name="merchant", help="Merchants: who owns programs, staff and keys.", no_args_is_help=True, rich_markup_mode=None
)


async def named(database: Database, name: str) -> Merchant:
    """The merchant of this name. Raises `NotFound`, saying how to see which there are."""
    merchant = await staff.find_merchant(database, name)
    if merchant is None:
        raise NotFound("merchant_not_found", f"There is no merchant named {name!r}; `kado merchant list` shows all.")
    return merchant


@app.command("create", epilog=example('kado merchant create "Flower Shop" --owner anna@flowers.example'))
def create(
    name: Annotated[str, typer.Argument(help="What people call the merchant.")],
    owner: Annotated[str, typer.Option(help="Email address with which the owner signs in.")],
    password: Annotated[
        str | None, typer.Option(help="The owner's password (12 to 256 characters). Others can see it in `ps`.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a merchant and its owner. Without a password option, the password is asked for twice."""
    _create(name, owner, asked_password(password, password_stdin, "the owner"), json)


@app.command("list", epilog=example("kado merchant list"))
@command
async def list_(json: AsJson = False) -> None:
    """List all merchants, oldest first."""
    async with session() as (database, _):
        merchants = await staff.list_merchants(database)
    if json:
        print_json([{"id": m.id, "name": m.name, "createdAt": clock.text(m.created_at)} for m in merchants])
        return
    print_table(("ID", "NAME", "CREATED"), [(m.id, m.name, shown(m.created_at)) for m in merchants])


@app.command("require-second-factor", epilog=example('kado merchant require-second-factor "Flower Shop"'))
@command
async def require_second_factor(
    name: Annotated[str, typer.Argument(help="The merchant's name.")],
    off: Annotated[bool, typer.Option("--off", help="Leave it to each person again.")] = False,
) -> None:
    """Let its staff do nothing before they have set up a second factor. Keys go on as before."""
    async with session() as (database, _):
        await staff.require_second_factor(database, (await named(database, name)).id, not off, ACTOR)
    print(f"Staff of {name!r} {'may go without a second factor' if off else 'need a second factor'}.")


@command
async def _create(name: str, owner: str, password: str, as_json: bool) -> None:
    async with session() as (database, _):
        made = await staff.create_merchant(database, name, owner, password, ACTOR)
    if as_json:
        print_json({"merchantId": made.merchant_id, "ownerId": made.owner_id})
        return
    print(f"Merchant {name!r} has the id {made.merchant_id}; its owner {owner} has the id {made.owner_id}.")
    print(f"Next, make a key for its tills or site: kado key create --merchant {_quoted(name)}")


def asked_password(given: str | None, from_stdin: bool, whose: str) -> str:
    """The password from wherever it comes. Raises `BadParameter` when it comes from nowhere or twice."""
    if given is not None and from_stdin:
        raise wrong_usage("Give the password once: --password or --password-stdin.")
    if given is not None:
        return given
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise wrong_usage("There is no terminal to ask for the password: use --password-stdin.")
    answer: str = typer.prompt(f"Password of {whose}", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _quoted(name: str) -> str:
    return name if name.isalnum() else '"' + name.replace('"', '\\"') + '"'
