"""The server and the books: who may look at what, and what is never shown."""

import re

from tests.api.shop import Shop, a_merchant
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role

SERVER = "/console/server"


async def test_only_who_owns_the_only_merchant_looks_at_the_server(owner: Person, shop: Shop) -> None:
    async with shop.api.services.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM merchant") == 1, "this test comes first"
    page = await owner.get(SERVER)
    assert (page.status_code, "KADO_PUBLIC_URL" in page.text) == (200, True)
    settings = shop.api.services.settings
    password = re.search(r"://[^:/]+:([^@]+)@", settings.database_url or "")
    assert password is None or password[1] not in page.text
    assert f'href="{SERVER}"' in (await owner.get("/console/staff")).text
    manager = await signed_in(shop, await hired(shop, Role.MANAGER))
    assert (await manager.get(SERVER)).status_code == 403

    other = await a_merchant(shop.api, "Shop Beside")
    for person in (owner, await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))):
        page = await person.get(SERVER)
        assert (page.status_code, "KADO_" in page.text) == (404, False)
        assert f'href="{SERVER}"' not in (await person.get("/console/staff")).text


async def test_the_books_are_checked_and_the_last_result_stays(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    card = await shop.active("10.00", program_id=program_id)
    await shop.redeem(card)
    here = f"/console/{program_id}/books"
    assert "not checked from here yet" in (await owner.get(here)).text
    page = await owner.fill(here)
    assert (page.status_code, "All is well: 1 cards with" in page.text) == (200, True)
    assert "all was well" in (await owner.get(here)).text


async def tampered(shop: Shop, card_id: str, change: str) -> None:
    """Change a balance behind the database's back."""
    await shop.superuser.execute(
        "BEGIN; SET LOCAL session_replication_role = replica;"
        f" UPDATE card SET balance = balance {change} WHERE id = '{card_id}'; COMMIT"
    )


async def test_what_is_wrong_is_named_with_its_card(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    card = await shop.active("10.00", program_id=program_id)
    await tampered(shop, card["id"], "+ 1")
    here = f"/console/{program_id}/books"
    page = await owner.fill(here)
    assert (page.status_code, "Not all is well" in page.text, card["id"] in page.text) == (200, True, True)
    assert "contradictions" in (await owner.get(here)).text
    await tampered(shop, card["id"], "- 1")


async def test_nobody_but_owners_of_a_program_checks_its_books(shop: Shop) -> None:
    program_id = await shop.program()
    manager = await signed_in(shop, await hired(shop, Role.MANAGER))
    here = f"/console/{program_id}/books"
    page = await manager.get(here)
    assert (page.status_code, here in forms_of(page)) == (403, False)
