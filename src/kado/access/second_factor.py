"""A second factor beside the password: codes of an authenticator app (RFC 6238), and recovery codes for who lost it.

A code is good once. Each comparison is counted in the database before it is made; where it fails, the count stays.
"""

import base64
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from kado import audit
from kado.access import attempts, sessions, sign_in_store, store, totp
from kado.access.attempts import Exhausted, Kind, Limit, Reservation
from kado.access.sign_in_store import Factor
from kado.access.store import Staff
from kado.crypto import Keyring, Undecipherable, token_hash
from kado.errors import Refusal, TooMany, Unauthenticated
from kado.storage.database import Connection, Database

TRIES: Final = (Limit(10, timedelta(hours=1)), Limit(20, timedelta(days=1)))
RECOVERY_CODES: Final = 10

_CHARS: Final = 20  # of base32: 100 bits
_GROUP: Final = 5
_RECOVERY: Final = re.compile(r"[A-Z2-7]{20}", re.ASCII)


async def set_up(database: Database, keyring: Keyring, staff: Staff) -> tuple[str, str]:
    """A new seed: as text to type, and as a URI to scan. Nothing is asked for before it is confirmed.

    Raises `Refusal` (`second_factor_active`) where there is one already.
    """
    seed = totp.new_seed()
    sealed = keyring.encrypt("stored-secret", seed, staff.id.encode())

    async def work(connection: Connection) -> None:
        if not await sign_in_store.begin_factor(connection, staff.id, sealed):
            raise Refusal("second_factor_active", "There is a second factor already; disable it first.")
        await _record(connection, staff, "staff:second-factor-begun")

    await database.repeat(work)
    return totp.seed_text(seed), totp.uri(seed, staff.email)


async def confirm(
    database: Database, keyring: Keyring, staff: Staff, code: str, sign_in_id: str | None
) -> tuple[str, ...]:
    """From now on it is asked for at sign-in; the recovery codes, which are shown this once.

    Every other sign-in of the person ends, for it was made without. Whoever calls this has proved the password, so that
    a stolen token cannot lock its owner out. Raises `Unauthenticated` (`wrong_code`), `TooMany`, and `Refusal`
    (`second_factor_active`, `second_factor_not_begun`).
    """
    codes = tuple(_new_recovery_code() for _ in range(RECOVERY_CODES))
    kept: list[Reservation] = []

    async def work(connection: Connection) -> bool:
        kept[:] = [await _reserved(connection, keyring, "mfa-code", staff.id)]
        await sign_in_store.lock_person(connection, staff.id)
        factor = await sign_in_store.lock_factor(connection, staff.id)
        if factor is None:
            raise Refusal("second_factor_not_begun", "Begin with POST /v2/token/mfa/setup.")
        if factor.is_confirmed:
            raise Refusal("second_factor_active", "There is a second factor already; disable it first.")
        if not await _is_apps(connection, keyring, staff.id, factor, code):
            return False
        await sign_in_store.confirm_factor(connection, staff.id)
        await sign_in_store.replace_recovery_codes(connection, staff.id, [token_hash(_plain(one)) for one in codes])
        await sessions.end_all_of_person(connection, staff.id, but=sign_in_id)
        await _record(connection, staff, "staff:second-factor-confirmed")
        return True

    await _settle(database, await database.repeat(work), kept)
    return codes


async def renew_recovery_codes(database: Database, keyring: Keyring, staff: Staff, code: str) -> tuple[str, ...]:
    """New recovery codes, which are shown this once, against a code; the old ones are good for nothing any more.

    Raises `Unauthenticated` (`wrong_code`, also where there is no second factor), `TooMany`.
    """
    codes = tuple(_new_recovery_code() for _ in range(RECOVERY_CODES))
    kept: list[Reservation] = []

    async def work(connection: Connection) -> bool:
        kept[:] = [await counted(connection, keyring, staff.id, code)]
        if not await shown(connection, keyring, staff.id, code):
            return False
        await sign_in_store.replace_recovery_codes(connection, staff.id, [token_hash(_plain(one)) for one in codes])
        await _record(connection, staff, "staff:recovery-codes-renewed")
        return True

    await _settle(database, await database.repeat(work), kept)
    return codes


