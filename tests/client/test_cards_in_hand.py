"""A card in somebody's hand, through the client, on the real server: for whom it is."""

from typing import Any

import pytest
from tests.api.shop import Shop
from tests.client.proxy import Mishap, Proxy

from kado_client import NotValid

GERMAN = {"language": "de-AT", "time_zone": "Europe/Vienna"}
ADA = "ada@example.com"


async def written_to(shop: Shop, card_id: str) -> tuple[str | None, str | None]:
    """In which language, and by which clock, the card's receiver is."""
    stored = await shop.stored({"programId": shop.program_id, "id": card_id})
    return stored.language, stored.time_zone


# ── whose it is ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_issue_says_whom_the_card_is_for_and_who_gives_it(program: Any, network: Proxy, shop: Shop) -> None:
    network.will(Mishap.LOSE_ANSWER)
    card = await program.cards.issue(
        "25.00", merchant_id=shop.merchant_id, customer_email=ADA, receipt_email="grace@example.com", **GERMAN
    )
    assert card.is_replay, "a try that says the same is the same request"
    assert await written_to(shop, card.id) == ("de-AT", "Europe/Vienna")
    sent = await shop.messages({"programId": shop.program_id, "id": card.id})
    assert {(one["kind"], one["recipient"]) for one in sent} == {
        ("security_code", ADA),
        ("receipt", "grace@example.com"),
    }
    with pytest.raises(NotValid) as caught:
        await program.cards.issue("25.00", merchant_id=shop.merchant_id, time_zone="Mars/Olympus")
    assert str(caught.value.fields[0].loc[-1]).lower() == "kado-time-zone"


async def test_without_a_word_nothing_is_said(program: Any, network: Proxy, shop: Shop) -> None:
    network.will()
    await program.cards.issue("25.00", merchant_id=shop.merchant_id)
    assert [name for name in network.seen[0].headers if name.startswith("kado-")] == []


async def test_a_new_code_and_a_bulk_issue_are_in_the_receivers_language(program: Any, shop: Shop) -> None:
    card = await shop.active("5.00", customerEmail=ADA)
    await program.cards.resend_code(card["id"], **GERMAN)
    assert await written_to(shop, card["id"]) == ("de-AT", "Europe/Vienna")
    made = await program.bulk.issue("5.00", recipients=[{"customer_email": ADA}] * 2, **GERMAN)
    for one in made.cards:
        assert await written_to(shop, one.id) == ("de-AT", "Europe/Vienna")


async def test_what_no_header_can_be_is_not_sent(program: Any, network: Proxy, shop: Shop) -> None:
    network.will()
    for calling in (
        program.cards.issue("5.00", merchant_id=shop.merchant_id, receipt_email="a@b.example\r\nX-Injected: 1"),
        program.cards.resend_code("0123456789abcdef01234567", language="de\n"),
        program.bulk.issue("5.00", count=1, time_zone="Mitteleuropäische Zeit"),
    ):
        with pytest.raises(ValueError, match="visible ASCII"):
            await calling
    assert network.seen == []
