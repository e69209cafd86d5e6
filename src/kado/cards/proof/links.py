"""What entries say about entries: each link leads somewhere, both sides agree, and nothing is given back twice.

Asked of the database, in the snapshot of the verification: few entries have a counterpart, and those that have one are
found by an index. What comes back are contradictions only.
"""

from typing import Final, NamedTuple

from kado.cards.proof.findings import Reason
from kado.storage.database import Connection


class Link(NamedTuple):
    """A contradiction between two entries or cards. `other_card_id` is None where it may be any."""

    program_id: str
    card_id: str
    other_card_id: str | None
    reason: Reason
    explanation: str


# What the other side of an entry must be. A transfer and a replacement name each other; the parts of a consolidation
# name the whole; what was given or taken back names what it undoes, on the same card and further up.
_SIDES: Final = """
    SELECT t.program_id, t.card_id, o.card_id AS other_card_id, t.seq, t.type
    FROM card_transaction t
    LEFT JOIN card_transaction o ON o.program_id = t.program_id AND o.id = t.counterpart_id
    WHERE t.counterpart_id IS NOT NULL{program} AND CASE t.type
        WHEN 'TRANSFER_OUT' THEN
            o.type = 'TRANSFER_IN' AND o.counterpart_id = t.id AND o.amount = -t.amount AND o.card_id <> t.card_id
        WHEN 'TRANSFER_IN' THEN
            o.type = 'TRANSFER_OUT' AND o.counterpart_id = t.id AND o.amount = -t.amount AND o.card_id <> t.card_id
        WHEN 'VOID' THEN o.type = 'PURCHASE' AND o.counterpart_id = t.id AND t.amount = 0
        WHEN 'PURCHASE' THEN o.type = 'VOID' AND o.counterpart_id = t.id AND o.amount = 0
        WHEN 'CONSOLIDATION' THEN
            o.type = 'CONSOLIDATION' AND o.counterpart_id IS NULL AND o.amount > 0 AND t.amount < 0
        WHEN 'REFUND' THEN
            o.type = 'REDEMPTION' AND o.counterpart_id IS NULL AND o.card_id = t.card_id AND o.seq < t.seq
        WHEN 'REDEMPTION' THEN o.type = 'RELOAD' AND o.card_id = t.card_id AND o.seq < t.seq
        ELSE false END IS NOT true
    ORDER BY t.program_id, t.card_id, t.seq"""

# Whoever moves money between cards, or back, must say from where.
_UNLINKED: Final = """
    SELECT t.program_id, t.card_id, NULL AS other_card_id, t.seq, t.type FROM card_transaction t
    WHERE t.counterpart_id IS NULL{program} AND (
        t.type IN ('TRANSFER_OUT', 'TRANSFER_IN', 'REFUND') OR (t.type = 'CONSOLIDATION' AND (
            t.amount < 0 OR NOT EXISTS (
                SELECT FROM card_transaction o WHERE o.program_id = t.program_id AND o.counterpart_id = t.id))))
    ORDER BY t.program_id, t.card_id, t.seq"""

# What is undone of a redemption or reload, and what the parts of a consolidation bring: not more, and not less.
_TOTALS: Final = """
    SELECT o.program_id, o.card_id, NULL AS other_card_id, o.seq, o.type
    FROM (
        SELECT t.program_id, t.counterpart_id, sum(abs(t.amount)) AS total FROM card_transaction t
        WHERE t.counterpart_id IS NOT NULL{program} AND t.type IN ('REFUND', 'REDEMPTION', 'CONSOLIDATION')
        GROUP BY t.program_id, t.counterpart_id) AS parts
    JOIN card_transaction o ON o.program_id = parts.program_id AND o.id = parts.counterpart_id
    WHERE CASE o.type WHEN 'CONSOLIDATION' THEN parts.total <> o.amount ELSE parts.total > abs(o.amount) END
    ORDER BY o.program_id, o.card_id, o.seq"""

# The card that took another one's place must be the one to which that one's last entry leads.
_SUCCESSIONS: Final = """
    SELECT c.program_id, c.id AS card_id, s.id AS other_card_id, c.seq, c.succession AS type
    FROM card c
    LEFT JOIN card s ON s.program_id = c.program_id AND s.id = c.successor_id
    LEFT JOIN card_transaction t ON t.program_id = c.program_id AND t.card_id = c.id AND t.seq = c.seq
    LEFT JOIN card_transaction o ON o.program_id = t.program_id AND o.id = t.counterpart_id
    WHERE c.successor_id IS NOT NULL{program} AND (
        s.id IS NULL OR o.card_id IS DISTINCT FROM c.successor_id OR c.voided_at IS NULL
        OR (c.succession = 'consolidation') IS DISTINCT FROM (t.type = 'CONSOLIDATION'))
    ORDER BY c.program_id, c.id"""


_QUESTIONS: Final = (
    (_SIDES, Reason.COUNTERPART_WRONG, "entry {seq} ({type}) and the entry that it names do not belong together"),
    (_UNLINKED, Reason.COUNTERPART_MISSING, "entry {seq} ({type}) does not say where the money came from or went"),
    (
        _TOTALS,
        Reason.PARTS_DIFFER,
        "what other entries gave back of entry {seq} ({type}), or brought, is not its amount",
    ),
    (_SUCCESSIONS, Reason.SUCCESSION_MISMATCH, "the card's last entry does not lead to the card that took its place"),
)


async def contradictions(connection: Connection, program_id: str | None) -> list[Link]:
    """Everything in which entries or cards contradict each other."""
    found = []
    for query, reason, text in _QUESTIONS:
        narrowed = query.replace("{program}", "" if program_id is None else " AND {alias}.program_id = $1")
        narrowed = narrowed.replace("{alias}", "c" if query is _SUCCESSIONS else "t")
        for row in await connection.fetch(narrowed, *([] if program_id is None else [program_id])):
            owner = (row["program_id"], row["card_id"], row["other_card_id"])
            found.append(Link(*owner, reason, text.format(seq=row["seq"], type=row["type"])))
    return found
