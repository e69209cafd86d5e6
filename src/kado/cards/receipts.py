"""A receipt of what a till did, by mail to whoever asked for it there. It shows no way to the card."""

import hashlib
from typing import Final

from kado import audit
from kado.access.caller import Caller
from kado.audit.origin import origin
from kado.cards.card import Entry
from kado.cards.masking import mask
from kado.errors import TooMany
from kado.languages.choose import Language
from kado.storage.database import Connection, Database
from kado.storage.outbox import Message, enqueue_messages

A_DAY: Final = 5
"""So many receipts are mailed for one card within a day: the address is one that somebody types."""


async def mail_receipt(
    database: Database, caller: Caller, entry: Entry, recipient: str, language: Language, key: str
) -> None:
    """Send it once, however often it is asked for with this key. Raises `TooMany` (`too_many_receipts`)."""
    message_id = hashlib.sha256(f"{entry.program_id}:{entry.id}:{key}".encode()).hexdigest()[:24]

    async def work(connection: Connection) -> None:
        row = await connection.fetchrow(
            "SELECT coalesce(bool_or(id = $3), false) AS is_known, clock_timestamp() AS now,"
            " count(*) FILTER (WHERE created_at > clock_timestamp() - interval '1 day') AS recent"
            " FROM message WHERE program_id = $1 AND card_id = $2 AND kind = 'till_receipt'",
            entry.program_id,
            entry.card_id,
            message_id,
        )
        assert row is not None, "an aggregate has one row"
        if row["is_known"]:
            return
        if row["recent"] >= A_DAY:
            raise TooMany("too_many_receipts", "Too many receipts were mailed for this card today.", 3600)
        message = Message(
            program_id=entry.program_id,
            id=message_id,
            card_id=entry.card_id,
            kind="till_receipt",
            channel="email",
            recipient=recipient,
            sender_name=None,
            custom_message=None,
            created_at=row["now"],
            request_id=origin().request_id,
            language=language.value,
            entry_seq=entry.seq,
        )
        await enqueue_messages(connection, [message])
        await audit.record(
            connection,
            actor=caller.subject,
            action="receipt:mailed",
            merchant_id=caller.merchant_id,
            program_id=entry.program_id,
            subject=entry.id,
            details={"to": mask(recipient)},
        )

    await database.repeat(work)
