"""Places, tills and PINs in the console: as the till itself has them, for owners and managers alone."""

import re
from html import unescape

from tests.api.shop import PASSWORD, UNKNOWN, Shop, a_merchant
from tests.api.tills import FrontEnd
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access import pins, staff, terminals
from kado.access.permissions import Role
from kado.access.till_store import Terminal
from kado.errors import Refusal
from kado.web import forms

PLACES = "/console/places"
CODE = f"{PLACES}/code"
OWN = "/console/account/pin"
PIN = "2580"


async def a_code(owner: Person, shop: Shop, name: str = "Till 1", place: str = "Market Street") -> str:
    page = await owner.fill(PLACES, CODE, name=name, location=place, idleMinutes="7", program=shop.program_id)
    assert page.status_code == 200, page.text
    found = re.search(r"[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}", page.text)
    assert found is not None
    return found[0]


async def a_till(owner: Person, shop: Shop, name: str = "Till 1", place: str = "Market Street") -> Terminal:
    services = shop.api.services
    code = await a_code(owner, shop, name, place)
    made = await terminals.enrol(services.database, services.keyring, code, owner.address)
    return (await terminals.get(services.database, shop.merchant_id, made.terminal_id)).terminal


async def member(shop: Shop, email: str) -> str:
    return (await staff.find_by_email(shop.api.services.database, email)).id


async def a_colleague(shop: Shop, role: Role = Role.CASHIER) -> tuple[str, str]:
    """Email and id of somebody with a PIN."""
    email = await hired(shop, role)
    services, staff_id = shop.api.services, await member(shop, email)
    await pins.set_pin(services.database, services.keyring, shop.merchant_id, staff_id, PIN, "operator:test")
    return email, staff_id


async def test_a_code_makes_a_till_which_is_listed_moved_and_revoked(owner: Person, shop: Shop) -> None:
    till = await a_till(owner, shop)
    assert (till.name, till.location, till.program_id, till.idle_minutes) == (
        ("Till 1", "Market Street", shop.program_id, 7)
    )
    here = f"{PLACES}/{till.id}"
    page = await owner.get(PLACES)
    assert (here in page.text, "Market Street" in page.text, "Nobody there" in page.text) == (True, True, True)
    moved = await owner.fill(here, name="Till 2", location="Harbour", idleMinutes="5")
    shown = unescape((await owner.follow(moved)).text)
    assert ("Harbour" in shown, owner.email in shown) == (True, True)
    sure = await owner.get(f"{here}/revoke")
    assert "can sell and take no card any more" in sure.text
    assert here in (await owner.get(PLACES)).text, "nothing is done before it is confirmed"
    gone = await owner.follow(await owner.send(sure, f"{here}/revoke"))
    assert ("The device is a till no more." in gone.text, here in gone.text) == (True, False)
    assert here in (await owner.get(f"{PLACES}?state=revoked")).text
    assert here not in forms_of(await owner.get(here))


async def test_devices_are_searched_and_paged(owner: Person, shop: Shop) -> None:
    for name in ("Alpha", "Beta"):
        await a_till(owner, shop, name, "Attic")
    page = await owner.get(f"{PLACES}?q=alph")
    assert ("<bdi>Alpha</bdi>" in page.text, "<bdi>Beta</bdi>" in page.text) == (True, False)
    assert "No till fits." in (await owner.get(f"{PLACES}?q=%25")).text
    assert "<bdi>Alpha</bdi>" not in (await owner.get(f"{PLACES}?start=50")).text


async def test_a_wrong_place_is_told_at_its_field_and_makes_no_code(owner: Person, shop: Shop) -> None:
    good = {"name": "A", "location": "B", "idleMinutes": "5", "program": shop.program_id}
    for wrong, at in (
        ({"name": ""}, "name"),
        ({"location": "x" * 101}, "location"),
        ({"idleMinutes": "121"}, "idleMinutes"),
        ({"program": "0" * 24}, ""),
        ({"program": "\x00"}, ""),
    ):
        answer = await owner.fill(PLACES, CODE, **good | wrong)
        assert answer.status_code in (404, 422), wrong
        assert (f'id="{at}-problem"' in answer.text) is bool(at), wrong
        assert re.search(r"[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}", answer.text) is None


