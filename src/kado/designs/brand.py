"""What a program says of its cards in wallets, and its pictures for them: what a pass shows in place of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kado.designs import pictures, store
from kado.designs.look import Look
from kado.designs.palette import readable
from kado.designs.pictures import Picture
from kado.storage.database import Database

KINDS = ("logo", "icon", "strip")
"""What a gift card in a wallet has room for. The other kinds belong to other sorts of pass, and are only kept."""


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """One of the program's pictures. Two of the same id are the same: an id follows from the content."""

    picture: Picture
    content: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Brand:
    """A program's cards in a wallet. `logo_text` and `description` are None where the program says nothing."""

    ground: str
    ink: str
    label: str
    """Colours, `#rrggbb`; ink and label can be read on the ground."""
    logo_text: str | None
    description: str | None
    own: Mapping[str, OwnPicture]
    """By kind; of a kind that the program has not sent ours is shown."""


async def brand_of(database: Database, program_id: str, look: Look) -> Brand:
    """The program's own, over the shop's look."""
    async with database.read() as connection:
        said = await store.find_said(connection, program_id)
        rows = await store.list_with_content(connection, program_id, KINDS)
    return Brand(
        ground=look.card,
        ink=look.on_card,
        label=readable(said.get("labelColor", look.on_card), look.card),
        logo_text=said.get("logoText"),
        description=said.get("description"),
        own={row["kind"]: OwnPicture(pictures.picture_of(row), row["content"]) for row in rows},
    )
