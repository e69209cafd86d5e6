"""A platform opens a till: the shop and the place are written down as it knows them, and the till gets a session."""

from dataclasses import dataclass
from typing import Final

from kado import audit
from kado.access import merchant_sessions
from kado.access.caller import MerchantSession
from kado.access.merchant_sessions import NewSession, Till
from kado.access.signatures import Signer
from kado.crypto import VERSION_BYTES, Keyring, equal
from kado.errors import Refusal
from kado.ids import is_id, new_id
from kado.programs.reach import Reaches
from kado.shops import store
from kado.shops.settings import bad_program_id, set_program
from kado.shops.shop import THE_SHOP_ITSELF, Hello, Shop
from kado.storage.database import Connection, Database

LOCATIONS_MAX: Final = 1000
"""Places that one shop can have; every answer lists them all."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was just opened, and its shop as it is now."""

    new: NewSession
    shop: Shop


async def open_session(database: Database, keyring: Keyring, reaches: Reaches, signer: Signer, hello: Hello) -> Opened:
    """A session for the till that the platform describes; its shop and place come into being where they are new.

    Sessions that are opened at once for the same new shop find one another's shop. Raises `Refusal`
    (`bad_program_id`, `too_many_locations`) and `Forbidden` for a program that the merchant cannot reach.
    """
    if hello.program_id is not None:
        if not is_id(hello.program_id):
            raise bad_program_id()
        await reaches.reach(hello.program_id, signer.merchant_id)

    async def work(connection: Connection) -> Opened:
        shop = await _introduced(connection, keyring, signer, hello)
        location_id = hello.location_id or THE_SHOP_ITSELF
        if shop.location(location_id) is None and len(shop.locations) >= LOCATIONS_MAX:
            raise Refusal("too_many_locations", f"A shop has at most {LOCATIONS_MAX} locations.")
        await store.see_location(connection, shop.id, location_id, hello.location_name)
        if hello.program_id is not None:
            await set_program(connection, _actor(signer), shop, location_id, hello.program_id)
        till = Till(
            shop.id,
            location_id,
            merchant_sessions.role_named(hello.role),
            hello.user_id,
            hello.cashier_id,
            hello.terminal_id,
        )
        new = await merchant_sessions.insert(connection, signer, till)
        await _record(connection, signer, "merchant-session:opened", shop.id, _facts(new.session))
        return Opened(new, await store.find(connection, shop.id))

    return await database.repeat(work)


async def _introduced(connection: Connection, keyring: Keyring, signer: Signer, hello: Hello) -> Shop:
    """The shop that the platform means, locked, with what the platform says of it written down."""
    shop = (signer.merchant_id, hello.platform, hello.platform_id)
    token = _hashed(keyring, keyring.version, hello)
    is_new = await store.insert(connection, new_id(), *shop, token)
    shop_id, known = await store.lock_by_platform(connection, *shop)
    if is_new:
        await _record(connection, signer, "shop:created", shop_id, {"platform": hello.platform})
    elif known[:VERSION_BYTES] in keyring.versions and not any(
        equal(known, _hashed(keyring, version, hello)) for version in keyring.versions
    ):  # under a secret that is gone nobody can tell
        await _record(connection, signer, "shop:app-token-changed", shop_id, {})
    await store.update(connection, shop_id, hello.name, token)
    return await store.find(connection, shop_id)


def _hashed(keyring: Keyring, version: bytes, hello: Hello) -> bytes:
    """The app token as it is kept: enough to notice another one, and nothing that the platform would accept."""
    facts = (hello.platform, hello.platform_id, hello.app_token)
    return version + keyring.mac("request-hash", b"app-token", *(fact.encode() for fact in facts), version=version)


def _facts(session: MerchantSession) -> dict[str, object]:
    return {
        "session": session.id,
        "location": session.location_id,
        "role": session.role,
        "user": session.user_id,
        "cashier": session.cashier_id,
        "terminal": session.terminal_id,
    }


def _actor(signer: Signer) -> str:
    return f"signing-key:{signer.key_id}"


async def _record(connection: Connection, signer: Signer, action: str, shop_id: str, facts: dict[str, object]) -> None:
    await audit.record(
        connection,
        actor=_actor(signer),
        action=action,
        merchant_id=signer.merchant_id,
        subject=shop_id,
        details=facts,
    )
