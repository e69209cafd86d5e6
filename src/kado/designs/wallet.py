"""What a program says of how its cards look, where the shop's theme is not to decide: colours and words."""

import re
from collections.abc import Mapping
from typing import Final

from kado import audit
from kado.access.caller import Caller
from kado.designs import store
from kado.designs.palette import readable
from kado.errors import Invalid
from kado.shops.theme.colours import mixed
from kado.storage.database import Connection, Database

COLOURS: Final = ("backgroundColor", "foregroundColor", "labelColor")
WORDS: Final = {"logoText": 100, "description": 255}
"""And how long they are at most."""
MEMBERS: Final = (*COLOURS, *WORDS)

_HEX: Final = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", re.ASCII)
_RGB: Final = re.compile(r"rgb\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)", re.ASCII)


def colour_of(field: str, text: str) -> str:
    """A colour as `#rrggbb`, from `#rgb`, `#rrggbb` or `rgb(r, g, b)`. Raises `Invalid`, which names the field."""
    if _HEX.fullmatch(text):
        return mixed(text, text, 0, 1)
    if (found := _RGB.fullmatch(text)) is not None and all(int(one) <= 255 for one in found.groups()):
        return "#" + "".join(f"{int(one):02x}" for one in found.groups())
    raise Invalid(("body", field), "A colour is #rgb, #rrggbb or rgb(r, g, b).", "invalid_color")


def card_colours(said: Mapping[str, str], primary: str, primary_fg: str) -> tuple[str, str]:
    """The card's own colour and one that can be read on it: as the program says, else the shop's."""
    ground = mixed(said.get("backgroundColor", primary), "#000000", 0, 1)
    return ground, readable(said.get("foregroundColor", primary_fg), ground)


async def said_of(database: Database, program_id: str) -> dict[str, str]:
    """What the program says, by the API's names; what it says nothing of is not in it."""
    async with database.read() as connection:
        return await store.find_said(connection, program_id)


async def say(database: Database, caller: Caller, program_id: str, changes: Mapping[str, str | None]) -> dict[str, str]:
    """Change these members; None takes one away. What is said then. Raises `Invalid`, which names the field."""
    wanted = {
        name: colour_of(name, value) if name in COLOURS and value is not None else value
        for name, value in changes.items()
    }

    async def work(connection: Connection) -> dict[str, str]:
        await store.lock_places(connection, program_id)
        before = await store.find_said(connection, program_id)
        after = {name: value for name, value in {**before, **wanted}.items() if value is not None}
        was, became = audit.changed(before, after)
        if was:
            await store.update_said(connection, program_id, after)
            await audit.record(
                connection,
                actor=caller.subject,
                action="program:card-design-changed",
                merchant_id=caller.merchant_id,
                program_id=program_id,
                subject=program_id,
                before=was,
                after=became,
            )
        return after

    return await database.repeat(work)
