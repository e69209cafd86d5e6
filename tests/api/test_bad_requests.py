"""What no client library sends, byte for byte: always a 4xx in JSON, within eight seconds, and nothing changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from tests.api import raw
from tests.api.inputs import AMOUNTS
from tests.api.shop import Body, Shop, Superuser, card_path, fingerprint
from tests.api.test_bad_addresses import BAD_IDS, FORMS
from tests.api.test_bad_addresses import CASES as QUERIES
from tests.api.test_bad_input import BODIES, CASES, LEAKS

REQUESTS: Final = dict(raw.requests())
SECONDS: Final = 8


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """So that those who promise more than they send are not waited for any longer than this file likes."""
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_REQUEST_SECONDS": "3"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(shop: Shop, thief: Superuser) -> AsyncIterator[Body]:
    card = await shop.active()
    before = await fingerprint(thief)
    yield card
    assert await fingerprint(thief) == before
    assert (await shop.look(card))["balance"] == "100.00"


async def said(shop: Shop, card: Body, request: bytes) -> bytes:
    """Everything that the server says until it hangs up."""
    path = card_path(card, "redeem").encode()
    request = request.replace(raw.PATH, path).replace(raw.TOKEN, shop.owner.encode())
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.api.port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), SECONDS)
    finally:
        writer.transport.abort()


async def test_what_they_are_made_from_is_a_good_sale(shop: Shop) -> None:
    for request in (raw.sale(), raw.in_pieces(raw.PIECES)):
        assert (await said(shop, await shop.active(), request)).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_that_is_none_is_refused(shop: Shop, target: Body, name: str) -> None:
    answer = await said(shop, target, REQUESTS[name])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4"), answer[:300]
    assert b"\ncontent-type: application/json\r" in head.lower() + b"\r"
    assert answer.count(b"HTTP/1.1 ") == 1, "what came behind was taken for another request"
    assert json.loads(body)["detail"]
    assert not [leak for leak in LEAKS if leak.encode() in answer]


async def test_a_head_is_refused_without_a_body(shop: Shop, target: Body) -> None:
    answer = await said(shop, target, raw.sale(b"HEAD <path> HTTP/1.1"))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.endswith(b"\r\n\r\n")


def test_how_many_handmade_inputs_there_are() -> None:
    counts = {
        "requests": len(REQUESTS) + 1,
        "ids in paths": len(BAD_IDS),
        "queries": len(QUERIES),
        "forms": len(FORMS),
        "bodies": len(BODIES),
        "amounts": len(AMOUNTS),
        "fields": sum(len(inputs) for (_, field), inputs in CASES.items() if "mount" not in field),
    }
    print(f"\nhandmade inputs: {sum(counts.values())} ({', '.join(f'{n} {what}' for what, n in counts.items())})")
    assert sum(counts.values()) > 280
