"""The short version of the drill `drills/tampering.py`, always with the same edits."""

from tests.database.cards.thief import tamper

EDITS = 40


async def test_every_edit_of_a_single_row_is_found_and_named(database_url: str) -> None:
    outcome = await tamper(database_url, EDITS, 20_260_101, print)
    assert (outcome.missed, outcome.accused) == ([], [])
    assert outcome.named == outcome.count == EDITS
    assert len(outcome.kinds) == 5, outcome.kinds
