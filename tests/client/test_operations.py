"""Every served operation, through the client, on the real server."""

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.api.shop import Shop, pass_path
from tests.client.conftest import Clients
from tests.client.proxy import Proxy

from kado.access import keys
from kado_client import (
    CardStatus,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotValid,
    Refused,
    Signer,
    TransactionType,
)


async def test_a_card_lives_as_it_does_in_a_shop(program: Any, shop: Shop) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    card = await program.cards.issue(
        "25.00", merchant_id=shop.merchant_id, customer_email="ben@example.com", sender_name="Ada", deliver_at=tomorrow
    )
    assert (card.status, card.balance, card.initial_value) == (CardStatus.PENDING, Decimal(0), Decimal("25.00"))
    assert (card.deliver_at, card.sender_name, card.raw["customerEmail"]) == (tomorrow, "Ada", "ben@example.com")
    assert card.card is not None
    active = await program.cards.activate(card.id, customer_name="Ben")
    assert (active.status, active.balance, active.customer_name) == ("active", Decimal("25.00"), "Ben")
    done = await program.cards.redeem(
        card.id, Decimal("12.50"), pos_transaction_id="77", cashier_id="c", terminal_id="t"
    )
    assert (done.amount_redeemed, done.remaining_balance, done.success) == (Decimal("12.50"), Decimal("12.50"), True)
    assert (await program.cards.reload(card.id, 5, reference_id="r-1")).balance == Decimal("17.50")
    assert (await program.cards.reload_by_number(card.card_number, "0.50")).balance == Decimal("18.00")
    entries = await program.cards.transactions(card.id, limit=2)
    assert (len(entries), entries.total) == (2, 5)
    assert [entry.amount for entry in entries] == [Decimal("0.50"), Decimal("5.00")]
    redeemed = (await program.cards.transactions(card.id, q="77"))[0]
    assert redeemed.transaction_type == TransactionType.REDEMPTION
    assert (redeemed.amount, redeemed.pos_transaction_id) == (Decimal("-12.50"), "77")
    assert redeemed.created_at.tzinfo is not None
    seen = await program.cards.get(card.id, include_transactions=True)
    assert len(seen.transactions) == 5
    assert (await program.cards.get(card.id)).transactions is None
    ended = await program.cards.void(card.id, "returned", refund_reference="cash-1")
    assert (ended.success, ended.card_id, ended.action) == (True, card.id, "void")


async def test_a_repeated_key_is_answered_as_before(program: Any, shop: Shop) -> None:
    key = secrets.token_hex(8)
    first = await program.cards.issue("5.00", merchant_id=shop.merchant_id, idempotency_key=key)
    again = await program.cards.issue("5.00", merchant_id=shop.merchant_id, idempotency_key=key)
    assert first == again
    assert (first.is_replay, again.is_replay) == (False, True)
    with pytest.raises(NotValid) as caught:
        await program.cards.issue("6.00", merchant_id=shop.merchant_id, idempotency_key=key)
    assert caught.value.code == "idempotency_key_reused"


async def test_two_calls_without_a_key_are_two_redemptions(program: Any, shop: Shop) -> None:
    card = await shop.active("20.00")
    await program.cards.redeem(card["id"], "5.00")
    assert (await program.cards.redeem(card["id"], "5.00")).remaining_balance == Decimal("10.00")


async def test_a_program_that_requires_keys_is_satisfied_without_thinking_of_them(kado: Any, shop: Shop) -> None:
    strict = kado.program(await shop.program(requireIdempotencyKey=True))
    card = await strict.cards.issue("5.00", merchant_id=shop.merchant_id)
    assert (await strict.cards.activate(card.id)).balance == Decimal("5.00")
    assert (await strict.cards.redeem(card.id, "5.00")).remaining_balance == 0


async def test_a_card_is_suspended_and_comes_back(program: Any, shop: Shop) -> None:
    card = await shop.active("20.00")
    until = datetime.now(UTC) + timedelta(hours=1)
    suspended = await program.cards.suspend(card["id"], "lost", until=until)
    assert (suspended.status, suspended.suspended_until) == ("suspended", until)
    with pytest.raises(Refused) as caught:
        await program.cards.redeem(card["id"], "1.00")
    assert (caught.value.code, caught.value.members["status"]) == ("card_not_active", "suspended")
    assert (await program.cards.unsuspend(card["id"])).status == "active"


