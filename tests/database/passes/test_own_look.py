"""What a program says of its cards in wallets, and its own pictures, in place of what we draw."""

import io

from PIL import Image
from tests.api.pictures import a_picture
from tests.database.cards.builders import Shop
from tests.database.passes.test_apple_pass import a_pass, found, said
from tests.serving.wallet_api import WalletApi

from kado.designs import pictures, wallet
from kado.designs.pictures import Stored
from kado.passes.wallets import Wallets

_RED, _BLUE = (200, 0, 0), (0, 0, 200)


async def send(shop: Shop, kind: str, size: tuple[int, int], colour: tuple[int, int, int] = _RED) -> Stored:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return await pictures.save(shop.database, shop.caller, shop.program_id, kind, "", out.getvalue())


def sizes(files: dict[str, bytes], kind: str) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(files[f"{kind}{suffix}.png"])).size for suffix in ("", "@2x", "@3x")]


async def test_its_pictures_are_in_the_pass_in_every_size(shop: Shop, apple: Wallets) -> None:
    card_id = await shop.card(5000)
    ours = await a_pass(shop, apple, card_id)
    await send(shop, "logo", (640, 320))
    await send(shop, "icon", (100, 50))
    await send(shop, "strip", (500, 500))
    own = await a_pass(shop, apple, card_id)
    assert sizes(own, "logo") == [(100, 50), (200, 100), (300, 150)]
    assert sizes(own, "icon") == sizes(ours, "icon")
    assert sizes(own, "strip") == sizes(ours, "strip")
    icon = Image.open(io.BytesIO(own["icon.png"])).convert("RGB")
    ground = tuple(int(part) for part in said(own)["backgroundColor"][4:-1].split(","))
    assert icon.getpixel((14, 14)) == _RED
    assert icon.getpixel((14, 2)) == ground, "what is not square stands on the card's colour"
    assert "logoText" in said(ours)
    assert "logoText" not in said(own), "the logo says it"


async def test_a_new_picture_takes_the_place_of_the_old_one(shop: Shop, apple: Wallets) -> None:
    card_id = await shop.card(5000)
    for colour in (_RED, _BLUE):
        await send(shop, "strip", (1125, 432), colour)
        strip = Image.open(io.BytesIO((await a_pass(shop, apple, card_id))["strip.png"])).convert("RGB")
        assert strip.getpixel((10, 10)) == colour


async def test_a_photograph_is_taken_too(shop: Shop, apple: Wallets) -> None:
    sent = a_picture("JPEG", (1600, 700))
    stored = await pictures.save(shop.database, shop.caller, shop.program_id, "strip", "", sent)
    assert stored.picture.media_type == "image/jpeg"
    assert sizes(await a_pass(shop, apple, await shop.card(5000)), "strip")[0] == (375, 144)


async def test_its_colours_and_words_are(shop: Shop, apple: Wallets) -> None:
    card_id = await shop.card(5000)
    chosen = {"backgroundColor": "#102030", "foregroundColor": "#ffffff", "labelColor": "#fde68a"}
    words = {"logoText": "Roses & co", "description": "A card for roses"}
    await wallet.say(shop.database, shop.caller, shop.program_id, {**chosen, **words})
    pass_ = said(await a_pass(shop, apple, card_id))
    assert pass_["backgroundColor"] == "rgb(16, 32, 48)"
    assert pass_["foregroundColor"] == "rgb(255, 255, 255)"
    assert pass_["labelColor"] == "rgb(253, 230, 138)"
    assert (pass_["logoText"], pass_["description"]) == ("Roses & co", "A card for roses")
    await wallet.say(shop.database, shop.caller, shop.program_id, {"labelColor": "#112233"})
    assert said(await a_pass(shop, apple, card_id))["labelColor"] != "rgb(17, 34, 51)", "nobody could read that"


async def test_google_is_told_where_they_are(shop: Shop, google: Wallets, wallet_api: WalletApi) -> None:
    card = await found(shop, await shop.card(5000))
    assert await google.google_link(shop.database, card)
    kept = wallet_api.kept[f"3388.{shop.program_id}"]
    assert kept.keys() & {"programLogo", "heroImage"} == set()
    logo, strip = await send(shop, "logo", (64, 64)), await send(shop, "strip", (1125, 432))
    await wallet.say(shop.database, shop.caller, shop.program_id, {"backgroundColor": "#102030"})
    assert await google.google_link(shop.database, card)
    kept = wallet_api.kept[f"3388.{shop.program_id}"]
    base = f"https://cards.example.com/pictures/{shop.program_id}"
    assert kept["programLogo"]["sourceUri"]["uri"] == f"{base}/{logo.picture.id}"
    assert kept["heroImage"]["sourceUri"]["uri"] == f"{base}/{strip.picture.id}"
    assert kept["hexBackgroundColor"] == "#102030"
