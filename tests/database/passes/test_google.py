"""Google Wallet: what is written there, by whom, and the link that people follow."""

import asyncio
from typing import Any

import jwt
import pytest
from tests.database.cards.builders import Shop
from tests.database.passes.conftest import caller
from tests.database.passes.test_apple_pass import found
from tests.database.passes.test_push import state, working
from tests.serving.wallet_api import WalletApi

from kado.cards.card import CardStatus
from kado.crypto import Keyring
from kado.money import currency
from kado.passes import google as shapes
from kado.passes.apns import Pusher
from kado.passes.teller import Teller
from kado.passes.wallets import Wallets
from kado.people.forget import forget_on_cards
from kado.storage.database import Database


async def test_a_link_holds_ids_alone_and_the_object_is_there_before_it(
    shop: Shop, google: Wallets, wallet_api: WalletApi, account_key: Any, database: Database
) -> None:
    card_id = await shop.card(5000, -1250, sender_name="Ida", custom_message="All the best")
    card = await shop.look(card_id)
    async with caller(database, google) as browser:
        answer = await browser.get(f"/cards/{card.pass_sid}/google-wallet")
    assert answer.status_code == 303
    link = answer.headers["location"]
    assert link.startswith("https://pay.google.com/gp/v/save/")
    assert len(link) < 1800
    token = link.rpartition("/")[2]
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    payload = jwt.decode(token, account_key.public_key(), ["RS256"], audience="google")
    object_id = f"3388.{shop.program_id}-{card_id}"
    assert payload["typ"] == "savetowallet"
    assert payload["payload"] == {"giftCardObjects": [{"id": object_id, "classId": f"3388.{shop.program_id}"}]}
    kept = wallet_api.kept[object_id]
    assert kept["balance"] == {"micros": "37500000", "currencyCode": "USD"}
    assert (kept["state"], kept["cardNumber"]) == ("ACTIVE", f"•••• {card.last_four}")
    assert kept["barcode"]["value"] == card.pass_sid
    assert kept["textModulesData"][0]["body"] == "All the best"
    assert wallet_api.kept[f"3388.{shop.program_id}"]["reviewStatus"] == "UNDER_REVIEW"
    assert wallet_api.assertions[0]["scope"] == "https://www.googleapis.com/auth/wallet_object.issuer"
    assert (await shop.look(card_id)).in_wallets


async def test_changes_are_written_to_objects_that_are_there(
    shop: Shop, google: Wallets, wallet_api: WalletApi, keyring: Keyring, superuser: Any
) -> None:
    card_id, other = await shop.card(5000), await shop.card(5000)
    assert await google.google_link(shop.database, await found(shop, card_id)) is not None
    await state(superuser, "told")
    teller = Teller(shop.database, keyring, google, Pusher("https://127.0.0.1:1", {}))
    async with working(teller):
        await shop.redeem(card_id, 100)
        await shop.redeem(other, 100)
        await teller.tell({"program": shop.program_id})
        await state(superuser, "told")
    assert wallet_api.kept[f"3388.{shop.program_id}-{card_id}"]["balance"]["micros"] == "49000000"
    assert f"3388.{shop.program_id}-{other}" not in wallet_api.kept
    assert wallet_api.tokens == 1
    assert sum("giftCardClass" in one for one in wallet_api.asked) == 2


async def test_what_the_card_said_of_people_goes_from_the_object_too(
    shop: Shop, google: Wallets, wallet_api: WalletApi, keyring: Keyring, superuser: Any
) -> None:
    card_id = await shop.card(5000, sender_name="Ida", custom_message="All the best")
    assert await google.google_link(shop.database, await found(shop, card_id))
    await forget_on_cards(shop.database, keyring, shop.program_id, [card_id], lambda *_: True)
    assert (await shop.look(card_id)).in_wallets
    teller = Teller(shop.database, keyring, google, Pusher("https://127.0.0.1:1", {}))
    async with working(teller):
        await state(superuser, "told")
    assert "Ida" not in str(wallet_api.kept)


async def test_a_token_that_was_taken_back_is_asked_for_anew_once(
    shop: Shop, google: Wallets, wallet_api: WalletApi
) -> None:
    card = await found(shop, await shop.card(5000))
    assert await google.google_link(shop.database, card)
    wallet_api.answers = [401]
    assert await google.google_link(shop.database, card)
    assert wallet_api.tokens == 2


async def test_while_google_is_away_people_are_told_so_and_nothing_is_lost(
    shop: Shop, google: Wallets, wallet_api: WalletApi, database: Database, superuser: Any
) -> None:
    card = await shop.look(await shop.card(5000))
    wallet_api.answers = [500]
    async with caller(database, google) as browser:
        answer = await browser.get(f"/cards/{card.pass_sid}/google-wallet", headers={"Accept-Language": "fr"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "Google Wallet est injoignable" in answer.text
        assert await superuser.fetchval("SELECT state FROM wallet_registration") == "queued"
        assert (await browser.get(f"/cards/{card.pass_sid}/google-wallet")).status_code == 303


@pytest.mark.parametrize(("code", "minor", "micros"), [("USD", 1, 10_000), ("JPY", 1, 1_000_000), ("KWD", 1, 1000)])
def test_micros_are_exact_in_every_currency(code: str, minor: int, micros: int) -> None:
    assert shapes.micros(minor, currency(code)) == micros


def test_every_status_has_a_state() -> None:
    assert set(shapes._STATES) == set(CardStatus)


async def test_a_stop_ends_what_has_begun(shop: Shop, google: Wallets, keyring: Keyring) -> None:
    stop = asyncio.Event()
    stop.set()
    await Teller(shop.database, keyring, google, Pusher("https://127.0.0.1:1", {})).run(stop)
