"""`kado wallet`: whether cards can be put into wallets, what is missing for it, and a certificate to develop with."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from kado import clock
from kado import settings as configuration
from kado.doors.cli.output import AsJson, example, fail, print_json, print_state, wrong_usage
from kado.doors.cli.session import CANNOT_TELL, in_one_sentence, session
from kado.passes import development
from kado.passes.certificates import CertificateError
from kado.passes.check import GUIDE, complaints
from kado.passes.untold import count_wallets
from kado.passes.wallets import Wallets, wallets
from kado.programs import find
from kado.programs.program import DEFAULT_PASS_TYPE

app: Final = typer.Typer(
    name="wallet",
    help="Apple Wallet and Google Wallet: what is set up, what is missing, what ends soon.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


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
        raise wrong_usage(f"Only --development can be made here; one from Apple is in {GUIDE}.")
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
        "apple": _apple(made) or f"not set up; {GUIDE} says how",
        "google": "set up" if made.google is not None else f"not set up; {GUIDE} says how",
        "waiting": untold.waiting + untold.retrying,
        "failed": untold.failed,
    }
    wrong = [*made.complaints, *(one.message for one in complaints(made, programs, settings.public_url, now))]
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
