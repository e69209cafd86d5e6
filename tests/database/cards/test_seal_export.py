"""`kado seal` and `kado verify --seals`: a copy kept elsewhere, and what it finds that the database cannot tell."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.database.cards.builders import Shop
from tests.database.cards.commands import NEXT_SECRET, SECRET, Office

CUT = (
    "DELETE FROM card_transaction WHERE card_id = '{0}' AND seq > 3",
    "UPDATE card c SET balance = 900, seq = t.seq, head_hash = t.hash FROM card_transaction t"  # noqa: ISC004
    " WHERE c.id = '{0}' AND t.card_id = c.id AND t.seq = 3",
)
"""A redemption of 50 is undone without a trace, as far as card and entries go."""


async def sell(shop: Shop) -> str:
    return await shop.card(1000, -100, -50)


def key_of(office: Office, secret: str = SECRET) -> str:
    return str(json.loads(office.kado("seal", "key", "--json", secret=secret).stdout)[0]["publicKey"])


def exported(office: Office, **options: str) -> Path:
    file = office.folder / "seals.jsonl"
    result = office.kado("seal", "export", file, **options)
    assert result.exit_code == 0, result.stderr
    return file


def test_a_copy_is_checked_with_a_public_key_and_nothing_else(office: Office) -> None:
    for _ in range(2):
        office.in_shop(sell)
    file, key = exported(office), key_of(office)
    result = office.elsewhere("seal", "check", file, "--public-key", key)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.match(r"All is well: [0-9]+ seals of 2 programs, the newest of 20", result.stdout)
    told = json.loads(office.elsewhere("seal", "check", file, "--public-key", key, "--json").stdout)
    assert (told["clean"], told["programs"], told["trustedKeys"], told["findings"]) == (True, 2, [key], [])
    assert office.kado("verify", "--seals", file).exit_code == 0


def test_an_export_adds_what_is_new_and_seals_what_is_not_sealed_yet(office: Office) -> None:
    office.in_shop(sell)
    file = exported(office)
    before = file.read_bytes()
    card = office.in_shop(sell, seal=False)
    told = json.loads(office.kado("seal", "export", file, "--json").stdout)
    assert (told["file"], told["seals"], told["new"] > 0) == (str(file), len(file.read_text().splitlines()) - 1, True)
    assert file.read_bytes().startswith(before)
    newest = [json.loads(line) for line in file.read_text().splitlines()][-told["new"] :]
    assert any(bytes.fromhex(card) in base64.b64decode(one["heads"]) for one in newest), "sealed on the way"
    assert [one.name for one in office.folder.iterdir() if one.is_file()] == ["seals.jsonl"], "nothing is left behind"


def test_an_empty_ledger_can_be_exported(office: Office) -> None:
    file = exported(office)
    assert office.elsewhere("seal", "check", file, "--public-key", key_of(office)).exit_code == 0


def test_a_cut_tail_by_somebody_with_the_secret_is_found_against_the_copy(office: Office) -> None:
    card, other = office.in_shop(sell), office.in_shop(sell)
    file = exported(office)
    before = file.read_bytes()
    office.steal(*(one.format(card) for one in CUT), reseal=card)
    assert office.kado("verify").exit_code == 0, "whoever has the secret can make everything agree"
    result = office.kado("verify", "--seals", file)
    assert result.exit_code == 1
    assert f"card {card}: entry 4 was sealed and exported, and is missing [sealed_entry_missing]" in result.stdout
    assert other not in result.stdout
    assert "is not the one that was exported [exported_seal_differs]" in result.stdout
    refused = office.kado("seal", "export", file)
    assert (refused.exit_code, file.read_bytes()) == (1, before)
    assert "kado verify --seals" in refused.stderr


def test_seals_that_were_exported_and_are_gone_are_named_together(office: Office) -> None:
    office.in_shop(sell)
    file = exported(office)
    office.steal("DELETE FROM ledger_seal")
    told = json.loads(office.kado("verify", "--seals", file, "--json").stdout)
    reasons = [one["reason"] for one in told["findings"]]
    assert reasons.count("exported_seal_missing") == 1


def test_one_program_is_compared_by_itself(office: Office) -> None:
    cards = [office.in_shop(sell) for _ in range(2)]
    file = exported(office)
    programs = {json.loads(line)["program"] for line in file.read_text().splitlines()[1:]}
    office.steal(*(one.format(cards[1]) for one in CUT), reseal=cards[1])
    codes = {office.kado("verify", "--program", one, "--seals", file).exit_code for one in programs}
    assert codes == {0, 1}


def test_a_new_secret_is_trusted_by_whoever_trusted_the_old_one(office: Office) -> None:
    office.in_shop(sell)
    file, old = exported(office), key_of(office)
    both = f"{NEXT_SECRET},{SECRET}"
    office.in_shop(sell, both)
    exported(office, secret=both)
    assert office.elsewhere("seal", "check", file, "--public-key", old).exit_code == 0
    assert office.elsewhere("seal", "check", file, "--public-key", key_of(office, both)).exit_code == 1
    forged = json.loads(next(line for line in file.read_text().splitlines() if "handover" in line))
    forged["handover"]["signature"] = "00" * 64
    lines = [json.dumps(forged) if "handover" in line else line for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines) + "\n")
    assert office.elsewhere("seal", "check", file, "--public-key", old).exit_code == 1
    assert len(office.kado("seal", "key", secret=both).stdout.split()) == 2


def edited(member: str, change: Callable[[Any], Any]) -> Callable[[list[str]], list[str]]:
    def edit(lines: list[str]) -> list[str]:
        said = json.loads(lines[2])
        said[member] = change(said[member])
        return [*lines[:2], json.dumps(said), *lines[3:]]

    return edit


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda lines: [*lines[:2], *lines[3:]], 1),
        (lambda lines: [*lines[:1], lines[2], lines[1], lines[3]], 1),
        (edited("number", lambda number: number + 1), 1),
        (edited("sealedAt", lambda at: at + 1), 1),
        (edited("heads", lambda heads: "A" + heads[1:] if heads[0] != "A" else "B" + heads[1:]), 1),
        (edited("hash", lambda digest: "00" * 32), 1),
        (edited("previous", lambda digest: "00" * 32), 1),
        (edited("signature", lambda signature: "00" * 64), 1),
        (edited("key", lambda key: "00" * 32), 1),
        (edited("number", lambda number: "two"), 2),
        (edited("number", lambda number: 1.5), 2),
        (edited("sealedAt", lambda at: 10**30), 2),
        (edited("heads", lambda heads: "?"), 2),
        (edited("key", lambda key: 7), 2),
        (lambda lines: lines[1:], 2),
        (lambda lines: [*lines[:2], lines[2][:-9], *lines[3:]], 2),
        (lambda lines: [], 2),
        (lambda lines: ["[]", *lines[1:]], 2),
    ],
)
def test_whatever_is_done_to_a_copy_is_found(
    office: Office,
    edit: Callable[[list[str]], list[str]],
    code: int,
) -> None:
    async def three_seals(shop: Shop) -> None:
        from kado.cards.seal import Sealer

        card = await shop.card(1000)
        for amount in range(1, 4):
            await shop.redeem(card, amount)
            await Sealer(shop.database, shop.keyring).run()

    office.in_shop(three_seals)
    file, key = exported(office), key_of(office)
    lines = file.read_text().splitlines()[:4]  # an earlier copy
    file.write_text("".join(f"{line}\n" for line in edit(lines)))
    result = office.elsewhere("seal", "check", file, "--public-key", key)
    assert (result.exit_code, result.exception is None or isinstance(result.exception, SystemExit)) == (code, True)
    assert result.stderr if code == 2 else "Not all is well" in result.stdout


def test_wrong_usage_and_places_that_cannot_be_written_are_said_so(office: Office) -> None:
    office.in_shop(sell)
    file = exported(office)
    for words in ((), ("--public-key", "x"), ("--public-key", "00")):
        assert office.elsewhere("seal", "check", file, *words).exit_code == 2
    assert office.elsewhere("seal", "check", office.folder / "none", "--public-key", key_of(office)).exit_code == 2
    result = office.kado("seal", "export", office.folder / "no such folder" / "seals.jsonl")
    assert (result.exit_code, "cannot be written" in result.stderr) == (1, True)
    file.write_text("a letter\n")
    assert office.kado("seal", "export", file).exit_code == 1
    assert file.read_text() == "a letter\n"
    result = office.kado("verify", "--seals", file)
    assert (result.exit_code, result.stdout) == (2, "")
