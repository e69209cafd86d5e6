"""`kado staff`: the people who work for a merchant, and those who look after the network."""

from typing import Annotated, Final

import typer

from kado import clock
from kado.access import second_factor, sessions, staff
from kado.access.permissions import Role
from kado.access.staff_store import Member
from kado.doors.cli.merchants import asked_password, named
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown
from kado.doors.cli.session import ACTOR, command, session
from kado.doors.cli.sessions import print_sessions

app: Final = typer.Typer(
    name="staff", help="Staff: people who sign in for a merchant.", no_args_is_help=True, rich_markup_mode=None
)

Email = Annotated[str, typer.Argument(help="The email address with which the person signs in.")]
Password = Annotated[str | None, typer.Option(help="The password (12 to 256 characters). Others can see it in `ps`.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


@app.command("add", epilog=example('kado staff add bo@flowers.example --merchant "Flower Shop" --role cashier'))
def add(
    email: Email,
    merchant: Annotated[str, typer.Option(help="For whom the person works: the merchant's name.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.CASHIER,
    name: Annotated[str | None, typer.Option(help="What colleagues call the person.")] = None,
    password: Password = None,
    password_stdin: FromStdin = False,
    json: AsJson = False,
) -> None:
    """Add somebody. A network administrator sees all merchants, and nobody's money."""
    _add(email, merchant, role, name, asked_password(password, password_stdin, email), json)


@app.command("list", epilog=example('kado staff list --merchant "Flower Shop"'))
@command
async def list_(
    merchant: Annotated[str, typer.Option(help="The merchant's name.")],
    json: AsJson = False,
) -> None:
    """List everybody who works or worked for a merchant."""
    async with session() as (database, _):
        found = await staff.list_staff(database, (await named(database, merchant)).id)
    if json:
        print_json([_facts(one) for one in found])
        return
    titles = ("ID", "EMAIL", "NAME", "ROLE", "STATE", "SECOND FACTOR", "CREATED")
    rows = [
        (
            one.id,
            one.email,
            one.name or "-",
            one.role.value,
            "active" if one.active else "closed",
            "yes" if one.has_second_factor else "no",
            shown(one.created_at),
        )
        for one in found
    ]
    print_table(titles, rows)


@app.command("role", epilog=example("kado staff role bo@flowers.example manager"))
@command
async def role(email: Email, role: Annotated[Role, typer.Argument(help="What the person may do from now on.")]) -> None:
    """Give somebody another role; running servers follow within 30 seconds. A merchant's last owner stays one."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        await staff.change(database, person.merchant_id, person.id, ACTOR, role=role)
    print(f"{person.email} is {role} now.")


@app.command("close", epilog=example("kado staff close bo@flowers.example"))
@command
async def close(email: Email) -> None:
    """Close an account and end its sign-ins. A merchant's last owner stays."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        await staff.change(database, person.merchant_id, person.id, ACTOR, active=False)
    print(f"The account of {person.email} is closed.")


@app.command("reopen", epilog=example("kado staff reopen bo@flowers.example"))
@command
async def reopen(email: Email) -> None:
    """Open a closed account again."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        await staff.change(database, person.merchant_id, person.id, ACTOR, active=True)
    print(f"The account of {person.email} is open.")


@app.command("reset-password", epilog=example("kado staff reset-password bo@flowers.example"))
def reset_password(email: Email, password: Password = None, password_stdin: FromStdin = False) -> None:
    """Give somebody another password: their sign-ins end, and so does a lock that wrong guesses have put on them."""
    _reset_password(email, asked_password(password, password_stdin, email))


@app.command("reset-mfa", epilog=example("kado staff reset-mfa bo@flowers.example"))
@command
async def reset_mfa(email: Email) -> None:
    """Forget the second factor of somebody who lost it, and end their sign-ins. Make sure first who is asking."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        was_there = await second_factor.reset(database, person, ACTOR)
    print(f"{person.email} {'has no second factor any more' if was_there else 'had no second factor'}.")


@app.command("sessions", epilog=example("kado staff sessions bo@flowers.example"))
@command
async def list_sessions(email: Email, json: AsJson = False) -> None:
    """List where somebody is signed in."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        found = await sessions.list_open(database, person.merchant_id, "staff", person.id)
    print_sessions(found, json)


@app.command("sign-out", epilog=example("kado staff sign-out bo@flowers.example"))
@command
async def sign_out(email: Email) -> None:
    """End all sign-ins of somebody; running servers follow within 30 seconds."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        ended = await sessions.end_all(database, person.merchant_id, "staff", person.id, ACTOR)
    print(f"{ended} sign-ins of {person.email} ended.")


@command
async def _add(email: str, merchant: str, role: Role, name: str | None, password: str, as_json: bool) -> None:
    async with session() as (database, _):
        merchant_id = (await named(database, merchant)).id
        made = await staff.add(database, merchant_id, email, password, role, name, ACTOR)
    if as_json:
        print_json({"staffId": made})
        return
    print(f"{email} has the id {made} and is {role} of {merchant!r}.")


@command
async def _reset_password(email: str, password: str) -> None:
    async with session() as (database, settings):
        person = await staff.find_by_email(database, email)
        await staff.reset_password(database, settings.keyring, person.id, password, ACTOR)
    print(f"{person.email} has another password.")


def _facts(one: Member) -> dict[str, object]:
    return {
        "id": one.id,
        "email": one.email,
        "name": one.name,
        "role": one.role,
        "active": one.active,
        "secondFactor": one.has_second_factor,
        "createdAt": clock.text(one.created_at),
    }
