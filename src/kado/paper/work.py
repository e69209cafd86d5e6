"""Works print runs off, piece by piece: a batch of the bulk issue is a piece.

Codes are made and committed before a piece is printed, since paper with codes that are not valid is worth nothing;
whoever is killed in between is followed by another one, who makes new codes. A mark on the run says who is at it.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from kado import audit
from kado.audit.looks import of_look
from kado.audit.origin import origin
from kado.cards import store as cards_store
from kado.cards.bulk import store as bulk
from kado.cards.bulk.codes import Coded, give_codes
from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.paper import runs
from kado.paper.card import Brand, PaperCard
from kado.paper.drawn import design_of, paper_card, style_of
from kado.paper.press import press
from kado.paper.runs import CLAIM, FAILED, PROCESSING, Run
from kado.programs.find import list_all
from kado.programs.program import Program
from kado.storage.database import Connection, Database

_log: Final = structlog.get_logger("kado.paper")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A batch that is to be printed; `cards` is empty where there is none left."""

    run: Run
    program: Program
    number: int
    cards: list[Coded]
    now: datetime


async def print_next_piece(database: Database, keyring: Keyring, public_url: str, task_id: str | None = None) -> bool:
    """Print a piece of the run that has waited longest, or of that task's. False where there is none to be had.

    A run that cannot be printed ends as failed. Raises `Unavailable` while the database is away.
    """
    piece = await database.repeat(lambda connection: _claim(connection, keyring, task_id))
    if piece is None:
        return False
    try:
        made = await press(*(await _composed(database, public_url, piece)), piece.run.paper)
        await _keep(database, keyring, piece, made)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever stands in the way would only do so again
        # Neither its text nor its traceback: both could hold a number or a name.
        _log.error("print.broken", run=piece.run.id, error=type(error).__name__)
        await _fail(database, piece.run, f"an error in the program ({type(error).__name__})")
    return True


async def forget_old_runs(database: Database) -> int:
    """Delete runs that nobody fetched in time, with their pieces; how many."""
    gone = 0
    for program in await list_all(database):
        async with database.read() as connection:
            rows = await connection.fetch(
                "DELETE FROM print_run WHERE program_id = $1 AND expires_at < statement_timestamp() RETURNING id",
                program.id,
            )
        gone += len(rows)
    return gone


async def _claim(connection: Connection, keyring: Keyring, task_id: str | None) -> _Piece | None:
    """Take the next piece for ourselves, with fresh codes for its cards."""
    found = await runs.lock_waiting(connection, task_id)
    if found is None:
        return None
    run, now = found
    await bulk.keyed_only(connection)
    programs, _ = await cards_store.read_programs(connection, [run.program_id])
    program = programs[run.program_id]
    batch = await bulk.issued_ids(connection, run.program_id, run.task_id, run.last_batch)
    assert batch is not None, "the last piece ends the run"
    number, ids = batch
    cards = await give_codes(connection, keyring, program, ids)
    await audit.write(connection, [of_look(run.actor, run.merchant_id, run.program_id, ids, origin())])
    run.state, run.touched_at = PROCESSING, now
    run.claim, run.claimed_until = secrets.token_bytes(16), now + CLAIM
    await runs.write(connection, run)
    return _Piece(run, program, number, cards, now)


async def _composed(database: Database, public_url: str, piece: _Piece) -> tuple[list[PaperCard], Brand]:
    style = await style_of(database, piece.program)
    designs: dict[str | None, tuple[str, bytes | None]] = {}
    cards = []
    for one in piece.cards:
        template = one.card.design_template
        if template not in designs:
            designs[template] = await design_of(database, piece.program.id, style.look, template)
        drawn = paper_card(one.card, piece.program, public_url, one.number, one.code, designs[template], piece.now)
        cards.append(drawn)
    return cards, style.brand


async def _keep(database: Database, keyring: Keyring, piece: _Piece, made: bytes) -> None:
    """Write the piece, unless another one has taken our place meanwhile; the last one ends the run."""
    run = piece.run
    sealed = keyring.encrypt("stored-secret", made, run.bound(str(piece.number)))

    async def work(connection: Connection) -> None:
        ours = await runs.lock_claimed(connection, run)
        if ours is None:
            return
        await connection.execute(
            "INSERT INTO print_piece (program_id, run_id, number, cards, content) VALUES ($1, $2, $3, $4, $5)",
            run.program_id,
            run.id,
            piece.number,
            len(piece.cards),
            sealed,
        )
        now = await connection.fetchval("SELECT clock_timestamp()")
        left = await bulk.issued_ids(connection, run.program_id, run.task_id, piece.number)
        ours = replace(ours, printed=ours.printed + len(piece.cards), last_batch=piece.number, touched_at=now)
        ours.claim = ours.claimed_until = None
        if left is None:
            ours.end(keyring, now)
        await runs.write(connection, ours)

    await database.repeat(work)


async def _fail(database: Database, run: Run, reason: str) -> None:
    async def work(connection: Connection) -> None:
        ours = await runs.lock_claimed(connection, run)
        if ours is None:
            return
        now = await connection.fetchval("SELECT clock_timestamp()")
        ours.state, ours.error, ours.ended_at, ours.touched_at = FAILED, reason, now, now
        ours.claim = ours.claimed_until = None
        await runs.write(connection, ours)
        await audit.record(
            connection,
            actor="system:worker",
            action="bulk:paper-failed",
            merchant_id=run.merchant_id,
            program_id=run.program_id,
            subject=run.task_id,
            details={"reason": reason, "printed": ours.printed, "of": ours.total},
        )

    await database.repeat(work)
