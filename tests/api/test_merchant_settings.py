"""Which program a shop's locations use: set through a session, by those who may, one shop at a time."""

from typing import Any

import pytest
import pytest_asyncio
from tests.api.shop import UNKNOWN, Fits, Shop, fingerprint, good
from tests.api.tills import SETTINGS, THEME, TOKEN, FrontEnd, a_platform_id, audit_of, validated

from kado.access.permissions import Role


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front_end(shop: Shop) -> FrontEnd:
    return await FrontEnd.of(shop)


async def save(shop: Shop, token: str, body: object, **options: Any) -> Any:
    return await shop.call("PUT", SETTINGS, body, headers={TOKEN: token}, **options)


async def test_settings_change_the_first_location_unless_one_is_named(
    front_end: FrontEnd, shop: Shop, fits: Fits
) -> None:
    platform_id, program = a_platform_id(), await shop.program()
    await front_end.session(merchantId=platform_id)
    await front_end.session(merchantId=platform_id, locationId="L1", locationName="Desk")
    opened = await front_end.session(merchantId=platform_id, locationId="L2", role="manager")
    token = opened["sessionToken"]
    saved = fits("MerchantSessionResponse", good(await save(shop, token, {"programId": shop.program_id})))
    assert (saved["locationId"], saved["locationName"], saved["programId"]) == ("L1", "Desk", shop.program_id)
    assert (saved["sessionToken"], saved["role"], saved["id"]) == (None, "manager", opened["id"])
    saved = good(await save(shop, token, {"programId": program, "locationId": "L2", "merchantId": platform_id}))
    assert [place["programId"] for place in saved["locations"]] == [shop.program_id, program]
    assert good(await save(shop, token, {"locationId": "L2", "merchantId": shop.merchant_id}))["programId"] == program
    assert good(await save(shop, token, {"programId": None, "locationId": "L2"}))["programId"] is None
    looked = (await validated(shop, token))["merchant"]
    assert [place["programId"] for place in looked["locations"]] == [shop.program_id, None]
    changes = [row for row in await audit_of(shop, opened["id"]) if row["action"] == "shop:program-changed"]
    assert [(row["details"], row["before"], row["after"]) for row in changes] == [
        ({"location": "L1"}, {"programId": None}, {"programId": shop.program_id}),
        ({"location": "L2"}, {"programId": None}, {"programId": program}),
        ({"location": "L2"}, {"programId": program}, {"programId": None}),
    ]
    assert {row["actor"].partition(":")[0] for row in changes} == {"key"}


async def test_a_shop_without_places_has_a_program_of_its_own(front_end: FrontEnd, shop: Shop) -> None:
    opened = await front_end.session(role="owner", platform="wordpress")
    saved = good(await save(shop, opened["sessionToken"], {"programId": shop.program_id}))
    assert (saved["locationId"], saved["programId"], saved["locations"]) == (None, shop.program_id, [])
    assert (await validated(shop, opened["sessionToken"]))["merchant"]["programId"] == shop.program_id


async def test_settings_that_cannot_be_are_refused_in_order(front_end: FrontEnd, shop: Shop) -> None:
    opened, other = await front_end.session(role="owner", locationId="L1"), await front_end.session()
    _, stranger = await shop.stranger()
    foreign = good(await shop.post("/v2/programs", {"name": "Foreign"}, token=stranger), 201)["id"]
    token, before = opened["sessionToken"], await fingerprint(shop.superuser)
    (other_id,) = await shop.rows("SELECT platform_id FROM shop WHERE id = $1", other["id"])
    for body, status, code in (
        ({"programId": foreign, "locationId": "none"}, 403, "program_forbidden"),
        ({"programId": UNKNOWN}, 403, "program_forbidden"),
        ({"programId": "x" * 101}, 422, None),
        ({"programId": 5}, 422, None),
        ({"locationId": "a\0"}, 422, None),
        ([], 422, None),
        ({"merchantId": other_id["platform_id"], "programId": "x"}, 404, "merchant_not_found"),
        ({"merchantId": "", "programId": shop.program_id}, 404, "merchant_not_found"),
        ({"locationId": "L2", "programId": "x"}, 404, "location_not_found"),
        ({"locationId": "", "programId": shop.program_id}, 404, "location_not_found"),
        ({"programId": "x"}, 400, "bad_program_id"),
        ({"programId": ""}, 400, "bad_program_id"),
    ):
        answer = await save(shop, token, body)
        assert (answer.status_code, answer.json().get("code")) == (status, code), body
    assert await fingerprint(shop.superuser) == before


@pytest.mark.parametrize(("method", "path"), [("PUT", SETTINGS), ("GET", THEME), ("PUT", THEME)])
async def test_settings_and_theme_take_a_session_and_the_rights_of_an_office(
    front_end: FrontEnd, shop: Shop, method: str, path: str
) -> None:
    body: Any = {}
    cashier = await shop.key(Role.CASHIER)
    before = await fingerprint(shop.superuser)
    for token, headers, code in (
        ("", {}, "merchant_session_required"),
        (cashier, {}, "merchant_session_required"),
        ("", {TOKEN: "x"}, "invalid_session_token"),
    ):
        answer = await shop.call(method, path, body, token=token, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await fingerprint(shop.superuser) == before
    for session, bearer in ((Role.OWNER, Role.OWNER), (Role.OWNER, Role.CASHIER), (Role.CASHIER, Role.OWNER),
                            (Role.READ_ONLY, Role.OWNER), (Role.MANAGER, Role.MANAGER)):  # fmt: skip
        till = await front_end.till(session)
        answer = await shop.call(method, path, body, token=await shop.key(bearer), headers=till)
        may = method == "GET" or {session, bearer} <= {Role.OWNER, Role.MANAGER}
        assert answer.status_code == (200 if may else 403), answer.text


async def test_each_shop_has_its_own_settings(front_end: FrontEnd, shop: Shop) -> None:
    one, other = await front_end.session(role="owner"), await front_end.session(role="owner")
    good(await save(shop, one["sessionToken"], {"programId": shop.program_id}))
    assert (await validated(shop, other["sessionToken"]))["merchant"]["programId"] is None
