"""`kado report`: a program's figures as of any moment, files of them, untouched money, and the sums behind."""

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, cast

import typer

from kado import audit, clock
from kado.cards.card import CardStatus
from kado.cards.turnover.figures import BEGINNING, Dimension
from kado.cards.turnover.summarise import rebuild as rebuild_sums
from kado.cards.turnover.summarise import summarise
from kado.doors.cli.output import AsJson, example, fail, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.errors import NotFound
from kado.programs import find
from kado.programs.program import Program
from kado.reports.business import Line, business, by_time, by_value
from kado.reports.business import total as totals
from kado.reports.escheatment import escheatment as dormant_money
from kado.reports.files import written
from kado.reports.measures import Measure
from kado.reports.sheets import Format, sheet
from kado.reports.source import source_of
from kado.reports.windows import Window, granularity_of, window_of
from kado.storage.database import Database

app: Final = typer.Typer(
    name="report",
    help="Reports: a program's figures as of any moment, files of them, and the sums behind them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_ENTRIES_MAX: Final = 1000
_BY: Final = ("day", "week", "month", "merchant", "design")
_FORMATS: Final = ("csv", "excel", "json", "pdf")

ProgramId = Annotated[str, typer.Argument(help="The program's id, as `kado program list` shows it.")]


@app.command("business", epilog=example("kado report business 6710c5f2a94be10c77de3a51 --as-of 2026-09-30"))
@command
async def business_(
    program_id: ProgramId,
    as_of: Annotated[datetime | None, typer.Option(metavar="MOMENT", help="Until before this moment.")] = None,
    as_json: AsJson = False,
) -> None:
    """What was sold and redeemed and is owed until a moment (by the program's clock), or now.

    What is owed is what `kado verify` says. Cards in their states are counted now.
    """
    async with session() as (database, _):
        program = await _program(database, program_id)
        found = await business(source_of(database), program, as_of=_moment(program, as_of))
    money, cards = program.currency.text, found.cards
    facts = {
        "programId": program.id,
        "currency": program.currency.code,
        "asOf": clock.text(found.as_of),
        "sold": money(found.sold.minor),
        "redeemed": money(found.redeemed.minor),
        "owed": money(found.liability),
        "soldThisMonth": money(found.sold_this_month.minor),
        "cardsSoldThisMonth": found.cards_sold_this_month,
        "cards": cards.total,
        **{state.value: cards.of(state).count for state in CardStatus},
        "expiredOwed": money(cards.of(CardStatus.EXPIRED).minor),
    }
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name + ':':<20} {value}")


@app.command("figures", epilog=example("kado report figures 6710c5f2a94be10c77de3a51 --from 2026-09-01 --by day"))
@command
async def figures(
    program_id: ProgramId,
    since: Annotated[datetime | None, typer.Option("--from", metavar="MOMENT", help="From this moment on.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", metavar="MOMENT", help="Until before this moment.")] = None,
    by: Annotated[str, typer.Option(help="A line for each day, week, month, merchant or design.")] = "",
    as_json: AsJson = False,
) -> None:
    """What happened from one moment to another (by the program's clock), and what was owed at the end of each line."""
    if by and by not in _BY:
        raise wrong_usage(f"--by is one of {', '.join(_BY)}.")
    async with session() as (database, _):
        program, source = await _program(database, program_id), source_of(database)
        end = _moment(program, until) or await source.now()
        window = Window(_moment(program, since) or BEGINNING, end)
        if window.since >= window.until:
            raise wrong_usage("--to is not after --from.")
        lines = [await totals(source, program, window)]
        if by in ("day", "week", "month"):
            lines = await by_time(source, program, window, granularity_of(by))
        elif by:
            lines = await by_value(source, program, window, cast("Dimension", by))
    if as_json:
        print_json([_members(program, line) for line in lines])
        return
    print_table(
        ("", *(one.value.upper() for one in Measure)),
        [
            (line.label or "(none)" if by else "total", *(_cell(program, line, one) for one in Measure))
            for line in lines
        ],
    )


