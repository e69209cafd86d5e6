"""`kado session`: who is signed in for a merchant: staff, customers, tills."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer

from kado import clock
from kado.access import sessions
from kado.access.sessions import Kind, Session
from kado.doors.cli.merchants import named
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown
from kado.doors.cli.session import ACTOR, command, session

app: Final = typer.Typer(
    name="session", help="Sessions: who is signed in.", no_args_is_help=True, rich_markup_mode=None
)

MerchantName = Annotated[str, typer.Option("--merchant", help="Whose: the merchant's name.")]
OfTest = Annotated[bool, typer.Option("--test", help="Customers of test mode instead of live ones.")]


class Sort(StrEnum):
    """Whose sessions there are."""

    STAFF = "staff"
    CUSTOMER = "customer"
    TILL = "till"


_KINDS: Final[dict[Sort, Kind]] = {Sort.STAFF: "staff", Sort.CUSTOMER: "customer", Sort.TILL: "till"}


@app.command("list", epilog=example('kado session list --merchant "Flower Shop" --kind till'))
@command
async def list_(
    merchant: MerchantName,
    kind: Annotated[Sort | None, typer.Option(help="Only this kind.")] = None,
    test: OfTest = False,
    json: AsJson = False,
) -> None:
    """List a merchant's open sessions, newest first."""
    async with session() as (database, _):
        merchant_id = (await named(database, merchant)).id
        found = await sessions.list_open(database, merchant_id, None if kind is None else _KINDS[kind], is_test=test)
    print_sessions(found, json)


@app.command("end", epilog=example('kado session end 6710c5f2a94be10c77de3a51 --merchant "Flower Shop"'))
@command
async def end(
    session_id: Annotated[str, typer.Argument(help="The session's id, as `kado session list` shows it.")],
    merchant: MerchantName,
    test: OfTest = False,
) -> None:
    """End a session of any kind; running servers follow within 30 seconds."""
    async with session() as (database, _):
        merchant_id = (await named(database, merchant)).id
        await sessions.end(database, merchant_id, session_id, ACTOR, is_test=test)
    print(f"Session {session_id} is over.")


def print_sessions(found: Sequence[Session], as_json: bool) -> None:
    """Sessions as one line of JSON, or as a table."""
    if as_json:
        print_json([_facts(one) for one in found])
        return
    titles = ("ID", "KIND", "WHO", "NAME", "SINCE", "ENDS", "ADDRESS", "CLIENT")
    rows = [
        (
            one.id,
            one.kind,
            one.who,
            one.name or "-",
            shown(one.started_at),
            shown(one.expires_at),
            one.address or "-",
            one.user_agent or "-",
        )
        for one in found
    ]
    print_table(titles, rows)


def _facts(one: Session) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "who": one.who,
        "name": one.name,
        "startedAt": clock.text(one.started_at),
        "expiresAt": clock.text(one.expires_at),
        "address": one.address,
        "userAgent": one.user_agent,
        "secondFactor": one.had_second_factor,
    }
