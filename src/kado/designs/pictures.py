"""The pictures of a program: its own, which its merchant sends, and the designs that come along."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kado import audit
from kado.access.caller import Caller
from kado.designs import store, templates
from kado.designs.decode import Decoded, decode
from kado.errors import Invalid, NotFound, Refusal, TooMany
from kado.storage.database import Connection, Database

BOXES: Final = {
    "logo": (960, 320),
    "icon": (512, 512),
    "strip": (1125, 432),
    "footer": (858, 90),
    "thumbnail": (270, 270),
    "background": (540, 660),
    "design": (1712, 1080),
}
"""By where a picture is shown: how large it is at most, in pixels. A wallet's own sizes, three pixels for a point."""

DESIGN: Final = "design"
KINDS: Final = tuple(kind for kind in BOXES if kind != DESIGN)
IN_WALLETS: Final = ("logo", "icon", "strip")
"""What a gift card in a wallet has room for. The other kinds belong to other sorts of pass, and are only kept."""
DESIGNS_MAX: Final = 40
"""Designs of its own that a program may have."""

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?", re.ASCII)
_STORED: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DRAWN: Final = re.compile(r"([a-z]{1,20})-([0-9a-f]{6})", re.ASCII)
# A picture of 32 million pixels takes a hundred megabytes while it is decoded: one at a time, and a few that wait.
_WAITING_MAX: Final = 8
_room: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
_sent: Final[set[object]] = set()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be fetched at `/pictures/{program_id}/{id}`: the same one at that address for ever.

    `alt` says what it shows; empty where it is an ornament. Width and height are pixels, or a drawing's own units.
    """

    id: str
    alt: str
    width: int
    height: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A program's own picture: where it is shown, and since when. `slug` is the name of a design, else empty."""

    kind: str
    slug: str
    picture: Picture
    size: int
    """In bytes."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture with its content. Two of the same id are the same: an id follows from the content."""

    picture: Picture
    content: bytes = field(repr=False, compare=False)


def address(program_id: str, picture: Picture) -> str:
    """The path at which the server gives it out."""
    return f"/pictures/{program_id}/{picture.id}"


def drawn(design_template: str | None, colour: str) -> Picture:
    """One of the designs that come along, in shades of this colour (`#rrggbb`)."""
    slug = templates.named(design_template)
    return Picture(f"{slug}-{colour[1:].lower()}", "", templates.WIDTH, templates.HEIGHT, "image/svg+xml")


def drawing_of(picture_id: str) -> tuple[str, str] | None:
    """Name and colour of a drawing by its picture's id; None for what is none."""
    found = _DRAWN.fullmatch(picture_id)
    return (found[1], f"#{found[2]}") if found is not None and found[1] in templates.SLUGS else None


async def content(database: Database, program_id: str, picture_id: str) -> tuple[str, bytes] | None:
    """The media type and the bytes of a picture, whatever texts name it; None where there is none."""
    if (drawing := drawing_of(picture_id)) is not None:
        return "image/svg+xml", templates.svg(*drawing).encode()
    if not _STORED.fullmatch(picture_id):
        return None
    async with database.read() as connection:
        return await store.find_content(connection, program_id, picture_id)


async def all_of(database: Database, program_id: str) -> list[Stored]:
    """The program's own pictures, by kind and name."""
    async with database.read() as connection:
        rows = await store.list_all(connection, program_id)
    return [_stored(row) for row in rows]


async def own_in_wallets(database: Database, program_id: str) -> Mapping[str, OwnPicture]:
    """The program's own for passes, by kind; of a kind that is not there ours is shown."""
    async with database.read() as connection:
        rows = await store.list_with_content(connection, program_id, IN_WALLETS)
    return {row["kind"]: OwnPicture(picture_of(row), row["content"]) for row in rows}


async def find(database: Database, program_id: str, kind: str, slug: str = "") -> Stored:
    """One of them. Raises `NotFound`."""
    async with database.read() as connection:
        row = await store.find(connection, program_id, kind, slug)
    if row is None:
        raise _missing()
    return _stored(row)


