"""What an owner does to accounts of their own merchant over the API: with a token, which may be stolen.

So whoever makes somebody an owner or a manager shows once more who they are: what a thief makes of an hour's token
would outlast it. And since emails are unique on the whole server, who adds people learns whether an email signs in
somewhere; so often as a shop needs it, and not for a list of addresses.
"""

from datetime import timedelta
from typing import Final

from kado.access import attempts, second_factor, sessions, sign_in, sign_in_store, staff
from kado.access.attempts import Exhausted, Limit, Reservation
from kado.access.permissions import Role
from kado.access.staff import EMAIL_TAKEN, POWERFUL, confirmation_required
from kado.access.store import Staff
from kado.crypto import Keyring
from kado.errors import Refusal, TooMany
from kado.storage.database import Connection, Database

TAKEN: Final = (Limit(20, timedelta(days=1)),)
"""So many emails a merchant may name that belong to somebody already."""

UNCONFIRMED: Final = frozenset({"confirmation_required", "wrong_code", "invalid_credentials"})
"""Codes of what is refused because nobody has shown again, or not rightly, who they are."""


async def confirm(database: Database, keyring: Keyring, owner: Staff, confirmation: str | None, address: str) -> bool:
    """Whether the owner has shown again who they are: by a code of their second factor, or by their password where they
    have none. False where they do not try.

    Raises `Unauthenticated` for a wrong one, `TooMany`, `Unavailable`.
    """
    if confirmation is None:
        return False
    async with database.read() as connection:
        has_second_factor = await sign_in_store.has_second_factor(connection, owner.id)
    if has_second_factor:
        await second_factor.prove(database, keyring, owner, confirmation)
    else:
        await sign_in.prove_password(database, keyring, owner.email, confirmation, address)
    return True


async def add(
    database: Database,
    keyring: Keyring,
    owner: Staff,
    *,
    email: str,
    password: str,
    role: Role,
    name: str | None,
    is_confirmed: bool,
) -> str:
    """Somebody new in the owner's merchant; their id.

    Raises `Forbidden` (`confirmation_required`), `Invalid`, `Refusal` (`email_taken`), and `TooMany` after too many of
    those.
    """
    if role in POWERFUL and not is_confirmed:
        raise confirmation_required()
    subject = attempts.subject(keyring, "staff-email", owner.merchant_id)

    async def count(connection: Connection) -> Reservation | Exhausted:
        return await attempts.reserve(connection, "staff-email", subject, TAKEN)

    counted = await database.repeat(count)
    if isinstance(counted, Exhausted):
        detail = "Too many emails that belong to somebody already; try again later."
        raise TooMany("too_many_attempts", detail, counted.retry_after_seconds)
    try:
        made = await staff.add(database, owner.merchant_id, email, password, role, name, f"staff:{owner.id}")
    except Refusal as refusal:
        if refusal.code != EMAIL_TAKEN:
            await attempts.release(database, [counted])
        raise
    await attempts.release(database, [counted])
    return made


async def reset_second_factor(database: Database, owner: Staff, staff_id: str, actor: str) -> None:
    """Forget the second factor of somebody who lost it, and end their sign-ins.

    Raises `NotFound`, and `Refusal` (`own_second_factor`) for the owner's own: otherwise a token is all that it takes
    to be rid of what protects its owner where a token is stolen.
    """
    if staff_id == owner.id:
        raise Refusal("own_second_factor", "One's own is disabled against a code; or another owner resets it.")
    await staff.get(database, owner.merchant_id, staff_id)
    account = await staff.find(database, staff_id)
    assert account is not None, "accounts are never deleted"
    await second_factor.reset(database, account, actor)


async def end_sign_ins(database: Database, owner: Staff, staff_id: str, actor: str) -> int:
    """Sign a colleague out everywhere; how many sign-ins that were. Raises `NotFound`."""
    await staff.get(database, owner.merchant_id, staff_id)
    return await sessions.end_all(database, owner.merchant_id, "staff", staff_id, actor)
