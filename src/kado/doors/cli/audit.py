"""`kado audit`: who did what, when and from where; on the screen or as a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from kado.doors.cli.merchants import named
from kado.doors.cli.output import AsJson, example, fail, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.programs.find import list_owned
from kado.storage.database import Database
from kado.trail.export import Format, hand_out
from kado.trail.read import read_page
from kado.trail.row import Row, members
from kado.trail.wanted import Scope, Wanted

app: Final = typer.Typer(
    name="audit",
    help="The audit log: who did what, when and from where.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
_LIMIT_MAX: Final = 1000

MerchantName = Annotated[str | None, typer.Option("--merchant", help="Only what this merchant may see, by its name.")]
Subject = Annotated[str | None, typer.Option(help="Only what was done to this: the id of a card, key, program …")]
Actor = Annotated[str | None, typer.Option(help="Only what this person, key or customer did, by id.")]
Actions = Annotated[
    list[str] | None, typer.Option("--action", help="Only this, such as card:redeemed or pii_access; can be repeated.")
]
Since = Annotated[datetime | None, typer.Option(formats=_TIMES, help="Only from this moment on, in UTC.")]
Until = Annotated[datetime | None, typer.Option(formats=_TIMES, help="Only until this moment, in UTC.")]


@app.command("list", epilog=example('kado audit list --merchant "Flower Shop" --action card:voided --since 2026-11-01'))
@command
async def list_(
    merchant: MerchantName = None,
    subject: Subject = None,
    actor: Actor = None,
    action: Actions = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=_LIMIT_MAX, help="How many rows at most.")] = 50,
    json: AsJson = False,
) -> None:
    """List what was done, newest first. Amounts, before and after are in --json."""
    wanted = _wanted(subject, actor, action, since, until)
    async with session() as (database, _):
        page = await read_page(database, await _scope(database, merchant), wanted, start=0, limit=limit)
    if json:
        print_json([members(row) for row in page.found])
        return
    titles = ("AT", "ACTION", "BY", "TO", "FROM", "REQUEST", "ID")
    print_table(titles, [_cells(row) for row in page.found])
    if page.total > len(page.found):
        more = "at least " if page.is_minimum else ""
        print(f"\n{len(page.found)} of {more}{page.total}.")


@app.command("export", epilog=example('kado audit export --merchant "Flower Shop" --out audit.csv'))
@command
async def export(
    out: Annotated[Path, typer.Option(help="The file to write. One that exists is not overwritten.")],
    merchant: MerchantName = None,
    subject: Subject = None,
    actor: Actor = None,
    action: Actions = None,
    since: Since = None,
    until: Until = None,
    format: Annotated[str, typer.Option(help="csv or json.")] = "csv",  # noqa: A002 - the name of the option
) -> None:
    """Write all rows that fit to a file, oldest first. That it was done is a row of the log itself."""
    if format not in ("csv", "json"):
        raise wrong_usage("A file is csv or json.")
    file_format: Format = "json" if format == "json" else "csv"
    wanted = _wanted(subject, actor, action, since, until)
    async with session() as (database, _):
        scope = await _scope(database, merchant)
        try:
            with out.open("xb") as file:
                async for part in hand_out(database, scope, ACTOR, file_format, wanted):
                    file.write(part)
        except OSError as error:
            fail(f"{out} cannot be written: {error.strerror}.")
    print(f"{out} is written.")


async def _scope(database: Database, merchant: str | None) -> Scope:
    if merchant is None:
        return Scope(None)
    merchant_id = (await named(database, merchant)).id
    return Scope(merchant_id, tuple(program.id for program in await list_owned(database, merchant_id)))


def _wanted(
    subject: str | None, actor: str | None, action: list[str] | None, since: datetime | None, until: datetime | None
) -> Wanted:
    return Wanted(
        subject_id=subject,
        actor_id=actor,
        actions=tuple(action) if action else None,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
    )


def _cells(row: Row) -> tuple[str, ...]:
    by = ":".join(one for one in (row.actor_kind, row.actor_id) if one)
    return (
        shown(row.at),
        row.action,
        f"{by} ({row.actor_name})" if row.actor_name else by,
        row.subject_id or "-",
        row.address or "-",
        row.request_id or "-",
        row.id,
    )
