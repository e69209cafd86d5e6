"""What in the database still needs which secret key, and until when. Counts; changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.cards.proof import handovers
from kado.cards.rekey import MARKS
from kado.crypto import Keyring
from kado.rotation.stored import STORED, needs_moving
from kado.storage.database import LONG_READ, Connection, Database

_TRIES_COUNT: Final = timedelta(days=1)
"""What is kept by a hash that names no version is over by then: tries, tokens, challenges."""

_PLACES_COUNT: Final = timedelta(days=90)
"""Places from which people signed in are kept by such a hash too, and longer."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that was made under a secret other than the current one."""

    version: str
    """Of the secret, in hexadecimal; empty where it cannot be told which one it was."""
    what: str
    """In the plural, for people."""
    count: int | None
    """None where what there is is not counted."""
    how: str
    """`rotate`: `kado secret rotate` moves it. `wait`: it is over by itself. `codes`: see `kado secret renew-codes`.
    `spare`: nothing is lost without it."""
    until: datetime | None
    """When it is over by itself, if that is known. 9999-12-31 means never."""

    @property
    def holds(self) -> bool:
        """Whether the secret must stay for it."""
        return self.how != "spare"


@dataclass(frozen=True, slots=True)
class Needs:
    """All that depends on secrets other than the current one."""

    current: str
    others: list[str]
    """The other configured ones."""
    found: list[Need]

    def of(self, version: str) -> list[Need]:
        """What needs this secret."""
        return [need for need in self.found if need.version == version]

    def is_needed(self, version: str) -> bool:
        """Whether something would be lost without this secret."""
        return any(need.holds for need in self.of(version))

    @property
    def missing(self) -> list[str]:
        """Secrets that rows need and that are not configured."""
        known = {self.current, *self.others}
        return sorted({need.version for need in self.found if need.holds} - known)


_CARDS: Final = f"""
    SELECT version, count(DISTINCT (c.program_id, c.id)) AS count
    FROM card c, unnest(ARRAY[{MARKS}]) AS version WHERE version <> $1 GROUP BY version"""

_CODES: Final = """
    SELECT code_version AS version, count(*) AS count, max(expires_at) AS until FROM card
    WHERE code_hash IS NOT NULL AND code_version <> $1 AND voided_at IS NULL AND expires_at > clock_timestamp()
    GROUP BY code_version"""

_DEAD_CODES: Final = """
    SELECT code_version AS version, count(*) AS count FROM card
    WHERE code_hash IS NOT NULL AND code_version <> $1
      AND (voided_at IS NOT NULL OR expires_at <= clock_timestamp())
    GROUP BY code_version"""

_ANSWERS: Final = """
    SELECT substr(answer, 1, 4) AS version, count(*) AS count, max(created_at) AS until FROM idempotency_key
    WHERE substr(answer, 1, 4) <> $1 AND answer <> '' GROUP BY 1"""

_PASSWORDS: Final = """
    SELECT code_version AS version, count(*) AS count, max(expires_at) AS until FROM customer_otp
    WHERE code_version <> $1 AND expires_at > clock_timestamp() GROUP BY code_version"""

_PLACES: Final = """
    SELECT count(*) AS count, max(seen_at) AS latest FROM staff_place
    WHERE seen_at < $1 AND seen_at > clock_timestamp() - $2::interval"""

_APP_TOKENS: Final = """
    SELECT app_token_version AS version, count(*) AS count FROM shop
    WHERE app_token_version <> $1 GROUP BY app_token_version"""


_PINS: Final = """
    SELECT pin_version AS version, count(*) AS count FROM staff_pin WHERE pin_version <> $1 GROUP BY pin_version"""


_ALLOWANCES: Final = """
    SELECT key_version AS version, count(*) AS count, max(settle_by) AS until FROM offline_allowance
    WHERE key_version <> $1 AND settle_by > clock_timestamp() GROUP BY key_version"""


