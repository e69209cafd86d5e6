"""`kado wallet`: whether cards can be put into wallets, what is missing for it, and a certificate to develop with."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from kado import clock
from kado import settings as configuration
from kado.doors.cli.output import AsJson, example, fail, print_json, print_state, wrong_usage
from kado.doors.cli.session import CANNOT_TELL, in_one_sentence, session
from kado.passes import development
from kado.passes.certificates import CertificateError
from kado.passes.untold import count_wallets
from kado.passes.wallets import EARLY, Wallets, wallets
from kado.programs import find
from kado.programs.program import DEFAULT_PASS_TYPE, Program
from kado.settings import Settings

app: Final = typer.Typer(
    name="wallet",
    help="Apple Wallet and Google Wallet: what is set up, what is missing, what ends soon.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_GUIDE: Final = "docs/how-to/wallets.md"


@app.command("check", epilog=example("kado wallet check || echo 'somebody should look'"))
def check(as_json: AsJson = False) -> None:
    """Say whether cards can be put into wallets, and what to do where they cannot.

    Exit code 0: what is set up works (nothing may be set up). 1: something is missing, wrong, or ends within 30 days.
    2: it could not be found out.
    """
    with in_one_sentence(CANNOT_TELL):
        facts, wrong = asyncio.run(_looked())
    print_state(facts, wrong, str, as_json=as_json)


@app.command("certificate", epilog=example("kado wallet certificate --development --folder ./wallet"))
def certificate(
    folder: Annotated[Path, typer.Option(help="Where the three files are put.")] = Path("wallet"),
    is_development: Annotated[
        bool, typer.Option("--development", help="Needed, so that nobody takes it for one from Apple.")
    ] = False,
    pass_type: Annotated[str, typer.Option(help="The pass type identifier of the programs.")] = DEFAULT_PASS_TYPE,
    as_json: AsJson = False,
) -> None:
    """Make a certificate to develop with. Everything works as with Apple's, but no phone accepts the passes."""
    if not is_development:
        raise wrong_usage(f"Only --development can be made here; one from Apple is in {_GUIDE}.")
    if not pass_type.startswith("pass."):
        raise wrong_usage("A pass type identifier begins with 'pass.'.")
    try:
        development.make(folder, pass_type)
    except CertificateError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{folder} cannot be written to: {error.strerror}.")
    place = folder.absolute()
    said = {
        "KADO_APPLE_CERTIFICATE": str(place.joinpath(development.CERTIFICATE)),
        "KADO_APPLE_KEY": str(place.joinpath(development.KEY)),
        "KADO_APPLE_WWDR": str(place.joinpath(development.AUTHORITY)),
        "KADO_APPLE_CERTIFICATE_KIND": "development",
    }
    if as_json:
        print_json(said)
        return
    print(f"A certificate for {pass_type}, for development only. Start the server with:\n")
    for name, value in said.items():
        print(f"{name}={value}")


async def _looked() -> tuple[dict[str, object], list[str]]:
    settings = configuration.load(make_secret=False)
    made = wallets(settings.wallets, settings.keyring, settings.public_url)
    async with session(settings=settings) as (database, _):
        programs = await find.list_all(database)
        untold = await count_wallets(database)
    now = datetime.now(UTC)
    facts: dict[str, object] = {
        "apple": _apple(made) or f"not set up; {_GUIDE} says how",
        "google": "set up" if made.google is not None else f"not set up; {_GUIDE} says how",
        "waiting": untold.waiting + untold.retrying,
        "failed": untold.failed,
    }
    wrong = [*made.complaints, *_about_certificates(made, now), *_about_programs(made, programs)]
    wrong += _about_address(made, settings)
    if untold.failed:
        wrong.append("Wallets could not be told of a change: `kado outbox list --state failed`.")
    if untold.overdue:
        wrong.append("Wallets are to be told of changes, and no worker does it.")
    return facts, wrong


def _apple(made: Wallets) -> str:
    return ", ".join(
        f"{one.pass_type} until {clock.text(one.expires_at)}" + (" (development)" if one.is_development else "")
        for one in made.certificates.values()
    )


def _about_certificates(made: Wallets, now: datetime) -> list[str]:
    wrong = []
    for one in made.certificates.values():
        left = one.expires_at - now
        if left <= timedelta(0):
            wrong.append(f"The certificate for {one.pass_type} is over: make a new one ({_GUIDE}). Passes stand still.")
        elif not one.is_valid_at(now):
            wrong.append(f"The certificate for {one.pass_type} is not in force yet: is this machine's clock right?")
        elif left < EARLY:
            wrong.append(f"The certificate for {one.pass_type} ends in {left.days} days: make a new one ({_GUIDE}).")
    return wrong


def _about_programs(made: Wallets, programs: list[Program]) -> list[str]:
    if not made.certificates:
        return []
    return [
        f"Program {one.id} ({one.name}) has the pass type {one.pass_type_identifier}, for which there is no"
        " certificate: set its passTypeIdentifier, or get one."
        for one in programs
        if one.pass_type_identifier not in made.certificates
    ]


def _about_address(made: Wallets, settings: Settings) -> list[str]:
    is_real = any(not one.is_development for one in made.certificates.values())
    if is_real and not settings.public_url.startswith("https://"):
        return ["KADO_PUBLIC_URL is not https://: phones would neither fetch changes nor register for them."]
    return []
