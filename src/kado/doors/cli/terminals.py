"""`kado terminal`: shared devices at a counter, and the PINs of those who work at them."""

from typing import Annotated, Final

import typer

from kado import clock
from kado.access import pins, staff, terminals
from kado.access.till_store import Place, Terminal
from kado.cards.offline.report import away_of
from kado.cards.offline.store import Reported
from kado.doors.cli.merchants import asked_password, named
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown
from kado.doors.cli.session import ACTOR, command, session
from kado.errors import NotFound
from kado.programs import find as programs

app: Final = typer.Typer(
    name="terminal",
    help="Terminals: shared devices at a counter (/pos), and the PINs of those who work at them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MerchantName = Annotated[str, typer.Option("--merchant", help="The merchant's name.")]
TerminalId = Annotated[str, typer.Argument(help="The till's id, as `kado terminal list` shows it.")]
Email = Annotated[str, typer.Argument(help="The email address of the person.")]


@app.command(
    "code",
    epilog=example(
        'kado terminal code --merchant "Flower Shop" --program 6710c5f2a94be10c77de3a51'
        ' --location "Market Street" --name "Till 1"'
    ),
)
@command
async def code(
    merchant: MerchantName,
    program: Annotated[str, typer.Option(help="The id of the program whose cards are sold and taken there.")],
    location: Annotated[str, typer.Option(help="Where the till stands.")],
    name: Annotated[str, typer.Option(help="What the device is called.")],
    idle_minutes: Annotated[
        int, typer.Option(help="After how many minutes without a tap the PIN is asked for again (1 to 120).")
    ] = terminals.IDLE_MINUTES,
    json: AsJson = False,
) -> None:
    """Make a code that turns one device into this till: open /pos on it and type the code within 15 minutes."""
    async with session() as (database, _):
        merchant_id = (await named(database, merchant)).id
        made = await terminals.make_code(database, merchant_id, Place(program, name, location, idle_minutes), ACTOR)
    if json:
        print_json({"code": made.code, "expiresAt": clock.text(made.expires_at)})
        return
    print(f"{made.code} is good once, until {shown(made.expires_at)}.")


@app.command("list", epilog=example('kado terminal list --merchant "Flower Shop"'))
@command
async def list_(merchant: MerchantName, json: AsJson = False) -> None:
    """List a merchant's tills, revoked ones too."""
    async with session() as (database, _):
        found = await terminals.list_terminals(database, (await named(database, merchant)).id)
    if json:
        print_json([_facts(one) for one in found])
        return
    titles = ("ID", "NAME", "LOCATION", "PROGRAM", "STATE", "LAST SIGN-IN", "ENROLLED")
    rows = [
        (
            one.id,
            one.name,
            one.location,
            one.program_id,
            "revoked" if one.revoked_at else "enrolled",
            shown(one.seen_at),
            shown(one.enrolled_at),
        )
        for one in found
    ]
    print_table(titles, rows)


@app.command("change", epilog=example("kado terminal change 6710c5f2a94be10c77de3a52 --merchant Flowers --name A"))
@command
async def change(
    terminal_id: TerminalId,
    merchant: MerchantName,
    name: Annotated[str | None, typer.Option(help="What the device is called from now on.")] = None,
    location: Annotated[str | None, typer.Option(help="Where it stands.")] = None,
    idle_minutes: Annotated[int | None, typer.Option(help="As with `kado terminal code`.")] = None,
) -> None:
    """Call a till something else, or let sign-ins there last longer or shorter."""
    async with session() as (database, _):
        merchant_id = (await named(database, merchant)).id
        after = await terminals.change(
            database, merchant_id, terminal_id, ACTOR, name=name, location=location, idle_minutes=idle_minutes
        )
    print(f"{after.id} is {after.name!r} in {after.location!r}; a sign-in outlasts {after.idle_minutes} idle minutes.")


@app.command("offline", epilog=example("kado terminal offline --program 6710c5f2a94be10c77de3a51"))
@command
async def offline(
    program: Annotated[str, typer.Option(help="The program's id.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest.")] = 100,
    json: AsJson = False,
) -> None:
    """List what tills took without a line, newest first: what is settled, and what is not and why."""
    async with session() as (database, _):
        of = await programs.get(database, program)
        if of is None:
            raise NotFound("program_not_found", "There is no such program.")
        found = await away_of(database, of, of.merchant_id, limit=limit)
    text, code = of.currency.text, of.currency.code
    if json:
        takes = [_take(one, text(one.amount)) for one in found.takes]
        print_json({"tills": found.tills, "exposed": text(found.exposed), "currency": code, "takes": takes})
        return
    print(f"{found.tills} tills may take up to {text(found.exposed)} {code} without a line now.")
    titles = ("TAKEN", "AMOUNT", "STATE", "WHY", "CARD", "WHO", "TILL", "LOCATION")
    rows = [
        (
            shown(one.taken_at),
            text(one.amount),
            one.state,
            one.code or "",
            one.card_id or "",
            one.staff_name,
            one.terminal_name,
            one.location,
        )
        for one in found.takes
    ]
    print_table(titles, rows)


@app.command("revoke", epilog=example('kado terminal revoke 6710c5f2a94be10c77de3a52 --merchant "Flower Shop"'))
@command
async def revoke(terminal_id: TerminalId, merchant: MerchantName) -> None:
    """Let a device be a till no more, at once: lost, sold, or no longer trusted."""
    async with session() as (database, _):
        await terminals.revoke(database, (await named(database, merchant)).id, terminal_id, ACTOR)
    print(f"{terminal_id} is a till no more.")


@app.command("set-pin", epilog=example("kado terminal set-pin bo@flowers.example"))
def set_pin(
    email: Email,
    pin: Annotated[str | None, typer.Option(help="The PIN (4 to 8 digits). Others can see it in `ps`.")] = None,
    pin_stdin: Annotated[
        bool, typer.Option("--pin-stdin", help="Read the PIN from the first line of standard input.")
    ] = False,
) -> None:
    """Give somebody a PIN for the tills of their shop, or another one."""
    _set_pin(email, asked_password(pin, pin_stdin, email))


@app.command("take-pin", epilog=example("kado terminal take-pin bo@flowers.example"))
@command
async def take_pin(email: Email) -> None:
    """Take somebody's PIN away; where they are signed in at a till, that ends."""
    async with session() as (database, _):
        person = await staff.find_by_email(database, email)
        was_there = await pins.take_pin(database, person.merchant_id, person.id, ACTOR)
    print(f"{person.email} {'has no PIN any more' if was_there else 'had no PIN'}.")


@command
async def _set_pin(email: str, pin: str) -> None:
    async with session() as (database, settings):
        person = await staff.find_by_email(database, email)
        await pins.set_pin(database, settings.keyring, person.merchant_id, person.id, pin, ACTOR)
    print(f"{person.email} has a new PIN.")


def _take(one: Reported, amount: str) -> dict[str, object]:
    return {
        "allowanceId": one.allowance_id,
        "place": one.seq,
        "amount": amount,
        "state": one.state,
        "code": one.code,
        "cardId": one.card_id,
        "entryId": one.entry_id,
        "takenAt": clock.text(one.taken_at),
        "arrivedAt": clock.text(one.arrived_at),
        "terminalId": one.terminal_id,
        "staffId": one.staff_id,
    }


def _facts(one: Terminal) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "location": one.location,
        "programId": one.program_id,
        "idleMinutes": one.idle_minutes,
        "enrolledBy": one.enrolled_by,
        "enrolledAt": clock.text(one.enrolled_at),
        "lastSignInAt": clock.text_or_none(one.seen_at),
        "revokedAt": clock.text_or_none(one.revoked_at),
    }
