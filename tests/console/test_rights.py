"""Who may see which page: what the API allows, and nothing else. Whoever adds a page comes by here."""

import re

import pytest
from tests.api.serving import Served
from tests.api.shop import UNKNOWN, Shop, a_merchant
from tests.console.person import SIGN_IN, Person, hired, signed_in

from kado.access.permissions import ADMITTED, ROLES, Role
from kado.doors.api import rights_table
from kado.doors.console.page import Page
from kado.doors.console.pages import PAGES
from kado.programs.admit import admit

RULES = {f"{row.method} {row.path}": row.rule for row in rights_table()}
NAMES = [f"{page.method} {page.path}" for page in PAGES]


def address_of(page: Page, program_id: str) -> str:
    return re.sub(r"\{[a-z_]+\}", UNKNOWN, page.path.replace("{program_id}", program_id))


def test_no_page_stands_twice_in_the_table() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_asks_for_what_the_api_asks_for(page: Page) -> None:
    if not page.operations:
        # What is for people alone has a permission of its own, which opens nothing to a key.
        assert page.permission not in {rule.permission for rule in RULES.values() if rule is not None}
    for name in page.operations:
        rule = RULES[name]
        assert rule is not None, "nobody is kept from it"
        assert (rule.permission, rule.in_program) == (page.permission, page.in_program), name


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
async def test_nobody_sees_a_page_before_signing_in(page: Page, api: Served, shop: Shop) -> None:
    stranger = Person(api)
    for cookies in ({}, {"kado_console": "x"}, {"kado_console": shop.owner}):
        stranger.cookies = dict(cookies)
        address = address_of(page, shop.program_id)
        answer = await (stranger.get(address) if page.method == "GET" else stranger.post(address))
        assert (answer.status_code, answer.content) == (303, b"")
        assert answer.headers["location"].partition("?")[0] == SIGN_IN
        assert answer.headers["cache-control"] == "no-store"


async def everybody(shop: Shop) -> dict[str, Person]:
    """One of each role, and the owner of a merchant that is admitted to the program."""
    people = {role.value: await signed_in(shop, await hired(shop, role)) for role in Role}
    other = await a_merchant(shop.api, "Admitted Shop")
    services = shop.api.services
    await admit(services.database, shop.program_id, other, "operator:test")
    people["admitted"] = await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))
    return people


async def test_each_role_sees_what_it_may_and_is_told_of_the_rest(shop: Shop) -> None:
    """Of forms nothing is done: they come without a token, which is looked at after the right to send them."""
    people = await everybody(shop)
    for page in PAGES:
        address = address_of(page, shop.program_id)
        for name, person in people.items():
            role = Role.OWNER if name == "admitted" else Role(name)
            may = page.permission in ROLES[role]
            if page.in_program and name == "admitted":
                may = page.permission in ADMITTED
            answer = await (person.get(address) if page.method == "GET" else person.post(address))
            where = (name, page.method, page.path, answer.status_code)
            if page.method == "POST" and may:
                assert answer.status_code == 403, where
                assert "This page was open for a long time." in answer.text, where
            elif may:
                assert answer.status_code in (200, 303, 404), where
            else:
                assert answer.status_code == 403, where
                assert "Your role does not allow this." in answer.text or "may not enter it" in answer.text, where


async def test_the_navigation_leads_nowhere_that_is_closed(shop: Shop) -> None:
    people = await everybody_again(shop)
    for name, person in people.items():
        start = await person.get("/console")
        page = await person.follow(start) if start.status_code == 303 else start
        assert page.status_code == 200, name
        for address in re.findall(r'<li><a href="(/console[^"?]*)"', page.text):
            assert (await person.get(address)).status_code == 200, (name, address)


async def everybody_again(shop: Shop) -> dict[str, Person]:
    return {role.value: await signed_in(shop, await hired(shop, role)) for role in Role}


async def test_another_shops_program_is_not_there(shop: Shop) -> None:
    other = await a_merchant(shop.api, "Foreign Shop")
    foreigner = await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))
    for program_id in (shop.program_id, UNKNOWN, "x", "0" * 23 + "\N{ARABIC-INDIC DIGIT ONE}"):
        answer = await foreigner.get(f"/console/{program_id}/cards")
        assert (answer.status_code, "may not enter it" in answer.text) == (403, True), program_id


async def test_an_address_that_leads_nowhere_says_so(owner: Person) -> None:
    for address in ("/console/x/y/z", "/console/", f"/console/{UNKNOWN}/no/such/page"):
        assert (await owner.get(address)).status_code == 404
