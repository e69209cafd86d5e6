"""Cards come under the current secret: the number is encrypted and indexed anew, the seals are made anew.

A security code cannot come along: only its keyed hash is kept, and nobody knows the code. It goes on being compared
under the secret that it was made with, for as long as that one is configured.

A seal or a digest that was broken before stays broken: it must be found. What was counted against a card's number under
an older secret is counted under the current one from then on, so that a guesser neither wins nor loses a try.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kado import audit
from kado.cards import guesses, store
from kado.cards.card import Card
from kado.cards.chain import seal_state, state_is_sealed
from kado.cards.evidence import rows_beside
from kado.cards.guesses import Move
from kado.cards.numbers import hide_number, indexes_anywhere, indexes_of, show_number
from kado.cards.rows_digest import Row, digest_of
from kado.cards.stretch import Stretch, look
from kado.crypto import VERSION_BYTES, Keyring, Undecipherable
from kado.storage.database import Connection, Database

MARKS: Final = ", ".join(
    (
        "c.key_version",
        *(f"substr(c.{one}, 1, {VERSION_BYTES})" for one in ("number_sealed", "state_seal", "rows_digest")),
    )
)
"""The versions of the secrets under which the parts of a card `c` were made; one may be empty."""

_IS_OLDER: Final = f"$1 <> ANY(ARRAY[{MARKS}])"


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What became of a batch: how many cards came under the current secret, and which could not, in whole."""

    done: int
    left: list[str]


async def next_older(database: Database, keyring: Keyring, program_id: str, after: str) -> Stretch | None:
    """The next cards of the program that are not under the current secret; None after its last card."""
    return await look(database, _IS_OLDER, keyring.version, program_id, after)


async def rekey(
    database: Database, keyring: Keyring, program_id: str, card_ids: Sequence[str], *, actor: str
) -> Rekeyed:
    """Bring these cards under the current secret, in one transaction. Raises `Unavailable`."""

    async def work(connection: Connection) -> Rekeyed:
        locked = await store.lock_cards(connection, program_id, card_ids)
        cards = [card for card in locked.cards.values() if not _is_current(keyring, card)]
        rows = await rows_beside(connection, program_id, [card.id for card in cards if card.rows_digest is not None])
        numbers = {card.id: number for card in cards if (number := _number(keyring, card)) is not None}
        await _move_guesses(connection, keyring, program_id, list(numbers.values()))
        for card in cards:
            _bring_over(keyring, card, numbers.get(card.id), rows.get(card.id, []))
        await _write(connection, program_id, cards)
        left = [card.id for card in cards if not _is_current(keyring, card)]
        done = Rekeyed(len(cards) - len(left), left)
        if done.done:
            await audit.record(
                connection,
                actor=actor,
                action="secret:cards-moved",
                merchant_id=locked.programs[program_id].merchant_id,
                program_id=program_id,
                details={"cards": done.done, "to": keyring.version.hex()},
            )
        return done

    return await database.repeat(work)


def _is_current(keyring: Keyring, card: Card) -> bool:
    marked = (card.number_sealed, card.state_seal, card.rows_digest or keyring.version)
    return card.key_version == keyring.version and all(one[:VERSION_BYTES] == keyring.version for one in marked)


def _number(keyring: Keyring, card: Card) -> str | None:
    try:
        return show_number(keyring, card.program_id, card.id, card.number_sealed)
    except (Undecipherable, ValueError):
        return None


def _bring_over(keyring: Keyring, card: Card, number: str | None, rows: Sequence[Row]) -> None:
    was_sealed = state_is_sealed(keyring, card)
    if number is not None and card.number_index in indexes_of(keyring, card.program_id, number):
        hidden = hide_number(keyring, card.program_id, card.id, number)
        card.number_index, card.number_sealed, card.key_version = hidden.number_index, hidden.sealed, hidden.key_version
    if card.rows_digest is not None and _is_right(keyring, card.rows_digest, rows):
        card.rows_digest = digest_of(keyring, keyring.version, rows)
    if was_sealed:
        card.state_seal = seal_state(keyring, card)


def _is_right(keyring: Keyring, digest: bytes, rows: Sequence[Row]) -> bool:
    try:
        return digest_of(keyring, digest[:VERSION_BYTES], rows) == digest
    except Undecipherable:
        return False


async def _move_guesses(connection: Connection, keyring: Keyring, program_id: str, numbers: list[str]) -> None:
    """Under the locks that a check of these numbers takes: none of them is compared meanwhile."""
    anywhere = [indexes_anywhere(keyring, number) for number in numbers]
    await guesses.lock(connection, [index for indexes in anywhere for index in indexes])
    in_program = [indexes_of(keyring, program_id, number) for number in numbers]
    await guesses.move(connection, program_id, _moves(in_program), _moves(anywhere))


def _moves(found: list[list[bytes]]) -> list[Move]:
    return [Move(older, now) for now, *others in found for older in others]


async def _write(connection: Connection, program_id: str, cards: Sequence[Card]) -> None:
    await connection.execute(
        """
        UPDATE card c SET number_index = u.number_index, number_sealed = u.number_sealed, key_version = u.key_version,
                          state_seal = u.state_seal, rows_digest = u.rows_digest
        FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])
             AS u (id, number_index, number_sealed, key_version, state_seal, rows_digest)
        WHERE c.program_id = $1 AND c.id = u.id""",
        program_id,
        [card.id for card in cards],
        [card.number_index for card in cards],
        [card.number_sealed for card in cards],
        [card.key_version for card in cards],
        [card.state_seal for card in cards],
        [card.rows_digest for card in cards],
    )
