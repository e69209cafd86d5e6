"""A program's own theme: how its pages, mails and paper look, whatever the till platform says of the shop."""

from dataclasses import dataclass, replace

from kado import audit
from kado.access.caller import Caller
from kado.designs import store
from kado.designs.wallet import card_colours
from kado.programs.program import Program
from kado.shops import store as shops
from kado.shops.save_theme import checked
from kado.shops.theme.check import Issue
from kado.shops.theme.theme import Theme, members, theme_of
from kado.storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Held:
    """The theme that holds for a program's cards, and whether it is the program's own."""

    theme: Theme
    is_own: bool


async def held(connection: Connection, program: Program) -> Held:
    """The program's own theme, else that of the shop where it is used.

    Where neither says anything, the colour of the card is the shop's.
    """
    own = await store.find_theme(connection, program.id)
    if own:
        return Held(theme_of(own), is_own=True)
    saved = await shops.find_theme_of_program(connection, program.merchant_id, program.id)
    theme = theme_of(saved)
    said = {} if saved else await store.find_said(connection, program.id)
    if "backgroundColor" in said:
        card, on_card = card_colours(said, theme.primary, theme.primary_fg)
        theme = replace(theme, primary=card, primary_fg=on_card)
    return Held(theme, is_own=False)


async def theme_of_program(database: Database, program: Program) -> Held:
    """The same for who has no connection."""
    async with database.read() as connection:
        return await held(connection, program)


async def save_theme_of_program(
    database: Database, caller: Caller, program_id: str, theme: Theme | None
) -> list[Issue]:
    """Save a theme of the program's own, or None to have the shop's again; its warnings. Raises `BadTheme`."""
    issues = [] if theme is None else checked(theme)
    wanted = None if theme is None else members(theme)

    async def work(connection: Connection) -> None:
        await store.lock_places(connection, program_id)
        before = await store.find_theme(connection, program_id)
        was, became = audit.changed(before, wanted or {})
        if not was:
            return
        await store.update_theme(connection, program_id, wanted)
        await audit.record(
            connection,
            actor=caller.subject,
            action="program:theme-changed",
            merchant_id=caller.merchant_id,
            program_id=program_id,
            subject=program_id,
            before=was,
            after=became,
        )

    await database.repeat(work)
    return issues
