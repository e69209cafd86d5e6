"""People, keys and webhooks in the console: as the API would do it, and as strict."""

import re
from html import unescape

from tests.api.shop import PASSWORD, Shop, a_merchant
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access import staff
from kado.access.permissions import Role

STAFF = "/console/staff"
KEYS = "/console/keys"
WEBHOOKS = "/console/webhooks"


async def member(shop: Shop, email: str) -> str:
    return (await staff.find_by_email(shop.api.services.database, email)).id


async def test_somebody_new_signs_in_with_the_password_that_was_typed(owner: Person, shop: Shop) -> None:
    answer = await owner.fill(
        STAFF, email="till@new.example", name="Tilly", password="a first password", role="cashier"
    )
    page = await owner.follow(answer)
    assert ("Tilly" in page.text, "The account is open." in page.text) == (True, True)
    new = Person(shop.api)
    assert (
        await new.fill("/console/sign-in", email="till@new.example", password="a first password")
    ).status_code == 303


async def test_nobody_becomes_powerful_without_the_owners_password(owner: Person, shop: Shop) -> None:
    typed = {"email": "boss@new.example", "password": "a first password", "role": "owner"}
    for confirmation, status in (("", 403), ("wrong password here", 401)):
        answer = await owner.fill(STAFF, **typed, confirmation=confirmation)
        assert (answer.status_code, 'id="confirmation-problem"' in answer.text) == (status, True)
    assert (await owner.fill(STAFF, **typed, confirmation=PASSWORD)).status_code == 303
    cashier = await hired(shop, Role.CASHIER)
    one = f"{STAFF}/{await member(shop, cashier)}"
    refused = await owner.fill(one, role="manager", active="yes")
    assert (refused.status_code, 'id="confirmation-problem"' in refused.text) == (403, True)
    assert (await owner.fill(one, role="manager", active="yes", confirmation=PASSWORD)).status_code == 303
    assert (await staff.find_by_email(shop.api.services.database, cashier)).role is Role.MANAGER


async def test_a_closed_account_is_signed_out_at_once(owner: Person, shop: Shop) -> None:
    email = await hired(shop, Role.CASHIER)
    person = await signed_in(shop, email)
    one = f"{STAFF}/{await member(shop, email)}"
    assert (await owner.fill(one, role="cashier", active="no")).status_code == 303
    assert (await person.get("/console/account")).headers["location"].startswith("/console/sign-in")
    other = await signed_in(shop, await hired(shop, Role.CASHIER))
    ended = await owner.fill(
        f"{STAFF}/{await member(shop, other.email)}", f"{STAFF}/{await member(shop, other.email)}/sessions/end"
    )
    assert ended.status_code == 303
    assert (await other.get("/console/account")).status_code == 303


async def test_people_of_another_shop_are_not_there(owner: Person, shop: Shop) -> None:
    other = await a_merchant(shop.api, "Shop Next Door")
    email = await hired(shop, Role.CASHIER, merchant_id=other)
    staff_id = await member(shop, email)
    assert (await owner.get(f"{STAFF}/{staff_id}")).status_code == 404
    assert email not in (await owner.get(STAFF)).text
    assert (await owner.get(f"{STAFF}/{shop.program_id}")).status_code == 404


async def test_a_key_is_shown_once_and_may_what_was_ticked(owner: Person, shop: Shop) -> None:
    typed = {"name": "Door", "role": "cashier", "days": "30", "scope:cards:read": "yes"}
    typed |= {"scope:programs:read": "yes", f"program:{shop.program_id}": "yes"}
    page = await owner.fill(KEYS, **typed)
    assert page.status_code == 200
    secret = re.search(r"kado_live_[A-Za-z0-9_-]{43}", page.text)
    assert secret is not None
    listed = (await shop.call("GET", "/v2/loyalty/programs", token=secret[0])).json()
    assert [one["id"] for one in listed] == [shop.program_id]
    assert (await shop.call("GET", "/v2/staff", token=secret[0])).status_code == 403
    again = await owner.get(KEYS)
    assert ("kado_live_" in again.text, "cards:read, programs:read" in again.text) == (False, True)
    found = next(action for action in forms_of(again) if action.endswith("/revoke"))
    assert (await owner.send(again, found)).status_code == 303
    assert (await shop.call("GET", "/v2/loyalty/programs", token=secret[0])).status_code == 401


async def test_a_key_cannot_be_given_more_than_its_role(owner: Person) -> None:
    for typed, why in (
        ({"name": "x", "role": "cashier", "scope:staff:write": "yes"}, "does not include all"),
        ({"name": "x", "role": "cashier", "days": "9000"}, "too small or too large"),
        ({"role": "cashier"}, "Please fill this in."),
    ):
        answer = await owner.fill(KEYS, **typed)
        assert (answer.status_code, why in answer.text, "kado_live_" in answer.text) == (422, True, False), typed


async def test_an_endpoint_is_named_and_hears_nothing_before_it_is_verified(owner: Person, shop: Shop) -> None:
    wrong = await owner.fill(WEBHOOKS, url="https://127.0.0.1/hook")
    assert (wrong.status_code, 'id="url-problem"' in wrong.text) == (422, True)
    page = await owner.fill(WEBHOOKS, **{"url": "https://93.184.216.34/hook", "event:giftcard.issued": "yes"})
    assert (page.status_code, "Copy this secret now" in page.text) == (200, True)
    (webhook,) = (await shop.call("GET", "/v2/webhooks")).json()
    assert (webhook["enabled"], webhook["allEventTypes"]) == (False, False)
    assert webhook["allowedEvents"] == ["giftcard.issued"]
    here = f"{WEBHOOKS}/{webhook['id']}"
    shown = await owner.get(here)
    assert unescape(re.findall(r"<h1><bdi>([^<]+)", shown.text)[0]) == "https://93.184.216.34/hook"
    saved = await owner.fill(here, url="https://93.184.216.34/other")
    assert (await owner.follow(saved)).status_code == 200
    (webhook,) = (await shop.call("GET", "/v2/webhooks")).json()
    assert (webhook["url"], webhook["allEventTypes"]) == ("https://93.184.216.34/other", True)
    gone = await owner.fill(here, f"{here}/delete")
    assert ((await owner.follow(gone)).status_code, (await shop.call("GET", "/v2/webhooks")).json()) == (200, [])


async def test_who_may_not_change_finds_no_forms(shop: Shop) -> None:
    manager = await signed_in(shop, await hired(shop, Role.MANAGER))
    for path in (STAFF, KEYS, WEBHOOKS):
        page = await manager.get(path)
        assert (page.status_code, path in forms_of(page)) == (200, False)
