"""People through the console: found by their contacts, told what is known of them, forgotten once that is confirmed."""

import json

from tests.api.shop import Shop
from tests.console.person import Person, forms_of

PEOPLE = "/console/people"


async def test_somebody_is_found_with_their_cards_and_stands_in_no_address(shop: Shop, owner: Person) -> None:
    card = await shop.active(customerEmail="known@example.com", customerName="Ada")
    await shop.active(customerEmail="other@example.com")
    answer = await owner.fill(PEOPLE, customerEmail=" Known@example.com ")
    assert answer.status_code == 200
    assert f"/cards/{card['id']}" in answer.text
    assert answer.text.count("/cards/") == 1
    nothing = await owner.fill(PEOPLE)
    assert (nothing.status_code, "Please fill this in." in nothing.text) == (422, True)
    nobody = await owner.fill(PEOPLE, customerPhone="+4930901820")
    assert (nobody.status_code, "No card bears this person." in nobody.text) == (200, True)


async def test_what_is_known_is_a_file(shop: Shop, owner: Person) -> None:
    card = await shop.active(customerEmail="export@example.com", customerName="Ada")
    page = await owner.fill(PEOPLE, customerEmail="export@example.com")
    file = await owner.send(page, f"{PEOPLE}/export", format="json")
    known = json.loads(file.text)
    assert file.headers["content-type"] == "application/json"
    assert [one["id"] for one in known["cards"]] == [card["id"]]
    sheet = await owner.send(page, f"{PEOPLE}/export", format="csv")
    assert sheet.headers["content-type"].startswith("text/csv")


async def test_forgetting_is_confirmed_and_leaves_the_money(shop: Shop, owner: Person) -> None:
    card = await shop.active("40.00", customerEmail="forget@example.com", customerName="Ada")
    page = await owner.fill(PEOPLE, customerEmail="forget@example.com")
    asked = await owner.send(page, f"{PEOPLE}/forget", reason="wished for")
    assert (asked.status_code, "cannot be taken back" in asked.text) == (200, True)
    assert (await shop.look(card))["customerEmail"] == "forget@example.com"
    assert forms_of(asked)[f"{PEOPLE}/forget"]["reason"] == "wished for"
    done = await owner.send(asked, f"{PEOPLE}/forget")
    assert (done.status_code, "was taken off 1 cards and is forgotten" in done.text) == (200, True)
    seen = await shop.look(card)
    assert (seen["customerEmail"], seen["customerName"], seen["balance"]) == (None, None, "40.00")
