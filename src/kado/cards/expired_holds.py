"""Write down that holds are over. Whoever asks for such a card meanwhile gets the same answers: time alone decides."""

from typing import Final

import structlog

from kado.access.caller import Caller
from kado.access.permissions import Role
from kado.cards.hold import LetExpiredGo
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome
from kado.errors import Refusal, Unavailable
from kado.programs import find
from kado.storage.database import Database

_AT_ONCE: Final = 500
_log: Final = structlog.get_logger("kado.holds")


async def let_expired_holds_go(database: Database, ledger: Ledger) -> int:
    """One round over all programs; how many cards had holds that were over. Raises `Unavailable`."""
    count = 0
    for program in await find.list_all(database):
        async with database.read() as connection:
            due = await connection.fetch(
                "SELECT DISTINCT c.id, c.is_test FROM hold h"
                " JOIN card c ON c.program_id = h.program_id AND c.id = h.card_id"
                " WHERE h.program_id = $1 AND h.status = 'open' AND h.expires_at <= statement_timestamp() LIMIT $2",
                program.id,
                _AT_ONCE,
            )
        for row in due:
            caller = Caller(program.merchant_id, "system:worker", Role.OWNER, frozenset(), is_test=row["is_test"])
            posting = LetExpiredGo(
                program_id=program.id, card_id=row["id"], caller=caller, key=None, render=_nobody_asked
            )
            try:
                await ledger.post(posting)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - one damaged card must not keep the others waiting
                _log.error("hold.not_released", card=row["id"], error=type(error).__name__)
        count += len(due)
    return count


def _nobody_asked(_: Outcome | Refusal) -> Answer:
    return Answer(200, b"")
