"""The first shop on a fresh server, set up in a browser by whoever runs the server and nobody else.

What proves that is a code that follows from the operator's secret key: every process knows it, `kado setup-code` shows
it, and it stands nowhere. It opens nothing once there is a merchant.
"""

import base64
from typing import Final

from kado.access import sign_in, staff, store
from kado.access.staff import NewMerchant
from kado.crypto import Keyring, equal
from kado.errors import Forbidden, Refusal
from kado.storage.database import Connection, Database

ACTOR: Final = "operator:setup"
_CHARS: Final = 12  # of base32: 60 bits, and thirty tries an hour
_GROUP: Final = 4


def code_of(keyring: Keyring) -> str:
    """The code, in groups of four."""
    text = _codes(keyring)[0]
    return "-".join(text[at : at + _GROUP] for at in range(0, _CHARS, _GROUP))


async def is_open(database: Database) -> bool:
    """Whether there is no merchant at all yet."""
    async with database.read() as connection:
        return await _is_fresh(connection)


async def prove(database: Database, keyring: Keyring, code: str, address: str) -> None:
    """Return where this is the code and the server is fresh. `address` is as `client_address` gives it.

    Each try is counted for the address, with its failed sign-ins. Raises `TooMany`, `Forbidden` (`wrong_setup_code`,
    `already_set_up`).
    """

    async def work(connection: Connection) -> bool:
        if not await _is_fresh(connection):
            raise _too_late()
        await sign_in.reserve(connection, keyring, "login-address", address, sign_in.BY_ADDRESS)
        given = code.upper().replace("-", "").replace(" ", "").encode(errors="replace")
        return any(equal(given, known.encode()) for known in _codes(keyring))

    # Told after the transaction, so that the count is kept.
    if not await database.repeat(work):
        raise Forbidden("wrong_setup_code", "This is not the setup code of this server.")


async def open_shop(database: Database, name: str, email: str, password: str) -> NewMerchant:
    """The first merchant and its owner, for who has proved the code. Raises as `staff.create_merchant` does, and
    `Forbidden` (`already_set_up`) for whoever comes second."""
    try:
        return await staff.create_merchant(database, name, email, password, ACTOR, is_first=True)
    except Refusal as refusal:
        if refusal.code == staff.NOT_FIRST:
            raise _too_late() from None
        raise


async def _is_fresh(connection: Connection) -> bool:
    return not await store.has_merchant(connection)


def _codes(keyring: Keyring) -> list[str]:
    """Under the current secret, then under older ones that still live."""
    return [base64.b32encode(mac).decode()[:_CHARS] for mac in keyring.macs("request-hash", b"setup-code")]


def _too_late() -> Forbidden:
    return Forbidden("already_set_up", "This server has a shop already.")
