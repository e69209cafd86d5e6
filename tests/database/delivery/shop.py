"""A merchant with a program, its cards and the messages about them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import asyncpg

from kado.cards.numbers import hide_number, new_number, new_pass_sid
from kado.crypto import Keyring
from kado.ids import new_id
from kado.storage.database import Database
from kado.storage.outbox import Message, MessageKind, enqueue_messages

ADDRESS = "anna@example.com"


@dataclass(frozen=True)
class ACard:
    program_id: str
    id: str
    number: str


@dataclass
class Shop:
    """A merchant with a program; makes cards and messages in it."""

    database: Database
    keyring: Keyring
    merchant_id: str = field(default_factory=new_id)
    program_id: str = field(default_factory=new_id)

    async def open(self) -> "Shop":
        async with self.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO merchant (id, name) VALUES ($1, $2)", self.merchant_id, f"Café {self.merchant_id[-4:]}"
            )
            await connection.execute(
                """
                INSERT INTO program (id, merchant_id, name, currency, pass_type_identifier, min_initial_value,
                                     max_initial_value, max_balance, max_reload, cashier_issue_limit, expiry_rule,
                                     expiry_months, code_format, number_prefix, requires_key)
                VALUES ($1, $2, 'Gift cards', 'EUR', 'pass.example', 1, 500000, 1000000, 500000, 50000, 'after_issue',
                        12, 'digits', '6034', false)
                """,
                self.program_id,
                self.merchant_id,
            )
        return self

    async def card(self, **facts: Any) -> ACard:
        card_id, number, now = new_id(), new_number("6034"), datetime.now(UTC)
        hidden = hide_number(self.keyring, self.program_id, card_id, number)
        columns: dict[str, Any] = {
            "program_id": self.program_id,
            "id": card_id,
            "merchant_id": self.merchant_id,
            "is_test": False,
            "balance": 0,
            "initial_value": 2500,
            "max_balance": 1000000,
            "status": "pending",
            "seq": 1,
            "head_hash": bytes(32),
            "created_at": now,
            "updated_at": now,
            "expires_at": now + timedelta(days=365),
            "state_seal": bytes(36),
            "number_index": hidden.number_index,
            "number_sealed": hidden.sealed,
            "last_four": hidden.last_four,
            "key_version": hidden.key_version,
            "pass_sid": new_pass_sid(self.program_id),
            "customer_email": ADDRESS,
            "customer_name": "Anna",
            "is_physical": False,
        } | facts
        names, places = ", ".join(columns), ", ".join(f"${at}" for at in range(1, len(columns) + 1))
        async with self.database.transaction() as connection:
            await connection.execute(f"INSERT INTO card ({names}) VALUES ({places})", *columns.values())
        return ACard(self.program_id, card_id, number)

    def a_message(
        self,
        card: ACard,
        now: datetime,
        recipient: str = ADDRESS,
        *,
        channel: Literal["email", "sms"] = "email",
        kind: MessageKind = "security_code",
        send_in: timedelta = timedelta(0),
        **facts: Any,
    ) -> Message:
        return Message(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            kind=kind,
            channel=channel,
            recipient=recipient,
            sender_name=None,
            created_at=now,
            send_at=now + send_in if send_in else None,
            **({"custom_message": None} | facts),
        )

    async def message(self, card: ACard, recipient: str = ADDRESS, **facts: Any) -> Message:
        """A message written to the outbox, with its job."""
        message = self.a_message(card, await self.now(), recipient, **facts)
        async with self.database.transaction() as connection:
            await enqueue_messages(connection, [message])
        return message

    async def now(self) -> datetime:
        """By the database's clock."""
        return cast("datetime", (await self._one("SELECT clock_timestamp() AS now"))["now"])

    async def row(self, message: Message) -> "asyncpg.Record":
        return await self._one(
            "SELECT *, next_attempt_at - clock_timestamp() AS due_in FROM message WHERE program_id = $1 AND id = $2",
            message.program_id,
            message.id,
        )

    async def card_row(self, card: ACard) -> "asyncpg.Record":
        return await self._one("SELECT * FROM card WHERE program_id = $1 AND id = $2", card.program_id, card.id)

    async def set(self, message: Message, assignments: str) -> None:
        async with self.database.read() as connection:
            await connection.execute(
                f"UPDATE message SET {assignments} WHERE program_id = $1 AND id = $2", message.program_id, message.id
            )

    async def jobs(self) -> int:
        return int((await self._one("SELECT count(*) AS jobs FROM pgqueuer"))["jobs"])

    async def delete_jobs(self) -> None:
        async with self.database.read() as connection:
            await connection.execute("DELETE FROM pgqueuer")

    async def _one(self, query: str, *values: object) -> "asyncpg.Record":
        async with self.database.read() as connection:
            row = await connection.fetchrow(query, *values)
        assert row is not None
        return row
