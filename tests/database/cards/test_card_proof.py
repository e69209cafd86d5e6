"""`kado card proof` and `kado card check`: one card's history for somebody without access to the server."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.database.cards.builders import Shop
from tests.database.cards.commands import NEXT_SECRET, SECRET, Office
from tests.database.cards.test_seal_export import key_of

CHECKER = Path(__file__).parents[3] / "examples" / "javascript" / "check-proof.mjs"


async def live(shop: Shop) -> str:
    """A card with words that a careless checker trips over, beside others in the same seal."""
    await shop.card(500, -1)
    card = await shop.card(9000, -100, customer_email="ada@example.com", customer_phone="+15550100")
    await shop.redeem(card, 7, pos_transaction_id='T,1 "x" \\ ü 漢', cashier_id="an\tna", terminal_id="<till>&\u2028")
    await shop.transfer(card, await shop.card(100), 10)
    await shop.resend(card, "eva@example.com")
    return card


def proved(office: Office, card: str, secret: str = SECRET) -> Path:
    file = office.folder / "proof.json"
    result = office.kado("card", "proof", card, "--out", file, secret=secret)
    assert result.exit_code == 0, result.stderr
    return file


def independently(file: Path, key: str) -> "subprocess.CompletedProcess[str]":
    """The checker in another language, which shares nothing with Kado."""
    node = shutil.which("node")
    if node is None:
        assert os.environ.get("CI") != "true", "The checker in JavaScript is tested with node: install it."
        pytest.skip("node is not installed")
    return subprocess.run([node, str(CHECKER), str(file), key], capture_output=True, text=True, timeout=60, check=False)


def test_a_card_is_proved_to_somebody_without_the_server(office: Office) -> None:
    card = office.in_shop(live)
    file, key = proved(office, card), key_of(office)
    result = office.elsewhere("card", "check", file, "--public-key", key)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"All is well: card {card}, 88.83 USD." in result.stdout
    told = json.loads(office.elsewhere("card", "check", file, "--public-key", key, "--json").stdout)
    assert (told["clean"], told["balance"], told["entries"], told["sealedEntries"]) == (True, "88.83", 6, 6)
    other = independently(file, key)
    assert (other.returncode, other.stdout.splitlines()[-1]) == (
        0,
        f"All is well: card {card}, 6 entries, 6 of them sealed, balance 8883 minor units of USD.",
    )
    assert json.loads(office.kado("card", "proof", card).stdout) == json.loads(file.read_text())


def test_no_number_code_or_address_is_in_a_proof(office: Office) -> None:
    numbers: list[str] = []

    async def with_code(shop: Shop) -> str:
        from kado.cards.codes import make_code

        card = await live(shop)
        made = await make_code(shop.database, shop.keyring, "https://kado.example", shop.program_id, card)
        assert made is not None
        numbers.extend((made.card_number, f'"{made.code}"', made.url))
        return card

    text = proved(office, office.in_shop(with_code)).read_text()
    for secret in (*numbers, "ada@", "eva@", "15550100", "Shop ", "state_seal"):
        assert secret not in text


def test_younger_entries_are_counted_and_not_called_proved(office: Office) -> None:
    card = office.in_shop(live)
    file, key = proved(office, card), key_of(office)
    said = json.loads(file.read_text())
    seal = said["seal"]

    async def go_on(shop: Shop) -> None:
        from dataclasses import replace

        old = replace(shop, program=replace(shop.program, id=said["program"]))
        await old.redeem(card, 1)

    office.in_shop(go_on, seal=False)
    said = json.loads(proved(office, card).read_text())
    file.write_text(json.dumps(said | {"seal": seal}))
    told = json.loads(office.elsewhere("card", "check", file, "--public-key", key, "--json").stdout)
    assert (told["clean"], told["entries"], told["sealedEntries"]) == (True, 7, 6)
    assert "7 entries, 6 of them sealed" in independently(file, key).stdout


def test_a_proof_under_a_new_secret_is_believed_by_whoever_has_the_old_key(office: Office) -> None:
    old, both = key_of(office), f"{NEXT_SECRET},{SECRET}"
    file = proved(office, office.in_shop(live, both), both)
    assert office.elsewhere("card", "check", file, "--public-key", old).exit_code == 0
    assert independently(file, old).returncode == 0
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | {"handovers": []}))
    assert office.elsewhere("card", "check", file, "--public-key", old).exit_code == 1
    assert independently(file, old).returncode == 1


def _entry(at: int, old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def edit(said: dict[str, Any]) -> None:
        assert old in said["entries"][at]["text"]
        said["entries"][at]["text"] = said["entries"][at]["text"].replace(old, new)

    return edit


def _heads(said: dict[str, Any]) -> None:
    heads = said["seal"]["heads"]
    said["seal"]["heads"] = ("B" if heads[0] == "A" else "A") + heads[1:]


EDITS: dict[str, tuple[Callable[[dict[str, Any]], Any], int]] = {
    "an amount": (_entry(2, "-100", "-99"), 1),
    "a type": (_entry(2, "REDEMPTION", "REFUND"), 1),
    "a hash": (lambda said: said["entries"][2].update(hash="00" * 32), 1),
    "the first entry is missing": (lambda said: said["entries"].pop(0), 1),
    "an entry in the middle is missing": (lambda said: said["entries"].pop(2), 1),
    "the sealed entry is missing": (lambda said: said["entries"].pop(), 1),
    "all entries are missing": (lambda said: said["entries"].clear(), 1),
    "the signature": (lambda said: said["seal"].update(signature="00" * 64), 1),
    "the key": (lambda said: said["seal"].update(key="00" * 32), 1),
    "the time of the seal": (lambda said: said["seal"].update(sealedAt=said["seal"]["sealedAt"] + 1), 1),
    "the number of the seal": (lambda said: said["seal"].update(number=99), 1),
    "the heads": (_heads, 1),
    "no seal": (lambda said: said.update(seal=None), 1),
    "another card": (lambda said: said.update(card="a" * 24), 1),
    "another program": (lambda said: said.update(program="a" * 24), 1),
    "another format": (lambda said: said.update(format="x"), 2),
    "a later version": (lambda said: said.update(version=2), 2),
    "no entries": (lambda said: said.pop("entries"), 2),
    "an entry that is none": (lambda said: said["entries"][0].update(text="[1]"), 2),
    "a number that is none": (_entry(2, "-100", "1e2"), 2),
}


@pytest.fixture(scope="module")
def one_proof() -> dict[str, str]:
    """What the first of these tests made, for the others: making it takes longer than checking it."""
    return {}


@pytest.mark.parametrize("name", EDITS)
def test_whatever_is_done_to_a_proof_is_found(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    one_proof: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    if not one_proof:
        first = Office(request.getfixturevalue("database_url"), tmp_path, monkeypatch)
        one_proof |= {"text": proved(first, first.in_shop(live)).read_text(), "key": key_of(first)}
    edit, code = EDITS[name]
    said = json.loads(one_proof["text"])
    edit(said)
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(said))
    office = Office("", tmp_path, monkeypatch)
    result = office.elsewhere("card", "check", file, "--public-key", one_proof["key"])
    assert (result.exit_code, result.exception is None or isinstance(result.exception, SystemExit)) == (code, True)
    assert independently(file, one_proof["key"]).returncode == code


def test_wrong_usage_is_said_so(office: Office) -> None:
    office.in_shop(live)
    assert office.kado("card", "proof", "x").exit_code == 2
    assert office.kado("card", "proof", "a" * 24, "--program", "x").exit_code == 2
    missing = office.kado("card", "proof", "a" * 24)
    assert (missing.exit_code, missing.stderr) == (1, f"kado: There is no card {'a' * 24}.\n")
    assert office.elsewhere("card", "check", office.folder / "none", "--public-key", key_of(office)).exit_code == 2
