"""Everything that a merchant's Kado knows of a person, record by record: for whoever asks what that is.

Numbers of cards are masked and codes are not there to be shown. What is encrypted for good (numbers, stored answers,
the request's keys) says nothing of a person that is not in these records too.
"""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from kado import clock
from kado.cards.card import Card
from kado.cards.ownership import owned, owner
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH, ENTRY_COLUMNS
from kado.people.person import Controller, Person
from kado.programs.find import list_owned
from kado.programs.program import Program
from kado.storage.database import Database

_CARDS_AT_ONCE: Final = 50
_ENTRIES_AT_ONCE: Final = 1000


class Record(NamedTuple):
    """One thing that is known, and of what sort it is."""

    section: str
    facts: dict[str, Any]


SECTIONS: Final = (
    "customers",
    "sessions",
    "oneTimePasswords",
    "consents",
    "cards",
    "transactions",
    "holds",
    "messages",
    "wallets",
    "bulkRecipients",
    "auditLog",
)
"""The sorts, in the order in which they come."""


async def known_of(database: Database, controller: Controller, person: Person) -> AsyncIterator[Record]:
    """The records, sort by sort. Cards of the merchant's own programs alone. Raises `Unavailable`."""
    async for record in _beside_programs(database, controller, person):
        yield record
    cards: list[tuple[Program, list[str]]] = []
    for program in await list_owned(database, controller.merchant_id):
        after = ""
        while found := await _cards(database, program, controller, person, after):
            for card in found:
                yield Record("cards", _card(card, program))
            after = found[-1].id
            cards.append((program, [card.id for card in found]))
    for program, ids in cards:
        async for record in _entries(database, program, ids):
            yield record
    contacts = (person.email, person.phone)
    for section, statement, more in (
        ("holds", _HOLDS, ()),
        ("messages", _MESSAGES, contacts),
        ("wallets", _WALLETS, ()),
    ):
        for program, ids in cards:
            for facts in await _rows(database, statement, program.id, ids, *more):
                yield Record(section, _in_currency(facts, program))
    async for record in _elsewhere(database, controller, person, {one for _, ids in cards for one in ids}):
        yield record
    async for record in _audit_rows(database, controller, person, cards):
        yield record


# ── beside programs ────────────────────────────────────────────────────────────────────────────────────────────────

_CUSTOMERS: Final = """
    SELECT id, email, phone, name, verified_at AS "verifiedAt", created_at AS "createdAt",
           last_login_at AS "lastLoginAt", logins
    FROM customer WHERE merchant_id = $1 AND is_test = $2 AND (id = $3::text OR email = $4 OR phone = $5)
    ORDER BY id"""

_SESSIONS: Final = """
    SELECT s.customer_id AS "customerId", s.created_at AS "createdAt", s.expires_at AS "expiresAt"
    FROM customer_session s JOIN customer c ON c.id = s.customer_id
    WHERE c.merchant_id = $1 AND c.is_test = $2 AND (c.id = $3::text OR c.email = $4 OR c.phone = $5)
    ORDER BY s.created_at"""

_PASSWORDS: Final = """
    SELECT target, channel, state, asked_at AS "askedAt", expires_at AS "expiresAt"
    FROM customer_otp WHERE merchant_id = $1 AND is_test = $2 AND (target = $3 OR target = $4)"""

_CONSENTS: Final = """
    SELECT customer_id AS "customerId", email, phone, purposes, address AS "ipAddress", given_at AS "givenAt"
    FROM consent WHERE merchant_id = $1 AND is_test = $2 AND (customer_id = $3::text OR email = $4 OR phone = $5)
    ORDER BY given_at"""


async def _beside_programs(database: Database, controller: Controller, person: Person) -> AsyncIterator[Record]:
    of, contacts = (controller.merchant_id, controller.is_test), (person.email, person.phone)
    for section, statement, named in (
        ("customers", _CUSTOMERS, (person.customer_id, *contacts)),
        ("sessions", _SESSIONS, (person.customer_id, *contacts)),
        ("oneTimePasswords", _PASSWORDS, contacts),
        ("consents", _CONSENTS, (person.customer_id, *contacts)),
    ):
        for facts in await _rows(database, statement, *of, *named):
            yield Record(section, facts)