async def test_who_loads_a_secret_anew_is_told_that_it_was_made_and_makes_no_second_one(
    owner: Person, shop: Shop
) -> None:
    async def count(table: str) -> int:
        async with shop.api.services.database.read() as connection:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))

    place = {"name": "Once", "location": "Here", "idleMinutes": "5", "program": shop.program_id}
    for table, path, action, fields, told in (
        ("terminal_code", PLACES, CODE, place, "This code was made"),
        ("api_key", "/console/keys", "/console/keys", {"name": "Once", "role": "cashier"}, "This key was made"),
        (
            "webhook",
            "/console/webhooks",
            "/console/webhooks",
            {"url": "https://93.184.216.34/once"},
            "This endpoint was added",
        ),
    ):
        before = await count(table)
        form = forms_of(await owner.get(path))[action] | fields
        first = await owner.post(action, form)
        assert (first.status_code, 'class="secret' in first.text) == (200, True), table
        again = await owner.follow(await owner.post(action, form))
        assert (told in again.text, 'class="secret' in again.text) == (True, False), table
        assert await count(table) == before + 1, table


async def test_a_code_dies_with_the_account_of_who_made_it(owner: Person, shop: Shop) -> None:
    email = await hired(shop, Role.MANAGER)
    code = await a_code(await signed_in(shop, email), shop)
    one = f"/console/staff/{await member(shop, email)}"
    assert (await owner.fill(one, role="manager", active="no")).status_code == 303
    stranger = Person(shop.api)
    answer = await stranger.fill("/pos/enrol", code=code)
    assert (answer.status_code, "kado_device" in str(answer.headers)) == (401, False)


async def test_a_pin_is_taken_away_and_who_waits_is_let_in(owner: Person, shop: Shop) -> None:
    services = shop.api.services
    till = await a_till(owner, shop)
    email, staff_id = await a_colleague(shop)
    one = f"/console/staff/{staff_id}"
    row = (await owner.get("/console/staff")).text.partition(email)[2].partition("</tr>")[0]
    assert "UTC" in row, "since when"
    assert f"{one}/pin/let-in" not in forms_of(await owner.get(one))
    for wrong in range(5):
        answer = await _tried(shop, till, staff_id, f"000{wrong + 1}")
        assert answer == "wrong_pin"
    assert await _tried(shop, till, staff_id, PIN) == "too_many_attempts"
    page = await owner.get(one)
    assert "After wrong tries" in page.text
    assert (await owner.follow(await owner.send(page, f"{one}/pin/let-in"))).status_code == 200
    assert await _tried(shop, till, staff_id, PIN) == ""
    page = await owner.follow(await owner.fill(one, f"{one}/pin/take"))
    assert ("None is set." in page.text, f"{one}/pin/take" in forms_of(page)) == (True, False)
    assert await _tried(shop, till, staff_id, PIN) == "wrong_pin"
    known = await pins.state_of(services.database, services.keyring, shop.merchant_id, staff_id)
    assert known.set_at is None


async def _tried(shop: Shop, till: Terminal, staff_id: str, pin: str) -> str:
    """The code of the refusal; empty where the PIN is right."""
    try:
        await pins.sign_in(shop.api.services.database, shop.api.services.keyring, till, staff_id, pin)
    except Refusal as refusal:
        return refusal.code
    return ""


async def test_ones_own_pin_is_set_against_the_password_and_never_shown(shop: Shop) -> None:
    email = await hired(shop, Role.CASHIER)
    cashier = await signed_in(shop, email)
    for fields, at in (
        ({"pin": PIN, "again": PIN}, "confirmation"),
        ({"pin": PIN, "again": PIN, "confirmation": "wrong password here"}, "confirmation"),
        ({"pin": PIN, "again": "2581", "confirmation": PASSWORD}, "again"),
        ({"pin": "1234", "again": "1234", "confirmation": PASSWORD}, "pin"),
        ({"pin": "12a4", "again": "12a4", "confirmation": PASSWORD}, "pin"),
    ):
        answer = await cashier.fill(OWN, **fields)
        assert answer.status_code in (401, 403, 422), fields
        assert f'id="{at}-problem"' in answer.text, fields
        assert PIN not in answer.text.replace("2581", "")
    done = await cashier.follow(await cashier.fill(OWN, pin=PIN, again=PIN, confirmation=PASSWORD))
    assert ("Your PIN is set." in done.text, PIN in done.text) == (True, False)
    gone = await cashier.follow(await cashier.fill(OWN, f"{OWN}/take"))
    assert "You have no PIN any more." in gone.text


