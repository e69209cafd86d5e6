"""Blocked addresses: where nobody may ask for a balance or call the API of a program from.

An IPv6 address stands for its /64. Each process remembers a program's list for half a minute.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from cachetools import TTLCache

from kado import audit, clock
from kado.access.address import Network
from kado.errors import Forbidden, Invalid, NotFound, Refusal
from kado.fraud.condition import lies_in
from kado.fraud.networks import parse_network, why_not
from kado.storage.database import Connection, Database

MOST: Final = 1000
"""Blocks of one program that are in force."""

REASON_MAX: Final = 500
FOR_NOW: Final = timedelta(hours=24)
"""How long a block lasts of which nobody says how long: addresses change hands."""

_SECONDS: Final = 30
_SIZE: Final = 10_000
_COLUMNS: Final = "address, network, reason, expires_at, created_by, created_at"
_IN_FORCE: Final = "(expires_at IS NULL OR expires_at > statement_timestamp())"


@dataclass(frozen=True, slots=True)
class Block:
    """One block. `expires_at` is None where it is meant for ever."""

    address: str
    network: Network
    reason: str
    expires_at: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: an address, or the range that it lies in, and until when."""

    address: str
    cidr_range: str | None = None
    reason: str
    is_permanent: bool = False
    expires_at: datetime | None = None


class Blocks:
    """Who is blocked, as far as this process knows: what others change it learns within 30 seconds."""

    def __init__(self, database: Database, timer: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._timer = timer
        self._known: TTLCache[str, list[tuple[Network, float]]] = TTLCache(_SIZE, _SECONDS, timer)
        self._forgotten = 0

    async def covers(self, program_id: str, address: str) -> bool:
        """Whether this address, as `kado.access.address` groups it, is blocked in the program."""
        return not await self.free([program_id], address)

    async def free(self, program_ids: Sequence[str], address: str) -> list[str]:
        """Those of the programs in which this address is not blocked. What is not remembered is read at once."""
        known = {one: self._known.get(one) for one in program_ids}
        unknown = [one for one, blocked in known.items() if blocked is None]
        if unknown:
            known |= await self._read(unknown)
        return [one for one in program_ids if not (blocked := known[one]) or not self._holds(blocked, address)]

    def remembered_free(self, program_id: str, address: str) -> bool:
        """Whether this process knows already that the address is not blocked in the program."""
        blocked = self._known.get(program_id)
        return blocked is not None and (not blocked or not self._holds(blocked, address))

    def _holds(self, blocked: list[tuple[Network, float]], address: str) -> bool:
        now = self._timer()
        return lies_in(address, [network for network, until in blocked if now < until])

    async def require_free(self, program_id: str, address: str) -> None:
        """Raises `Forbidden` where the address is blocked: whoever asks, and whatever for."""
        if await self.covers(program_id, address):
            raise Forbidden("address_blocked", "Nobody may call this program from your address.")

    def forget(self, program_id: str) -> None:
        """Read the program's list anew at the next question."""
        self._forgotten += 1
        self._known.pop(program_id, None)

    async def _read(self, program_ids: Sequence[str]) -> dict[str, list[tuple[Network, float]]]:
        """The networks, each with the moment of this process's timer at which it is free again."""
        forgotten = self._forgotten
        async with self._database.read() as connection:
            rows = await connection.fetch(
                "SELECT program_id, network, extract(epoch FROM expires_at - clock_timestamp())::float8 AS left_seconds"
                f" FROM fraud_blocked_address WHERE program_id = ANY($1::text[]) AND {_IN_FORCE}",
                program_ids,
            )
        now = self._timer()
        found: dict[str, list[tuple[Network, float]]] = {one: [] for one in program_ids}
        for row in rows:
            until = float("inf") if row["left_seconds"] is None else now + row["left_seconds"]
            found[row["program_id"]].append((row["network"], until))
        if forgotten == self._forgotten:
            self._known.update(found)
        return found


async def list_blocks(database: Database, program_id: str) -> list[Block]:
    """The program's blocks that are in force, the newest first."""
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM fraud_blocked_address WHERE program_id = $1 AND {_IN_FORCE}"
            " ORDER BY created_at DESC, address LIMIT $2",
            program_id,
            MOST,
        )
    return [_from_row(tuple(row)) for row in rows]


