"""Cards to measure with, made quickly and through the ledger, so that they are real ones."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

from kado.access import keys, staff
from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.cards.activate import Activate
from kado.cards.codes import make_code
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome
from kado.crypto import Keyring
from kado.errors import Refusal, Unavailable
from kado.fraud.defaults import begin_with_usual_rules
from kado.programs.create import create
from kado.programs.program import NewProgram
from kado.storage.database import Database

_AT_ONCE: Final = 150
"""Fewer than a server lets wait."""

_ACTOR: Final = "operator:bench"
_NAME: Final = "Bench"


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant, its owner's key, and a program with the rules that a new one begins with."""

    merchant_id: str
    token: str
    program_id: str


@dataclass(frozen=True, slots=True)
class Cards:
    """Active cards of one program."""

    program_id: str
    ids: list[str]
    numbers: list[tuple[str, str]]
    """Card number and code of the first of them."""


async def open_shop(database: Database) -> Shop:
    """A new one, in a database that has none of this name."""
    email = f"bench@{secrets.token_hex(4)}.example"
    merchant = await staff.create_merchant(database, _NAME, email, secrets.token_urlsafe(16), _ACTOR)
    key = await keys.create_key(database, merchant.merchant_id, _ACTOR, name=_NAME)
    new = NewProgram(name=_NAME)
    program = await create(database, merchant.merchant_id, _ACTOR, new, begin_with_usual_rules)
    return Shop(merchant.merchant_id, key.secret, program.id)


async def make(
    database: Database, keyring: Keyring, merchant_id: str, program_id: str, *, count: int, with_codes: int
) -> Cards:
    """That many active cards over 10 000.00 each; some of the first get a security code."""
    ledger = Ledger(database, keyring)
    caller = Caller(merchant_id, "key:bench", Role.OWNER, frozenset(Permission), is_test=False)
    try:
        ids: list[str] = []
        while len(ids) < count:
            some = min(_AT_ONCE, count - len(ids))
            ids += await asyncio.gather(*(_one(ledger, caller, program_id) for _ in range(some)))
        numbers = []
        for card_id in ids[:with_codes]:
            made = await make_code(database, keyring, "http://kado", program_id, card_id)
            assert made is not None, "an active card gets a code"
            numbers.append((made.card_number, made.code))
    finally:
        await ledger.close()
    return Cards(program_id, ids, numbers)


async def _one(ledger: Ledger, caller: Caller, program_id: str) -> str:
    issue = Issue(
        program_id=program_id,
        caller=caller,
        key=secrets.token_hex(8),
        render=_card_id,
        merchant_id=caller.merchant_id,
        merchant_name=_NAME,
        initial_value=1_000_000,
    )
    card_id = (await _post(ledger, issue)).body.decode()
    key = secrets.token_hex(8)
    await _post(ledger, Activate(program_id=program_id, card_id=card_id, caller=caller, key=key, render=_card_id))
    return card_id


async def _post(ledger: Ledger, posting: Issue | Activate) -> Answer:
    while True:
        try:
            return await ledger.post(posting)
        except Unavailable:  # a slow disk; the key settles it
            continue


def _card_id(outcome: Outcome | Refusal) -> Answer:
    assert isinstance(outcome, Outcome), outcome
    return Answer(200, outcome.card.id.encode())
