"""Cards to measure with, made quickly and through the ledger, so that they are real ones."""

import asyncio
import secrets
from dataclasses import dataclass

from tests.serving.server import Server
from tests.serving.till import Till

from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.cards.activate import Activate
from kado.cards.codes import make_code
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome
from kado.crypto import Keyring
from kado.errors import Refusal, Unavailable
from kado.storage.database import Database

_AT_ONCE = 500


@dataclass(frozen=True)
class Cards:
    """Active cards of one program."""

    program_id: str
    ids: list[str]
    numbers: list[tuple[str, str]]
    """Card number and code of the first of them."""


async def make(url: str, secret: str, merchant_id: str, program_id: str, *, count: int, with_codes: int) -> Cards:
    """That many active cards over 10 000.00 each."""
    keyring = Keyring([secret])
    database = await Database.open(url)
    ledger = Ledger(database, keyring)
    caller = Caller(merchant_id, "key:bench", Role.OWNER, frozenset(Permission), is_test=False)

    async def post(posting: Issue | Activate) -> Answer:
        while True:
            try:
                return await ledger.post(posting)
            except Unavailable:  # a slow disk; the key settles it
                continue

    async def one() -> str:
        issued = await post(
            Issue(
                program_id=program_id,
                caller=caller,
                key=secrets.token_hex(8),
                render=_card_id,
                merchant_id=merchant_id,
                merchant_name="Bench",
                initial_value=1_000_000,
            )
        )
        card_id = issued.body.decode()
        await post(
            Activate(program_id=program_id, card_id=card_id, caller=caller, key=secrets.token_hex(8), render=_card_id)
        )
        return card_id

    try:
        ids: list[str] = []
        while len(ids) < count:
            ids += await asyncio.gather(*(one() for _ in range(min(_AT_ONCE, count - len(ids)))))
        numbers = []
        for card_id in ids[:with_codes]:
            made = await make_code(database, keyring, "http://kado", program_id, card_id)
            assert made is not None, "an active card gets a code"
            numbers.append((made.card_number, made.code))
    finally:
        await ledger.close()
        await database.close()
    return Cards(program_id, ids, numbers)


async def in_a_shop(server: Server, secret: str, *, count: int, with_codes: int = 0) -> tuple[Cards, str]:
    """The same in a program of a new merchant, whose owner's key comes along."""
    merchant_id, token = server.merchant("Bench"), server.key("Bench")
    async with Till(server, token, merchant_id) as till:
        program_id = await till.open_program()
    return await make(server.database_url(), secret, merchant_id, program_id, count=count, with_codes=with_codes), token


def _card_id(outcome: Outcome | Refusal) -> Answer:
    assert isinstance(outcome, Outcome), outcome
    return Answer(200, outcome.card.id.encode())
