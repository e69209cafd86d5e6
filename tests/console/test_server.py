"""The server and the books: who may look at what, and what is never shown."""

import re
from dataclasses import replace
from pathlib import Path

from tests.api.shop import Shop, a_merchant
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role
from kado.cards.books.work import check_next
from kado.storage.backup.last import Noted, note_backup

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

    await backups_are_told_of(owner, settings.data_dir)
    other = await a_merchant(shop.api, "Shop Beside")
    for person in (owner, await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))):
        page = await person.get(SERVER)
        assert (page.status_code, "KADO_" in page.text) == (404, False)
        assert f'href="{SERVER}"' not in (await person.get("/console/staff")).text


async def backups_are_told_of(owner: Person, data_dir: Path) -> None:
    """What there is, and what is missing."""
    page = await owner.get(SERVER)
    assert "No backup was ever made" in page.text
    gone = Noted(
        "/mnt/gone.backup", 3 * 1024**2, "dump", "2026-11-26T04:00:00.000Z", is_encrypted=True, is_checked=True
    )
    note_backup(data_dir, gone)
    note_backup(data_dir, replace(gone, path=str(data_dir / "x"), is_encrypted=False, is_checked=False))
    with (data_dir / "backups.jsonl").open("a") as stream:
        stream.write("not a line\n")
    page = await owner.get(SERVER)
    assert "No backup was ever made" not in page.text
    for said in (
        "/mnt/gone.backup",
        "3 MB",
        "read to its end, locked",
        "with --check",
        "--key-file",
        "beside the data",
    ):
        assert said in page.text, said


async def checked(owner: Person, shop: Shop, program_id: str) -> str:
    """The page of the books after a check that the person asked for came to its end."""
    services, here = shop.api.services, f"/console/{program_id}/books"
    assert (await owner.fill(here)).headers["location"] == here
    assert await check_next(services.database, services.keyring)
    return (await owner.get(here)).text


async def test_the_books_are_checked_beside_the_request_and_the_result_stays(owner: Person, shop: Shop) -> None:
    services, program_id = shop.api.services, await shop.program()
    card = await shop.active("10.00", program_id=program_id)
    await shop.redeem(card)
    here = f"/console/{program_id}/books"
    page = await owner.get(here)
    assert "not checked from here yet" in page.text
    for _ in range(2):  # two clicks, one check
        assert (await owner.send(page, here)).status_code == 303
    page = await owner.get(here)
    assert ("Waits for its turn" in page.text, here in forms_of(page)) == (True, False)
    assert await check_next(services.database, services.keyring)
    assert not await check_next(services.database, services.keyring)
    page = await owner.get(here)
    assert ("All is well: 1 cards, 3 entries" in page.text, f"{owner.email}</bdi> asked for it" in page.text) == (
        True,
        True,
    )
    assert "Earlier checks" in await checked(owner, shop, program_id)
    rows = (await shop.call("GET", "/v2/giftcards/audit-logs?action=program:verified")).json()["items"]
    assert {row["details"]["entries"] for row in rows if row["details"]["programId"] == program_id} == {3}


async def test_a_check_whose_worker_died_is_begun_anew_by_another(owner: Person, shop: Shop) -> None:
    services, program_id = shop.api.services, await shop.program()
    await shop.active("10.00", program_id=program_id)
    here = f"/console/{program_id}/books"
    await owner.fill(here)
    await shop.superuser.execute(
        "UPDATE verification SET state = 'processing', claim = '\\x00', tries = 1, done = 1, total = 2,"
        f" claimed_until = now() + interval '1 minute' WHERE program_id = '{program_id}'"
    )
    assert not await check_next(services.database, services.keyring), "somebody is at it"
    page = await owner.get(here)
    assert ("Under way" in page.text, "1 of 2 entries" in page.text) == (True, True)
    await shop.superuser.execute("UPDATE verification SET claimed_until = now() - interval '1 second'")
    assert await check_next(services.database, services.keyring)
    assert "All is well: 1 cards" in (await owner.get(here)).text


async def test_a_check_that_never_ends_is_given_up(owner: Person, shop: Shop) -> None:
    services, program_id = shop.api.services, await shop.program()
    here = f"/console/{program_id}/books"
    await owner.fill(here)
    await shop.superuser.execute(f"UPDATE verification SET tries = 5 WHERE program_id = '{program_id}'")
    assert await check_next(services.database, services.keyring)
    page = await owner.get(here)
    assert ("It could not be found out" in page.text, here in forms_of(page)) == (True, True)


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
    page = await checked(owner, shop, program_id)
    assert ("Not all is well" in page, card["id"] in page, "balance_mismatch" in page) == (True, True, True)
    await tampered(shop, card["id"], "- 1")


async def test_nobody_but_owners_of_a_program_checks_its_books(shop: Shop) -> None:
    program_id = await shop.program()
    manager = await signed_in(shop, await hired(shop, Role.MANAGER))
    here = f"/console/{program_id}/books"
    page = await manager.get(here)
    assert (page.status_code, here in forms_of(page)) == (403, False)
