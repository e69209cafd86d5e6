"""The card that a transfer goes to, found by its number."""

from datetime import timedelta
from typing import Final

from kado.access import attempts
from kado.access.attempts import Exhausted, Limit, Reservation
from kado.access.caller import Caller
from kado.cards.find import Found, card_by_number
from kado.crypto import Keyring
from kado.errors import TooMany
from kado.storage.database import Connection, Database

LIMITS: Final = (Limit(10, timedelta(hours=1)), Limit(30, timedelta(days=1)))
"""Numbers of no card that one customer may name: who is answered whether a number exists could try them all."""


async def destination_by_number(
    database: Database, keyring: Keyring, program_id: str, number: str, caller: Caller
) -> Found:
    """The card with this number. Raises `NotFound`, and `TooMany` for a customer who keeps naming cards that are none.

    A merchant's own tills are trusted with numbers and not counted.
    """
    reservation = None if caller.customer is None else await _reserve(database, keyring, caller.customer.id)
    found = await card_by_number(database, keyring, program_id, number, is_test=caller.is_test)
    if reservation is not None:
        await attempts.release(database, [reservation])
    return found


async def _reserve(database: Database, keyring: Keyring, customer_id: str) -> Reservation:
    subject = attempts.subject(keyring, "transfer-destination", customer_id)

    async def work(connection: Connection) -> Reservation | Exhausted:
        return await attempts.reserve(connection, "transfer-destination", subject, LIMITS)

    outcome = await database.repeat(work)
    if isinstance(outcome, Exhausted):
        raise TooMany(
            "too_many_destinations", "Too many transfers to cards that do not exist.", outcome.retry_after_seconds
        )
    return outcome
