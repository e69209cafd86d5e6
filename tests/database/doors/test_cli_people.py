"""`kado people`: the operator says what is known of somebody, and has them forgotten."""

import json
import stat
from pathlib import Path

import pytest
from tests.database.delivery.shop import ADDRESS, ACard, Shop
from tests.database.doors.conftest import SECRET_KEY, Kado

from kado.crypto import Keyring
from kado.storage.database import Database


@pytest.fixture
async def shop(kado: Kado, database: Database) -> Shop:
    return await Shop(database, Keyring([SECRET_KEY])).open()


@pytest.fixture
async def card(shop: Shop) -> ACard:
    return await shop.card(customer_phone="+4930901820")


def merchant_of(shop: Shop) -> tuple[str, str]:
    return "--merchant", f"Café {shop.merchant_id[-4:]}"


async def audited(shop: Shop) -> list[str]:
    async with shop.database.read() as connection:
        rows = await connection.fetch("SELECT action FROM audit_log WHERE actor = 'operator:cli' ORDER BY at")
    return [row["action"] for row in rows if row["action"].startswith("person:")]


async def test_what_is_known_goes_to_a_file_for_nobody_else(
    kado: Kado, shop: Shop, card: ACard, tmp_path: Path
) -> None:
    out = tmp_path / "anna.json"
    ran = await kado("people", "export", *merchant_of(shop), "--email", ADDRESS.upper(), "--out", str(out))
    assert (ran.code, ran.out) == (0, f"{out} is what is known.\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    said = json.loads(out.read_text())
    assert [one["id"] for one in said["cards"]] == [card.id]
    assert card.number not in out.read_text()
    assert await audited(shop) == ["person:export-requested", "person:exported"]
    again = await kado("people", "export", *merchant_of(shop), "--email", ADDRESS, "--out", str(out))
    assert (again.code, again.err) == (1, f"kado: {out} cannot be written: File exists.\n")


async def test_the_same_goes_to_standard_output_as_a_table(kado: Kado, shop: Shop, card: ACard) -> None:
    ran = await kado("people", "export", *merchant_of(shop), "--phone", "+4930901820", "--format", "csv")
    assert ran.code == 0
    assert ran.out.startswith("section,record,field,value")
    assert f"cards,1,id,{card.id}" in ran.out


async def test_somebody_is_forgotten(kado: Kado, shop: Shop, card: ACard) -> None:
    other = await shop.card(customer_email="ida@example.com")
    done = (await kado("people", "erase", *merchant_of(shop), "--email", ADDRESS, "--yes", "--json")).json
    assert done["affectedCards"] == [card.id]
    assert await audited(shop) == ["person:erasure-requested", "person:erased"]
    assert (await shop.card_row(card))["customer_email"] is None
    assert (await shop.card_row(other))["customer_email"] == "ida@example.com"
    ran = await kado("people", "erase", *merchant_of(shop), "--email", ADDRESS, "--yes")
    assert ran.out.startswith("Forgotten, and taken off 0 card(s). The request is ")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("export",), 2, "Say who is meant"),
        (("export", "--email", "nobody"), 2, "--email is not an email address"),
        (("export", "--email", ADDRESS, "--format", "xml"), 2, "--format is json or csv"),
        (("erase", "--phone", "030 901820", "--yes"), 2, "international form"),
        (("erase", "--email", ADDRESS), 2, "use --yes"),
    ],
)
async def test_wrong_usage_changes_nothing(
    kado: Kado, shop: Shop, card: ACard, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = await kado("people", words[0], *merchant_of(shop), *words[1:])
    assert ran.code == code
    assert said in ran.err
    assert (await shop.card_row(card))["customer_email"] == ADDRESS


async def test_a_merchant_that_is_not_there(kado: Kado, shop: Shop) -> None:
    ran = await kado("people", "erase", "--merchant", "Nobody", "--email", ADDRESS, "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert "There is no merchant named 'Nobody'" in ran.err