# ── cards ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _cards(
    database: Database, program: Program, controller: Controller, person: Person, after: str
) -> list[Card]:
    async with database.read() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {CARD_COLUMNS} FROM card c JOIN merchant cm ON cm.id = c.merchant_id
            WHERE c.program_id = $1 AND c.is_test = $2 AND c.id > $6 AND {owned(3)}
            ORDER BY c.id LIMIT {_CARDS_AT_ONCE}""",
            program.id,
            controller.is_test,
            *owner(person.holder),
            after,
        )
    return [Card(*tuple(row)[:CARD_WIDTH]) for row in rows]


def _card(card: Card, program: Program) -> dict[str, Any]:
    currency = program.currency
    return {
        "id": card.id,
        "programId": card.program_id,
        "programName": program.name,
        "merchantName": card.merchant_name,
        "cardNumber": f"**** {card.last_four}",
        "status": card.recorded_status,
        "currency": currency.code,
        "balance": currency.text(card.balance),
        "initialValue": currency.text(card.initial_value),
        "customerId": card.customer_id,
        "customerEmail": card.customer_email,
        "customerPhone": card.customer_phone,
        "customerName": card.customer_name,
        "senderName": card.sender_name,
        "customMessage": card.custom_message,
        "language": card.language,
        "timeZone": card.time_zone,
        "suspendedReason": card.suspended_reason,
        "designTemplate": card.design_template,
        "isPhysical": card.is_physical,
        "createdAt": _moment(card.created_at),
        "activatedAt": _moment(card.activated_at),
        "expiresAt": _moment(card.expires_at),
        "voidedAt": _moment(card.voided_at),
        "deliverAt": _moment(card.deliver_at),
        "deliveredAt": _moment(card.delivered_at),
    }


async def _entries(database: Database, program: Program, card_ids: list[str]) -> AsyncIterator[Record]:
    card_id, seq = "", 0
    while True:
        async with database.read() as connection:
            rows = await connection.fetch(
                f"""
                SELECT {ENTRY_COLUMNS} FROM card_transaction
                WHERE program_id = $1 AND card_id = ANY($2::text[]) AND (card_id, seq) > ($3::text, $4::bigint)
                ORDER BY card_id, seq LIMIT {_ENTRIES_AT_ONCE}""",
                program.id,
                card_ids,
                card_id,
                seq,
            )
        for row in rows:
            yield Record("transactions", _entry(dict(row), program))
        if len(rows) < _ENTRIES_AT_ONCE:
            return
        card_id, seq = rows[-1]["card_id"], rows[-1]["seq"]


def _entry(row: dict[str, Any], program: Program) -> dict[str, Any]:
    text = program.currency.text
    return {
        "id": row["id"],
        "cardId": row["card_id"],
        "transactionType": row["type"],
        "currency": program.currency.code,
        "amount": text(row["amount"]),
        "balanceAfter": text(row["balance_after"]),
        "createdAt": _moment(row["created_at"]),
        "description": row["description"],
        "referenceId": row["reference_id"],
        "posTransactionId": row["pos_transaction_id"],
        "cashierId": row["cashier_id"],
        "terminalId": row["terminal_id"],
        "merchantId": row["merchant_id"],
    }


_HOLDS: Final = """
    SELECT id, card_id AS "cardId", amount, captured, status, order_reference AS "orderReference", description,
           pos_transaction_id AS "posTransactionId", created_at AS "createdAt", expires_at AS "expiresAt",
           ended_at AS "endedAt"
    FROM hold WHERE program_id = $1 AND card_id = ANY($2::text[]) ORDER BY card_id, created_at, id"""

# A card may have had another owner before: whom messages went to then, and what was said in them, is theirs.
_MESSAGES: Final = """
    SELECT m.id, m.card_id AS "cardId", m.kind, m.channel, CASE WHEN o.is_own THEN m.recipient END AS recipient,
           CASE WHEN o.is_own THEN m.sender_name END AS "senderName",
           CASE WHEN o.is_own THEN m.custom_message END AS "customMessage", m.state, m.created_at AS "createdAt",
           m.sent_at AS "sentAt"
    FROM message m JOIN card c ON c.program_id = m.program_id AND c.id = m.card_id
    CROSS JOIN LATERAL (SELECT lower(m.recipient) IN ($3, lower(c.customer_email))
                               OR m.recipient IN ($4, c.customer_phone) AS is_own) o
    WHERE m.program_id = $1 AND m.card_id = ANY($2::text[]) ORDER BY m.card_id, m.created_at, m.id"""


_WALLETS: Final = """
    SELECT card_id AS "cardId", wallet, created_at AS "createdAt", told_at AS "lastToldAt"
    FROM wallet_registration WHERE program_id = $1 AND card_id = ANY($2::text[]) ORDER BY card_id, created_at, id"""


def _in_currency(facts: dict[str, Any], program: Program) -> dict[str, Any]:
    text = program.currency.text
    return {name: text(value) if name in ("amount", "captured") else value for name, value in facts.items()}


# ── what bears the person elsewhere ────────────────────────────────────────────────────────────────────────────────

_TO_THE_PERSON: Final = """
    SELECT m.id, m.card_id AS "cardId", m.kind, m.channel, m.recipient, m.state, m.created_at AS "createdAt",
           m.sent_at AS "sentAt"
    FROM message m JOIN card c ON c.program_id = m.program_id AND c.id = m.card_id
    WHERE m.program_id = $1 AND c.is_test = $2 AND lower(m.recipient) = ANY($3::text[])
    ORDER BY m.created_at, m.id"""

_RECIPIENTS: Final = """
    SELECT b.task_id AS "taskId", b.recipients
    FROM bulk_batch b JOIN bulk_task t ON t.program_id = b.program_id AND t.id = b.task_id
    WHERE b.program_id = $1 AND t.is_test = $2 AND b.recipients IS NOT NULL ORDER BY b.task_id, b.number"""


async def _elsewhere(
    database: Database, controller: Controller, person: Person, card_ids: set[str]
) -> AsyncIterator[Record]:
    """Messages about cards that are not the person's, and orders that wait."""
    programs = await list_owned(database, controller.merchant_id)
    for program in programs:
        sent = await _rows(database, _TO_THE_PERSON, program.id, controller.is_test, person.contacts)
        for facts in sent:
            if facts["cardId"] not in card_ids:
                yield Record("messages", facts)
    for program in programs:
        for facts in await _rows(database, _RECIPIENTS, program.id, controller.is_test):
            for one in _ordered_for(person, json.loads(facts["recipients"])):
                yield Record("bulkRecipients", {"taskId": facts["taskId"], **one})


