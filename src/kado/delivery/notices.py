"""What a notice about a code that went elsewhere has to say."""

from kado.delivery.compose import Notice
from kado.delivery.failures import PermanentFailure
from kado.delivery.messages import Claimed
from kado.storage.database import Database


async def read(database: Database, message: Claimed) -> Notice:
    """The facts of the notice. Raises `PermanentFailure` if the card is gone."""
    async with database.read() as connection:
        row = await connection.fetchrow(
            """
            SELECT merchant.name AS merchant_name, program.name AS program_name, card.last_four,
                   (SELECT code.recipient FROM message AS code
                     WHERE code.program_id = $1 AND code.card_id = $2 AND code.kind = 'security_code'
                       AND code.created_at <= $3 AND code.recipient <> $4
                     ORDER BY code.created_at DESC, code.id DESC LIMIT 1) AS sent_to
              FROM card
              JOIN program ON program.id = card.program_id
              JOIN merchant ON merchant.id = card.merchant_id
             WHERE card.program_id = $1 AND card.id = $2
            """,
            message.program_id,
            message.card_id,
            message.created_at,
            message.recipient,
        )
    if row is None:
        raise PermanentFailure("the card is gone")
    return Notice(**row)
