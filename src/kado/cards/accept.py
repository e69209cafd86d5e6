"""Accept a card as its row stands: seal anew what somebody changed past Kado, once a person has looked at it.

A broken seal stays broken while Kado goes on working on the card, so that it is found. This is the way back, and the
way for cards from before a seal covered what it covers now. Entries, balance and everything else stay what they are: a
balance that is not the sum of its entries is named by verification as before.
"""

from kado import audit
from kado.cards import store
from kado.cards.card import Card
from kado.cards.chain import seal_state, state_is_sealed
from kado.cards.evidence import rows_beside
from kado.cards.rows_digest import Row, digest_of
from kado.cards.verify import Reason, verify
from kado.crypto import VERSION_BYTES, Keyring
from kado.errors import NotFound
from kado.storage.database import Connection, Database


async def accept(
    database: Database, keyring: Keyring, program_id: str, card_id: str, *, actor: str, reason: str
) -> bool:
    """Seal the card as it stands, and write down who did and why. False where its seal holds already.

    Raises `NotFound`, and `Unavailable` while the database is away.
    """

    async def work(connection: Connection) -> bool:
        locked = await store.lock_cards(connection, program_id, [card_id])
        card = locked.cards.get((program_id, card_id))
        if card is None:
            raise NotFound("card_not_found", f"There is no card {card_id} in program {program_id}.")
        rows = (await rows_beside(connection, card.program_id, [card.id])).get(card.id, [])
        if state_is_sealed(keyring, card) and _same(keyring, card, rows):
            return False
        card.rows_digest = digest_of(keyring, keyring.version, rows) if rows else None
        card.state_seal = seal_state(keyring, card)
        await connection.execute(
            "UPDATE card SET rows_digest = $3, state_seal = $4 WHERE program_id = $1 AND id = $2",
            program_id,
            card_id,
            card.rows_digest,
            card.state_seal,
        )
        await audit.record(
            connection,
            actor=actor,
            action="card:accepted-as-it-stands",
            merchant_id=locked.programs[program_id].merchant_id,
            program_id=program_id,
            subject=card_id,
            details={"reason": reason},
        )
        return True

    return await database.repeat(work)


async def broken(database: Database, keyring: Keyring, program_id: str | None) -> list[tuple[str, str]]:
    """The cards of the program that verification says are not what Kado wrote: program and id."""
    report = await verify(database, keyring, program_id=program_id)
    return sorted(
        {
            (found.program_id, found.card_id)
            for found in report.findings
            if found.card_id is not None and found.reason_code in (Reason.STATE_CHANGED, Reason.ROWS_CHANGED)
        }
    )


def _same(keyring: Keyring, card: Card, rows: list[Row]) -> bool:
    if card.rows_digest is None:
        return not rows
    return digest_of(keyring, card.rows_digest[:VERSION_BYTES], rows) == card.rows_digest
