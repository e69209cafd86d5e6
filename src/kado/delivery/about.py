"""What messages have to say about a card, read when they leave: what is true by then."""

from datetime import timedelta
from typing import Final

import asyncpg

from kado.cards.card import TransactionType
from kado.cards.codes import page_url
from kado.cards.store import STATUS_NOW
from kado.delivery.compose import Change, Notice, Receipt, Reminder, TillReceipt
from kado.delivery.failures import PermanentFailure
from kado.delivery.messages import Claimed
from kado.delivery.reminders import DAYS
from kado.money import currency
from kado.storage.database import Database

_CODE: Final = (
    "SELECT m.recipient FROM message m WHERE m.program_id = $1 AND m.card_id = $2 AND m.kind = 'security_code'"
)

_NOTICE: Final = f"""
    SELECT merchant.name AS merchant_name, program.name AS program_name, card.last_four, (
               {_CODE}
               AND m.created_at <= $3 AND m.recipient <> $4 ORDER BY m.created_at DESC, m.id DESC LIMIT 1) AS sent_to
      FROM card
      JOIN program ON program.id = card.program_id
      JOIN merchant ON merchant.id = card.merchant_id
     WHERE card.program_id = $1 AND card.id = $2"""

# The first code of a card went to whom it was for.
_RECEIPT: Final = f"""
    SELECT merchant.name AS merchant_name, program.name AS program_name, program.currency, card.customer_name,
           card.initial_value, CASE WHEN card.deliver_at > statement_timestamp() THEN card.deliver_at END AS deliver_at,
           coalesce(card.customer_email, card.customer_phone,
                    ({_CODE} ORDER BY m.created_at, m.id LIMIT 1)) AS sent_to
      FROM card
      JOIN program ON program.id = card.program_id
      JOIN merchant ON merchant.id = card.merchant_id
     WHERE card.program_id = $1 AND card.id = $2"""

_HOLDER: Final = f"""
    SELECT merchant.name AS merchant_name, program.name AS program_name, program.currency, c.customer_name,
           c.last_four, c.balance, c.expires_at, c.pass_sid, {STATUS_NOW} AS status,
           c.expires_at - statement_timestamp() AS left
      FROM card c
      JOIN program ON program.id = c.program_id
      JOIN merchant ON merchant.id = c.merchant_id
     WHERE c.program_id = $1 AND c.id = $2"""

_ENTRY: Final = """
    SELECT type, amount, balance_after, created_at FROM card_transaction
     WHERE program_id = $1 AND card_id = $2 AND seq = $3"""

_AT_TILL: Final = """
    SELECT merchant.name AS merchant_name, program.name AS program_name, program.currency, c.last_four, t.id, t.type,
           t.amount, t.balance_after, t.created_at
      FROM card_transaction t
      JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id
      JOIN program ON program.id = t.program_id
      JOIN merchant ON merchant.id = t.merchant_id
     WHERE t.program_id = $1 AND t.card_id = $2 AND t.seq = $3"""

_A_LITTLE_MORE: Final = timedelta(hours=1)


async def notice(database: Database, message: Claimed) -> Notice:
    """For `code_sent_elsewhere`. Raises `PermanentFailure` if the card is gone."""
    row = await _row(database, _NOTICE, message, message.created_at, message.recipient)
    return Notice(**row)


async def receipt(database: Database, message: Claimed) -> Receipt:
    """For `receipt`. Raises `PermanentFailure` if the card is gone."""
    row = await _row(database, _RECEIPT, message)
    return Receipt(
        merchant_name=row["merchant_name"],
        program_name=row["program_name"],
        customer_name=row["customer_name"],
        sent_to=row["sent_to"],
        value=row["initial_value"],
        currency=currency(row["currency"]),
        deliver_at=row["deliver_at"],
    )


async def reminder(database: Database, message: Claimed, public_url: str) -> Reminder | None:
    """For `expiry_reminder`; None where it says nothing that is true any more. Raises `PermanentFailure`."""
    row = await _row(database, _HOLDER, message)
    if row["status"] != "active" or row["left"] > timedelta(days=max(DAYS)) + _A_LITTLE_MORE:
        return None
    return Reminder(
        merchant_name=row["merchant_name"],
        program_name=row["program_name"],
        customer_name=row["customer_name"],
        last_four=row["last_four"],
        balance=row["balance"],
        currency=currency(row["currency"]),
        expires_at=row["expires_at"],
        url=page_url(public_url, row["pass_sid"]),
    )


async def change(database: Database, message: Claimed, public_url: str) -> Change:
    """For `balance_changed`. Raises `PermanentFailure` if the card is gone."""
    row = await _row(database, _HOLDER, message)
    entry = await _row(database, _ENTRY, message, message.entry_seq)
    return Change(
        merchant_name=row["merchant_name"],
        program_name=row["program_name"],
        customer_name=row["customer_name"],
        last_four=row["last_four"],
        type=TransactionType(entry["type"]),
        amount=entry["amount"],
        balance=entry["balance_after"],
        currency=currency(row["currency"]),
        at=entry["created_at"],
        url=page_url(public_url, row["pass_sid"]),
    )


async def till_receipt(database: Database, message: Claimed) -> TillReceipt:
    """For `till_receipt`. Raises `PermanentFailure` if the card is gone."""
    row = await _row(database, _AT_TILL, message, message.entry_seq)
    return TillReceipt(
        merchant_name=row["merchant_name"],
        program_name=row["program_name"],
        last_four=row["last_four"],
        entry_id=row["id"],
        type=TransactionType(row["type"]),
        amount=row["amount"],
        balance=row["balance_after"],
        currency=currency(row["currency"]),
        at=row["created_at"],
    )


async def _row(database: Database, statement: str, message: Claimed, *more: object) -> asyncpg.Record:
    async with database.read() as connection:
        row = await connection.fetchrow(statement, message.program_id, message.card_id, *more)
    if row is None:
        raise PermanentFailure("the card is gone")
    return row
