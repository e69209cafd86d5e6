"""Keys: with API keys tills and sites call as a merchant, with signing keys a trusted front end proves a request.

Both are shown once. Of an API key a hash is kept, of a signing key its encryption.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

import asyncpg

from kado import audit
from kado.access import store
from kado.access.permissions import IN_CHOSEN_PROGRAMS, LIVE_ONLY, OF_KEYS, Permission, Role
from kado.access.store import ApiKey
from kado.crypto import Keyring, token_hash
from kado.errors import Invalid, MadeAlready, NotFound
from kado.ids import new_id
from kado.storage.database import Connection, Database

LIVE: Final = "kado_live_"
TEST: Final = "kado_test_"
SIGN: Final = "kado_sign_"

_FORM: Final = re.compile(r"kado_(?:live|test)_[A-Za-z0-9_-]{43}")
LIFE_MAX: Final = timedelta(days=5 * 366)
"""How long a key can be good that has an end at all."""
_NAME_MAX: Final = 255
_PROGRAMS_MAX: Final = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment its secret is known."""

    key_id: str
    secret: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key in a list. `kind` is `live`, `test` or `signing`; only the first two have a role and scopes."""

    id: str
    kind: str
    role: Role | None
    scopes: tuple[str, ...]
    name: str | None
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    programs: tuple[str, ...] | None
    """The only programs that it enters; None for all that its merchant reaches."""


def granted(key: ApiKey) -> frozenset[Permission]:
    """What the key may do. A scope that a newer version wrote allows nothing here."""
    allowed = OF_KEYS[key.role] - (LIVE_ONLY if key.is_test else frozenset())
    if key.scopes:
        allowed &= frozenset(permission for permission in Permission if permission.value in key.scopes)
    return allowed if key.programs is None else allowed & IN_CHOSEN_PROGRAMS


def is_key(text: str) -> bool:
    """Whether the text has the form of an API key."""
    return _FORM.fullmatch(text) is not None


async def create_key(
    database: Database,
    merchant_id: str,
    actor: str,
    *,
    is_test: bool = False,
    role: Role = Role.OWNER,
    scopes: Iterable[Permission] = (),
    name: str | None = None,
    life: timedelta | None = None,
    programs: Iterable[str] | None = None,
    key_id: str | None = None,
) -> NewKey:
    """An API key that may do what the role allows, or of that only what `scopes` name, for as long as `life`.

    With `programs` it enters only these, and does nothing that concerns all of its merchant's. `key_id` is for whoever
    may ask a second time for the same key. Raises `Invalid` for a scope outside the role and for a life or programs
    that cannot be, `NotFound` when the merchant does not exist, `MadeAlready` where there is a key with this id.
    """
    narrowed = sorted(set(scopes))
    for scope in narrowed:
        if scope not in OF_KEYS[role]:
            raise Invalid(
                ("body", "scopes"),
                f"The role {role} does not include {scope} for a key.",
                "scope_outside_role",
            )
    if name is not None and (not name.strip() or len(name) > _NAME_MAX or not name.isprintable()):
        raise Invalid(("body", "name"), f"A key's name has 1 to {_NAME_MAX} printable characters.", "name_invalid")
    if life is not None and not timedelta() < life <= LIFE_MAX:
        raise Invalid(("body", "expires"), f"A key ends within {LIFE_MAX.days} days, or never.", "key_life")
    chosen = None if programs is None else sorted(set(programs))
    if chosen is not None and not 0 < len(chosen) <= _PROGRAMS_MAX:
        raise Invalid(("body", "programs"), f"A key enters 1 to {_PROGRAMS_MAX} programs, or all.", "key_programs")
    made_id, secret = key_id or new_id(), (TEST if is_test else LIVE) + secrets.token_urlsafe(32)

    async def work(connection: Connection) -> datetime | None:
        expires_at = await store.insert_key(
            connection, made_id, merchant_id, token_hash(secret), is_test, role, narrowed, name, life, chosen
        )
        facts: dict[str, object] = {"test": is_test, "role": role, "scopes": narrowed, "name": name}
        facts |= {"expiresAt": expires_at, "programs": chosen}
        await _record(connection, "key:created", merchant_id, made_id, actor, after=facts)
        return expires_at

    return NewKey(made_id, secret, await _written(database, work))


async def life_until(database: Database, moment: datetime) -> timedelta:
    """How long from now that is, by the database's clock; below nothing where it has passed."""
    async with database.read() as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment - now


async def create_signing_key(database: Database, keyring: Keyring, merchant_id: str, actor: str) -> NewKey:
    """A signing key. Make the new one before revoking the old one: any number live side by side.

    Raises `NotFound` when the merchant does not exist.
    """
    key = NewKey(new_id(), SIGN + secrets.token_hex(32))
    sealed = keyring.encrypt("stored-secret", key.secret.encode(), key.key_id.encode())

    async def work(connection: Connection) -> None:
        await store.insert_signing_key(connection, key.key_id, merchant_id, sealed)
        await _record(connection, "signing-key:created", merchant_id, key.key_id, actor, after={"revoked": False})

    await _written(database, work)
    return key


async def revoke(database: Database, key_id: str, actor: str, merchant_id: str | None = None) -> None:
    """End a key of either sort; running servers refuse it within 30 seconds. Doing it again changes nothing.

    Raises `NotFound` for an unknown key, and for one of another merchant where `merchant_id` is given.
    """

    async def work(connection: Connection) -> None:
        action, revoked = "key:revoked", await store.revoke_key(connection, key_id)
        if revoked is None:
            action, revoked = "signing-key:revoked", await store.revoke_signing_key(connection, key_id)
        if revoked is None or (merchant_id is not None and revoked.merchant_id != merchant_id):
            raise not_found()
        if not revoked.already:
            before, after = {"revoked": False}, {"revoked": True}
            await _record(connection, action, revoked.merchant_id, key_id, actor, before=before, after=after)

    await database.repeat(work)


async def list_keys(database: Database, merchant_id: str) -> list[Key]:
    """The merchant's keys of both sorts, revoked ones too, oldest first."""
    async with database.read() as connection:
        api = await store.list_keys(connection, merchant_id)
        signing = await store.list_signing_keys(connection, merchant_id)
    keys = [
        Key(
            k.id,
            "test" if k.is_test else "live",
            k.role,
            k.scopes,
            k.name,
            k.created_at,
            k.revoked_at,
            k.expires_at,
            k.programs,
        )
        for k in api
    ]
    keys += [Key(k.id, "signing", None, (), None, k.created_at, k.revoked_at, None, None) for k in signing]
    return sorted(keys, key=lambda key: (key.created_at, key.id))


def not_found() -> NotFound:
    """The one answer for another merchant's key and for one that does not exist."""
    return NotFound("key_not_found", "There is no such key.")


async def _written(database: Database, work: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        return await database.repeat(work)
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("merchant_not_found", "There is no such merchant.") from None
    except asyncpg.UniqueViolationError:
        raise MadeAlready from None


async def _record(
    connection: Connection,
    action: str,
    merchant_id: str,
    key_id: str,
    actor: str,
    *,
    before: audit.Facts | None = None,
    after: audit.Facts,
) -> None:
    await audit.record(
        connection,
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        subject=key_id,
        before=before,
        after=after,
    )
