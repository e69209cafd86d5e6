"""What an integrator copies first works, prints what it does, and keeps money safe on a bad network."""

import asyncio
import base64
import hmac
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from tests.api.shop import Shop
from tests.client.proxy import Answers, Mishap, Proxy
from tests.serving.commands import without_settings

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
COMMANDS = {"python": [sys.executable, "{}.py"], "javascript": ["node", "{}.mjs"], "curl": ["sh", "{}.sh"]}

in_each_language = pytest.mark.parametrize("language", COMMANDS)
with_receivers = pytest.mark.parametrize("language", ["python", "javascript"])


async def start(language: str, name: str, *words: str, **environment: str) -> asyncio.subprocess.Process:
    program, file = COMMANDS[language]
    needed = "node" if language == "javascript" else "curl" if language == "curl" else program
    if shutil.which(needed) is None:
        assert os.environ.get("CI") != "true", f"The examples in {language} are tested with {needed}: install it."
        pytest.skip(f"{needed} is not installed")
    return await asyncio.create_subprocess_exec(
        program,
        str(EXAMPLES / language / file.format(name)),
        *words,
        env=without_settings() | {"PYTHONPATH": str(ROOT / "clients" / "python" / "src")} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(language: str, name: str, *words: str, shop: Shop, url: str = "") -> tuple[int | None, str]:
    """Exit code and what it prints; what curl says of the network goes to stderr."""
    environment = {"KADO_URL": url or f"http://127.0.0.1:{shop.api.port}", "KADO_KEY": shop.owner}
    process = await start(language, name, *words, **environment, KADO_PROGRAM=shop.program_id)
    output, complaints = await process.communicate()
    assert shop.owner.encode() not in output + complaints
    return process.returncode, output.decode()


@in_each_language
async def test_a_shop_sells_one_card_for_an_order(language: str, shop: Shop) -> None:
    order = f"order-{secrets.token_hex(4)}"
    code, said = await run(language, "shop", order, "25.00", "ben@example.com", shop=shop)
    found = re.fullmatch(rf"{order}: card ([0-9a-f]{{24}}) is active with 25.00 USD\n", said)
    assert (code, found is not None) == (0, True), said
    assert await run(language, "shop", order, "25.00", "ben@example.com", shop=shop) == (0, said)
    assert found is not None
    card = await shop.look({"programId": shop.program_id, "id": found[1]})
    assert (card["balance"], card["customerEmail"]) == ("25.00", "ben@example.com")


@in_each_language
async def test_a_shop_says_why_it_cannot_sell(language: str, shop: Shop) -> None:
    code, said = await run(language, "shop", "order-0", "25.001", "ben@example.com", shop=shop)
    assert (code, said.startswith("order-0: refused, ")) == (1, True), said
    assert "decimal_max_places" in said


@in_each_language
async def test_a_till_takes_money_once_whatever_the_network_does(language: str, shop: Shop, network: Proxy) -> None:
    card = await shop.active("20.00")
    sale = f"sale-{secrets.token_hex(4)}"
    network.will(Mishap.LOSE_ANSWER, Answers(503))
    code, said = await run(language, "till", sale, card["id"], "12.50", shop=shop, url=network.url)
    assert (code, said.startswith(f"{sale}: took 12.50, 7.50 left")) == (0, True), said
    assert [request.key for request in network.seen] == [sale] * 3
    code, said = await run(language, "till", sale, card["id"], "12.50", shop=shop, url=network.url)
    assert (code, said.startswith(f"{sale}: took 12.50, 7.50 left")) == (0, True), said
    assert [entry["amount"] for entry in await shop.entries(card)].count("-12.50") == 1
    assert Decimal((await shop.look(card))["balance"]) == Decimal("7.50")


@in_each_language
async def test_a_till_tells_a_no_from_not_knowing(language: str, shop: Shop, network: Proxy) -> None:
    card = await shop.active("20.00")
    code, said = await run(language, "till", "sale-no", card["id"], "20.01", shop=shop)
    assert (code, said.startswith("sale-no: refused, ")) == (1, True), said
    assert "insufficient_balance" in said
    assert "20.00" in said
    network.will(Mishap.LOSE_ANSWER, Answers(503, "Retry-After: 60\r\n"))
    code, said = await run(language, "till", "sale-who-knows", card["id"], "5.00", shop=shop, url=network.url)
    assert (code, said.startswith("sale-who-knows: not known yet, run it again")) == (75, True), said
    code, said = await run(language, "till", "sale-who-knows", card["id"], "5.00", shop=shop)
    assert (code, said.startswith("sale-who-knows: took 5.00, 15.00 left")) == (0, True), said


@asynccontextmanager
async def receiving(language: str, secret: str) -> AsyncIterator[tuple[asyncio.StreamReader, httpx2.AsyncClient]]:
    """What the receiver prints, and a client that knows where it is."""
    process = await start(language, "receiver", KADO_WEBHOOK_SECRET=secret, PORT="0")
    assert process.stdout is not None
    try:
        port = (await process.stdout.readline()).decode().split()[-1]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield process.stdout, client
    finally:
        process.terminate()
        await process.wait()


def signed(secret: str, body: bytes, *, event_id: str = "evt-1", age: int = 0) -> dict[str, str]:
    """The headers of a delivery, as Standard Webhooks describes them."""
    key, sent = base64.b64decode(secret.removeprefix("whsec_")), int(time.time()) - age
    digest = base64.b64encode(hmac.digest(key, f"{event_id}.{sent}.".encode() + body, "sha256")).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(sent), "webhook-signature": f"v1,{digest}"}


@with_receivers
async def test_a_receiver_believes_what_kado_sent_and_nothing_else(language: str) -> None:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    body = json.dumps({"type": "giftcard.redeemed", "data": {"cardId": "c-1"}}).encode()
    proof = json.dumps({"type": "webhook.verify", "data": {"token": "t-1"}}).encode()
    async with receiving(language, secret) as (printed, client):
        verified = await client.post("/", content=proof, headers=signed(secret, proof, event_id="evt-0"))
        assert (verified.status_code, verified.json()) == (200, {"token": "t-1"})
        assert await printed.readline() == b"proved that this address is ours\n"
        for line in (b"giftcard.redeemed evt-1: card c-1\n", b"giftcard.redeemed evt-1: had it already\n"):
            answer = await client.post("/", content=body, headers=signed(secret, body))
            assert (answer.status_code, await printed.readline()) == (204, line)
        another = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        for headers in (signed(another, body), signed(secret, body + b" "), signed(secret, body, age=301), {}):
            answer = await client.post("/", content=body, headers=headers)
            assert answer.status_code == 401
            assert (await printed.readline()).startswith(b"not believed")


def test_every_example_is_on_the_list() -> None:
    listed = set(re.findall(r"\]\(([a-z]+/[a-z.-]+)\)", (EXAMPLES / "README.md").read_text()))
    there = {str(file.relative_to(EXAMPLES)) for file in EXAMPLES.glob("*/*") if file.suffix in (".py", ".mjs", ".sh")}
    assert there - listed == {"javascript/kado.mjs", "curl/kado.sh"}
    assert listed <= there