async def test_a_code_is_sent_again_and_checks_the_balance(
    clients: Clients, network: Proxy, program: Any, shop: Shop
) -> None:
    card = await shop.active("20.00", customerEmail="ada@example.com")
    sent = await program.cards.resend_code(card["id"])
    assert (sent.channel, sent.sent_to == "ada@example.com", "@" in sent.sent_to) == ("email", False, True)
    stranger = clients.make(network.url).program(shop.program_id)
    balance = await stranger.cards.check_balance(card["cardNumber"], await shop.code_of(card))
    assert (balance.balance, balance.is_active, balance.status) == (Decimal("20.00"), True, "active")
    with pytest.raises(NotFound) as caught:
        await stranger.cards.check_balance("4000000000000000", "123456")
    assert caught.value.code == "card_not_found"


async def test_programs_are_opened_changed_and_listed(kado: Any) -> None:
    made = await kado.programs.create("Vouchers", currency="EUR", max_balance="500.00", company="Kew", expiry_months=24)
    assert (made.currency, made.max_balance, made.company, made.expiry_months) == ("EUR", Decimal(500), "Kew", 24)
    changed = await kado.programs.update(made.id, name="Gifts", company=None, max_reload=Decimal("50.00"))
    assert (changed.name, changed.company, changed.max_reload) == ("Gifts", None, Decimal("50.00"))
    assert await kado.programs.get(made.id) == changed
    assert "Gifts" in [program.name for program in await kado.programs.list()]


async def test_amounts_have_the_currencys_decimals(kado: Any, shop: Shop) -> None:
    yen = kado.program(await shop.program(currency="JPY"))
    card = await yen.cards.issue(Decimal("2.5E+3"), merchant_id=shop.merchant_id)
    assert str(card.initial_value) == "2500"
    with pytest.raises(NotValid) as caught:
        await yen.cards.issue("25.00", merchant_id=shop.merchant_id)
    assert [one.loc for one in caught.value.fields] == [("body", "initialValue")]


async def test_a_front_end_signs_what_it_asks(clients: Clients, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    services = shop.api.services
    made = await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
    sid = pass_path(card).rpartition("/")[2]
    found = await clients.make(network.url, signer=Signer(made.key_id, made.secret)).pass_balance(sid)
    assert (found.balance, found.program_id) == (Decimal("20.00"), shop.program_id)
    behind_a_prefix = clients.make(network.url + "/api", signer=Signer(made.key_id, made.secret))
    assert (await behind_a_prefix.pass_balance(sid)).id == found.id
    for wrong in (None, Signer(made.key_id, "another secret")):
        with pytest.raises(NotAuthenticated) as caught:
            await clients.make(network.url, signer=wrong).pass_balance(sid)
        assert caught.value.code in ("invalid_signature", "unauthenticated")


async def test_a_no_says_all_that_the_server_said(kado: Any, program: Any, shop: Shop) -> None:
    card = await shop.active("9500.00")
    with pytest.raises(Refused) as caught:
        await program.cards.reload(card["id"], "1000.00", idempotency_key="too-much")
    no = caught.value
    assert (no.status, no.code, no.idempotency_key) == (400, "max_balance_exceeded", "too-much")
    assert no.members["availableReloadAmount"] == Decimal("500.00")
    assert isinstance(no.members["availableReloadAmount"], Decimal)
    assert no.request_id
    with pytest.raises(NotAllowed) as forbidden:
        await kado.program("0123456789abcdef01234567").cards.get(card["id"])
    assert forbidden.value.code == "program_forbidden"


async def test_sessions_are_sent_beside_the_bearer(kado: Any, network: Proxy, shop: Shop) -> None:
    network.will()
    for client in (kado.as_customer("c-1"), kado.as_merchant("m-1").as_customer("c-2")):
        with pytest.raises(NotAuthenticated) as caught:
            await client.program(shop.program_id).cards.get("0123456789abcdef01234567")
        assert caught.value.code == "invalid_session_token"
    first, second = (request.headers for request in network.seen)
    assert first["x-eposn-customer-token"] == "c-1"
    assert "x-eposn-merchant-token" not in first
    assert (second["x-eposn-merchant-token"], second["x-eposn-customer-token"]) == ("m-1", "c-2")
    assert first["authorization"] == second["authorization"] == f"Bearer {shop.owner}"
    assert first["user-agent"].startswith("kado-client/")


async def test_who_nobody_is(kado: Any, clients: Clients, network: Proxy) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        await kado.me()
    assert caught.value.code == "not_a_person"
    with pytest.raises(NotAuthenticated):
        await kado.sign_in("nobody@flowers.example", "a wrong password")
    with pytest.raises(NotFound) as off:
        await kado.captcha()
    assert off.value.code == "captcha_off"
    assert (await clients.make(network.url).health()).status == "healthy"
