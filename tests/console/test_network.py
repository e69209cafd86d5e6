"""All shops of the server, for network administrators; and other shops in a program, whose admission its owner ends."""

from decimal import Decimal
from html import unescape

from tests.api.shop import Shop, a_merchant, good
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role
from kado.access.staff import find_merchant
from kado.programs.admit import admit, list_admitted

NETWORK = "/console/network"


async def test_a_network_administrator_begins_with_all_shops_and_sees_what_the_api_says(shop: Shop) -> None:
    await shop.active("40.00")
    administrator = await signed_in(shop, await hired(shop, Role.NETWORK_ADMINISTRATOR))
    page = await administrator.follow(await administrator.get("/console"))
    said = good(await shop.call("GET", "/v2/giftcards/network/overview", token=administrator.token))
    text = unescape(page.text)
    for merchant in said["merchantBreakdowns"]:
        assert merchant["merchantName"] in text
    for figure in (said["totalMerchants"], said["totalCards"], said["activeCards"], said["totalTransactions"]):
        assert f"<dd>{figure}</dd>" in text
    assert f"US${Decimal(said['totalTransactionVolume']):,.2f}" in text.replace("\u00a0", "")
    assert f"/console/{shop.program_id}" not in text, "no program is theirs to enter"


async def test_more_shops_than_one_page_holds_are_on_the_next(shop: Shop) -> None:
    administrator = await signed_in(shop, await hired(shop, Role.NETWORK_ADMINISTRATOR))
    assert "start=50" not in (await administrator.get(NETWORK)).text
    beyond = await administrator.get(f"{NETWORK}?start=50")
    assert (beyond.status_code, "start=0" in beyond.text) == (200, True)


async def test_an_owner_ends_an_admission_once_it_was_confirmed(owner: Person, shop: Shop) -> None:
    services, program_id = shop.api.services, await shop.program()
    other = await a_merchant(shop.api, "Guest & Sons")
    await admit(services.database, program_id, other, "operator:test")
    guest = await signed_in(shop, await hired(shop, Role.OWNER, merchant_id=other))
    assert (await guest.get(f"/console/{program_id}")).status_code == 200
    here = f"/console/{program_id}/admitted/{other}"
    assert here in (await owner.get(f"/console/{program_id}/rules")).text
    sure = await owner.get(here)
    assert "Guest & Sons" in unescape(sure.text)
    assert [one for one, _ in await list_admitted(services.database, program_id)] == [other]
    assert here not in forms_of(await guest.get(f"/console/{program_id}/rules"))
    assert (await guest.get(here)).status_code == 403
    done = await owner.follow(await owner.send(sure, here))
    assert "The admission is ended." in done.text
    assert await list_admitted(services.database, program_id) == []
    assert (await guest.get(f"/console/{program_id}")).status_code == 403
    assert (await owner.get(here)).status_code == 404
    assert await find_merchant(services.database, "Guest & Sons") is not None
