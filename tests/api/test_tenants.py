"""Whose is it: other merchants, admitted merchants, other programs, and the wall between test mode and money."""

import pytest
from tests.api.access_operations import ACCESS
from tests.api.design_operations import LOOKS
from tests.api.operations import (
    ABOUT_PEOPLE,
    FOR_CUSTOMERS,
    IN_A_PROGRAM,
    ON_A_CARD,
    ON_A_WEBHOOK,
    ON_PASSES,
    OPERATIONS,
    a_card_for,
    send,
)
from tests.api.shop import UNKNOWN, Shop, Superuser, card_path, cards_path, fingerprint, good, pass_path

# ── another merchant ───────────────────────────────────────────────────────────────────────────────────────────────
from kado.access.permissions import Permission, Role


@pytest.mark.parametrize("name", IN_A_PROGRAM)
async def test_another_merchants_program_and_none_at_all_are_refused_alike(
    shop: Shop, thief: Superuser, name: str
) -> None:
    card = await a_card_for(shop, name)
    _, stranger = await shop.stranger()
    before = await fingerprint(thief)
    answer = await send(shop, name, card, token=stranger)
    nowhere = await send(shop, name, {**card, "programId": UNKNOWN}, token=stranger)
    assert (answer.status_code, answer.json()["code"]) == (403, "program_forbidden")
    assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content)
    assert await fingerprint(thief) == before


async def test_another_merchants_pass_and_none_at_all_are_refused_alike(shop: Shop) -> None:
    card = await shop.active()
    _, stranger = await shop.stranger()
    answers = [
        await shop.get(pass_path(card), token=stranger),
        await shop.get(pass_path({"card": {"serialNumber": shop.program_id + "0" * 32}}), token=stranger),
        await shop.get(pass_path({"card": {"serialNumber": UNKNOWN + "0" * 32}}), token=stranger),
        await shop.get(pass_path({"card": {"serialNumber": shop.program_id + "0" * 32}})),
        await shop.get(pass_path({"card": {"serialNumber": "x"}})),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


@pytest.mark.parametrize("name", ON_A_WEBHOOK)
async def test_another_merchants_webhook_and_none_at_all_are_unknown_alike(
    shop: Shop, thief: Superuser, name: str
) -> None:
    card = await a_card_for(shop, name)
    _, admitted = await shop.admitted()
    test_key = await shop.key(is_test=True)
    before = await fingerprint(thief)
    for token in (admitted, test_key):
        answer = await send(shop, name, card, token=token)
        nowhere = await send(shop, name, {**card, "webhookId": UNKNOWN}, token=token)
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_not_found")
        assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content)
    assert await fingerprint(thief) == before


async def test_a_list_of_programs_holds_ones_own_and_the_admitted(shop: Shop) -> None:
    merchant_id, token = await shop.admitted()
    own = good(await shop.post("/v2/programs", {"name": "Own"}, token=token), 201)
    assert own["merchantId"] == merchant_id
    listed = (await shop.get("/v2/loyalty/programs", token=token)).json()
    assert [program["id"] for program in listed] == [shop.program_id, own["id"]]
    _, stranger = await shop.stranger()
    assert (await shop.get("/v2/loyalty/programs", token=stranger)).json() == []


# ── another program of the same merchant ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ON_A_CARD)
async def test_a_card_of_another_program_and_none_at_all_are_unknown_alike(shop: Shop, name: str) -> None:
    card, program = await a_card_for(shop, name), await shop.program()
    before = await shop.snapshot(card)
    answer = await send(shop, name, {**card, "programId": program})
    nowhere = await send(shop, name, {**card, "programId": program, "id": UNKNOWN, "cardNumber": "4000"})
    assert (answer.status_code, answer.json()["code"]) == (404, "card_not_found")
    assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content)
    assert await shop.snapshot(card) == before


# ── an admitted merchant ───────────────────────────────────────────────────────────────────────────────────────────

ADMITTED = {
    "create", "activate", "redeem", "reload", "reload-by-number", "resend-code", "details", "transactions",
    "refund", "reverse", "transfer", "hold", "capture", "release", "holds", "read hold", "lineage", "sent",
    "list all", "search all", "list programs", "read program", "create program", "list webhooks", "create webhook",
    "paper", *(name for name, one in LOOKS.items() if one.permission is Permission.PROGRAMS_READ),
    "validate session", *FOR_CUSTOMERS, "audit log", "export audit log", "audit export", "download audit log",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [name for name in OPERATIONS if name not in (*ON_PASSES, *ON_A_WEBHOOK, *ABOUT_PEOPLE, *ACCESS)]
)
async def test_an_admitted_merchant_works_at_the_till_and_nowhere_else(shop: Shop, name: str) -> None:
    _, admitted = await shop.admitted()
    card = await a_card_for(shop, name, till=admitted)
    before = await shop.snapshot(card)
    answer = await send(shop, name, card, token=admitted)
    if name in ADMITTED:
        assert answer.status_code == OPERATIONS[name].status, answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert await shop.snapshot(card) == before


