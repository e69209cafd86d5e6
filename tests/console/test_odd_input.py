"""What nobody sends who means well: each page has an answer in words, and none falls over."""

import re
from typing import Final
from urllib.parse import unquote

from tests.api.shop import Shop
from tests.console.person import Person, hired, signed_in
from tests.console.test_card_actions import path_of

from kado.access.permissions import Role
from kado.doors.console.page import Page
from kado.doors.console.pages import PAGES
from kado.doors.console.visit import SECOND_FACTOR
from kado.web import forms

ASKED: Final = "q status start state in all entry action actorName subjectName from to backgroundColor amount".split()
OUT: Final = "/console/sign-out"


async def sent(shop: Shop, owner: Person, page: Page, address: str) -> int:
    if page.method == "GET":
        return (await owner.get(f"{address}?{'&'.join(f'{name}=%00' for name in ASKED)}")).status_code
    caller = await shop.api.services.access.authenticate(f"Bearer {owner.token}")
    token = forms.token_for(shop.api.services.keyring, f"{caller.sign_in_id} {unquote(address)}")
    return (await owner.post(address, {"form": token, **dict.fromkeys(ASKED, "\0")})).status_code


async def test_no_page_falls_over_what_no_address_and_no_form_holds(shop: Shop, owner: Person) -> None:
    card = await shop.active()
    for page in PAGES:
        if page.takes_file or page.path == OUT:
            continue
        begun = page.path.replace("{program_id}", shop.program_id).replace("{group}", "amounts")
        for address in {begun, begun.replace("{card_id}", card["id"])}:
            status = await sent(shop, owner, page, re.sub(r"\{[a-z_]+\}", "%00", address))
            assert status < 500, (page.method, page.path)


async def test_a_choice_that_is_not_offered_is_none(shop: Shop, owner: Person) -> None:
    path = path_of(shop, await shop.active(), "reverse")
    answer = await owner.fill(path, kind="whatever", reference="R-1")
    assert answer.status_code == 422


async def test_a_seed_that_no_picture_holds_is_not_drawn(shop: Shop) -> None:
    person = await signed_in(shop, await hired(shop, Role.CASHIER))
    page = await person.fill(SECOND_FACTOR)
    sent = {"uri": "otpauth://" + "x" * 9000, "seed": "x", "code": "000000", "password": "wrong"}
    answer = await person.send(page, f"{SECOND_FACTOR}/confirm", **sent)
    assert answer.status_code == 401
