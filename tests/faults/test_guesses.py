"""Limits on guessing are the same in all processes, to the last try, and a kill -9 takes nothing back."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Self

import httpx2
import pytest
from tests.serving.server import Server
from tests.serving.till import Till
from tests.serving.working import until

from kado.cards.codes import make_code
from kado.crypto import Keyring
from kado.storage.database import Database

WRONG = "wrong!"
_WAITING = "SELECT count(*) FROM message WHERE program_id = $1 AND state = 'queued'"


class Guesser:
    """Guesses at several servers in turn, each time from another address unless one is given."""

    def __init__(self, *servers: Server) -> None:
        self._clients = [httpx2.AsyncClient(base_url=one.base_url, timeout=30, trust_env=False) for one in servers]
        self._sent = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()

    async def guess(self, program: str, number: str, code: str, address: str = "") -> httpx2.Response:
        self._sent += 1
        where = address or f"10.9.{self._sent >> 8 & 255}.{self._sent & 255}"
        return await self._clients[self._sent % len(self._clients)].post(
            f"/v2/giftcards/programs/{program}/balance-check",
            json={"cardNumber": number, "securityCode": code},
            headers={"X-Forwarded-For": where},
        )

    async def many(self, times: int, program: str, number: str, address: str = "") -> Counter[int]:
        """So many at once; how often each status came."""
        answers = await asyncio.gather(*(self.guess(program, number, WRONG, address) for _ in range(times)))
        return Counter(answer.status_code for answer in answers)


class Shop:
    """Servers at one database, and a till at the first of them."""

    def __init__(self, *servers: Server, secret: str, database_url: str) -> None:
        self.servers = servers
        self.merchant = servers[0].merchant("Corner Shop")
        self.key = servers[0].key("Corner Shop")
        self._keyring = Keyring([secret])
        self._database_url = database_url

    def till(self) -> Till:
        return Till(self.servers[0], self.key, self.merchant)

    async def code_of(self, card: dict[str, str]) -> str:
        """A new code, as a message makes one, once no other message is going to."""
        database = await Database.open(self._database_url)

        async def all_sent() -> bool:
            async with database.read() as connection:
                return not await connection.fetchval(_WAITING, card["programId"])

        await until(all_sent)
        made = await make_code(database, self._keyring, "", card["programId"], card["id"])
        await database.close()
        assert made is not None
        return made.code


@contextmanager
def servers(count: int, secret: str, database_url: str | None = None, processes: int = 1) -> Iterator[list[Server]]:
    settings = {"KADO_SECRET_KEY": secret, "KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_CAPTCHA": "none"}
    made = [Server(database_url=database_url, processes=processes, settings=settings) for _ in range(count)]
    try:
        for server in made:
            server.start()
        yield made
    finally:
        for server in made:
            server.remove()


@pytest.fixture
async def two(database_url: str) -> AsyncIterator[Shop]:
    secret = secrets.token_hex(32)
    with servers(2, secret, database_url) as both:
        yield Shop(*both, secret=secret, database_url=database_url)


async def test_two_servers_do_not_double_a_limit_and_a_kill_takes_nothing_back(two: Shop) -> None:
    async with two.till() as till, Guesser(*two.servers) as guesser:
        program = await till.open_program()
        card = await till.card("50.00", customerEmail="ada@example.com")
        code, number = await two.code_of(card), card["cardNumber"]
        assert await guesser.many(60, program, number) == {404: 5, 429: 55}
        # One address, as many numbers as there are tries.
        answers = await asyncio.gather(*(guesser.guess(program, f"9{at:015}", WRONG, "10.8.0.1") for at in range(60)))
        assert Counter(answer.status_code for answer in answers) == {404: 30, 429: 30}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {"too_many_checks"}
    for server in two.servers:
        await asyncio.to_thread(server.kill)
    for server in two.servers:
        await asyncio.to_thread(server.start)
    async with two.till() as till, Guesser(*two.servers) as guesser:
        till.program = program
        for _ in two.servers:
            locked = await guesser.guess(program, number, code)
            assert (locked.status_code, locked.json()["code"]) == (429, "card_locked")
            slowed = await guesser.guess(program, "9999999999999999", WRONG, "10.8.0.1")
            assert (slowed.status_code, slowed.json()["code"]) == (429, "too_many_checks")
        # The till goes on selling, and the owner gets out by a new code.
        assert (await till.redeem(card["id"], "1.00")).status_code == 200
        assert (await till.reload(card["id"], "1.00")).status_code == 200
        assert (await till.resend(card["id"])).status_code == 200
        fresh = await two.code_of(card)
        for _ in two.servers:
            assert (await guesser.guess(program, number, fresh)).status_code == 200


async def test_a_kill_of_the_database_takes_no_guess_back() -> None:
    secret = secrets.token_hex(32)
    with servers(1, secret, processes=2) as (server,):
        shop = Shop(server, secret=secret, database_url=server.database_url())
        async with shop.till() as till, Guesser(server) as guesser:
            program = await till.open_program()
            card = await till.card("50.00")
            code = await shop.code_of(card)
            for _ in range(4):
                assert (await guesser.guess(program, card["cardNumber"], WRONG)).status_code == 404
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with Guesser(server) as guesser:
            assert await guesser.many(20, program, card["cardNumber"]) == {404: 1, 429: 19}
            locked = await guesser.guess(program, card["cardNumber"], code)
            assert (locked.status_code, locked.json()["code"]) == (429, "card_locked")