async def needs(database: Database, keyring: Keyring, answer_days: int) -> Needs:
    """Count it all, in one snapshot. Raises `Unavailable`, or what is in `AWAY`, while the database is away."""
    connection = await database.connect(LONG_READ)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = [
                *await _counted(connection, keyring, _CARDS, "card numbers and seals", "rotate"),
                *await _stored(connection, keyring),
                *await _counted(connection, keyring, _CODES, "security codes of cards that can be used", "codes"),
                *await _counted(connection, keyring, _DEAD_CODES, "security codes of cards that ended", "spare"),
                *await _counted(
                    connection, keyring, _ANSWERS, "answers to idempotency keys", "wait", timedelta(days=answer_days)
                ),
                *await _counted(connection, keyring, _PASSWORDS, "one-time passwords", "wait"),
                *await _counted(connection, keyring, _ALLOWANCES, "allowances of tills without a line", "wait"),
                *await _counted(connection, keyring, _PINS, "PINs of staff, until they sign in at a till", "spare"),
                *await _counted(connection, keyring, _APP_TOKENS, "app tokens of shops, for comparison", "spare"),
            ]
            found += await _last_day(connection, keyring, found)
    finally:
        await connection.close()
    others = [version.hex() for version in keyring.versions[1:]]
    return Needs(keyring.version.hex(), others, found)


async def _counted(
    connection: Connection, keyring: Keyring, query: str, what: str, how: str, longer: timedelta = timedelta(0)
) -> list[Need]:
    rows = await connection.fetch(query, keyring.version)
    return [Need(row["version"].hex(), what, row["count"], how, _later(row.get("until"), longer)) for row in rows]


def _later(moment: datetime | None, longer: timedelta) -> datetime | None:
    return moment if moment is None or moment >= clock.NEVER else moment + longer


async def _stored(connection: Connection, keyring: Keyring) -> list[Need]:
    counts: dict[str, int] = {}
    for one in STORED:
        rows = await connection.fetch(
            f"SELECT substr({one.column}, 1, 4) AS version, count(*) AS count FROM {one.table}"
            f" WHERE {needs_moving(one)} GROUP BY 1",
            keyring.version,
        )
        for row in rows:
            counts[row["version"].hex()] = counts.get(row["version"].hex(), 0) + row["count"]
    return [
        Need(version, "secrets of webhooks, signing keys and files", n, "rotate", None) for version, n in counts.items()
    ]


async def _last_day(connection: Connection, keyring: Keyring, found: Sequence[Need]) -> list[Need]:
    """What names no version: it needs the older secrets until a day after the first rotation to the current one.

    A secret that is only known yet, and under which nothing was ever written, is needed for nothing.
    """
    written_under = {need.version for need in found}
    signed_with = await handovers.seen(connection)
    others = [
        version.hex()
        for version, key in zip(keyring.versions, handovers.own_keys(keyring), strict=True)
        if version != keyring.version and (version.hex() in written_under or key in signed_with)
    ]
    if not others:
        return []
    what = "tokens, and failed tries that still count"
    if not await handovers.are_written(connection, keyring):
        signed = "seals that the present signing key has not recognised yet"
        return [
            need
            for version in others
            for need in (Need(version, signed, None, "rotate", None), Need(version, what, None, "wait", None))
        ]
    since, now = await handovers.newest(connection, keyring), await connection.fetchval("SELECT clock_timestamp()")
    until = since + _TRIES_COUNT
    tries = [Need(version, what, None, "wait", until) for version in others] if until > now else []
    return tries + await _places(connection, others, since)


async def _places(connection: Connection, versions: Sequence[str], since: datetime) -> list[Need]:
    """Where people signed in from before the rotation. Without the secret they are strangers there once more: wrong
    passwords of others count against them too, until they sign in again."""
    row = await connection.fetchrow(_PLACES, since, _PLACES_COUNT)
    if row is None or not row["count"]:
        return []
    what, until = "places from which people signed in", row["latest"] + _PLACES_COUNT
    return [Need(version, what, row["count"], "spare", until) for version in versions]
