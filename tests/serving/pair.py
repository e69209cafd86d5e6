"""Two servers at one database, behind a proxy that can stop either of them anywhere: one dies, the other settles."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.serving.database_proxy import DatabaseProxy, proxying_database
from tests.serving.server import Server
from tests.serving.till import Till

from kado.cards.codes import make_code
from kado.crypto import Keyring
from kado.storage.database import Database


class Pair:
    """`victim` is killed; `other` is asked afterwards, and is the next victim. The dead one starts again meanwhile."""

    def __init__(self, proxy: DatabaseProxy, database_url: str) -> None:
        secret = {"KADO_SECRET_KEY": secrets.token_hex(32)}
        self.keyring = Keyring([secret["KADO_SECRET_KEY"]])
        self.proxy = proxy
        self.database_url = database_url
        self.victim, self.other = (Server(database_url=proxy.url, settings=secret) for _ in range(2))
        self.merchant_id = ""
        self.key = ""

    def start(self) -> None:
        for server in (self.victim, self.other):
            server.launch()
        self.victim.wait_until_ready()
        self.merchant_id = self.victim.merchant("Flower Shop")
        self.key = self.victim.key("Flower Shop")

    def till(self, server: Server, program: str = "", base_url: str | None = None) -> Till:
        till = Till(server, self.key, self.merchant_id, base_url=base_url)
        till.program = program
        return till

    async def code_of(self, program: str, card: str) -> str:
        """A new security code of the card, the way a message gets one."""
        database = await Database.open(self.database_url)
        try:
            made = await make_code(database, self.keyring, "https://cards.example.com", program, card)
        finally:
            await database.close()
        assert made is not None, "the card can still be used"
        return made.code

    def kill(self) -> Server:
        """SIGKILL; returns the one to go on with."""
        self.victim.kill()
        self.proxy.goes_on()
        self.victim.launch()
        self.victim, self.other = self.other, self.victim
        self.victim.wait_until_ready()
        return self.victim

    def remove(self) -> None:
        for server in (self.victim, self.other):
            server.remove()


@contextmanager
def paired(database_url: str) -> Iterator[Pair]:
    """A pair at this database, removed afterwards."""
    with proxying_database(database_url) as proxy:
        pair = Pair(proxy, database_url)
        try:
            pair.start()
            yield pair
        finally:
            pair.remove()
