"""What a till may take while it has no line: granted while it has one, signed, and bounded in every direction.

The device keeps the facts beside our signature and cannot change them. With them comes a public key: what it writes
down of a card, it encrypts for us, so that no card number lies on it in clear.
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.access.till_store import Standing
from kado.cards.offline import store
from kado.cards.offline.store import Allowance
from kado.clock import EPOCH
from kado.crypto import Keyring, Undecipherable, equal
from kado.errors import Forbidden
from kado.ids import new_id
from kado.programs.program import Program
from kado.programs.reach import Reach
from kado.storage.database import Connection, Database

SETTLED_WITHIN: Final = timedelta(days=7)
"""After its end: a device that lay in a drawer over a long weekend."""

TAKES_MAX: Final = 500
"""How many takes an allowance has places for."""

_TOKEN_MAX: Final = 2048
_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Granted:
    """An allowance as the device keeps it."""

    token: str = field(repr=False)


async def grant(
    database: Database, keyring: Keyring, standing: Standing, caller: Caller, reach: Reach
) -> Granted | None:
    """What the till may take without a line from now on; None where the program allows nothing, or the person may not.

    Whoever asks again in the same sign-in gets the same one, as long as nothing was taken under it and half of its time
    is left: an answer that was lost leaves no second allowance behind.
    """
    program = reach.program
    most, total = program.offline_take, program.max_offline_total
    if most is None or total is None or not _may(caller, reach):
        return None
    life = timedelta(hours=program.offline_hours)
    now = datetime.now(UTC)  # of no consequence: the database's clock takes its place
    wanted = Allowance(
        id=new_id(),
        terminal_id=standing.terminal.id,
        program_id=program.id,
        merchant_id=standing.terminal.merchant_id,
        staff_id=standing.staff_id,
        session_id=standing.session_id,
        max_take=min(most, total),
        max_total=total,
        key_version=keyring.version,
        granted_at=now,
        expires_at=now,
        settle_by=now,
        closed_at=None,
    )

    async def work(connection: Connection) -> Allowance:
        # One at a time for a device: two windows get the same.
        await connection.execute("SELECT FROM terminal WHERE id = $1 FOR UPDATE", wanted.terminal_id)
        found = await store.find_unused(connection, wanted, life // 2)
        return found or await store.insert_allowance(connection, wanted, life, SETTLED_WITHIN)

    return Granted(_token(keyring, await database.repeat(work), program))


async def sweep(database: Database) -> int:
    """Remove allowances that are of no use any more; how many."""
    async with database.read() as connection:
        return await store.sweep(connection)


def read_token(keyring: Keyring, token: str) -> str:
    """The id of the allowance that we signed. Raises `Forbidden` for whatever else it is."""
    parts = token.split(".")
    if len(token) <= _TOKEN_MAX and token.isascii() and len(parts) == _PARTS:
        try:
            version, facts, given = bytes.fromhex(parts[0]), _plain(parts[1]), _plain(parts[2])
            if equal(keyring.mac("till-allowance", facts, version=version), given):
                return str(json.loads(facts, parse_float=Decimal)["id"])
        except (ValueError, Undecipherable):
            pass
    raise Forbidden("allowance_invalid", "This is no allowance of ours.")


def bound_to(allowance_id: str, seq: int, key: str, amount: int, at: int) -> bytes:
    """Beside what alone the card of a take can be read: it fits no other place and no other amount.

    `at` is the moment of the take in milliseconds since 1970.
    """
    return f"{allowance_id}:{seq}:{key}:{amount}:{at}".encode()


def _may(caller: Caller, reach: Reach) -> bool:
    try:
        caller.require_in(reach, Permission.CARDS_REDEEM)
    except Forbidden:
        return False
    return True


def _token(keyring: Keyring, allowance: Allowance, program: Program) -> str:
    facts: dict[str, Any] = {
        "id": allowance.id,
        "terminal": allowance.terminal_id,
        "program": allowance.program_id,
        "person": allowance.staff_id,
        "signIn": allowance.session_id,
        "currency": program.currency.code,
        "exponent": program.currency.exponent,
        "most": allowance.max_take,
        "total": allowance.max_total,
        "places": TAKES_MAX,
        "granted": _milliseconds(allowance.granted_at),
        "expires": _milliseconds(allowance.expires_at),
        "settleBy": _milliseconds(allowance.settle_by),
        "box": base64.b64encode(keyring.box_key()).decode(),
    }
    body = json.dumps(facts, separators=(",", ":")).encode()
    mac = keyring.mac("till-allowance", body, version=allowance.key_version)
    return f"{allowance.key_version.hex()}.{_text(body)}.{_text(mac)}"


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _plain(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