async def disable(database: Database, keyring: Keyring, staff: Staff, code: str) -> None:
    """Do without it from now on, against a code of either sort. Raises as `renew_recovery_codes` does."""
    kept: list[Reservation] = []

    async def work(connection: Connection) -> bool:
        kept[:] = [await counted(connection, keyring, staff.id, code)]
        if not await shown(connection, keyring, staff.id, code):
            return False
        await sign_in_store.delete_factor(connection, staff.id)
        await _record(connection, staff, "staff:second-factor-disabled")
        return True

    await _settle(database, await database.repeat(work), kept)


async def prove(database: Database, keyring: Keyring, staff: Staff, code: str) -> None:
    """Return where this is a code of either sort, which is used up. Raises as `renew_recovery_codes` does."""
    kept: list[Reservation] = []

    async def work(connection: Connection) -> bool:
        kept[:] = [await counted(connection, keyring, staff.id, code)]
        return await shown(connection, keyring, staff.id, code)

    await _settle(database, await database.repeat(work), kept)


async def reset(database: Database, staff: Staff, actor: str) -> bool:
    """Forget the person's second factor for them, and end their sign-ins; whether there was one."""

    async def work(connection: Connection) -> bool:
        await sessions.end_all_of_person(connection, staff.id)
        was_there = await sign_in_store.delete_factor(connection, staff.id)
        await _record(connection, staff, "staff:second-factor-reset", actor)
        return was_there

    return await database.repeat(work)


async def counted(connection: Connection, keyring: Keyring, staff_id: str, code: str) -> Reservation:
    """Count one try of this sort of code on this connection's transaction. Raises `TooMany`."""
    return await _reserved(connection, keyring, "mfa-code" if totp.is_code(code) else "mfa-recovery", staff_id)


async def shown(connection: Connection, keyring: Keyring, staff_id: str, code: str) -> bool:
    """Whether this is a code of the person's confirmed second factor, which is then used up."""
    factor = await sign_in_store.lock_factor(connection, staff_id)
    if factor is None or not factor.is_confirmed:
        return False
    if totp.is_code(code):
        return await _is_apps(connection, keyring, staff_id, factor, code)
    plain = _plain(code)
    if not _RECOVERY.fullmatch(plain):
        return False
    left = await sign_in_store.use_recovery_code(connection, staff_id, token_hash(plain))
    if left is None:
        return False
    found = await store.find_staff(connection, staff_id)
    assert found is not None, "its codes hang on it"
    await _record(connection, found[0], "staff:recovery-code-used", details={"left": left})
    return True


def wrong_code() -> Unauthenticated:
    """The one answer for every code that is not good, or not any more."""
    return Unauthenticated("wrong_code", "The code is wrong, or was used already.")


async def _is_apps(connection: Connection, keyring: Keyring, staff_id: str, factor: Factor, code: str) -> bool:
    try:
        seed = keyring.decrypt("stored-secret", factor.sealed_seed, staff_id.encode())
    except Undecipherable:
        # Written under a secret key that the operator has taken away since: a recovery code or a reset helps.
        return False
    step = totp.matching_step(seed, code, factor.now.timestamp(), factor.last_step)
    if step is None:
        return False
    await sign_in_store.note_step(connection, staff_id, step)
    return True


async def _reserved(connection: Connection, keyring: Keyring, kind: Kind, staff_id: str) -> Reservation:
    outcome = await attempts.reserve(connection, kind, attempts.subject(keyring, kind, staff_id), TRIES)
    if isinstance(outcome, Exhausted):
        raise TooMany(
            "too_many_attempts",
            "There were too many wrong codes; wait before you try again.",
            outcome.retry_after_seconds,
        )
    return outcome


async def _settle(database: Database, was_right: bool, kept: list[Reservation]) -> None:
    if not was_right:
        raise wrong_code()
    await attempts.release(database, kept)


async def _record(
    connection: Connection,
    staff: Staff,
    action: str,
    actor: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        connection,
        actor=actor or f"staff:{staff.id}",
        action=action,
        merchant_id=staff.merchant_id,
        subject=staff.id,
        details=details,
    )


def _new_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_CHARS * 5 // 8 + 1)).decode()[:_CHARS]
    return "-".join(text[start : start + _GROUP] for start in range(0, _CHARS, _GROUP))


def _plain(code: str) -> str:
    """The code as it is hashed, whatever people put between its groups."""
    return code.upper().replace("-", "").replace(" ", "")