def _ordered_for(person: Person, people: list[list[str | None]]) -> Iterator[dict[str, Any]]:
    for email, phone, name, sender, message in people:
        is_meant = (email is not None and email.lower() == person.email) or (
            phone is not None and phone == person.phone
        )
        if is_meant:
            yield {
                "customerEmail": email,
                "customerPhone": phone,
                "customerName": name,
                "senderName": sender,
                "customMessage": message,
            }


# ── who did what about them ────────────────────────────────────────────────────────────────────────────────────────

# Who did it is told by kind alone, and only people themselves are told from where: staff are people too. The planner
# takes the index of customers where it is told so.
_AUDIT: Final = """
    SELECT a.at, a.action, a.subject, split_part(a.actor, ':', 1) AS actor, a.details,
           CASE WHEN a.actor = $3 THEN a.address END AS "ipAddress",
           CASE WHEN a.actor = $3 THEN a.user_agent END AS "userAgent"
    FROM audit_log a
    WHERE (a.subject = ANY($2::text[]) AND (a.merchant_id = $1 OR a.program_id = $4))
       OR (a.merchant_id = $1 AND a.actor = $3 AND a.actor LIKE 'customer:%')
    ORDER BY a.at, a.id"""


async def _audit_rows(
    database: Database, controller: Controller, person: Person, cards: list[tuple[Program, list[str]]]
) -> AsyncIterator[Record]:
    """About the customer and by them, then about their cards."""
    own = [] if person.customer_id is None else [person.customer_id]
    whose = [(own, f"customer:{person.customer_id}", None), *((ids, "", program.id) for program, ids in cards)]
    for subjects, actor, program_id in whose:
        for facts in await _rows(database, _AUDIT, controller.merchant_id, subjects, actor, program_id):
            yield Record("auditLog", {**facts, "details": json.loads(facts["details"])})


async def _rows(database: Database, statement: str, *values: object) -> list[dict[str, Any]]:
    async with database.read() as connection:
        rows = await connection.fetch(statement, *values)
    return [{name: _moment(value) for name, value in row.items()} for row in rows]


def _moment(value: Any) -> Any:  # noqa: ANN401 - whatever the database holds
    return clock.text(value) if isinstance(value, datetime) else value
