"""Which program a shop's locations sell cards of."""

from kado import audit
from kado.access.caller import Caller, MerchantSession
from kado.errors import NotFound, Refusal
from kado.ids import is_id
from kado.programs.program import UNSET, Unset
from kado.programs.reach import Reaches
from kado.shops import store
from kado.shops.shop import Location, Shop
from kado.storage.database import Connection, Database


def bad_program_id() -> Refusal:
    """The refusal of what cannot be the id of any program."""
    return Refusal("bad_program_id", "A program's id is 24 lower-case hexadecimal characters.")


async def set_program(connection: Connection, actor: str, shop: Shop, location_id: str, program_id: str | None) -> None:
    """Use the program at this location from now on; None: none. On a locked shop."""
    location = shop.location(location_id)
    before = None if location is None else location.program_id
    if before == program_id:
        return
    await store.update_program(connection, shop.id, location_id, program_id)
    await audit.record(
        connection,
        actor=actor,
        action="shop:program-changed",
        merchant_id=shop.merchant_id,
        program_id=program_id,
        subject=shop.id,
        details={"location": location_id},
        before={"programId": before},
        after={"programId": program_id},
    )


async def choose_program(
    database: Database,
    reaches: Reaches,
    merchant_id: str,
    actor: str,
    shop_id: str,
    location_id: str,
    program_id: str | None,
) -> None:
    """Use the program at a location of one of the merchant's shops from now on; None: none.

    Raises `Forbidden` for a program that the merchant cannot reach, `NotFound` for a shop of another merchant and a
    location that the shop does not have.
    """
    if program_id is not None:
        await reaches.reach(program_id, merchant_id)

    async def work(connection: Connection) -> None:
        if not is_id(shop_id) or await store.owner_of(connection, shop_id) != merchant_id:
            raise NotFound("location_not_found", "The shop has no such location.")
        await store.lock(connection, shop_id)
        shop = await store.find(connection, shop_id)
        if shop.location(location_id) is None:
            raise NotFound("location_not_found", "The shop has no such location.")
        await set_program(connection, actor, shop, location_id, program_id)

    await database.repeat(work)


async def save_settings(
    database: Database,
    reaches: Reaches,
    caller: Caller,
    session: MerchantSession,
    *,
    program_id: str | Unset | None = UNSET,
    location_id: str | None = None,
    merchant_id: str | None = None,
) -> tuple[Shop, Location]:
    """Set the program of a location, by default of the shop's first; the shop as it is then, and the location.

    `merchant_id` is the platform's id of the session's shop or our id of its merchant, if it is said at all.
    Raises `Forbidden` for a program that the merchant cannot reach, whether or not it exists, `NotFound` for another
    shop or a location that it does not have, `Refusal` (`bad_program_id`) for what is no id.
    """
    if isinstance(program_id, str) and is_id(program_id):
        await reaches.reach(program_id, caller.merchant_id)

    async def work(connection: Connection) -> tuple[Shop, str]:
        await store.lock(connection, session.shop_id)
        shop = await store.find(connection, session.shop_id)
        if merchant_id not in (None, shop.platform_id, shop.merchant_id):
            raise NotFound("merchant_not_found", "This is not the merchant whose session it is.")
        location = shop.locations[0] if location_id is None else shop.location(location_id)
        if location is None:
            raise NotFound("location_not_found", "The shop has no such location.")
        if isinstance(program_id, str) and not is_id(program_id):
            raise bad_program_id()
        if program_id is not UNSET:
            await set_program(connection, caller.subject, shop, location.id, program_id)
        return await store.find(connection, shop.id), location.id

    shop, changed = await database.repeat(work)
    location = shop.location(changed)
    assert location is not None, "locations are never deleted"
    return shop, location
