"""A card in somebody's hand, through the client, on the real server: for whom, on paper."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.shop import Shop
from tests.client.proxy import Answers, Mishap, Proxy
from tests.paper_seen import pages_of

from kado.paper.work import print_next_piece
from kado_client import ApiError, NetworkError, NotFound, NotValid, Refused

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


# ── on paper ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_card_is_printed(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("25.00", customMessage="Happy birthday!")
    network.will(Mishap.LOSE_ANSWER)
    (page,) = pages_of(await program.cards.paper(card["id"]))
    assert len(network.seen) == 2, "to look at it twice is to look at it"
    assert page.codes["Code 128"] == [card["cardNumber"]]
    assert "Happy birthday!" in page.words
    label = await program.cards.paper(
        card["id"], format="label", size="letter", shift_right=-20, shift_down=100, language="fr"
    )
    (page,) = pages_of(label)
    assert (page.size, b"/Lang (fr)" in label) == ((612, 792), True)
    with pytest.raises(NotValid) as caught:
        await program.cards.paper(card["id"], shift_right=101)
    assert caught.value.fields[0].loc == ("query", "shiftRight")
    over = await shop.card_in("voided")
    with pytest.raises(Refused) as refused:
        await program.cards.paper(over["id"])
    assert refused.value.code == "card_not_active"


async def test_a_bulk_issue_is_printed_with_codes_that_are_right(program: Any, network: Proxy, shop: Shop) -> None:
    made = await program.bulk.issue("5.00", count=2)
    run = await program.bulk.order_paper(made.id, format="label", size="a4", shift_right=1)
    assert (run.task_id, run.status, run.format, run.is_finished) == (made.id, "pending", "label", False)
    assert (run.printed_count, run.total_count, run.download_url) == (0, 2, None)
    with pytest.raises(ApiError):
        await program.bulk.csv(made.csv_download_url)
    await _printed(shop)
    network.will(Mishap.RESET, Mishap.NONE, Answers(503))
    done = await program.bulk.paper(made.id)
    assert (done.status, done.printed_count, done.is_finished, done.error) == ("completed", 2, True, None)
    assert done.expires_at > datetime.now(UTC)
    assert done.download_url not in repr(done)
    (page,) = pages_of(await program.bulk.paper_file(done.download_url))
    assert sorted(page.codes["Code 128"]) == sorted(card.card_number for card in made.cards)
    with pytest.raises(NotFound) as gone:
        await program.bulk.paper(made.id)
    assert gone.value.code == "print_run_not_found"


async def test_paper_is_ordered_once_and_whoever_does_not_know_asks(program: Any, network: Proxy, shop: Shop) -> None:
    made = await program.bulk.issue("5.00", count=1)
    network.will(Mishap.LOSE_ANSWER)
    with pytest.raises(NetworkError):
        await program.bulk.order_paper(made.id)
    assert len(network.seen) == 1
    assert (await program.bulk.paper(made.id)).total_count == 1
    await program.cards.activate(made.cards[0].id)
    with pytest.raises(ApiError) as caught:
        await program.bulk.order_paper(made.id)
    assert (caught.value.status, caught.value.code) == (409, "cards_in_use")


async def _printed(shop: Shop) -> None:
    """Do what a worker would."""
    services = shop.api.services
    while await print_next_piece(services.database, services.keyring, services.settings.public_url):
        pass
