"""Searches for cards: by number, its last four digits, names and email, in an order that stays the same."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.shop import PEOPLE, SEARCH_ALL, Body, Fits, Shop, card_path, cards_path, good, search_path

from kado.access.caller import Customer
from kado.cards.card import CardStatus
from kado.cards.lists import Wanted, list_cards
from kado.cards.numbers import hide_number
from kado.cards.store import write_state
from kado.crypto import Keyring
from kado.ids import new_id


async def found(shop: Shop, typed: str, program_id: str | None = None, **options: Any) -> list[str]:
    """Their ids. What a search of the program finds, one over all programs and a list find too."""
    program = program_id or shop.program_id
    answers = [
        await shop.get(f"{path}q={quote(typed)}", **options)
        for path in (
            f"{search_path(program)}?",
            f"{SEARCH_ALL}?programId={program}&",
            f"{cards_path(program)}?",
        )
    ]
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert len({answer.content for answer in answers}) == 1
    ids = [card["id"] for card in answers[0].json()]
    assert answers[0].headers["x-total-count"] == str(len(ids))
    return ids


# ── what is found ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "typed",
    ["lov", "Lovelace", "LOVELACE", "ada lov", "lov ada", "a", "charles", "babb", "ada babbage", "  ada\u2003lovelace ",
     "ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM", "ada.l", "ada.lovelace@", "ada ada.love"],
)  # fmt: skip
async def test_a_card_is_found_by_names_and_email(shop: Shop, fits: Fits, typed: str) -> None:
    program = await shop.program()
    card = await shop.issue(program_id=program, **PEOPLE)
    await shop.issue(program_id=program, customerName="Grace Hopper", customerEmail="grace@example.com")
    assert await found(shop, typed, program) == [card["id"]]
    listed = (await shop.get(f"{search_path(program)}?q={quote(typed)}")).json()
    assert [fits("GiftCardResponse", one) for one in listed] == [card]


@pytest.mark.parametrize(
    "typed", ["velace", "ada hopper", "example", "@example.com", "lovelace@", "adalovelace", "Adá"]
)
async def test_a_card_is_not_found_by_the_middle_of_a_word_or_half_of_the_words(shop: Shop, typed: str) -> None:
    program = await shop.program()
    await shop.issue(program_id=program, **PEOPLE)
    assert await found(shop, typed, program) == []


@pytest.mark.parametrize(
    ("name", "typed"),
    [("Ann Jones-Smith", "smith"), ("Sinéad O’Connor", "connor sin"), ("ÅSA Öberg", "åsa ÖB"), ("Straße", "strasse"),
     ("Ирина Петрова", "петр"), ("李 明", "明"), ("Zoë", "zoe\u0308"), ("100% Ada_", "100% ada_")],
)  # fmt: skip
async def test_names_of_all_languages_are_found(shop: Shop, name: str, typed: str) -> None:
    program = await shop.program()
    card = await shop.issue(program_id=program, senderName=name)
    assert await found(shop, typed, program) == [card["id"]]


async def test_a_number_is_found_as_it_is_printed(shop: Shop) -> None:
    card, other = await shop.issue(), await shop.issue()
    number = card["cardNumber"]
    groups = [number[at : at + 4] for at in range(0, 16, 4)]
    for typed in (number, " ".join(groups), "-".join(groups), f"  {number} "):
        assert await found(shop, typed) == [card["id"]]
    assert await found(shop, number[:-1]) == []
    assert await found(shop, number, await shop.program()) == []
    assert await found(shop, other["cardNumber"]) == [other["id"]]


async def test_the_last_four_digits_find_all_that_end_so_newest_first(shop: Shop) -> None:
    program = await shop.program()
    cards = [await shop.issue(program_id=program) for _ in range(3)]
    await shop.superuser.execute("UPDATE card SET last_four = '0042' WHERE program_id = $1", program)
    named = await shop.issue(program_id=program, customerName="0042 Bond Street")
    ids = [card["id"] for card in reversed(cards)]
    assert await found(shop, "0042", program) == [*ids, named["id"]]
    assert await found(shop, " 00-42 ", program) == ids
    assert await found(shop, "042", program) == []
    await shop.superuser.execute("UPDATE card SET last_four = '0042' WHERE id = $1", named["id"])
    assert await found(shop, "0042", program) == [named["id"], *ids]  # once, though it is found in two ways
    pages = [(await shop.get(f"{search_path(program)}?q=0042&limit=2&page={page}")).json() for page in (1, 2, 3)]
    assert [card["id"] for page in pages for card in page] == [named["id"], *ids]


async def test_a_number_written_under_an_older_secret_is_found(shop: Shop) -> None:
    program = await shop.program()
    card = await shop.issue(program_id=program)
    services = shop.api.services
    old = Keyring(["f1a7" * 4 + "0b9c8d7e6f5a4b3c" * 3])
    hidden = hide_number(old, program, card["id"], "4000123412341234")
    await shop.superuser.execute(
        "UPDATE card SET number_index = $2, number_sealed = $3 WHERE id = $1",
        card["id"],
        hidden.number_index,
        hidden.sealed,
    )
    wanted = Wanted(is_test=False, limit=250, text="4000 1234 1234 1234")
    assert (await list_cards(services.database, services.keyring, [program], wanted)).found == []
    both = Keyring(["0d9e" * 4 + "1b2c8d7e6f5a4b3c" * 3, "f1a7" * 4 + "0b9c8d7e6f5a4b3c" * 3])
    assert [one.card.id for one in (await list_cards(services.database, both, [program], wanted)).found] == [card["id"]]


async def test_matches_are_in_the_order_of_the_word_that_fits(shop: Shop) -> None:
    program = await shop.program()
    names = ["Ida Lovage", "Bo Love", "Al Lovelace", "Zoe Love", "Bo Love", "Love Lovelace"]
    cards = [await shop.issue(program_id=program, customerName=name) for name in names]
    expected = [cards[at]["id"] for at in (0, 4, 1, 5, 3, 2)]
    assert await found(shop, "lov", program) == expected
    pages = [(await shop.get(f"{search_path(program)}?q=lov&limit=1&offset={at}")).json() for at in range(7)]
    assert [card["id"] for page in pages for card in page] == expected


async def test_no_text_finds_everything_newest_first(shop: Shop) -> None:
    program = await shop.program()
    ids = [(await shop.issue(program_id=program))["id"] for _ in range(3)]
    answer = await shop.get(search_path(program))
    assert [card["id"] for card in answer.json()] == ids[::-1]


# ── what becomes of the words ──────────────────────────────────────────────────────────────────────────────────────


async def words(shop: Shop, card: Body) -> list[str]:
    rows = await shop.rows("SELECT word FROM card_word WHERE card_id = $1 ORDER BY place", card["id"])
    return [row["word"] for row in rows]


async def test_names_that_activation_brings_replace_those_of_the_issue(shop: Shop) -> None:
    program = await shop.program()
    card = await shop.issue(program_id=program, customerName="Grace Hopper", senderName="Eve")
    changes = {"customerName": "Ada Lovelace", "customerEmail": "ada@example.com"}
    good(await shop.post(card_path(card, "activate"), changes))
    assert await found(shop, "hopper", program) == []
    for typed in ("ada", "ada@", "eve", "eve lovelace"):
        assert await found(shop, typed, program) == [card["id"]]


async def test_what_leaves_the_names_alone_leaves_the_words_alone(shop: Shop) -> None:
    card = await shop.active(**PEOPLE)
    before = await shop.rows(
        "SELECT xmin::text, w::text FROM card_word w WHERE card_id = $1 ORDER BY place", card["id"]
    )
    good(await shop.redeem(card))
    good(await shop.reload(card))
    good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
    good(await shop.post(card_path(card, "unsuspend"), {}))
    good(await shop.post(card_path(card, "resend-code")))
    good(await shop.post(card_path(card, "void"), {"reason": "lost"}))
    after = await shop.rows("SELECT xmin::text, w::text FROM card_word w WHERE card_id = $1 ORDER BY place", card["id"])
    assert after == before
    assert len(before) == 5


async def test_a_person_who_is_taken_off_a_card_leaves_no_word_behind(shop: Shop) -> None:
    card, neighbour = await shop.active(**PEOPLE), await shop.active(**PEOPLE)
    stored = await shop.stored(card)
    await write_state(shop.superuser, [replace(stored, customer_name=None)])
    assert await words(shop, card) == [
        "ada.lovelace@example.com charles babbage",
        "babbage ada.lovelace@example.com charles",
        "charles babbage ada.lovelace@example.com",
    ]
    await write_state(shop.superuser, [replace(stored, customer_name=None, customer_email=None, sender_name=None)])
    assert await words(shop, card) == []
    assert len(await words(shop, neighbour)) == 5


async def test_cards_without_names_have_no_words(shop: Shop) -> None:
    card = await shop.active(customerPhone="+4930901820")
    assert await words(shop, card) == []


# ── a customer's own cards ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_sees_own_cards_only(shop: Shop) -> None:
    program = await shop.program()
    customer = Customer(new_id(), "ada@example.com", "+4930901820", "Ada")
    by_email = await shop.issue(program_id=program, customerEmail="Ada@Example.com", customerName="Ada Lovelace")
    by_phone = await shop.active(program_id=program, customerPhone="+4930901820", customerName="Countess")
    by_id = await shop.issue(program_id=program, customerEmail="other@example.com", customerName="Ada Byron")
    await shop.superuser.execute("UPDATE card SET customer_id = $2 WHERE id = $1", by_id["id"], customer.id)
    foreign = await shop.active(program_id=program, customerEmail="ada@example.community", customerName="Ada Lovelace")
    await shop.issue(program_id=program)
    services = shop.api.services

    async def seen(who: Customer = customer, **facts: Any) -> list[str]:
        wanted = Wanted(is_test=False, limit=250, customer=who, **facts)
        page = await list_cards(services.database, services.keyring, [program], wanted)
        assert page.total == len(page.found)
        return [one.card.id for one in page.found]

    assert await seen() == [by_id["id"], by_phone["id"], by_email["id"]]
    assert await seen(text="ada") == [by_id["id"], by_email["id"]]
    assert await seen(text="ada lov") == [by_email["id"]]
    assert await seen(text=foreign["cardNumber"]) == []
    assert await seen(text=by_phone["cardNumber"]) == [by_phone["id"]]
    assert foreign["id"] not in await seen(text=foreign["lastFourDigits"])
    assert await seen(status=CardStatus.ACTIVE) == [by_phone["id"]]
    assert await seen(has_balance=True) == [by_phone["id"]]
    assert await seen(replace(customer, email=None)) == [by_id["id"], by_phone["id"]]
    assert await seen(replace(customer, phone=None, email=None)) == [by_id["id"]]
    assert await seen(Customer(new_id(), None, None, None)) == []
