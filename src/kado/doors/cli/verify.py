"""`kado verify`: prove that the ledger is whole, or name what is not."""

import asyncio
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final

import typer

from kado.cards.proof.findings import Finding, Report
from kado.cards.verify import verify as verify_ledger
from kado.doors.cli.output import AsJson, example, print_json, wrong_usage
from kado.doors.cli.session import CANNOT_TELL, in_one_sentence, session
from kado.ids import is_id
from kado.money import UnknownCurrency, currency

EXAMPLE: Final = example("kado verify --json")


def verify(
    program: Annotated[str | None, typer.Option(help="Only this program (its id); all of them if left out.")] = None,
    seals: Annotated[
        Path | None, typer.Option(help="Compare with this earlier copy too, which `kado seal export` made.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Prove that no entry was changed, removed or invented, and that every balance is the sum of its entries.

    A server may go on working meanwhile. Exit code 0: all is well. 1: it is not, and what is wrong is printed, one line
    for each card or seal. 2: it could not be found out.
    """
    if program is not None and not is_id(program):
        raise wrong_usage("--program is the 24 characters that `kado program list` shows.")
    report = _run(program, seals)
    if json:
        print_json(members(report))
    else:
        print_report(report)
    if not report.is_clean:
        raise typer.Exit(1)


def _run(program: str | None, seals: Path | None) -> Report:
    """The report, or exit code 2 with one message on stderr."""
    progress = _Progress() if sys.stderr.isatty() else None
    with in_one_sentence(CANNOT_TELL):
        try:
            report = asyncio.run(_verify(program, seals, progress))
        finally:
            if progress is not None:
                progress.clear()
    return report


async def _verify(program: str | None, seals: Path | None, progress: Callable[[int, int], None] | None) -> Report:
    # A new secret would fit no card: better to say that there is none.
    async with session(make_secret=False) as (database, settings):
        return await verify_ledger(database, settings.keyring, program_id=program, exported=seals, progress=progress)


class _Progress:
    """A line on the terminal that counts."""

    def __call__(self, done: int, total: int) -> None:
        share = 100 if done >= total else done * 100 // total
        print(f"\r{done:,} of {total:,} entries ({share} %)", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave an empty line for whatever comes next."""
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def members(report: Report) -> dict[str, object]:
    """The report for programs."""
    return {
        "clean": report.is_clean,
        "cards": report.cards,
        "entries": report.entries,
        "seals": report.seals,
        "owed": {program_id: _owed(report, program_id) for program_id in sorted(report.owed)},
        "findings": [
            {
                "programId": finding.program_id,
                "cardId": finding.card_id,
                "reason": finding.reason_code.value,
                "explanation": finding.explanation,
            }
            for finding in report.findings
        ],
    }


def _owed(report: Report, program_id: str) -> str:
    """The amount with its currency; where somebody changed the code of it, minor units."""
    code = report.currencies.get(program_id, "")
    try:
        return f"{currency(code).text(report.owed[program_id])} {code}"
    except UnknownCurrency:
        return f"{report.owed[program_id]} minor units"


def print_report(report: Report) -> None:
    """The report for people."""
    counted = f"{report.cards:,} cards, {report.entries:,} entries, {report.seals:,} seals"
    if report.is_clean:
        print(f"All is well: {counted}.")
        for program_id in sorted(report.owed):
            print(f"Owed in program {program_id}: {_owed(report, program_id)}.")
        return
    damaged = 0
    for (program_id, card_id), findings in groupby(report.findings, lambda one: (one.program_id, one.card_id)):
        damaged += card_id is not None
        for line in _lines(card_id, list(findings)):
            print(f"program {program_id}: {line}")
    print(f"Not all is well: {damaged:,} damaged {'card' if damaged == 1 else 'cards'} among {counted}.")


def _lines(card_id: str | None, findings: list[Finding]) -> list[str]:
    """One line for a card with all that is wrong with it; one for each seal."""
    if card_id is None:
        return [f"{one.explanation} [{one.reason_code}]" for one in findings]
    return [f"card {card_id}: " + "; ".join(f"{one.explanation} [{one.reason_code}]" for one in findings)]
