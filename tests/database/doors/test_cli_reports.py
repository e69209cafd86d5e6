"""`kado report`: the same figures as the API's, in a terminal and in files."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop
from tests.database.doors.conftest import SECRET_KEY, Kado

from kado.crypto import Keyring
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database) -> Any:
    shop = await open_shop(database, Keyring([SECRET_KEY]))
    card = await shop.card(10000, design_template="birthday")
    await shop.redeem(card, 3005)
    await shop.card(2000)
    yield shop
    await shop.ledger.close()


async def audited(superuser: Any) -> list[str]:
    rows = await superuser.fetch("SELECT action FROM audit_log WHERE actor = 'operator:cli' ORDER BY at, id")
    return [row["action"] for row in rows]


async def test_the_figures_of_a_business(kado: Kado, shop: Shop) -> None:
    said = (await kado("report", "business", shop.program_id, "--json")).json
    assert (said["sold"], said["redeemed"], said["owed"]) == ("120.00", "30.05", "89.95")
    assert (said["cards"], said["active"], said["currency"]) == (2, 2, "USD")
    ran = await kado("report", "business", shop.program_id, "--as-of", "2001-01-01")
    assert ran.code == 0
    assert "owed:                0.00" in ran.out
    verified = (await kado("verify", "--json")).json
    assert verified["owed"] == {shop.program_id: "89.95 USD"}


async def test_figures_by_something(kado: Kado, shop: Shop) -> None:
    lines = (await kado("report", "figures", shop.program_id, "--by", "design", "--json")).json
    assert {one["label"]: one["sold"]["amount"] for one in lines} == {"": "20.00", "birthday": "100.00"}
    days = (await kado("report", "figures", shop.program_id, "--by", "day", "--from", "2026-01-01", "--json")).json
    assert days[-1]["liability"] == "89.95"
    table = await kado("report", "figures", shop.program_id)
    assert table.out.splitlines()[0].split() == [
        *("ISSUED", "ACTIVATED", "RELOADED", "SOLD", "REDEEMED", "REFUNDED", "VOIDED", "FORFEITED", "LIABILITY")
    ]
    assert table.out.splitlines()[1].split()[-1] == "89.95"
    for wrong in (
        ("--to", "9999-12-31"),
        ("--by", "hour"),
        ("--from", "2026-01-02", "--to", "2026-01-01"),
        ("--from", "noon"),
    ):
        assert (await kado("report", "figures", shop.program_id, *wrong)).code == 2


async def test_figures_in_a_file(kado: Kado, shop: Shop, superuser: Any, tmp_path: Path) -> None:
    for name, begin in (("csv", b"from,to,"), ("excel", b"PK"), ("json", b"{"), ("pdf", b"%PDF")):
        file = tmp_path / f"figures.{name}"
        ran = await kado("report", "export", shop.program_id, "--format", name, "--out", str(file))
        assert (ran.code, ran.out) == (0, f"{file} is written.\n")
        assert file.read_bytes().startswith(begin)
    assert json.loads((tmp_path / "figures.json").read_text())["total"]["liability"] == "89.95"
    again = await kado("report", "export", shop.program_id, "--out", str(tmp_path / "figures.csv"))
    assert (again.code, "File exists" in again.err) == (1, True)
    assert await audited(superuser) == ["report:exported"] * 4
    assert (await kado("report", "export", shop.program_id, "--format", "xml", "--out", "x")).code == 2


async def test_money_that_nobody_touched(kado: Kado, shop: Shop) -> None:
    said = (await kado("report", "escheatment", shop.program_id, "--days", "1", "--json")).json
    assert said == {"jurisdiction": "unspecified", "cards": 0, "total": "0.00", "entries": []}
    assert (await kado("report", "escheatment", shop.program_id)).out.endswith("0 cards, 0.00 USD (unspecified).\n")


async def test_sums_are_made_anew(kado: Kado, shop: Shop, superuser: Any) -> None:
    ran = await kado("report", "rebuild", shop.program_id)
    assert (ran.code, ran.out) == (0, "The sums are made anew.\n")
    assert await audited(superuser) == ["report:rebuilt"]
    assert (await kado("report", "rebuild", "f" * 24)).code == 1