@app.command("export", epilog=example("kado report export 6710c5f2a94be10c77de3a51 --format pdf --out september.pdf"))
@command
async def export(
    program_id: ProgramId,
    out: Annotated[Path, typer.Option(help="The file to write; it must not exist yet.")],
    file_format: Annotated[str, typer.Option("--format", help="csv, excel, json or pdf.")] = "csv",
    period: Annotated[str, typer.Option(help="7d, 30d, 90d or 12m, if no moments are named.")] = "30d",
    since: Annotated[datetime | None, typer.Option("--from", metavar="MOMENT", help="From this moment on.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", metavar="MOMENT", help="Until before this moment.")] = None,
    notice: Annotated[bool, typer.Option("--privacy-notice", help="Say in it what it holds of people.")] = False,
) -> None:
    """Write the figures to a file: a line a day, or a month where the time is long."""
    if file_format not in _FORMATS:
        raise wrong_usage(f"--format is one of {', '.join(_FORMATS)}.")
    wanted = cast("Format", file_format)
    async with session() as (database, _):
        program, source = await _program(database, program_id), source_of(database)
        named = "custom" if since or until else period
        window = window_of(await source.now(), program.zone, named, since, until)
        report = await sheet(source, program, window, [], has_notice=notice)
        content = await asyncio.to_thread(written, report, wanted)
        try:
            descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            fail(f"{out} cannot be written: {error.strerror}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        await _record(database, program, "report:exported", format=wanted)
    print(f"{out} is written.")


@app.command("escheatment", epilog=example("kado report escheatment 6710c5f2a94be10c77de3a51 --days 1095 --json"))
@command
async def escheatment(
    program_id: ProgramId,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Without an entry for so many days.")] = 1095,
    jurisdiction: Annotated[str | None, typer.Option(help="Where; the program's country if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """List cards with money that nobody has touched for long, oldest first, at most 1000, and what all come to."""
    async with session() as (database, _):
        program = await _program(database, program_id)
        found = await dormant_money(
            source_of(database), program, dormancy_days=days, jurisdiction=jurisdiction, limit=_ENTRIES_MAX
        )
    money = program.currency.text
    if as_json:
        print_json(
            {
                "jurisdiction": found.jurisdiction,
                "cards": found.count,
                "total": money(found.minor),
                "entries": [
                    {
                        "cardId": one.card.id,
                        "lastFourDigits": one.card.last_four,
                        "balance": money(one.card.balance),
                        "lastActivity": clock.text(one.last_activity),
                    }
                    for one in found.cards
                ],
            }
        )
        return
    print_table(
        ("CARD", "ENDS IN", "BALANCE", "LAST ACTIVITY"),
        [(one.card.id, one.card.last_four, money(one.card.balance), shown(one.last_activity)) for one in found.cards],
    )
    print(f"{found.count} cards, {money(found.minor)} {program.currency.code} ({found.jurisdiction}).")


@app.command("rebuild", epilog=example("kado report rebuild 6710c5f2a94be10c77de3a51"))
@command
async def rebuild(program_id: ProgramId) -> None:
    """Forget the sums of a program and make them anew from its entries, after `kado verify` found one changed."""
    async with session() as (database, _):
        program = await _program(database, program_id)
        await rebuild_sums(database, program.id)
        while await summarise(database, program.id):
            pass
        await _record(database, program, "report:rebuilt")
    print("The sums are made anew.")


async def _program(database: Database, program_id: str) -> Program:
    program = await find.get(database, program_id)
    if program is None:
        raise NotFound("program_not_found", f"There is no program {program_id}.")
    return program


def _moment(program: Program, said: datetime | None) -> datetime | None:
    """What was said, by the program's clock."""
    if said is not None and not 1970 < said.year < 9000:
        raise wrong_usage("A moment is from 1971 to 8999.")
    return None if said is None else clock.where(said, program.zone)


async def _record(database: Database, program: Program, action: str, **details: object) -> None:
    async with database.transaction() as connection:
        await audit.record(
            connection,
            actor=ACTOR,
            action=action,
            merchant_id=program.merchant_id,
            program_id=program.id,
            subject=program.id,
            details=details,
        )


def _cell(program: Program, line: Line, measure: Measure) -> str:
    return program.currency.text(line.liability if measure is Measure.LIABILITY else line.flows[measure].minor)


def _members(program: Program, line: Line) -> dict[str, object]:
    money = program.currency.text
    return {
        "label": line.label,
        "from": clock.text(line.window.since),
        "to": clock.text(line.window.until),
        **{one.value: {"count": found.count, "amount": money(found.minor)} for one, found in line.flows.items()},
        "liability": money(line.liability),
    }
