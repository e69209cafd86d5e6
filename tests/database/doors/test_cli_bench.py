"""`kado bench`: measures on scratch data, leaves nothing behind, and keeps away from real cards."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.database.cards.builders import open_shop
from tests.serving.commands import Ran, run, without_settings

from kado.app.measure import advice, machine
from kado.crypto import Keyring
from kado.storage.database import Database


def bench(*words: str, **settings: str) -> Ran:
    return run("bench", *words, environment=without_settings() | settings)


async def databases_of(superuser: Any) -> set[str]:
    return {row["datname"] for row in await superuser.fetch("SELECT datname FROM pg_database")}


async def test_it_measures_everything_and_leaves_nothing(database_url: str, superuser: Any, tmp_path: Path) -> None:
    before = await databases_of(superuser)
    ran = bench(
        "--on-database", "--seconds", "1", "--rounds", "1", "--directory", str(tmp_path), "--json",
        KADO_DATABASE_URL=database_url,
    )  # fmt: skip
    said = ran.json
    assert {*said["lines"]} == {
        "PostgreSQL alone, 1 client",
        "PostgreSQL alone, 32 clients",
        "redeem, 1 till",
        "redeem, 32 tills",
        "redeem, 128 tills",
        "redeem, 32 tills on one card",
        "balance check by holders, 32",
        "balance by token, 32",
    }
    assert all(line["perSecond"] > 0 for line in said["lines"].values())
    assert said["clean"] is True
    assert said["entries"] > said["cards"] > 0
    assert said["machine"]["cores"] == os.cpu_count()
    assert list(tmp_path.iterdir()) == []
    assert {name for name in await databases_of(superuser) if name.startswith("kado_bench")} <= before


async def test_a_database_that_holds_a_card_is_left_alone(
    database: Database, database_url: str, keyring: Keyring
) -> None:
    shop = await open_shop(database, keyring)
    await shop.issue()
    await shop.ledger.close()
    ran = bench("--on-database", KADO_DATABASE_URL=database_url)
    assert (ran.code, ran.out) == (1, "")
    assert "holds cards" in ran.err
    assert str(urlsplit(database_url).password) not in ran.err


@pytest.mark.parametrize(
    ("words", "settings", "complaint"),
    [
        (("--on-database",), {}, "KADO_DATABASE_URL, which is not set"),
        (("--on-database",), {"KADO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "cannot be reached"),
        (("--directory", "/nowhere/at/all"), {}, "/nowhere/at/all cannot hold scratch data"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(
    words: tuple[str, ...], settings: dict[str, str], complaint: str
) -> None:
    ran = bench(*words, **settings)
    assert (ran.code, ran.out) == (1, "")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


class Found:
    """A fast machine, without anything to complain about."""

    def __init__(self, **other: Any) -> None:
        self.machine: dict[str, str | int | float] = {"fsyncsPerSecond": 5000, "disk": "ext4", "coresAllowed": 8}
        self.machine |= other.pop("machine", {})
        self.rates = {"redeem, 32 tills": [4000.0], "redeem, 128 tills": [6000.0]}
        self.rates |= {"redeem, 32 tills on one card": [3900.0], "PostgreSQL alone, 32 clients": [4000.0]}
        self.start_seconds, self.cards, self.entries, self.is_clean = 3.0, 10, 20, True
        self.memory_mb: int | None = 90
        self.generator_cpu: float = other.get("generator_cpu", 0.2)
        self.server_cpu: float = other.get("server_cpu", 0.5)

    def rate(self, name: str) -> float:
        return self.rates[name][0]


def complaints(**other: Any) -> list[str]:
    return [line for line in advice.lines(Found(**other)) if line.startswith("!")]


def test_a_good_machine_is_told_what_it_carries() -> None:
    said = "\n".join(advice.lines(Found()))
    assert "180,000 tills that take a card a minute" in said
    assert "runs at 1.00 of" in said
    assert complaints() == []


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"machine": {"disk": "tmpfs"}}, "lay in memory"),
        ({"machine": {"fsyncsPerSecond": 100}}, "needs 10.0 ms"),
        ({"machine": {"fsyncsPerSecond": 200_000}}, "power cut"),
        ({"generator_cpu": 0.97}, "load generator was at its limit"),
        ({"server_cpu": 0.97}, "try --processes 2"),
    ],
)
def test_what_limits_the_figures_is_said(other: dict[str, Any], complaint: str) -> None:
    (said,) = complaints(**other)
    assert complaint in said


def test_the_machine_is_described(tmp_path: Path) -> None:
    about = machine.describe(tmp_path, "18.4")
    assert {*about} >= {"processor", "cores", "memoryGb", "system", "python", "postgres", "disk", "fsyncsPerSecond"}
    assert int(about["fsyncsPerSecond"]) > 0
    assert list(tmp_path.iterdir()) == []
