"""The audit log as a merchant reads it, and as the database holds it."""

import asyncio
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


async def rows_since(shop: Shop, mark: int) -> list[Body]:
    """What was written to the log after so many rows, oldest first; looks at numbers that wait are written before."""
    await shop.api.services.looks.written()
    return (await all_rows(shop))[mark:]


async def all_rows(shop: Shop) -> list[Body]:
    """The log in the order in which it was written."""
    return await shop.rows("SELECT *, xmin::text::bigint AS written FROM audit_log ORDER BY xmin::text::bigint, ctid")
