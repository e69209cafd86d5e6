"""Every SQL statement about pictures and designs."""

import json
from collections.abc import Sequence
from typing import Final, TypeAlias

import asyncpg

from kado.designs.decode import Decoded
from kado.storage.database import Connection

Row: TypeAlias = asyncpg.Record

_COLUMNS: Final = "id, kind, slug, media_type, width, height, octet_length(content) AS size, created_at"


async def lock_places(connection: Connection, program_id: str) -> None:
    """Nobody else changes this program's pictures until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('kado pictures of ' || $1, 0))", program_id)


async def find(connection: Connection, program_id: str, kind: str, slug: str) -> Row | None:
    """The picture in this place, without its content."""
    return await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM picture WHERE program_id = $1 AND kind = $2 AND slug = $3", program_id, kind, slug
    )


async def list_all(connection: Connection, program_id: str) -> list[Row]:
    """All of a program's, without their content."""
    return await connection.fetch(
        f"SELECT {_COLUMNS} FROM picture WHERE program_id = $1 ORDER BY kind, slug", program_id
    )


async def list_with_content(connection: Connection, program_id: str, kinds: Sequence[str]) -> list[Row]:
    """Those of these kinds, with their content; designs of cards are none of them."""
    return await connection.fetch(
        f"SELECT {_COLUMNS}, content FROM picture WHERE program_id = $1 AND kind = ANY($2) AND slug = ''",
        program_id,
        list(kinds),
    )


async def count(connection: Connection, program_id: str, kind: str) -> int:
    """How many of a kind there are."""
    return int(
        await connection.fetchval("SELECT count(*) FROM picture WHERE program_id = $1 AND kind = $2", program_id, kind)
    )


async def find_content(connection: Connection, program_id: str, picture_id: str) -> tuple[str, bytes] | None:
    """Media type and bytes."""
    row = await connection.fetchrow(
        "SELECT media_type, content FROM picture WHERE program_id = $1 AND id = $2", program_id, picture_id
    )
    return None if row is None else (row["media_type"], row["content"])


async def delete(connection: Connection, program_id: str, kind: str, slug: str) -> None:
    """Take it away, if it is there."""
    await connection.execute(
        "DELETE FROM picture WHERE program_id = $1 AND kind = $2 AND slug = $3", program_id, kind, slug
    )


async def insert(
    connection: Connection, program_id: str, picture_id: str, kind: str, slug: str, actor: str, picture: Decoded
) -> Row:
    """Write one; its row."""
    row = await connection.fetchrow(
        "INSERT INTO picture (program_id, id, kind, slug, media_type, width, height, content, actor)"
        f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {_COLUMNS}",
        program_id,
        picture_id,
        kind,
        slug,
        picture.media_type,
        picture.width,
        picture.height,
        picture.content,
        actor,
    )
    assert row is not None, "an insertion without a condition gives its row"
    return row


async def find_said(connection: Connection, program_id: str) -> dict[str, str]:
    """What the program says of its cards in wallets."""
    said = await connection.fetchval("SELECT said FROM card_design WHERE program_id = $1", program_id)
    return {} if said is None else dict(json.loads(said, parse_float=str))


async def update_said(connection: Connection, program_id: str, said: dict[str, str]) -> None:
    """Write it."""
    await connection.execute(
        "INSERT INTO card_design (program_id, said) VALUES ($1, $2::jsonb) ON CONFLICT (program_id)"
        " DO UPDATE SET said = EXCLUDED.said, updated_at = statement_timestamp()",
        program_id,
        json.dumps(said),
    )


async def find_theme(connection: Connection, program_id: str) -> dict[str, object]:
    """The members of the program's own theme; none where it has no theme."""
    theme = await connection.fetchval("SELECT theme FROM card_design WHERE program_id = $1", program_id)
    return {} if theme is None else dict(json.loads(theme))


async def update_theme(connection: Connection, program_id: str, members: dict[str, object] | None) -> None:
    """Write it; None takes it away."""
    await connection.execute(
        "INSERT INTO card_design (program_id, said, theme) VALUES ($1, '{}'::jsonb, $2::jsonb)"
        " ON CONFLICT (program_id) DO UPDATE SET theme = EXCLUDED.theme, updated_at = statement_timestamp()",
        program_id,
        None if members is None else json.dumps(members),
    )
