"""Every SQL statement about shops and their locations."""

import json
from collections.abc import Mapping
from typing import Final

from kado.shops.shop import THE_SHOP_ITSELF, Location, Platform, Shop
from kado.storage.database import Connection

# The shop itself comes last: a location "by default" is the first place that the platform named, if it named any.
_LOCATIONS: Final = f"""
    SELECT id, name, program_id, last_seen_at FROM shop_location WHERE shop_id = $1
    ORDER BY id = '{THE_SHOP_ITSELF}', first_seen_at, id"""


async def insert(
    connection: Connection, shop_id: str, merchant_id: str, platform: Platform, platform_id: str, app_token: bytes
) -> bool:
    """Write a shop, with the hash of its app token and the version of the secret before it; False when there is one.

    Waits for whoever is writing the same shop.
    """
    row = await connection.fetchrow(
        "INSERT INTO shop (id, merchant_id, platform, platform_id, app_token_version, app_token_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (merchant_id, platform, platform_id) DO NOTHING RETURNING id",
        shop_id,
        merchant_id,
        platform.value,
        platform_id,
        app_token[:4],
        app_token[4:],
    )
    return row is not None


async def lock_by_platform(
    connection: Connection, merchant_id: str, platform: Platform, platform_id: str
) -> tuple[str, bytes]:
    """Id and app token (as `insert` takes it) of a shop that exists, unchanged by others until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT id, app_token_version || app_token_hash AS app_token FROM shop"
        " WHERE merchant_id = $1 AND platform = $2 AND platform_id = $3 FOR NO KEY UPDATE",
        merchant_id,
        platform.value,
        platform_id,
    )
    assert row is not None, "shops are never deleted"
    return row["id"], row["app_token"]


async def update(connection: Connection, shop_id: str, name: str | None, app_token: bytes) -> None:
    """Write what the platform says of the shop; a name that it does not say stays."""
    await connection.execute(
        "UPDATE shop SET name = coalesce($2, name), app_token_version = $3, app_token_hash = $4 WHERE id = $1",
        shop_id,
        name,
        app_token[:4],
        app_token[4:],
    )


async def lock(connection: Connection, shop_id: str) -> None:
    """Keep the shop and its locations as they are until the transaction ends."""
    await connection.execute("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", shop_id)


async def find(connection: Connection, shop_id: str) -> Shop:
    """A shop that exists, with its locations."""
    row = await connection.fetchrow(
        "SELECT id, merchant_id, platform, platform_id, name FROM shop WHERE id = $1", shop_id
    )
    assert row is not None, "shops are never deleted"
    locations = tuple(Location(**dict(place)) for place in await connection.fetch(_LOCATIONS, shop_id))
    return Shop(row["id"], row["merchant_id"], Platform(row["platform"]), row["platform_id"], row["name"], locations)


async def list_ids(connection: Connection, merchant_id: str, limit: int) -> list[str]:
    """The ids of the merchant's shops, by platform and name."""
    rows = await connection.fetch(
        "SELECT id FROM shop WHERE merchant_id = $1 ORDER BY platform, name NULLS LAST, id LIMIT $2", merchant_id, limit
    )
    return [row["id"] for row in rows]


async def owner_of(connection: Connection, shop_id: str) -> str | None:
    """The merchant whose shop it is; None where there is no such shop."""
    found: str | None = await connection.fetchval("SELECT merchant_id FROM shop WHERE id = $1", shop_id)
    return found


async def see_location(connection: Connection, shop_id: str, location_id: str, name: str | None) -> None:
    """Write that a session was opened there; a name that the platform does not say stays."""
    await connection.execute(
        "INSERT INTO shop_location AS l (shop_id, id, name) VALUES ($1, $2, $3)"
        " ON CONFLICT (shop_id, id) DO UPDATE SET name = coalesce(EXCLUDED.name, l.name),"
        " last_seen_at = clock_timestamp()",
        shop_id,
        location_id,
        name,
    )


async def update_program(connection: Connection, shop_id: str, location_id: str, program_id: str | None) -> None:
    """Write which program is used at a location."""
    await connection.execute(
        "UPDATE shop_location SET program_id = $3 WHERE shop_id = $1 AND id = $2", shop_id, location_id, program_id
    )


async def find_theme(connection: Connection, shop_id: str) -> dict[str, object]:
    """The members of the shop's theme that were saved; none for a shop that never saved one."""
    saved = await connection.fetchval("SELECT theme FROM shop WHERE id = $1", shop_id)
    return {} if saved is None else dict(json.loads(saved))


async def find_theme_of_program(connection: Connection, merchant_id: str, program_id: str) -> dict[str, object]:
    """The members of the theme of the shop where the program is used; of the newest one where it is used in none.

    None of them where the merchant never saved a theme.
    """
    saved = await connection.fetchval(
        "SELECT s.theme FROM shop s WHERE s.merchant_id = $1 AND s.theme IS NOT NULL"
        " ORDER BY EXISTS (SELECT FROM shop_location l WHERE l.shop_id = s.id AND l.program_id = $2) DESC, s.id DESC"
        " LIMIT 1",
        merchant_id,
        program_id,
    )
    return {} if saved is None else dict(json.loads(saved))


async def update_theme(connection: Connection, shop_id: str, members: Mapping[str, object]) -> None:
    """Write the shop's theme."""
    await connection.execute("UPDATE shop SET theme = $2::jsonb WHERE id = $1", shop_id, json.dumps(dict(members)))
