"""The database against an earlier export of its seals: what somebody cut off or rewrote, secret key or not."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from kado.cards.proof.export import read
from kado.cards.proof.findings import Finding, Reason
from kado.cards.proof.handovers import Handover
from kado.cards.proof.seals import Seal
from kado.cards.seal import HEAD_BYTES
from kado.storage.database import Connection

_AT_ONCE: Final = 5000


async def contradicted(connection: Connection, file: Path, program_id: str | None) -> list[Finding]:
    """Every seal of the file that the database does not have as it is there, and the cards that prove it.

    What a seal that the database has says about cards has been compared with the entries already. Raises `NotAnExport`.
    """
    found: list[Finding] = []
    gone: dict[str, list[int]] = {}
    for line in read(file):
        if isinstance(line, Handover) or program_id not in (None, line[0]):
            continue
        owner, seal = line
        stored = await connection.fetchval(
            "SELECT hash FROM ledger_seal WHERE program_id = $1 AND number = $2", owner, seal.number
        )
        if stored == seal.hash:
            continue
        if stored is None:
            gone.setdefault(owner, []).append(seal.number)
        else:
            text = f"seal {seal.number} is not the one that was exported"
            found.append(Finding(owner, None, Reason.EXPORTED_SEAL_DIFFERS, text))
        found += await _contradicted_heads(connection, owner, seal)
    for owner, numbers in gone.items():
        shown = f"seal {numbers[0]} was" if len(numbers) == 1 else f"{len(numbers)} seals from {numbers[0]} on were"
        found.append(Finding(owner, None, Reason.EXPORTED_SEAL_MISSING, f"{shown} exported and cannot be found"))
    return found


async def _contradicted_heads(connection: Connection, program_id: str, seal: Seal) -> list[Finding]:
    """The heads of a seal that no entry of the database bears out."""
    found = []
    for heads in _pieces(seal.heads):
        rows = await connection.fetch(
            """
            SELECT u.card_id, u.seq, t.hash FROM unnest($2::text[], $3::bigint[], $4::bytea[]) AS u (card_id, seq, hash)
            LEFT JOIN card_transaction t ON t.program_id = $1 AND t.card_id = u.card_id AND t.seq = u.seq
            WHERE t.hash IS DISTINCT FROM u.hash ORDER BY u.card_id""",
            program_id,
            *map(list, zip(*heads, strict=True)),
        )
        for row in rows:
            if row["hash"] is None:
                reason, text = (
                    Reason.SEALED_ENTRY_MISSING,
                    f"entry {row['seq']} was sealed and exported, and is missing",
                )
            else:
                reason, text = Reason.SEALED_ENTRY_DIFFERS, f"entry {row['seq']} is not the one that was exported"
            found.append(Finding(program_id, row["card_id"], reason, text))
    return found


def _pieces(heads: bytes) -> Iterator[list[tuple[str, int, bytes]]]:
    """The heads of a seal: card, sequence number, hash; some at a time."""
    whole = range(0, len(heads) - len(heads) % HEAD_BYTES, HEAD_BYTES)
    each = (
        (heads[at : at + 12].hex(), int.from_bytes(heads[at + 12 : at + 20], "big"), heads[at + 20 : at + HEAD_BYTES])
        for at in whole
    )
    while piece := list(islice(each, _AT_ONCE)):
        yield piece
