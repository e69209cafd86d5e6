"""What rules found while a request was decided, on its way to an alert.

Adding to an alert would let those who hit the same rule wait for each other, at the till. So a request leaves rows that
nobody else writes, in its own transaction, and the worker makes alerts of them.
"""

import json
from collections.abc import Sequence
from typing import Final

from kado.fraud.config import Severity
from kado.fraud.judge import Hit
from kado.fraud.rule import RuleAction
from kado.ids import new_id
from kado.storage.database import Connection

_AT_ONCE: Final = 500


async def leave(connection: Connection, hits: Sequence[Hit]) -> None:
    """Write them on this connection's transaction."""
    await connection.execute(
        """
        INSERT INTO fraud_hit (program_id, id, rule_id, rule_name, action, pattern_type, severity, subject, card_id,
                               entry_id, is_test, facts, hit_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                             $8::text[], $9::text[], $10::text[], $11::boolean[], $12::jsonb[], $13::timestamptz[])
        """,
        [hit.program_id for hit in hits],
        [new_id() for _ in hits],
        [hit.rule_id for hit in hits],
        [hit.rule_name for hit in hits],
        [hit.action.value for hit in hits],
        [hit.pattern_type for hit in hits],
        [hit.severity.value for hit in hits],
        [hit.subject for hit in hits],
        [hit.card_id for hit in hits],
        [hit.entry_id for hit in hits],
        [hit.is_test for hit in hits],
        [json.dumps(dict(hit.facts)) for hit in hits],
        [hit.at for hit in hits],
    )


async def take(connection: Connection, program_id: str) -> list[Hit]:
    """The program's next ones, oldest first; they are gone when this transaction commits."""
    rows = await connection.fetch(
        """
        DELETE FROM fraud_hit WHERE program_id = $1 AND id IN (
            SELECT id FROM fraud_hit WHERE program_id = $1 ORDER BY hit_at, id LIMIT $2)
        RETURNING program_id, rule_id, rule_name, action, pattern_type, severity, subject, card_id, entry_id, is_test,
                  hit_at, facts""",
        program_id,
        _AT_ONCE,
    )
    hits = [
        Hit(
            program_id=row["program_id"],
            rule_id=row["rule_id"],
            rule_name=row["rule_name"],
            action=RuleAction(row["action"]),
            pattern_type=row["pattern_type"],
            severity=Severity(row["severity"]),
            subject=row["subject"],
            card_id=row["card_id"],
            entry_id=row["entry_id"],
            is_test=row["is_test"],
            at=row["hit_at"],
            facts=json.loads(row["facts"]),
        )
        for row in rows
    ]
    return sorted(hits, key=lambda hit: hit.at)
