"""The audit log as a merchant reads it, and as the database holds it."""

import asyncio
import json
from typing import Any

from tests.api.serving import PUBLIC_URL
from tests.api.shop import Body, Shop, good

AUDIT = "/v2/giftcards/audit-logs"
AUDIT_EXPORT = f"{AUDIT}/export"


async def audit_file(shop: Shop, export_id: str, *, token: str = "") -> str:
    """The path of the file, once it is there."""
    async with asyncio.timeout(30):
        while (seen := good(await shop.get(f"{AUDIT_EXPORT}/{export_id}", token=token)))["status"] == "pending":
            await asyncio.sleep(0.01)
    assert (seen["taskId"], seen["status"], seen["error"]) == (export_id, "success", None)
    return str(seen["downloadUrl"]).removeprefix(PUBLIC_URL)


async def exported(shop: Shop, *, token: str = "", **wanted: Any) -> bytes:
    """A whole export, from the order to the last byte."""
    ordered = good(await shop.post(AUDIT_EXPORT, wanted, token=token), 202)
    answer = await shop.get(await audit_file(shop, ordered["taskId"], token=token), token=token)
    assert answer.status_code == 200, answer.text
    return answer.content


async def known_ids(shop: Shop) -> set[str]:
    """The rows that are there; looks at numbers that wait are written before."""
    await shop.api.services.looks.written()
    return {row["id"] for row in await shop.rows("SELECT id FROM audit_log")}


async def new_rows(shop: Shop, known: set[str]) -> list[Body]:
    """What was written to the log since those, in order, with its JSON read."""
    now = await known_ids(shop)
    rows = await shop.rows("SELECT * FROM audit_log WHERE id = ANY($1::text[]) ORDER BY at, action", list(now - known))
    return [
        row | {name: None if row[name] is None else json.loads(row[name]) for name in ("details", "before", "after")}
        for row in rows
    ]
