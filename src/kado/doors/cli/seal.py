"""`kado seal`: keep the seals of the ledger elsewhere, and check such a copy without the database."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kado import clock
from kado.cards.proof.export import Checked, Contradiction, NotAnExport
from kado.cards.proof.export import check as check_export
from kado.cards.proof.export import export as export_seals
from kado.cards.proof.handovers import own_keys
from kado.cards.seal import Sealer
from kado.doors.cli.output import AsJson, example, fail, print_json, wrong_usage
from kado.doors.cli.session import CANNOT_TELL, command, session
from kado.settings import load

app: Final = typer.Typer(
    name="seal",
    help="Seals: the signed heads of all cards. A copy elsewhere shows what was cut off or rewritten here.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PublicKeys = Annotated[
    list[str] | None,
    typer.Option("--public-key", help="A key to trust, as `kado seal key` prints it; can be repeated."),
]


@app.command("export", epilog=example("kado seal export /mnt/elsewhere/seals.jsonl"))
@command
async def export(
    file: Annotated[Path, typer.Argument(help="The copy: made if it is not there, otherwise added to.")],
    json: AsJson = False,
) -> None:
    """Copy all seals that the file does not have yet into it. What is not sealed at this moment is sealed first.

    The file changes as a whole or not at all. Where the database does not continue it, nothing is written.
    """
    is_watched = sys.stderr.isatty()

    def progress(new: int) -> None:
        if is_watched:
            print(f"\r{new:,} new seals", end="", file=sys.stderr, flush=True)

    async with session(make_secret=False) as (database, settings):
        await Sealer(database, settings.keyring).run()
        try:
            done = await export_seals(database, settings.keyring, file, progress)
        except (NotAnExport, Contradiction) as error:
            fail(str(error))
        except OSError as error:
            fail(f"{file} cannot be written: {error.strerror}.")
        finally:
            if is_watched:
                print("\r\033[K", end="", file=sys.stderr, flush=True)
    if json:
        print_json({"file": str(file), "seals": done.total, "new": done.new})
        return
    print(f"{file} has {done.total:,} seals, {done.new:,} of them new.")


@app.command("check", epilog=example("kado seal check seals.jsonl --public-key 9f3c…"))
def check(
    file: Annotated[Path, typer.Argument(help="A copy that `kado seal export` made.")],
    public_key: PublicKeys = None,
    json: AsJson = False,
) -> None:
    """Check a copy of the seals, on any machine: no database, no settings, no secret.

    Exit code 0: every seal is whole, continues the one before it and was signed with a trusted key. 1: not so, and what
    is wrong is printed. 2: it could not be found out.
    """
    try:
        checked = check_export(file, read_keys(public_key))
    except NotAnExport as error:
        fail(str(error), CANNOT_TELL)
    if json:
        print_json(_members(checked))
    else:
        _print(checked)
    if checked.findings:
        raise typer.Exit(1)


@app.command("key", epilog=example("kado seal key"))
def key(json: AsJson = False) -> None:
    """Print the public keys of the configured secrets, the current one first. Keep them where nobody can change them.

    Whoever has one can check the seals, and nothing else.
    """
    _key(json)


@command
async def _key(json: bool) -> None:
    keys = [one.hex() for one in own_keys(load(make_secret=False).keyring)]
    if json:
        print_json([{"publicKey": one, "current": one == keys[0]} for one in keys])
        return
    for one in keys:
        print(one)


def read_keys(texts: list[str] | None) -> dict[bytes, Ed25519PublicKey]:
    """The keys that were given on the command line."""
    if not texts:
        raise wrong_usage("--public-key is missing: `kado seal key` prints it, on the server.")
    try:
        return {bytes.fromhex(one): Ed25519PublicKey.from_public_bytes(bytes.fromhex(one)) for one in texts}
    except ValueError:
        raise wrong_usage("--public-key is the 64 characters that `kado seal key` prints.") from None


def _members(checked: Checked) -> dict[str, object]:
    return {
        "clean": not checked.findings,
        "programs": checked.programs,
        "seals": checked.seals,
        "sealedUntil": _until(checked),
        "trustedKeys": [one.hex() for one in checked.keys],
        "findings": [
            {"programId": one.program_id, "reason": one.reason_code.value, "explanation": one.explanation}
            for one in checked.findings
        ],
    }


def _print(checked: Checked) -> None:
    counted = f"{checked.seals:,} seals of {checked.programs:,} programs"
    if not checked.findings:
        print(f"All is well: {counted}, the newest of {_until(checked) or 'no time at all'}.")
        return
    for one in checked.findings:
        print(f"program {one.program_id}: {one.explanation} [{one.reason_code}]")
    print(f"Not all is well among {counted}.")


def _until(checked: Checked) -> str | None:
    return clock.text(clock.from_micros(checked.until_micros)) if checked.seals else None
