"""`kado outbox`: mails, text messages, events and news for wallets that have not been delivered; sending them again."""

import asyncio
from typing import Annotated, Final

import typer

from kado import clock
from kado.delivery.undelivered import count_messages, find_message, list_messages, replay_messages
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, CANNOT_TELL, command, in_one_sentence, session
from kado.errors import NotFound, Refusal
from kado.passes.untold import count_wallets, find_wallet, list_wallets, replay_wallets
from kado.reports.undelivered import count_reports, find_report, list_reports, replay_reports
from kado.storage.database import Database
from kado.storage.undelivered import Count, Item
from kado.webhooks.undelivered import count_events, find_event, list_events, replay_events

app: Final = typer.Typer(
    name="outbox",
    help=(
        "What has to be delivered: mails and text messages for people, reports, events for webhooks, changes for"
        " wallets."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SHOWN_MAX: Final = 250
_STATES: Final = {"failed": ["failed"], "queued": ["queued"], "undelivered": ["queued", "failed"]}
ItemId = Annotated[str, typer.Argument(help="The id, as `kado outbox list` shows it.")]


@app.command("list", epilog=example("kado outbox list --state failed"))
@command
async def list_(
    state: Annotated[
        str, typer.Option(help="failed (given up), queued (waits for its next try) or undelivered (both).")
    ] = "undelivered",
    as_json: AsJson = False,
) -> None:
    """List what has not been delivered, newest first, at most 250. Addresses are masked."""
    if state not in _STATES:
        raise wrong_usage(f"--state is one of {', '.join(_STATES)}.")
    async with session() as (database, _):
        items = await list_messages(database, _STATES[state], _SHOWN_MAX)
        items += await list_events(database, _STATES[state], _SHOWN_MAX)
        items += await list_wallets(database, _STATES[state], _SHOWN_MAX)
        items += await list_reports(database, _STATES[state], _SHOWN_MAX)
    items.sort(key=lambda item: (item.created_at, item.id), reverse=True)
    items = items[:_SHOWN_MAX]
    if as_json:
        print_json([_facts(item) for item in items])
        return
    print_table(
        ("ID", "BY", "WHAT", "TO", "STATE", "TRIES", "CREATED", "NEXT TRY", "LAST ERROR"),
        [
            (
                item.id,
                item.way,
                item.what,
                item.to,
                item.state,
                str(item.attempts),
                shown(item.created_at),
                shown(item.next_attempt_at),
                item.last_error or "-",
            )
            for item in items
        ],
    )


@app.command("show", epilog=example("kado outbox show 6710c5f2a94be10c77de3a51"))
@command
async def show(item_id: ItemId, as_json: AsJson = False) -> None:
    """Show one, delivered or not: what became of it, and when it is tried again."""
    async with session() as (database, _):
        item = await _found(database, item_id)
    if as_json:
        print_json(_facts(item))
        return
    for name, value in _facts(item).items():
        print(f"{name}: {'-' if value is None else value}")


@app.command("replay", epilog=example("kado outbox replay --all-failed"))
@command
async def replay(
    item_id: Annotated[str | None, typer.Argument(help="The id, as `kado outbox list` shows it.")] = None,
    all_failed: Annotated[bool, typer.Option("--all-failed", help="All that were given up, instead of one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send again what was given up; a running server does it at once. A security code is made anew."""
    if all_failed is (item_id is not None):
        raise wrong_usage("Name one, or give --all-failed.")
    async with session() as (database, _):
        if item_id is None:
            count = await replay_messages(database, ACTOR) + await replay_events(database, ACTOR)
            count += await replay_wallets(database, ACTOR) + await replay_reports(database, ACTOR)
        else:
            count = await _replay_one(database, await _found(database, item_id))
    if as_json:
        print_json({"queued": count})
    else:
        print(f"{count} queued.")


@app.command("check", epilog=example("kado outbox check || echo 'somebody should look'"))
def check(as_json: AsJson = False) -> None:
    """Count what has not been delivered, for monitoring.

    Exit code 0: nothing needs anybody. 1: something was given up, or has been due for over five minutes and no worker
    has taken it. 2: it could not be found out.
    """
    with in_one_sentence(CANNOT_TELL):
        count = asyncio.run(_counted())
    if as_json:
        print_json(
            {"failed": count.failed, "retrying": count.retrying, "waiting": count.waiting, "overdue": count.overdue}
        )
    else:
        print(f"{count.failed} failed, {count.overdue} overdue, {count.retrying} retrying, {count.waiting} waiting.")
    if count.needs_somebody:
        raise typer.Exit(1)


async def _counted() -> Count:
    async with session() as (database, _):
        counts = [await count(database) for count in (count_messages, count_events, count_wallets, count_reports)]
    return sum(counts, Count())


async def _found(database: Database, item_id: str) -> Item:
    item = await find_message(database, item_id) or await find_event(database, item_id)
    item = item or await find_wallet(database, item_id) or await find_report(database, item_id)
    if item is None:
        raise NotFound("not_in_outbox", "There is nothing with this id; `kado outbox list` shows what there is.")
    return item


async def _replay_one(database: Database, item: Item) -> int:
    if item.state != "failed":
        raise Refusal("not_failed", f"It was not given up: it is {item.state}. Only what failed is sent again here.")
    replays = {"event": replay_events, "wallet": replay_wallets, "report": replay_reports}
    return await replays.get(item.way, replay_messages)(database, ACTOR, item.id)


def _facts(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "by": item.way,
        "what": item.what,
        "to": item.to,
        "state": item.state,
        "attempts": item.attempts,
        "lastError": item.last_error,
        "program": item.program_id,
        "card": item.card_id,
        "request": item.request_id,
        "createdAt": clock.text(item.created_at),
        "nextAttemptAt": clock.text_or_none(item.next_attempt_at),
        "deliveredAt": clock.text_or_none(item.delivered_at),
    }
