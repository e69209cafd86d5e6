"""`kado card`: prove one card's history to somebody who has no access to the server. Printing is `printing.py`'s."""

import json as json_lines
from pathlib import Path
from typing import Annotated, Final

import typer

from kado import clock
from kado.cards.accept import accept as accept_card
from kado.cards.accept import broken
from kado.cards.proof.card_proof import NotAProof, Proved, home_of, prove
from kado.cards.proof.card_proof import check as check_proof
from kado.cards.seal import Sealer
from kado.doors.cli import printing
from kado.doors.cli.output import AsJson, example, fail, print_json, print_table, wrong_usage
from kado.doors.cli.seal import PublicKeys, read_keys
from kado.doors.cli.session import ACTOR, CANNOT_TELL, command, session
from kado.ids import is_id
from kado.money import currency

app: Final = typer.Typer(
    name="card",
    help="Cards: prove one card's history to a third party, print those of a bulk issue.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("proof", epilog=example("kado card proof 6710c5f2a94be10c77de3a51 --out proof.json"))
def proof(
    card: Annotated[str, typer.Argument(help="The card's id, as the API shows it (not its number).")],
    program: Annotated[str | None, typer.Option(help="Its program's id; looked for if left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file; to standard output if left out.")] = None,
) -> None:
    """Write a card's history with the seal that contains its head, to be checked by anybody who has the public key.

    There is no card number, code, email or phone in it; references are in it as tills sent them.
    """
    if not is_id(card) or not (program is None or is_id(program)):
        raise wrong_usage("A card or program is named by the 24 characters of its id.")
    _proof(card, program, out)


@command
async def _proof(card: str, program: str | None, out: Path | None) -> None:
    async with session(make_secret=False) as (database, settings):
        await Sealer(database, settings.keyring).run()
        text = json_lines.dumps(await prove(database, settings.keyring, card, program), indent=1)
    if out is None:
        print(text)
        return
    try:
        out.write_text(text + "\n")  # noqa: ASYNC240 - nothing else waits
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.")
    print(f"{out} is the proof of card {card}. Check it: kado card check {out} --public-key …")


@app.command("accept", epilog=example('kado card accept 6710c5f2a94be10c77de3a51 --reason "address corrected by hand"'))
def accept(
    card: Annotated[
        str | None, typer.Argument(help="The card's id. Left out, with --program: every card whose seal does not hold.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    program: Annotated[str | None, typer.Option(help="Its program's id; looked for if left out.")] = None,
) -> None:
    """Seal a card as its row stands, after `kado verify` named it and somebody has looked at it.

    Changes nothing but the seal: entries and sums that do not agree are named as before.
    """
    if not reason.strip() or (card is None and program is None):
        raise wrong_usage("--reason is missing, or both card and --program are.")
    if not all(one is None or is_id(one) for one in (card, program)):
        raise wrong_usage("A card or program is named by the 24 characters of its id.")
    _accept(card, program, reason)


@command
async def _accept(card: str | None, program: str | None, reason: str) -> None:
    async with session(make_secret=False) as (database, settings):
        homes = [await home_of(database, card, program)] if card else await broken(database, settings.keyring, program)
        done = 0
        for program_id, card_id in homes:
            done += await accept_card(database, settings.keyring, program_id, card_id, actor=ACTOR, reason=reason)
    print(f"{done} of {len(homes)} cards sealed as they stand. Now: kado verify")


@app.command("check", epilog=example("kado card check proof.json --public-key 9f3c…"))
def check(
    file: Annotated[Path, typer.Argument(help="A proof that `kado card proof` wrote.")],
    public_key: PublicKeys = None,
    json: AsJson = False,
) -> None:
    """Check a proof, on any machine: no database, no settings, no secret.

    Exit code 0: the entries are whole and the seal was signed with a trusted key. 1: not so, and what is wrong is
    printed. 2: it could not be found out. Entries that are younger than the seal are counted, and not yet proved.
    """
    keys = read_keys(public_key)
    try:
        proved = check_proof(file.read_bytes(), keys)
    except (NotAProof, OSError) as error:
        reason = f"{file} cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
        fail(reason, CANNOT_TELL)
    if json:
        print_json(_members(proved))
    else:
        _print(proved)
    if proved.faults:
        raise typer.Exit(1)


def _members(proved: Proved) -> dict[str, object]:
    return {
        "clean": not proved.faults,
        "programId": proved.program_id,
        "cardId": proved.card_id,
        "currency": proved.currency,
        "balance": currency(proved.currency).text(proved.balance),
        "entries": len(proved.entries),
        "sealedEntries": proved.sealed,
        "sealedAt": None if proved.seal is None else clock.text(proved.seal.sealed_at),
        "publicKey": None if proved.seal is None else proved.seal.public_key.hex(),
        "faults": proved.faults,
    }


def _print(proved: Proved) -> None:
    unit = currency(proved.currency)
    rows = [
        (str(one[2]), clock.text(clock.from_micros(one[7])), one[3], unit.text(one[4]), unit.text(one[6]))
        for one in proved.entries
    ]
    print_table(("ENTRY", "AT", "TYPE", "AMOUNT", "BALANCE"), rows)
    if proved.faults or proved.seal is None:
        print("\n" + "\n".join(f"Not so: {fault}." for fault in proved.faults))
        return
    younger = len(proved.entries) - proved.sealed
    rest = f"; {younger} younger not sealed yet" if younger else ""
    print(f"\nAll is well: card {proved.card_id}, {unit.text(proved.balance)} {unit.code}.")
    print(f"Entries 1 to {proved.sealed} are sealed{rest}.")
    at, key = clock.text(proved.seal.sealed_at), proved.seal.public_key.hex()
    print(f"Seal {proved.seal.number} of {at}, signed with {key}.")


printing.add_to(app)