@pytest.mark.parametrize("name", ["download person", "read consent", "update consent", "look up consent"])
async def test_what_is_known_of_people_is_the_merchants_own(shop: Shop, thief: Superuser, name: str) -> None:
    card = await a_card_for(shop, name)
    _, admitted = await shop.admitted()
    _, stranger = await shop.stranger()
    before = await fingerprint(thief)
    nothing = {"personExport": UNKNOWN, "consent": UNKNOWN, "customerEmail": "nobody.at.all@example.com"}
    for token in (stranger, admitted):
        answer = await send(shop, name, card, token=token)
        nowhere = await send(shop, name, {**card, **nothing}, token=token)
        assert answer.status_code == 404
        assert answer.content == nowhere.content
    assert await fingerprint(thief) == before


async def test_an_entry_names_the_merchant_whose_token_was_used(shop: Shop) -> None:
    merchant_id, admitted = await shop.admitted()
    card = await shop.active()
    good(await shop.redeem(card, token=admitted))
    good(await shop.redeem(card))
    merchants = [entry["merchantId"] for entry in await shop.entries(card)]
    assert merchants == [shop.merchant_id, merchant_id, shop.merchant_id, shop.merchant_id]


async def test_a_card_is_issued_for_the_owner_or_an_admitted_merchant(shop: Shop) -> None:
    merchant_id, admitted = await shop.admitted()
    stranger_id, _ = await shop.stranger()
    for token in ("", admitted):
        for wanted in (shop.merchant_id, merchant_id):
            body = {"initialValue": "1.00", "merchantId": wanted}
            card = good(await shop.post(cards_path(shop.program_id), body, token=token), 201)
            assert card["merchantId"] == wanted
            assert (card["merchantName"] == shop.merchant_name) is (wanted == shop.merchant_id)
        for wanted in (stranger_id, UNKNOWN):
            body = {"initialValue": "1.00", "merchantId": wanted}
            refused = good(await shop.post(cards_path(shop.program_id), body, token=token), 400)
            assert refused == {
                "detail": "This merchant neither owns the program nor is admitted to it.",
                "code": "merchant_not_admitted",
            }


async def test_a_merchant_that_is_no_longer_admitted_is_a_stranger(shop: Shop, thief: Superuser) -> None:
    merchant_id, token = await shop.admitted()
    await thief.execute("DELETE FROM program_admission WHERE merchant_id = $1", merchant_id)
    card = await shop.active()
    assert (await shop.redeem(card, token=token)).json()["code"] == "program_forbidden"


# ── test mode ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [*ON_A_CARD, *ON_PASSES])
async def test_a_live_card_does_not_exist_for_a_test_key(shop: Shop, name: str) -> None:
    card = await a_card_for(shop, name)
    before = await shop.snapshot(card)
    test_key = await shop.key(is_test=True)
    answer = await send(shop, name, card, token=test_key)
    known = card["card"]["passTypeIdentifier"]
    nowhere_at = {"serialNumber": shop.program_id + "0" * 32, "passTypeIdentifier": known}
    nothing = {"id": UNKNOWN, "cardNumber": "4000", "card": nowhere_at}
    nowhere = await send(shop, name, card | nothing, token=test_key)
    assert answer.status_code == 404
    assert answer.content == nowhere.content
    assert await shop.snapshot(card) == before


@pytest.mark.parametrize("name", [*ON_A_CARD, *ON_PASSES])
async def test_a_test_card_does_not_exist_for_a_live_key(shop: Shop, name: str) -> None:
    test_key = await shop.key(is_test=True)
    card = await a_card_for(shop, name, token=test_key, till=test_key)
    before = await shop.snapshot(card)
    for role in (Role.OWNER, Role.READ_ONLY if OPERATIONS[name].method == "GET" else Role.MANAGER):
        answer = await send(shop, name, card, token=await shop.key(role))
        assert answer.status_code == 404
    assert await shop.snapshot(card) == before
    assert (await send(shop, name, card, token=test_key)).status_code == OPERATIONS[name].status


async def test_a_test_card_is_one_from_its_issue_on(shop: Shop) -> None:
    card = await shop.issue(token=await shop.key(is_test=True))
    assert (await shop.stored(card, is_test=True)).is_test is True
    assert (await shop.stored(await shop.issue())).is_test is False


async def test_a_contact_is_replaced_by_the_owner_or_with_the_code(shop: Shop) -> None:
    """Otherwise a cashier could have the next code sent to a friend."""
    _, admitted = await shop.admitted()
    cashier = await shop.key(Role.CASHIER)
    for token in (admitted, cashier):
        card = await shop.issue(customerEmail="eva@example.com")
        path = f"{card_path(card)}/activate"
        answer = await shop.post(path, {"customerEmail": "thief@example.com"}, token=token)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert good(await shop.post(path, {"customerEmail": "eva@example.com"}, token=token))["status"] == "active"
    card = await shop.issue(customerEmail="eva@example.com")
    moved = good(await shop.post(f"{card_path(card)}/activate", {"customerEmail": "ida@example.com"}))
    assert moved["customerEmail"] == "ida@example.com"
