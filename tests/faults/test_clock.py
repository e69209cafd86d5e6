"""The server's clock is a day ahead, then a day behind: the database's clock decides, and nothing comes back."""

import asyncio
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import Databases, url_of
from tests.faults.conftest import Shop
from tests.serving.server import serving
from tests.serving.till import REPLAYED, Till

DAY = 24 * 3600
SOURCE = Path(__file__).parents[1] / "serving" / "wrong_clock.c"
PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """The clock of the machine on which the server seems to run."""

    shop: Shop
    file: Path

    def goes_wrong_by(self, seconds: int) -> None:
        fresh = self.file.with_suffix(".fresh")
        fresh.write_text(str(seconds))
        fresh.replace(self.file)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory, server_url: str, databases: Databases) -> Iterator[Clock]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a server with a wrong clock needs a C compiler (cc)")
    place = tmp_path_factory.mktemp("clock")
    library, file = place / "wrong_clock.so", place / "offset"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    file.write_text("0")
    name = databases.take()
    settings = {
        "KADO_SECRET_KEY": secrets.token_hex(32),
        "LD_PRELOAD": str(library),
        "TEST_CLOCK_FILE": str(file),
    }
    with serving(database_url=url_of(server_url, name), settings=settings) as server:
        merchant_id = server.merchant("Flower Shop", "ada@flowers.example", PASSWORD)
        shop = Shop(server, merchant_id, server.key("Flower Shop"))
        yield Clock(shop, file)
        server.environment.pop("LD_PRELOAD")
        server.books_are_right()
        server.stop()
    databases.drop(name)


@pytest.fixture
async def till(clock: Clock) -> AsyncIterator[Till]:
    clock.goes_wrong_by(0)
    async with clock.shop.till() as till:
        await till.open_program()
        yield till
    clock.goes_wrong_by(0)


async def test_the_server_really_has_another_clock(clock: Clock, till: Till) -> None:
    """Ids begin with the server's seconds, by which nothing is decided."""
    clock.goes_wrong_by(DAY)
    made = int((await till.issue("5.00")).json()["id"][:8], 16)
    assert made - datetime.now(UTC).timestamp() > DAY / 2


async def test_a_card_lives_as_long_as_the_database_says_and_never_lives_again(clock: Clock, till: Till) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=4)
    card = (await till.card("5.00", expiresAt=ends.isoformat()))["id"]
    clock.goes_wrong_by(DAY)
    assert (await till.redeem(card, "1.00")).status_code == 200
    async with asyncio.timeout(30):
        while (answer := await till.redeem(card, "0.01")).status_code == 200:
            await asyncio.sleep(0.1)
    assert answer.json()["code"] == "card_expired"
    assert datetime.now(UTC) >= ends
    clock.goes_wrong_by(-DAY)
    assert (await till.redeem(card, "0.01")).json()["code"] == "card_expired"
    assert (await till.details(card))["status"] == "expired"


async def test_a_lock_outlives_a_clock_that_is_set_in_either_direction(clock: Clock, till: Till) -> None:
    number = (await till.card("5.00"))["cardNumber"]
    for _ in range(5):
        assert (await till.check(number, "000000")).status_code == 404
    for offset in (0, DAY, -DAY):
        clock.goes_wrong_by(offset)
        locked = await till.check(number, "000000")
        assert locked.status_code == 429
        assert 0 < int(locked.headers["Retry-After"]) <= DAY


async def test_answers_to_keys_and_holds_last_by_the_databases_clock(clock: Clock, till: Till) -> None:
    card = (await till.card("5.00"))["id"]
    first = await till.redeem(card, "1.00", "the-key")
    held = await till.post(
        till.cards_path(card, "holds"), {"amount": "1.00", "orderReference": "order-1", "expiresInSeconds": 3600}
    )
    for offset in (DAY, -DAY):
        clock.goes_wrong_by(offset)
        again = await till.redeem(card, "1.00", "the-key")
        assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
        hold = await till.http.get(till.cards_path(card, f"holds/{held.json()['id']}"))
        assert hold.json()["status"] == "open"
    captured = await till.post(till.cards_path(card, f"holds/{held.json()['id']}/capture"), {})
    assert captured.status_code == 200


async def test_tokens_passwords_and_sessions_last_by_the_databases_clock(clock: Clock, till: Till) -> None:
    test_key = clock.shop.server.key("Flower Shop", "--test")
    headers = {"Authorization": f"Bearer {test_key}"}
    target = f"{secrets.token_hex(4)}@example.com"
    clock.goes_wrong_by(DAY)
    signed_in = await till.http.post("/v2/token", data={"username": "ada@flowers.example", "password": PASSWORD})
    sent = await till.http.post("/v2/giftcards/customers/otp/send", json={"target": target}, headers=headers)
    clock.goes_wrong_by(-DAY)
    bearer = {"Authorization": f"Bearer {signed_in.json()['accessToken']}"}
    assert (await till.http.get("/v2/token", headers=bearer)).json()["email"] == "ada@flowers.example"
    code = sent.json()["mockCode"]
    verified = await till.http.post(
        "/v2/giftcards/customers/otp/verify", json={"target": target, "code": code}, headers=headers
    )
    session = verified.json()["sessionToken"]
    for offset in (DAY, -DAY):
        clock.goes_wrong_by(offset)
        seen = await till.http.post("/v2/giftcards/customers/session", json={"sessionToken": session}, headers=headers)
        assert seen.json()["valid"] is True