async def own_design(database: Database, program_id: str, design_template: str | None) -> Picture | None:
    """The program's own picture for cards of this design, or for the one that it means; None where it has none."""
    names = (templates.plain_name(design_template), templates.named(design_template))
    async with database.read() as connection:
        for name in dict.fromkeys(names):
            if (row := await store.find(connection, program_id, DESIGN, name)) is not None:
                return picture_of(row)
    return None


def known_kind(kind: str) -> str:
    """The kind of picture with this name. Raises `NotFound`."""
    if kind not in KINDS:
        raise NotFound("picture_type_unknown", f"A picture is one of: {', '.join(KINDS)}.")
    return kind


def known_slug(slug: str) -> str:
    """The name of a design. Raises `Invalid`."""
    if not _SLUG.fullmatch(slug):
        message = "The name of a design has 1 to 100 small letters, digits and hyphens."
        raise Invalid(("path", "slug"), message, "design_name")
    return slug


async def save(database: Database, caller: Caller, program_id: str, kind: str, slug: str, sent: bytes) -> Stored:
    """Keep what was sent in the place of what was there. Raises `Invalid`, and `TooMany` while too many are at it."""
    picture = await _in_turn(sent, BOXES[kind])
    named = hashlib.sha256(b"\0".join((program_id.encode(), kind.encode(), slug.encode(), picture.content)))
    picture_id = named.hexdigest()[:32]

    async def work(connection: Connection) -> Stored:
        await store.lock_places(connection, program_id)
        before = await store.find(connection, program_id, kind, slug)
        if before is None and kind == DESIGN and await store.count(connection, program_id, kind) >= DESIGNS_MAX:
            raise _too_many()
        if before is not None and before["id"] == picture_id:
            return _stored(before)
        await store.delete(connection, program_id, kind, slug)
        row = await store.insert(connection, program_id, picture_id, kind, slug, caller.subject, picture)
        await _note(
            connection,
            caller,
            program_id,
            "picture:saved",
            kind,
            slug,
            None if before is None else before["id"],
            picture_id,
        )
        return _stored(row)

    return await database.repeat(work)


async def remove(database: Database, caller: Caller, program_id: str, kind: str, slug: str = "") -> None:
    """Take it away. Raises `NotFound`, whatever text names it."""
    if slug and not _SLUG.fullmatch(slug):
        raise _missing()

    async def work(connection: Connection) -> None:
        await store.lock_places(connection, program_id)
        before = await store.find(connection, program_id, kind, slug)
        if before is None:
            raise _missing()
        await store.delete(connection, program_id, kind, slug)
        await _note(connection, caller, program_id, "picture:removed", kind, slug, before["id"], None)

    await database.repeat(work)


async def _in_turn(sent: bytes, box: tuple[int, int]) -> Decoded:
    """Decoded beside the others' requests, when it is its turn."""
    if len(_sent) > _WAITING_MAX:
        raise TooMany("pictures_under_way", "Many pictures are being sent right now; send it again.", 2)
    place = object()
    _sent.add(place)
    try:
        return await asyncio.get_running_loop().run_in_executor(_room, decode, sent, box)
    finally:
        _sent.discard(place)


async def _note(
    connection: Connection,
    caller: Caller,
    program_id: str,
    action: str,
    kind: str,
    slug: str,
    before: str | None,
    after: str | None,
) -> None:
    await audit.record(
        connection,
        actor=caller.subject,
        action=action,
        merchant_id=caller.merchant_id,
        program_id=program_id,
        subject=program_id,
        details={"type": kind, **({"slug": slug} if slug else {})},
        before={"picture": before},
        after={"picture": after},
    )


def picture_of(row: store.Row) -> Picture:
    """The picture of a row, which says nothing of what it shows."""
    return Picture(row["id"], "", row["width"], row["height"], row["media_type"])


def _stored(row: store.Row) -> Stored:
    return Stored(row["kind"], row["slug"], picture_of(row), row["size"], row["created_at"])


def _missing() -> NotFound:
    return NotFound("picture_not_found", "The program has no such picture.")


def _too_many() -> Refusal:
    return Refusal("too_many_pictures", f"A program has at most {DESIGNS_MAX} designs of its own; remove one first.")
