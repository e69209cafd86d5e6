"""`kado people`: what is known of somebody, and forgetting them, where they ask the operator and not the shop."""

import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import typer
from email_validator import EmailNotValidError, validate_email

from kado.doors.cli.merchants import named
from kado.doors.cli.output import AsJson, example, fail, print_json, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.people.erase import erase as erase_person
from kado.people.export import Format, lines, open_export, request_export
from kado.people.person import Asked, Controller

app: Final = typer.Typer(
    name="people",
    help="People's data: what is known of somebody, and forgetting them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Merchant = Annotated[str, typer.Option(help="The merchant whose customer it is.")]
Email = Annotated[str | None, typer.Option(help="The person's address. Others can see it in `ps`.")]
Phone = Annotated[str | None, typer.Option(help="The person's number, as +4930901820.")]
Customer = Annotated[str | None, typer.Option(help="The person's id as a customer.")]
Test = Annotated[bool, typer.Option("--test", help="Among test cards and test customers.")]


@app.command(
    "export", epilog=example('kado people export --merchant "Flower Shop" --email ada@mail.example --out ada.json')
)
@command
async def export(
    merchant: Merchant,
    email: Email = None,
    phone: Phone = None,
    customer: Customer = None,
    form: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this new file, for nobody else to read; to standard output if left out."),
    ] = None,
    test: Test = False,
) -> None:
    """Write down everything that is known of a person in a merchant's own programs. Card numbers are masked."""
    if form not in ("json", "csv"):
        raise wrong_usage("--format is json or csv.")
    wanted: Format = "json" if form == "json" else "csv"
    asked = _asked(email, phone, customer)
    async with session(make_secret=False) as (database, settings):
        controller = Controller((await named(database, merchant)).id, test, ACTOR)
        made = await request_export(database, settings.keyring, controller, asked, wanted)
        person = await open_export(database, settings.keyring, controller, made.id, wanted, Asked())
        await _write(lines(database, controller, person, wanted), out)


@app.command("erase", epilog=example('kado people erase --merchant "Flower Shop" --email ada@mail.example --yes'))
@command
async def erase(
    merchant: Merchant,
    email: Email = None,
    phone: Phone = None,
    customer: Customer = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit log; without anybody's name.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False,
    test: Test = False,
    as_json: AsJson = False,
) -> None:
    """Forget a person in a merchant's own programs. It cannot be undone.

    Their cards keep money, number, code and history; contacts, names, messages and notes go. What backups hold stays in
    them until they are deleted.
    """
    asked = _asked(email, phone, customer)
    if not yes and not _is_meant():
        raise typer.Abort
    async with session(make_secret=False) as (database, settings):
        controller = Controller((await named(database, merchant)).id, test, ACTOR)
        done = await erase_person(database, settings.keyring, controller, asked, reason, seconds=None)
    if as_json:
        print_json({"requestId": done.id, "affectedCards": done.card_ids})
        return
    print(f"Forgotten, and taken off {len(done.card_ids)} card(s). The request is {done.id}.")


def _asked(email: str | None, phone: str | None, customer: str | None) -> Asked:
    """Who is meant. Raises `BadParameter` for nobody, and for what is no address or number."""
    asked = Asked(customer, None if email is None else _email(email), None if phone is None else _phone(phone))
    if asked.is_empty:
        raise wrong_usage("Say who is meant: --email, --phone or --customer.")
    return asked


def _email(text: str) -> str:
    """The address as it is kept: in normal form and small letters."""
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise wrong_usage("--email is not an email address.") from None


def _phone(text: str) -> str:
    if not re.fullmatch(r"\+[0-9]{6,15}", text):
        raise wrong_usage("--phone is a number in international form and without spaces, such as +4930901820.")
    return text


def _is_meant() -> bool:
    if not sys.stdin.isatty():
        raise wrong_usage("There is no terminal to ask whether this is meant: use --yes.")
    return bool(typer.confirm("This cannot be undone. Forget this person?", err=True))


async def _write(parts: AsyncIterator[bytes], out: Path | None) -> None:
    if out is None:
        async for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.flush()
        return
    try:
        # Never over a file that is there, and never readable for others, not even for a moment.
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            async for part in parts:
                file.write(part)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.")
    print(f"{out} is what is known.")
