"""`kado wallet`: what it says where nothing, something and the wrong thing is set up."""

import os
from pathlib import Path

from tests.database.doors.conftest import Kado

from kado.passes import development


async def test_where_nothing_is_set_up_it_says_how_and_needs_nobody(kado: Kado) -> None:
    ran = await kado("wallet", "check")
    assert ran.code == 0, ran.err
    assert ran.out.count("not set up; docs/how-to/wallets.md says how") == 2


async def test_a_development_certificate_is_made_offered_and_marked(
    kado: Kado, tmp_path: Path, flower_shop: dict[str, str]
) -> None:
    folder = tmp_path / "wallet"
    refused = await kado("wallet", "certificate", "--folder", str(folder))
    assert refused.code == 2
    made = await kado("wallet", "certificate", "--development", "--folder", str(folder), "--json")
    settings = made.json
    assert settings.keys() >= {"KADO_APPLE_CERTIFICATE", "KADO_APPLE_KEY", "KADO_APPLE_WWDR"}
    assert os.stat(folder / development.KEY).st_mode & 0o777 == 0o600
    again = await kado("wallet", "certificate", "--development", "--folder", str(folder))
    assert (again.code, "is not written over" in again.err) == (1, True)
    checked = await kado("wallet", "check", **settings)
    assert checked.code == 0, checked.out
    assert "pass.kado.giftcard until" in checked.out
    assert "(development)" in checked.out
    as_real = await kado("wallet", "check", **(settings | {"KADO_APPLE_CERTIFICATE_KIND": "real"}))
    assert (as_real.code, "is a development certificate" in as_real.out) == (1, True)
    assert (await kado("program", "list", "--merchant", "Flower Shop", "--json")).code == 0


async def test_what_is_missing_or_ends_soon_is_named(kado: Kado, tmp_path: Path, flower_shop: dict[str, str]) -> None:
    development.make(tmp_path / "short", "pass.com.example.other", days=20)
    place = tmp_path / "short"
    settings = {
        "KADO_APPLE_CERTIFICATE": str(place / development.CERTIFICATE),
        "KADO_APPLE_KEY": str(place / development.KEY),
        "KADO_APPLE_WWDR": str(place / development.AUTHORITY),
        "KADO_APPLE_CERTIFICATE_KIND": "development",
    }
    ran = await kado("wallet", "check", "--json", **settings)
    assert ran.code == 1
    assert "The certificate for pass.com.example.other ends in 19 days" in ran.out
    status = await kado("status", **settings)
    assert "The certificate for Apple Wallet ends within 30 days" in status.out
