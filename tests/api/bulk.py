"""Bulk issues as a shop makes them, and the worker's part of them."""

import csv
import io
from typing import Any
from urllib.parse import urlsplit

import httpx2
from tests.api.shop import Body, Shop, cards_path, good

from kado.cards.bulk.work import issue_next_batch


def bulk_path(program_id: str, task_id: str = "", *, link: bool = False) -> str:
    return cards_path(program_id) + "/bulk" + (f"/{task_id}" if task_id else "") + ("/csv" if link else "")


async def order(
    shop: Shop, *, program_id: str = "", token: str = "", key: str | None = None, **members: Any
) -> httpx2.Response:
    body = {"initialValue": "25.00", **members}
    return await shop.post(bulk_path(program_id or shop.program_id), body, token=token, key=key)


async def a_task(shop: Shop, **members: Any) -> str:
    """The id of a task that waits for a worker."""
    return str(good(await order(shop, **{"count": 51, **members}), 202)["taskId"])


async def work(shop: Shop) -> int:
    """Do what a worker would, until nothing is left; how many batches that were."""
    batches = 0
    while await issue_next_batch(shop.api.services.database, shop.api.services.keyring):
        batches += 1
    return batches


async def poll(shop: Shop, task_id: str, *, program_id: str = "", token: str = "") -> Body:
    return good(await shop.get(bulk_path(program_id or shop.program_id, task_id), token=token))


def path_of(url: str) -> str:
    return urlsplit(url).path


async def download(shop: Shop, url: str, *, token: str | None = "") -> httpx2.Response:
    return await shop.get(path_of(url), token=token)


def rows_of(answer: httpx2.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def cards_of(shop: Shop, program_id: str = "") -> int:
    count: int = await shop.superuser.fetchval(
        "SELECT count(*) FROM card WHERE program_id = $1", program_id or shop.program_id
    )
    return count
