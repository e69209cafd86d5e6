"""The operations beyond the card's own life, through the client, on the real server."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.api.shop import Shop
from tests.client.conftest import Clients
from tests.client.proxy import Mishap, Proxy

from kado.access import keys
from kado_client import ApiError, NotAuthenticated, NotFound, Refused, Signer, TransactionType

GP = "/v2/giftcards/programs/{programId}"
GC = f"{GP}/cards/{{cardId}}"
THEME = {"primary": "#15803d", "border_radius": "md"}


# ── money ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redemption_is_refunded_once_whatever_the_network_does(
    program: Any, network: Proxy, shop: Shop
) -> None:
    card = await shop.active("20.00")
    done = await program.cards.redeem(card["id"], "20.00")
    network.will(Mishap.LOSE_ANSWER)
    part = await program.cards.refund(card["id"], done.transaction_id, "5.00", reason="returned")
    assert (part.refunded_amount, part.remaining_balance, part.is_replay) == (Decimal("5.00"), Decimal("5.00"), True)
    rest = await program.cards.refund(card["id"], done.transaction_id)
    assert rest.remaining_balance == Decimal("20.00")
    with pytest.raises(Refused):
        await program.cards.refund(card["id"], done.transaction_id)


async def test_money_goes_from_card_to_card(program: Any, shop: Shop) -> None:
    source, destination = await shop.active("20.00", customerEmail="ada@example.com"), await shop.active("1.00")
    code = await shop.code_of(source)
    moved = await program.cards.transfer(source["id"], destination["cardNumber"], "20.00", security_code=code)
    assert (moved.amount_transferred, moved.source_card.status) == (Decimal("20.00"), "depleted")
    assert (moved.source_card.remaining_balance, moved.destination_card.new_balance) == (Decimal(0), Decimal("21.00"))
    with pytest.raises(NotAuthenticated):
        await program.cards.transfer(destination["id"], source["cardNumber"], "1.00", security_code="000000")


async def test_two_cards_become_one_and_know_of_each_other(program: Any, shop: Shop) -> None:
    old = [await shop.active("10.00", customerEmail="ada@example.com") for _ in range(2)]
    done = await program.cards.consolidate(
        [card["cardNumber"] for card in old], merchant_id=shop.merchant_id, customer_email="ada@example.com"
    )
    assert (done.new_card.balance, done.total_consolidated_amount) == (Decimal("20.00"), Decimal("20.00"))
    assert sorted(done.voided_cards) == sorted(card["id"] for card in old)
    assert len(done.consolidation_transactions) >= 2
    lineage = await program.cards.lineage(done.new_card.id)
    assert {one.card_id for one in lineage.predecessors} == set(done.voided_cards)
    assert {one.relation for one in lineage.predecessors} == {"consolidation"}
    successor = (await program.cards.lineage(old[0]["id"])).successor
    assert (successor.card_id, successor.at.tzinfo is not None) == (done.new_card.id, True)


async def test_a_lost_card_is_replaced(program: Any, shop: Shop) -> None:
    card = await shop.active("20.00", customerEmail="ada@example.com")
    done = await program.cards.replace(card["id"], "lost", customer_email="ada@example.com")
    assert (done.voided_card_id, done.transferred_amount) == (card["id"], Decimal("20.00"))
    assert (done.new_card.balance, done.new_card.status) == (Decimal("20.00"), "active")
    assert done.transaction_ids


async def test_a_till_gives_up_on_a_sale_that_may_or_may_not_have_arrived(program: Any, shop: Shop) -> None:
    card = await shop.active("20.00")
    await program.cards.redeem(card["id"], "5.00", pos_transaction_id="till-1-sale-1")
    undone = await program.cards.reverse(card_id=card["id"], pos_transaction_id="till-1-sale-1", reason="no answer")
    assert (undone.found, undone.balance, undone.gift_card_id) == (True, Decimal("20.00"), card["id"])
    assert [abs(one.amount) for one in undone.reversed] == [Decimal("5.00")]
    early = await program.cards.reverse(card_number=card["cardNumber"], pos_transaction_id="till-1-sale-2")
    assert (early.found, early.reversed) == (False, ())
    with pytest.raises(Refused) as caught:
        await program.cards.redeem(card["id"], "5.00", pos_transaction_id="till-1-sale-2")
    assert caught.value.code == "already_reversed"


async def test_a_sale_is_found_by_its_reference(program: Any, shop: Shop) -> None:
    cards, sale = [await shop.active("20.00") for _ in range(2)], f"sale-{secrets.token_hex(4)}"
    for card in cards:
        await program.cards.redeem(card["id"], "5.00", pos_transaction_id=sale)
    found = await program.cards.find_transactions(pos_transaction_id=sale)
    assert {entry.gift_card_id for entry in found} == {card["id"] for card in cards}
    assert {entry.transaction_type for entry in found} == {TransactionType.REDEMPTION}


async def test_an_order_holds_captures_and_releases(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    network.will(Mishap.LOSE_ANSWER)
    hold = await program.holds.place(card["id"], "15.00", order_reference="order-1", expires_in_seconds=3600)
    assert (hold.status, hold.amount, hold.available_balance) == ("open", Decimal("15.00"), Decimal("5.00"))
    with pytest.raises(Refused):
        await program.cards.redeem(card["id"], "5.01")
    taken = await program.holds.capture(card["id"], hold.id, "10.00", keep_rest=True, pos_transaction_id="77")
    assert (taken.amount_redeemed, taken.remaining_balance) == (Decimal("10.00"), Decimal("10.00"))
    assert (taken.hold.status, taken.hold.captured_amount) == ("open", Decimal("10.00"))
    assert (await program.holds.release(card["id"], hold.id)).ended_at is not None
    assert [one.id for one in await program.holds.list(card["id"])] == [hold.id]
    assert (await program.holds.get(card["id"], hold.id)).order_reference == "order-1"


# ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_expired_card_is_extended(program: Any, shop: Shop) -> None:
    card = await shop.card_in("expired")
    done = await program.cards.process_expired(card["id"], "extend", extension_days=30)
    assert (done.action, done.success, done.new_expires_at > datetime.now(UTC)) == ("extend", True, True)
    assert (await program.cards.get(card["id"])).status == "active"


async def test_a_delivery_is_put_off_and_called_off(program: Any, shop: Shop) -> None:
    moment = datetime.now(UTC) + timedelta(days=2)
    card = await shop.issue("5.00", customerEmail="ada@example.com", deliverAt=(moment - timedelta(days=1)).isoformat())
    assert (await program.cards.schedule(card["id"], moment)).deliver_at == moment
    assert (await program.cards.schedule(card["id"], None)).deliver_at is None


async def test_a_card_becomes_somebody_elses(program: Any, shop: Shop) -> None:
    card = await shop.active("20.00")
    given = await program.cards.transfer_ownership(
        card["id"], new_owner_name="Grace", new_owner_email="grace@example.com", reference_id="gift-1"
    )
    assert (given.customer_name, given.customer_email) == ("Grace", "grace@example.com")


async def test_cards_are_issued_in_bulk_once_whatever_the_network_does(
    program: Any, network: Proxy, shop: Shop
) -> None:
    network.will(Mishap.LOSE_ANSWER)
    done = await program.bulk.issue("5.00", count=2)
    assert (done.is_replay, done.is_finished, done.task_id, done.issued_count) == (True, True, None, 2)
    assert len(done.cards) == 2
    named = await program.bulk.issue(
        "5.00", recipients=[{"customer_email": "ada@example.com", "customer_name": "Ada"}], is_physical=False
    )
    card = await program.cards.get(named.cards[0].id)
    assert (card.customer_email, card.customer_name) == ("ada@example.com", "Ada")
    many = await program.bulk.issue("1.00", count=60)
    assert many.task_id is not None
    assert (await program.bulk.get(many.task_id)).status in ("pending", "processing", "completed")


async def test_numbers_and_codes_of_a_bulk_issue_are_a_file(program: Any) -> None:
    done = await program.bulk.issue("5.00", count=2)
    text = (await program.bulk.csv(done.csv_download_url)).decode()
    assert {card.card_number for card in done.cards} <= set(re.findall("[0-9]{16}", text))
    with pytest.raises(ApiError):
        await program.bulk.csv(done.csv_download_url)
    link = await program.bulk.renew_csv_link(done.csv_download_url.split("/")[-3])
    assert b"," in await program.bulk.csv(link.csv_download_url)


# ── finding ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_cards_are_listed_and_found(kado: Any, shop: Shop) -> None:
    program = kado.program(await shop.program())
    made = [await program.cards.issue("5.00", merchant_id=shop.merchant_id, customer_name="Hypatia") for _ in range(3)]
    await program.cards.activate(made[0].id)
    assert {card.id for card in await program.cards.list()} == {card.id for card in made}
    page = await program.cards.list(limit=2)
    assert (len(page), page.total) == (2, 3)
    assert [card.id for card in await program.cards.list(status="active", positive_balance=True)] == [made[0].id]
    assert [card.id for card in await program.cards.search(made[1].card_number)] == [made[1].id]
    assert {card.id for card in await kado.cards.search("Hypatia")} >= {card.id for card in made}
    assert (await kado.cards.list(program_id=made[0].program_id)).total == 3


# ── customers, merchants, webhooks ─────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_signs_in_and_sees_their_own_cards(clients: Clients, network: Proxy, shop: Shop) -> None:
    network.will()
    key = await shop.key(is_test=True)
    kado, email = clients.make(network.url, key), f"{secrets.token_hex(6)}@example.com"
    card = await shop.active("20.00", token=key, customerEmail=email)
    sent = await kado.customers.send_code(email)
    assert sent.success
    assert sent.mock_code is not None, "test keys send nothing"
    with pytest.raises(Refused):
        await kado.customers.sign_in(email, "000000" if sent.mock_code != "000000" else "000001")
    session = await kado.customers.sign_in(email, sent.mock_code, name="Ada")
    assert (session.success, session.identity.email, session.identity.name) == (True, email, "Ada")
    assert (await kado.customers.session(session.session_token)).valid
    customer = kado.as_customer(session.session_token)
    report = await customer.customers.report()
    assert (report.total_cards, report.total_balance) == (1, Decimal("20.00"))
    assert [entry.amount for entry in await customer.customers.transactions(limit=1)] == [Decimal("20.00")]
    assert [one.total_balance for one in await customer.customers.consolidatable_merchants()] == [Decimal("20.00")]
    assert (await customer.program(shop.program_id).cards.get(card["id"])).id == card["id"]
    assert (await kado.customers.sign_out(session.session_token)).success
    assert not (await kado.customers.session(session.session_token)).valid


async def test_a_balance_is_checked_without_knowing_the_program(clients: Clients, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00", customerEmail="ada@example.com")
    stranger = clients.make(network.url)
    found = await stranger.cards.check_balance(card["cardNumber"], await shop.code_of(card))
    assert (found.id, found.balance) == (card["id"], Decimal("20.00"))


async def test_a_platforms_till_opens_a_session_and_chooses_how_it_looks(
    clients: Clients, network: Proxy, shop: Shop
) -> None:
    services, name = shop.api.services, f"shop-{secrets.token_hex(4)}"
    made = await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
    front_end = clients.make(network.url, shop.owner, signer=Signer(made.key_id, made.secret))
    session = await front_end.merchants.open_session(
        app_token="token-of-the-platform-0123456789", merchant_id=name, location_id="l-1", role="owner"
    )
    assert (session.platform, session.active, session.location_id) == ("eposnow", True, "l-1")
    assert (await front_end.merchants.session(session.session_token)).valid
    till = clients.make(network.url, shop.owner).as_merchant(session.session_token)
    settled = await till.merchants.save_settings(program_id=shop.program_id)
    assert settled.locations[0].program_id == shop.program_id
    saved = await till.merchants.save_theme(**THEME)
    assert (saved.theme.primary, saved.theme.border_radius, "validation" in saved.raw) == ("#15803d", "md", True)
    assert (await till.merchants.theme()).theme == saved.theme


async def test_webhooks_are_named_changed_and_forgotten(kado: Any) -> None:
    made = await kado.webhooks.create("https://93.184.215.14/hook", allowed_events=["giftcard.redeemed"])
    assert (made.enabled, made.allowed_events) == (False, ("giftcard.redeemed",))
    assert made.shared_secret.startswith("whsec_")
    assert made.id in [one.id for one in await kado.webhooks.list()]
    assert made.shared_secret not in str((await kado.webhooks.get(made.id)).raw)
    changed = await kado.webhooks.update(made.id, "https://93.184.215.14/other", all_event_types=True)
    assert (changed.url, changed.all_event_types) == ("https://93.184.215.14/other", True)
    assert (await kado.webhooks.disable(made.id)).enabled is False
    assert (await kado.webhooks.deliveries(made.id)).total == 0
    await kado.webhooks.delete(made.id)
    with pytest.raises(NotFound):
        await kado.webhooks.get(made.id)
