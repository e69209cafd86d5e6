"""How a shop looks: saved where nothing is wrong with it, read for whoever shows its pages."""

from collections.abc import Sequence

from kado import audit
from kado.access.caller import Caller, MerchantSession
from kado.errors import Refusal
from kado.shops import store
from kado.shops.theme.check import Issue, check
from kado.shops.theme.theme import Theme, members, theme_of
from kado.storage.database import Connection, Database


class BadTheme(Refusal):
    """A theme with errors. It is not saved."""

    status = 422

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("theme_invalid", "The theme was not saved: something in it is wrong.")
        self.issues = tuple(issues)


def checked(theme: Theme) -> list[Issue]:
    """The warnings about a theme. Raises `BadTheme` for one that has more than warnings."""
    issues = check(theme)
    if any(issue.severity == "error" for issue in issues):
        raise BadTheme(issues)
    return issues


async def theme_of_shop(database: Database, session: MerchantSession) -> Theme:
    """The theme of the session's shop; the default until one was saved."""
    async with database.read() as connection:
        return theme_of(await store.find_theme(connection, session.shop_id))


async def save_theme(database: Database, caller: Caller, session: MerchantSession, theme: Theme) -> list[Issue]:
    """Save the theme for the session's shop; its warnings. Raises `BadTheme`."""
    issues = checked(theme)
    wanted = members(theme)

    async def work(connection: Connection) -> None:
        await store.lock(connection, session.shop_id)
        before = members(theme_of(await store.find_theme(connection, session.shop_id)))
        was, became = audit.changed(before, wanted)
        if not was:
            return
        await store.update_theme(connection, session.shop_id, wanted)
        await audit.record(
            connection,
            actor=caller.subject,
            action="shop:theme-changed",
            merchant_id=caller.merchant_id,
            subject=session.shop_id,
            details={"session": session.id},
            before=was,
            after=became,
        )

    await database.repeat(work)
    return issues
