"""Lists of cards: their order, their pages, what narrows them, and that they say what is true now."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.crowd import copies
from tests.api.shop import (
    LIST_ALL,
    SEARCH_ALL,
    STATUSES,
    UNKNOWN,
    Body,
    Fits,
    Shop,
    Superuser,
    cards_path,
    good,
    search_path,
)

from kado.cards.sweep import sweep
from kado.storage.part import COUNT_MAX


async def listed(shop: Shop, path: str, **options: Any) -> list[str]:
    """The ids of the cards."""
    return [card["id"] for card in await cards_of(shop, path, **options)]


async def cards_of(shop: Shop, path: str, **options: Any) -> list[Body]:
    answer = await shop.get(path, **options)
    assert answer.status_code == 200, answer.text
    found: list[Body] = answer.json()
    return found


def all_paths(program_id: str) -> list[str]:
    """Every address that lists the cards of a program."""
    narrowed = f"?programId={program_id}"
    return [cards_path(program_id), search_path(program_id), LIST_ALL + narrowed, SEARCH_ALL + narrowed]


# ── order and pages ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_holds_whole_cards_newest_first(shop: Shop, fits: Fits) -> None:
    program = await shop.program(currency="JPY")
    cards = [await shop.issue("500", program_id=program, customerEmail="ada@example.com") for _ in range(3)]
    seen = [await shop.look(card) for card in reversed(cards)]
    for path in all_paths(program):
        assert [fits("GiftCardResponse", card) for card in await cards_of(shop, path)] == seen
    assert all(card["cardNumber"].startswith("4") and len(card["cardNumber"]) == 16 for card in seen)


async def test_a_list_comes_in_pages(shop: Shop) -> None:
    program = await shop.program()
    ids = [(await shop.issue(program_id=program))["id"] for _ in range(5)][::-1]

    async def page(path: str, query: str) -> tuple[list[str], str, bool]:
        answer = await shop.get(f"{path}{'&' if '?' in path else '?'}{query}")
        assert answer.status_code == 200, answer.text
        shown = [card["id"] for card in answer.json()]
        return shown, answer.headers["x-total-count"], "kado-total-is-minimum" in answer.headers

    for path in all_paths(program):
        for query, shown in [
            ("", ids),
            ("limit=250", ids),
            ("limit=2", ids[:2]),
            ("limit=2&page=2", ids[2:4]),
            ("limit=2&page=3", ids[4:]),
            ("limit=2&page=4", []),
            ("limit=2&offset=1", ids[1:3]),
            ("limit=2&offset=1&page=9", ids[1:3]),
            ("offset=5", []),
            (f"page={2**31}", []),
            (f"offset={2**31}", []),
            (f"cardId={UNKNOWN}", ids),
            ("q=", ids),
            ("q=%20", ids),
        ]:
            assert await page(path, query) == (shown, "5", False), (path, query)


async def test_cards_of_the_same_moment_keep_their_order(shop: Shop, thief: Superuser) -> None:
    program = await shop.program()
    ids = [(await shop.issue(program_id=program, customerName="Ada"))["id"] for _ in range(6)]
    for table in ("card", "card_word"):
        await thief.execute(f"UPDATE {table} SET created_at = '2026-01-01Z' WHERE program_id = $1", program)
    for path in (cards_path(program), search_path(program) + "?q=ada"):
        joint = "&" if "?" in path else "?"
        pages = [await listed(shop, f"{path}{joint}limit=2&page={page}") for page in (1, 2, 3)]
        assert [card for page in pages for card in page] == sorted(ids, reverse=True)


async def test_a_long_list_is_counted_as_far_as_that_is_cheap(shop: Shop) -> None:
    program = await shop.program()
    card = await shop.issue(program_id=program, customerName="Ada Lovelace")
    await copies(shop, card, COUNT_MAX - 1)

    async def total(query: str = "") -> tuple[str, str | None]:
        answer = await shop.get(f"{cards_path(program)}?{query}")
        assert answer.status_code == 200
        return answer.headers["x-total-count"], answer.headers.get("kado-total-is-minimum")

    assert await total() == (str(COUNT_MAX), None)
    await shop.issue(program_id=program, customerName="Ada Byron")
    assert await total() == (str(COUNT_MAX), "true")
    assert await total("q=ada") == (str(COUNT_MAX), "true")
    assert await total("q=ada%20lov") == ("250", "true")  # with several words, not past the page
    assert await total("q=ada%20byr&limit=1") == ("1", None)
    assert await total("q=ada%20lov&page=4") == (str(COUNT_MAX), None)
    assert await total("q=byron") == ("1", None)
    # Whoever goes on past that learns it to the end.
    assert await total(f"offset={COUNT_MAX - 1}&limit=2") == (str(COUNT_MAX + 1), None)
    assert await total("page=5") == (str(COUNT_MAX + 1), None)
    seen = [one for page in range(1, 6) for one in await listed(shop, f"{cards_path(program)}?page={page}")]
    assert len(seen) == len(set(seen)) == COUNT_MAX + 1


# ── what narrows a list ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_status_is_the_one_that_is_true_now(shop: Shop) -> None:
    """The sweep has not run: what is written says that ended suspensions last and that no card has expired."""
    program = await shop.program()
    now = await shop.now()
    ago = now - timedelta(seconds=1)
    wanted: dict[str, list[str]] = {
        status: [(await shop.card_in(status, program_id=program))["id"]] for status in STATUSES
    }

    async def changed(status: str, starts_as: str, **facts: object) -> None:
        card = await shop.card_in(starts_as, program_id=program)
        written = (await shop.stored(card)).recorded_status
        await shop.shift(card, **facts)
        await shop.superuser.execute("UPDATE card SET status = $2 WHERE id = $1", card["id"], written)
        wanted[status].insert(0, card["id"])

    ended = {"suspended_at": ago - timedelta(days=1), "suspended_until": ago, "recorded_status": "suspended"}
    for starts_as in ("pending", "active", "depleted", "suspended"):
        await changed("expired", starts_as, expires_at=ago)
    for status in ("pending", "active", "depleted"):
        card = await shop.card_in(status, program_id=program)
        await shop.shift(card, **ended)
        await shop.superuser.execute("UPDATE card SET status = 'suspended' WHERE id = $1", card["id"])
        wanted[status].insert(0, card["id"])
    await changed("suspended", "suspended", suspended_until=now + timedelta(days=1))

    async def check() -> None:
        for path in (cards_path(program), f"{LIST_ALL}?programId={program}"):
            for status, ids in wanted.items():
                answer = await shop.get(f"{path}{'&' if '?' in path else '?'}status={status}")
                assert [card["id"] for card in answer.json()] == ids, status
                assert {card["status"] for card in answer.json()} == {status}
                assert answer.headers["x-total-count"] == str(len(ids))

    await check()
    await sweep(shop.api.services.database, answer_days=30)
    await check()


async def test_a_balance_narrows_a_list(shop: Shop) -> None:
    program = await shop.program()
    cards = {status: (await shop.card_in(status, program_id=program))["id"] for status in STATUSES}
    with_money = [cards["expired"], cards["suspended"], cards["active"]]
    for path in (cards_path(program), f"{LIST_ALL}?programId={program}&cardId={UNKNOWN}"):
        joint = "&" if "?" in path else "?"
        assert await listed(shop, f"{path}{joint}positive_balance=true") == with_money
        assert len(await listed(shop, f"{path}{joint}positive_balance=false")) == len(cards)
        assert await listed(shop, f"{path}{joint}positive_balance=true&status=expired") == with_money[:1]
        assert await listed(shop, f"{path}{joint}positive_balance=true&status=voided") == []


async def test_a_merchant_narrows_a_list(shop: Shop) -> None:
    program = await shop.program()
    merchant_id, _ = await shop.admitted(program)
    own = await shop.issue(program_id=program, customerName="Ada")
    theirs = good(await shop.post(cards_path(program), {"initialValue": "1.00", "merchantId": merchant_id}), 201)
    for path in all_paths(program):
        joint = "&" if "?" in path else "?"
        assert await listed(shop, f"{path}{joint}merchant_id={merchant_id}") == [theirs["id"]]
        assert own["id"] in await listed(shop, f"{path}{joint}merchant_id={shop.merchant_id}&q=ada")
        assert await listed(shop, f"{path}{joint}merchant_id={merchant_id}&q=ada") == []
        assert await listed(shop, f"{path}{joint}merchant_id={UNKNOWN}") == []
    assert await listed(shop, f"{cards_path(program)}?merchant_id={merchant_id}&status=pending") == [theirs["id"]]
    assert await listed(shop, f"{cards_path(program)}?merchant_id={merchant_id}&status=active") == []


async def test_a_list_is_searched_like_a_search(shop: Shop) -> None:
    program = await shop.program()
    pending = await shop.issue(program_id=program, customerName="Ada Lovelace")
    active = await shop.active(program_id=program, customerName="Ada Lovelace")
    await shop.active(program_id=program, customerName="Grace Hopper")
    path = cards_path(program)
    assert await listed(shop, f"{path}?q=lovel") == [active["id"], pending["id"]]
    assert await listed(shop, f"{path}?q=lovel&status=active") == [active["id"]]
    assert await listed(shop, f"{path}?q=lovel&positive_balance=true") == [active["id"]]
    assert await listed(shop, f"{path}?q={active['cardNumber']}&status=pending") == []


# ── whose cards ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_over_programs_holds_those_that_the_merchant_owns(shop: Shop) -> None:
    merchant_id, token = await shop.stranger()
    body = {"initialValue": "1.00", "merchantId": merchant_id, "customerName": "Ada"}
    programs = [good(await shop.post("/v2/programs", {"name": name}, token=token), 201)["id"] for name in "ABC"]
    cards = [good(await shop.post(cards_path(program), body, token=token), 201)["id"] for program in programs * 2]
    await shop.issue(customerName="Ada")
    for path in (LIST_ALL, SEARCH_ALL + "?q=ada", SEARCH_ALL):
        assert await listed(shop, path, token=token) == cards[::-1]
    assert await listed(shop, f"{LIST_ALL}?programId={programs[1]}", token=token) == [cards[4], cards[1]]
    assert await listed(shop, f"{SEARCH_ALL}?q=ada&programId={programs[1]}", token=token) == [cards[4], cards[1]]
    assert await listed(shop, f"{LIST_ALL}?limit=2&page=2", token=token) == cards[::-1][2:4]
    mine = await listed(shop, LIST_ALL)
    assert set(mine).isdisjoint(cards)
    for foreign in (UNKNOWN, shop.program_id):
        for path in (LIST_ALL, SEARCH_ALL):
            for query in (f"programId={foreign}", f"programId={foreign}&programId={programs[0]}"):
                answer = await shop.get(f"{path}?{query}", token=token)
                assert (answer.status_code, answer.json()["code"]) == (403, "program_forbidden")


async def test_a_merchant_without_programs_has_no_cards(shop: Shop) -> None:
    _, token = await shop.stranger()
    for path in (LIST_ALL, SEARCH_ALL, LIST_ALL + "?q=ada", LIST_ALL + "?status=expired"):
        answer = await shop.get(path, token=token)
        assert (answer.status_code, answer.json(), answer.headers["x-total-count"]) == (200, [], "0")


async def test_an_admitted_merchant_does_not_list(shop: Shop) -> None:
    merchant_id, token = await shop.admitted()
    await shop.issue()
    for path in all_paths(shop.program_id):
        answer = await shop.get(path, token=token)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert await listed(shop, LIST_ALL, token=token) == []
    assert await listed(shop, f"{SEARCH_ALL}?merchant_id={merchant_id}", token=token) == []


async def test_test_cards_and_live_cards_never_meet(shop: Shop) -> None:
    program = await shop.program()
    test_key = await shop.key(is_test=True)
    live = await shop.active(program_id=program, customerName="Ada", customerEmail="ada@example.com")
    test = await shop.active(program_id=program, customerName="Ada", customerEmail="ada@example.com", token=test_key)
    queries = ["", "status=active", "positive_balance=true", f"merchant_id={shop.merchant_id}", "q=ada"]
    queries += ["q=ada%40example.com"]
    for path in all_paths(program):
        for query in queries:
            full = f"{path}{'&' if '?' in path else '?'}{query}"
            assert await listed(shop, full) == [live["id"]], full
            assert await listed(shop, full, token=test_key) == [test["id"]], full
        for card, token in ((live, test_key), (test, "")):
            for typed in (card["cardNumber"], card["lastFourDigits"]):
                full = f"{path}{'&' if '?' in path else '?'}q={typed}"
                assert card["id"] not in await listed(shop, full, token=token)


# ── bad input ──────────────────────────────────────────────────────────────────────────────────────────────────────

WRONG = [
    ("status=used", "status"),
    ("status=ACTIVE", "status"),
    ("status=", "status"),
    ("limit=0", "limit"),
    ("limit=251", "limit"),
    ("limit=abc", "limit"),
    ("limit=-1", "limit"),
    ("limit=1.5", "limit"),
    ("limit=1e2", "limit"),
    ("page=0", "page"),
    ("page=-1", "page"),
    (f"page={2**63}", "page"),
    ("offset=-1", "offset"),
    (f"offset={10**30}", "offset"),
    ("offset=x", "offset"),
    ("positive_balance=perhaps", "positive_balance"),
    ("merchant_id=1", "merchant_id"),
    (f"merchant_id={UNKNOWN.upper()}", "merchant_id"),
    ("cardId=1", "cardId"),
    (f"q={'a' * 256}", "q"),
    (f"q={'a' * 2000}", "q"),
    ("q=a%00b", "q"),
    ("q=a%0Ab", "q"),
    ("q=%1b[2J", "q"),
]


@pytest.mark.parametrize(("query", "field"), WRONG)
async def test_what_a_list_cannot_mean_is_refused_with_the_field(shop: Shop, query: str, field: str) -> None:
    paths = all_paths(shop.program_id)
    if field in ("status", "positive_balance"):
        paths = [path for path in paths if "search" not in path]
    for path in paths:
        answer = await shop.get(f"{path}{'&' if '?' in path else '?'}{query}")
        assert answer.status_code == 422, answer.text
        assert [error["loc"] for error in answer.json()["detail"]] == [["query", field]]


async def test_a_program_id_without_its_form_is_refused(shop: Shop) -> None:
    for path in (LIST_ALL, SEARCH_ALL):
        for wrong in ("", "x", "1" * 23, "G" * 24, "%00" * 24):
            answer = await shop.get(f"{path}?programId={wrong}")
            assert answer.status_code == 422
            assert answer.json()["detail"][0]["loc"] == ["query", "programId"]


async def test_what_was_typed_is_not_repeated_in_a_refusal(shop: Shop) -> None:
    card = await shop.issue()
    answer = await shop.get(f"{search_path(shop.program_id)}?q={card['cardNumber']}%00")
    assert answer.status_code == 422
    assert card["cardNumber"] not in answer.text


async def test_a_list_takes_no_other_method(shop: Shop) -> None:
    for path in (LIST_ALL, SEARCH_ALL, search_path(shop.program_id)):
        answer = await shop.post(path, {})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), path
    answer = await shop.call("DELETE", cards_path(shop.program_id))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_odd_texts_find_nothing_and_break_nothing(shop: Shop) -> None:
    await shop.issue(customerName="Ada Lovelace", customerEmail="ada@example.com")
    odd = ["%", "_", "a%", "a_a", "\\", "'", "''", '"', "';--", "$1", "{}", "a\\%", "ad\\", "\u00ad", "\ufffd"]
    odd += ["\U0010ffff", "ada \U0010ffff", "\u202eada", "zz " * 85, " ".join("bcdefghijklmnopqrstuvwxyz"), "0" * 20]
    odd += ["0" * 21, "-"]
    for path in all_paths(shop.program_id):
        for text in odd:
            answer = await shop.get(f"{path}{'&' if '?' in path else '?'}q={quote(text)}")
            assert (answer.status_code, answer.json()) == (200, []), text
        answer = await shop.get(f"{path}{'&' if '?' in path else '?'}q=%ED%A0%80")  # half of a surrogate pair
        assert (answer.status_code, answer.json()) == (200, [])
