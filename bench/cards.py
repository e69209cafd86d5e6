"""Cards to measure with, for a server of `tests/serving`."""

from tests.serving.server import Server
from tests.serving.till import Till

from kado.app.measure import cards
from kado.app.measure.cards import Cards
from kado.crypto import Keyring
from kado.storage.database import Database


async def make(url: str, secret: str, merchant_id: str, program_id: str, *, count: int, with_codes: int) -> Cards:
    """That many active cards over 10 000.00 each."""
    database = await Database.open(url)
    try:
        return await cards.make(
            database, Keyring([secret]), merchant_id, program_id, count=count, with_codes=with_codes
        )
    finally:
        await database.close()


async def in_a_shop(server: Server, secret: str, *, count: int, with_codes: int = 0) -> tuple[Cards, str]:
    """The same in a program of a new merchant, whose owner's key comes along."""
    merchant_id, token = server.merchant("Bench"), server.key("Bench")
    async with Till(server, token, merchant_id) as till:
        program_id = await till.open_program()
    return await make(server.database_url(), secret, merchant_id, program_id, count=count, with_codes=with_codes), token