async def test_cashiers_and_who_only_looks_reach_none_of_it(owner: Person, shop: Shop) -> None:
    till = await a_till(owner, shop)
    _, staff_id = await a_colleague(shop)
    for role in (Role.CASHIER, Role.READ_ONLY, Role.NETWORK_ADMINISTRATOR):
        person = await signed_in(shop, await hired(shop, role))
        for path in (PLACES, f"{PLACES}/{till.id}", f"{PLACES}/{till.id}/revoke"):
            assert (await person.get(path)).status_code == 403, (role, path)
        for path in (
            CODE,
            f"{PLACES}/{till.id}",
            f"{PLACES}/{till.id}/revoke",
            f"/console/staff/{staff_id}/pin/take",
            f"/console/staff/{staff_id}/pin/let-in",
        ):
            # Rights come before the token of the form, so that it does not matter that there is none.
            answer = await person.post(path)
            assert (answer.status_code, "Your role does not allow this." in answer.text) == (403, True), (role, path)


async def test_another_shops_tills_and_people_are_not_there(owner: Person, shop: Shop) -> None:
    till = await a_till(owner, shop)
    _, staff_id = await a_colleague(shop)
    foreigner = await signed_in(
        shop, await hired(shop, Role.OWNER, merchant_id=await a_merchant(shop.api, "Shop Over There"))
    )
    assert (await foreigner.get(f"{PLACES}/{till.id}")).status_code == 404
    assert till.id not in (await foreigner.get(PLACES)).text
    # With a form of one's own for it, it is not there either.
    for path in (f"{PLACES}/{till.id}", f"{PLACES}/{till.id}/revoke", f"/console/staff/{staff_id}/pin/take"):
        token = await _own_token(foreigner, path, shop)
        answer = await foreigner.post(path, {"form": token, "name": "x", "location": "y"})
        assert answer.status_code == 404, path
    services = shop.api.services
    assert (await terminals.get(services.database, shop.merchant_id, till.id)).terminal.revoked_at is None
    assert (await pins.state_of(services.database, services.keyring, shop.merchant_id, staff_id)).set_at is not None


async def _own_token(person: Person, path: str, shop: Shop) -> str:
    """A token that the server made for this person and this address, as it would stand on a page."""
    caller = await shop.api.services.access.authenticate(f"Bearer {person.token}")
    return forms.token_for(shop.api.services.keyring, f"{caller.sign_in_id} {path}")


async def test_who_has_no_program_is_not_asked_for_a_till(shop: Shop) -> None:
    other = await a_merchant(shop.api, "Shop With A Program")
    foreign = await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))
    assert CODE not in forms_of(await foreign.get(PLACES)), "without a program there is nothing to sell"


async def test_a_location_of_a_till_platform_sells_another_program(owner: Person, shop: Shop) -> None:
    opened = await (await FrontEnd.of(shop)).session(name="Kew", locationId="L1", locationName="Front desk")
    here = f"{PLACES}/platforms/{opened['id']}"
    other = await shop.program()
    page = await owner.get(PLACES)
    assert ("Front desk" in page.text, forms_of(page)[here]["location"]) == (True, "L1")
    done = await owner.follow(await owner.send(page, here, program=other))
    assert f'<option value="{other}" selected>' in done.text
    foreign = await a_merchant(shop.api, "Shop Beyond")
    foreigner = await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=foreign))
    for person, fields, status in (
        (owner, {"location": "L1", "program": UNKNOWN}, 403),
        (owner, {"location": "L2", "program": other}, 404),
        (owner, {"location": "\x00", "program": other}, 404),
        (foreigner, {"location": "L1", "program": ""}, 404),
    ):
        token = await _own_token(person, here, shop)
        assert (await person.post(here, fields | {"form": token})).status_code == status, fields
    gone = await owner.follow(await owner.send(page, here, program=""))
    assert f'<option value="{other}" selected>' not in gone.text
