"""The passes of cards in wallets, as merchants' programs fetch them, and the address at which people do."""

import io
import json
import zipfile

from tests.api.shop import Shop, good, pass_path, wallet_path

from kado.doors import wallet
from kado.passes.wallets import wallets


async def test_the_file_is_a_pass_of_this_card(shop: Shop) -> None:
    card = await shop.active("25.00", customMessage="For you", senderName="Ida")
    answer = await shop.get(wallet_path(card))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        said = json.loads(archive.read("pass.json"))
    assert said["serialNumber"] == card["card"]["serialNumber"]
    assert card["cardNumber"] not in json.dumps(said)


async def test_a_signed_request_of_a_front_end_gets_it_too(shop: Shop) -> None:
    card = await shop.active()
    path = wallet_path(card)
    headers = {"X-Kado-Signature": await shop.signature(path)}
    assert (await shop.call("GET", path, token=None, headers=headers)).status_code == 200
    push = wallet_path(card, "/push")
    headers = {"X-Kado-Signature": await shop.signature(push)}
    assert (await shop.call("POST", push, token=None, headers=headers)).status_code == 401


async def test_what_the_pass_says_has_no_token_of_its_device(shop: Shop) -> None:
    card = await shop.active("25.00")
    answer = await shop.get(wallet_path(card, "/passjson"))
    said = good(answer)
    assert said["storeCard"]["primaryFields"][0]["value"] == 25.0
    assert {"authenticationToken", "webServiceURL"} & said.keys() == set()
    later = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert (await shop.get(wallet_path(card, "/passjson"), headers=later)).status_code == 304
    earlier = {"If-Modified-Since": answer.headers["last-modified"]}
    assert (await shop.get(wallet_path(card, "/passjson"), headers=earlier)).status_code == 200


async def test_the_url_is_the_cards_page(shop: Shop) -> None:
    card = await shop.active()
    assert good(await shop.get(wallet_path(card, "/url"))) == {"url": card["card"]["url"]}


async def test_a_push_says_how_many_are_told(shop: Shop) -> None:
    card = await shop.active()
    assert good(await shop.post(wallet_path(card, "/push"))) == {"queued": 0}


async def test_of_another_type_there_is_none_and_google_is_not_set_up(shop: Shop) -> None:
    card = await shop.active()
    other = wallet_path(card).replace("pass.kado.giftcard", "pass.other")
    nowhere = await shop.get(pass_path(card)[:-1] + "x")
    answer = await shop.get(other)
    assert (answer.status_code, answer.content) == (404, nowhere.content)
    for action in ("/savetowallet", "/walletobject"):
        assert good(await shop.get(wallet_path(card, action)), 404)["code"] == "wallet_not_offered"


async def test_the_addresses_of_wallets_are_behind_the_gate_too(shop: Shop) -> None:
    services = shop.api.services
    made = wallets(services.settings.wallets, services.keyring, services.settings.public_url)
    paths = {route.path for route in wallet.routes(services.database, services.blocks, made)}
    assert len(paths) == 6
    assert all(path.startswith(("/wallet/apple/v1/", "/cards/{pass_sid}/")) for path in paths)
