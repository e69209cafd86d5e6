"""Cards by the thousand through the console: asked, ordered once, watched, fetched as CSV and on paper."""

import csv
import io

from tests.api.shop import Shop
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role
from kado.cards.bulk.work import issue_next_batch
from kado.paper.work import print_next_piece


async def ordered(shop: Shop, owner: Person, **typed: str) -> str:
    """The task's page."""
    path = f"/console/{shop.program_id}/bulk"
    asked = await owner.fill(path, **typed)
    assert (asked.status_code, "Is this right?" in asked.text) == (200, True), asked.text
    answers = [await owner.send(asked, path) for _ in range(2)]
    assert answers[0].status_code == 303
    assert answers[0].headers["location"] == answers[1].headers["location"]
    return str(answers[0].headers["location"])


async def test_few_are_there_at_once_with_their_codes_in_a_file(shop: Shop, owner: Person) -> None:
    task = await ordered(shop, owner, initialValue="25", count="3", isPhysical="yes")
    page = await owner.get(task)
    assert "3 of 3 are made." in page.text
    assert "hx-trigger" not in page.text
    file = await owner.send(page, f"{task}/codes")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [(row["value"], row["currency"], len(row["code"])) for row in rows] == [("25.00", "USD", 6)] * 3
    again = await owner.send(page, f"{task}/codes")
    assert [row["code"] for row in csv.DictReader(io.StringIO(again.text))] != [row["code"] for row in rows]
    listed = await owner.get(f"/console/{shop.program_id}/bulk")
    assert task in listed.text


async def test_many_are_made_by_the_worker_while_the_page_looks_again(shop: Shop, owner: Person) -> None:
    services = shop.api.services
    many = services.settings.bulk_sync_max + 1
    task = await ordered(shop, owner, initialValue="1", count=str(many))
    page = await owner.get(task)
    assert ("Waits for its turn" in page.text, 'hx-trigger="every 2s"' in page.text) == (True, True)
    while await issue_next_batch(services.database, services.keyring):
        pass
    page = await owner.get(task)
    assert (f"{many} of {many} are made." in page.text, "hx-trigger" in page.text) == (True, False)


async def test_a_list_of_people_gets_a_card_each(shop: Shop, owner: Person) -> None:
    path = f"/console/{shop.program_id}/bulk"
    wrong = await owner.fill(path, initialValue="5", recipients="ada@example.com;Ada\nnobody, Eva")
    assert (wrong.status_code, "Line 2 does not begin with an email address: nobody" in wrong.text) == (422, True)
    both = await owner.fill(path, initialValue="5", recipients="ada@example.com", count="3")
    assert (both.status_code, "either a number of cards or a list" in both.text) == (422, True)
    people = '"bulk1@example.com";"Ada <b>"\r\nbulk2@example.com, Eva\r\n\r\nbulk3@example.com'
    task = await ordered(shop, owner, initialValue="5", recipients=people)
    assert "3 of 3 are made." in (await owner.get(task)).text
    found = await owner.get(f"/console/{shop.program_id}/cards?q=bulk1@example.com")
    assert ("Ada &lt;b&gt;" in found.text, "1 card" in found.text) == (True, True)


async def test_the_cards_are_printed_and_the_file_is_fetched_once(shop: Shop, owner: Person) -> None:
    services = shop.api.services
    task = await ordered(shop, owner, initialValue="25", count="2", isPhysical="yes")
    answer = await owner.send(await owner.get(task), f"{task}/paper", format="label")
    assert (answer.status_code, answer.headers["location"]) == (303, task)
    assert "/paper/file" not in forms_of(await owner.get(task))
    while await print_next_piece(services.database, services.keyring, services.settings.public_url):
        pass
    page = await owner.get(task)
    file = await owner.send(page, f"{task}/paper/file")
    assert (file.headers["content-type"], file.content[:5]) == ("application/pdf", b"%PDF-")
    gone = await owner.send(page, f"{task}/paper/file")
    assert gone.status_code == 404


async def test_a_task_of_another_program_is_not_there(shop: Shop, owner: Person) -> None:
    other = await shop.program()
    task = (await ordered(shop, owner, initialValue="1", count="1")).rpartition("/")[2]
    for name in (task, "x", "0" * 24):
        assert (await owner.get(f"/console/{other}/bulk/{name}")).status_code == 404
    cashier = await signed_in(shop, await hired(shop, Role.CASHIER))
    assert (await cashier.get(f"/console/{shop.program_id}/bulk")).status_code == 403
