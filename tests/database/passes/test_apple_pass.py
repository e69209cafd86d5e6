"""The pass for Apple Wallet: what it says, and that nobody can change a byte of it."""

import hashlib
import io
import json
import re
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.database.cards.builders import Shop

from kado.cards.find import Found, card_of
from kado.languages.choose import Language
from kado.languages.say import words
from kado.passes import development
from kado.passes.wallets import Wallets
from kado.storage.database import Database

_PAIR = re.compile(r'^"((?:[^"\\]|\\.)*)" = "((?:[^"\\]|\\.)*)";$', re.MULTILINE)


async def found(shop: Shop, card_id: str) -> Found:
    card = await card_of(shop.database, shop.program_id, card_id)
    assert card is not None
    return card


async def a_pass(shop: Shop, apple: Wallets, card_id: str) -> dict[str, bytes]:
    content = await apple.apple_pass(shop.database, await found(shop, card_id))
    assert content is not None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def said(files: dict[str, bytes]) -> Any:
    return json.loads(files["pass.json"], parse_float=Decimal)


def verified(files: dict[str, bytes], certificates: Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """As a phone would: the signature over the manifest, against the authority and nobody else."""
    (folder / "manifest").write_bytes(files["manifest.json"])
    (folder / "signature").write_bytes(files["signature"])
    return subprocess.run(
        [
            *("openssl", "smime", "-verify", "-binary", "-inform", "DER", "-purpose", "any"),
            *("-in", str(folder / "signature"), "-content", str(folder / "manifest")),
            *("-CAfile", str(certificates / development.AUTHORITY)),
        ],
        capture_output=True,
        check=False,
    )


async def test_openssl_verifies_it_and_finds_a_changed_byte(
    shop: Shop, apple: Wallets, certificates: Path, tmp_path: Path
) -> None:
    files = await a_pass(shop, apple, await shop.card(5000))
    assert verified(files, certificates, tmp_path).returncode == 0
    listed = files["manifest.json"]
    for at in (0, len(listed) // 2, len(listed) - 1):
        changed = listed[:at] + bytes([listed[at] ^ 1]) + listed[at + 1 :]
        assert verified(files | {"manifest.json": changed}, certificates, tmp_path).returncode != 0
    digests = {name: hashlib.sha1(body).hexdigest() for name, body in files.items()}
    assert json.loads(listed) == {
        name: digest for name, digest in digests.items() if name not in ("manifest.json", "signature")
    }


async def test_it_says_what_is_on_the_card_and_neither_number_nor_code(
    shop: Shop, apple: Wallets, superuser: Any
) -> None:
    card_id = await shop.card(
        5000, -1250, sender_name="Ida", custom_message='Für dich: "alles"\nGute', customer_name="Eva Example"
    )
    card = await shop.look(card_id)
    files = await a_pass(shop, apple, card_id)
    pass_ = said(files)
    assert pass_["serialNumber"] == card.pass_sid
    assert (pass_["passTypeIdentifier"], pass_["teamIdentifier"]) == ("pass.kado.giftcard", "DEVELOPMENT")
    assert pass_["barcodes"] == [
        {
            "format": "PKBarcodeFormatQR",
            "message": card.pass_sid,
            "messageEncoding": "iso-8859-1",
            "altText": f"•••• {card.last_four}",
        }
    ]
    balance = pass_["storeCard"]["primaryFields"][0]
    assert (str(balance["value"]), balance["currencyCode"]) == ("37.50", "USD")
    assert "%@" in balance["changeMessage"]
    back = {field["key"]: field for field in pass_["storeCard"]["backFields"]}
    assert back["words"]["label"] == "From Ida"
    assert back["words"]["value"] == 'Für dich: "alles"\nGute'
    assert back["page"]["value"] == f"https://cards.example.com/cards/{card.pass_sid}"
    assert pass_["webServiceURL"] == "https://cards.example.com/wallet/apple"
    assert len(pass_["authenticationToken"]) >= 16
    assert pass_["expirationDate"].startswith(f"{card.expires_at:%Y-%m-%dT%H:%M:%S}")
    assert pass_["sharingProhibited"] is True
    assert "voided" not in pass_
    assert "locations" not in pass_
    text = files["pass.json"].decode()
    assert not re.search(r"(?<![0-9a-f])\d{12,}(?![0-9a-f])", text)
    assert "Eva" not in text


async def test_the_same_card_gives_the_same_manifest(shop: Shop, apple: Wallets) -> None:
    card_id = await shop.card(5000)
    first, second = await a_pass(shop, apple, card_id), await a_pass(shop, apple, card_id)
    assert first["manifest.json"] == second["manifest.json"]
    await shop.redeem(card_id, 100)
    assert (await a_pass(shop, apple, card_id))["manifest.json"] != first["manifest.json"]


async def test_every_language_has_all_that_the_pass_says(shop: Shop, apple: Wallets) -> None:
    files = await a_pass(shop, apple, await shop.card(5000, sender_name='O"Hara'))
    pass_ = said(files)
    fields = [field for part in pass_["storeCard"].values() for field in part]
    shown = {field["label"] for field in fields if field["key"] not in ("program", "development")}
    shown |= {field["changeMessage"] for field in fields if "changeMessage" in field}
    for language in Language:
        body = files[f"{language}.lproj/pass.strings"]
        assert body[:2] == b"\xff\xfe"
        pairs = dict(_PAIR.findall(body[2:].decode("utf-16-le")))
        assert {key.replace('\\"', '"') for key in pairs} >= {*shown, pass_["description"]}
        assert pairs["Balance"] == words("wallet", language)["balance"]
        assert pairs["Can be used"] == words("wallet", language)["status_active"]


async def test_pictures_are_there_in_every_size(shop: Shop, apple: Wallets) -> None:
    files = await a_pass(shop, apple, await shop.card(5000))
    sizes = {name: Image.open(io.BytesIO(files[name])).size for name in files if name.endswith(".png")}
    assert sizes == {
        "icon.png": (29, 29), "icon@2x.png": (58, 58), "icon@3x.png": (87, 87),
        "logo.png": (40, 40), "logo@2x.png": (80, 80), "logo@3x.png": (120, 120),
        "strip.png": (375, 144), "strip@2x.png": (750, 288), "strip@3x.png": (1125, 432),
    }  # fmt: skip


@pytest.mark.parametrize("state", ["pending", "suspended", "voided"])
async def test_it_says_how_the_card_is(shop: Shop, apple: Wallets, state: str) -> None:
    card_id = await (shop.issue(2500) if state == "pending" else shop.card(2500))
    if state == "suspended":
        await shop.suspend(card_id)
    if state == "voided":
        await shop.void(card_id)
    pass_ = said(await a_pass(shop, apple, card_id))
    status = next(field for field in pass_["storeCard"]["secondaryFields"] if field["key"] == "status")
    assert status["value"] == words("wallet", Language.ENGLISH)[f"status_{state}"]
    assert pass_.get("voided", False) is (state == "voided")
    primary = pass_["storeCard"]["primaryFields"][0]
    assert (primary["label"] == "Value when activated") is (state == "pending")


async def test_it_is_offered_to_programs_of_its_type_only(shop: Shop, apple: Wallets, database: Database) -> None:
    assert await apple.offers(shop.program) == {"apple"}
    async with database.read() as connection:
        await connection.execute("UPDATE program SET pass_type_identifier = 'pass.other'")
    assert await apple.apple_pass(database, await found(shop, await shop.card(100))) is None
