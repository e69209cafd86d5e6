"""A sign-in that is used goes on: another token of the same name for another hour, and twelve hours in all.

For whoever sits before a browser. It stays one sign-in: it is listed once, and ended once, wherever that is done.
"""

import time
from datetime import timedelta
from typing import Final

from kado.access import sign_in_store, tokens
from kado.crypto import Keyring
from kado.storage.database import Connection, Database

DAY: Final = timedelta(hours=12)
"""From the sign-in on; then the password has to be shown again."""
RENEWED_AFTER_SECONDS: Final = 600
"""A token that is younger is not worth another one."""


def is_due(keyring: Keyring, token: str) -> bool:
    """Whether the token is old enough to be renewed, by our own clock: the database's decides then."""
    return time.time() - tokens.verify(keyring, token).issued_at >= RENEWED_AFTER_SECONDS


async def renew(database: Database, keyring: Keyring, token: str) -> str | None:
    """Another token for the sign-in of this one, which is of a person and was accepted a moment ago.

    None where there is nothing to be had: the sign-in was ended, the twelve hours are over, the account is closed, or
    all its tokens were taken back. Raises `Unauthenticated` for what is no token of ours.
    """
    claims = tokens.verify(keyring, token)

    async def work(connection: Connection) -> str | None:
        found = await sign_in_store.prolong_session(
            connection, claims.token_id, claims.staff_id, timedelta(seconds=tokens.LIFE_SECONDS), DAY
        )
        if found is None:
            return None
        person, now, ends = found
        if person.tokens_valid_from is not None and claims.issued_at < person.tokens_valid_from.timestamp():
            return None
        return tokens.issue(
            keyring,
            staff_id=person.id,
            merchant_id=person.merchant_id,
            role=person.role,
            now=now,
            valid_from=person.tokens_valid_from,
            token_id=claims.token_id,
            ends=ends,
        )

    return await database.repeat(work)
