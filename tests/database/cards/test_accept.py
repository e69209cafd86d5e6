"""`kado card accept`: the way back for a card whose seal is broken, or is from before it covered what it does now."""

import json

from tests.database.cards.builders import Shop
from tests.database.cards.commands import Office


async def sell(shop: Shop) -> str:
    card = await shop.card(1000, -100)
    await shop.hold(card, 50)
    return card


def test_a_card_is_sealed_as_it_stands(office: Office) -> None:
    card = office.in_shop(sell)
    office.steal(f"UPDATE card SET customer_email = 'x@example.com' WHERE id = '{card}'")
    office.steal(f"UPDATE hold SET order_reference = 'x' WHERE card_id = '{card}'")
    assert office.kado("verify").exit_code == 1
    result = office.kado("card", "accept", card, "--reason", "looked at")
    assert (result.exit_code, result.stdout) == (0, "1 of 1 cards sealed as they stand. Now: kado verify\n")
    assert office.kado("verify").exit_code == 0
    assert office.kado("card", "accept", card, "--reason", "again").stdout.startswith("0 of 1 cards")
    audited = ("audit", "list", "--subject", card, "--action", "card:accepted-as-it-stands", "--json")
    (row,) = json.loads(office.kado(*audited).stdout)
    assert (row["actorType"], row["details"]["reason"]) == ("operator", "looked at")


def test_all_cards_of_a_program_and_what_their_entries_contradict_stays_named(office: Office) -> None:
    cards = [office.in_shop(sell) for _ in range(2)]
    office.steal("UPDATE card SET state_seal = sha256(state_seal) || 'xxxx'", "UPDATE card SET rows_digest = NULL")
    office.steal(f"UPDATE card SET balance = 950 WHERE id = '{cards[0]}'")
    programs = {line.split()[1].rstrip(":") for line in office.kado("verify").stdout.splitlines()[:-1]}
    assert len(programs) == 2
    for program in programs:
        assert office.kado("card", "accept", "--program", program, "--reason", "upgrade").stdout.startswith("1 of 1")
    said = office.kado("verify").stdout
    assert cards[0] in said
    assert cards[1] not in said
    assert "[balance_mismatch]" in said


def test_wrong_usage(office: Office) -> None:
    office.in_shop(sell)
    for words in ((), ("a" * 24,), ("--reason", "x"), ("x", "--reason", "x")):
        assert office.kado("card", "accept", *words).exit_code == 2
    assert office.kado("card", "accept", "a" * 24, "--reason", "x").exit_code == 1