async def block(
    database: Database, merchant_id: str, actor: str, program_id: str, wanted: Wanted, own: Sequence[Network]
) -> Block:
    """The block, in force in all processes within 30 seconds; it takes the place of one of the same address.

    `own` are networks that may not be blocked: the proxies', and the one that is asked from. Raises `Invalid`, and
    `Refusal` for one block too many.
    """
    if not wanted.reason.strip() or len(wanted.reason) > REASON_MAX or not wanted.reason.isprintable():
        raise Invalid(("body", "reason"), f"A reason has 1 to {REASON_MAX} printable characters.", "reason_invalid")
    address, network = _places(wanted, own)

    async def work(connection: Connection) -> Block:
        now: datetime = await connection.fetchval(
            "SELECT clock_timestamp() FROM program WHERE id = $1 FOR NO KEY UPDATE", program_id
        )
        until = _end(wanted, now)
        before = await _one(connection, program_id, address)
        count = await connection.fetchval(
            f"SELECT count(*) FROM fraud_blocked_address WHERE program_id = $1 AND {_IN_FORCE}", program_id
        )
        if before is None and count >= MOST:
            raise Refusal("too_many_blocks", f"A program has at most {MOST} blocked addresses. Unblock one first.")
        row = await connection.fetchrow(
            "INSERT INTO fraud_blocked_address (program_id, address, network, reason, expires_at, created_by,"
            " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (program_id, address) DO UPDATE SET"
            " network = EXCLUDED.network, reason = EXCLUDED.reason, expires_at = EXCLUDED.expires_at,"
            f" created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at RETURNING {_COLUMNS}",
            program_id,
            address,
            network,
            wanted.reason,
            until,
            actor,
            now,
        )
        assert row is not None, "it is inserted or updated"
        made = _from_row(tuple(row))
        await _record(connection, actor, "address:blocked", merchant_id, program_id, before, made)
        return made

    return await database.repeat(work)


def own_networks(trusted: Sequence[Network], address: str) -> tuple[Network, ...]:
    """What may not be blocked: where the trusted proxies are, and where who asks comes from."""
    try:
        return (*trusted, ip_network(address))
    except ValueError:
        return tuple(trusted)


async def unblock(database: Database, merchant_id: str, actor: str, program_id: str, text: str) -> Block:
    """The block that is lifted: the one that was made for this address. Raises `Invalid` and `NotFound`."""
    network = parse_network(text)
    if network is None or "/" in text:
        raise Invalid(("path", "ip"), "Input should be an IP address.", "ip_address")
    address = network.network_address

    async def work(connection: Connection) -> Block:
        row = await connection.fetchrow(
            f"DELETE FROM fraud_blocked_address WHERE program_id = $1 AND address = $2 RETURNING {_COLUMNS}",
            program_id,
            address,
        )
        if row is None:
            raise NotFound("address_not_blocked", "This address is not blocked by itself in this program.")
        lifted = _from_row(tuple(row))
        await _record(connection, actor, "address:unblocked", merchant_id, program_id, lifted, None)
        return lifted

    return await database.repeat(work)


def shown(made: Block) -> dict[str, object]:
    """A block as the API and the audit log show it."""
    return {
        "ipAddress": made.address,
        "cidrRange": str(made.network),
        "reason": made.reason,
        "isPermanent": made.expires_at is None,
        "expiresAt": clock.text_or_none(made.expires_at),
        "blockedBy": made.created_by,
        "blockedAt": clock.text(made.created_at),
    }


def _places(wanted: Wanted, own: Sequence[Network]) -> tuple[IPv4Address | IPv6Address, Network]:
    single = parse_network(wanted.address)
    if single is None or "/" in wanted.address:
        raise Invalid(("body", "ipAddress"), "Input should be an IP address.", "ip_address")
    network = single
    if wanted.cidr_range is not None:
        ranged = parse_network(wanted.cidr_range)
        if ranged is None or "/" not in wanted.cidr_range:
            raise Invalid(("body", "cidrRange"), "Input should be a network such as 203.0.113.0/24.", "cidr")
        if ranged.version != single.version or not ranged.supernet_of(single):  # type: ignore[arg-type]
            raise Invalid(("body", "cidrRange"), "The address does not lie in this network.", "not_in_network")
        network = ranged
    if (reason := why_not(network, own)) is not None:
        raise Invalid(("body", "ipAddress" if wanted.cidr_range is None else "cidrRange"), reason, "not_blockable")
    return single.network_address, network


def _end(wanted: Wanted, now: datetime) -> datetime | None:
    if wanted.is_permanent:
        if wanted.expires_at is not None:
            raise Invalid(("body", "expiresAt"), "A permanent block does not end.", "permanent_ends")
        return None
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise Invalid(("body", "expiresAt"), "The block would have ended already.", "end_in_the_past")
    return wanted.expires_at or now + FOR_NOW


async def _one(connection: Connection, program_id: str, address: IPv4Address | IPv6Address) -> Block | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM fraud_blocked_address WHERE program_id = $1 AND address = $2 AND {_IN_FORCE}",
        program_id,
        address,
    )
    return None if row is None else _from_row(tuple(row))


def _from_row(values: tuple[object, ...]) -> Block:
    address, *rest = values
    return Block(str(getattr(address, "ip", address)), *rest)  # type: ignore[arg-type]  # the order of the fields


async def _record(
    connection: Connection,
    actor: str,
    action: str,
    merchant_id: str,
    program_id: str,
    before: Block | None,
    after: Block | None,
) -> None:
    await audit.record(
        connection,
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        program_id=program_id,
        subject=program_id,
        before=None if before is None else shown(before),
        after=None if after is None else shown(after),
    )
