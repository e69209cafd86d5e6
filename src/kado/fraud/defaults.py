"""The rules that a new program begins with: they tell, and refuse nothing."""

from typing import Final

from kado.fraud.config import RuleType
from kado.fraud.rule import RuleAction, copy_of, rule_of
from kado.fraud.rules import insert
from kado.ids import new_id
from kado.programs.program import Program
from kado.storage.database import Connection

_USUAL: Final = (
    (
        "Many redemptions of one card",
        "A card that is spent more than ten times within an hour.",
        {"scope": "card", "windowMinutes": 60, "maxCount": 10},
    ),
    (
        "Spent right after activation",
        "Stolen money is often put on a card and spent within minutes.",
        {"counts": "spend_after_activation", "windowMinutes": 5, "severity": "low"},
    ),
    (
        "Many refunds by one cashier",
        "More than ten refunds by one cashier within an hour.",
        {"scope": "cashier", "windowMinutes": 60, "maxCount": 10, "transactionTypes": ["REFUND"]},
    ),
    (
        "Many transfers from one address",
        "More than ten transfers between cards from one address within an hour.",
        {"scope": "address", "windowMinutes": 60, "maxCount": 10, "transactionTypes": ["TRANSFER_OUT"]},
    ),
    (
        "Balance checks of a card not yet sold",
        "Who copied a card's number and code in the shop waits for it to be sold.",
        {
            "counts": "pending_balance_checks",
            "scope": "card",
            "windowMinutes": 24 * 60,
            "maxCount": 3,
            "severity": "high",
        },
    ),
    (
        "Balance checks of many cards not yet sold",
        "One address that asks for the balance of cards that nobody has bought.",
        {
            "counts": "pending_balance_checks",
            "scope": "address",
            "windowMinutes": 24 * 60,
            "maxCount": 5,
            "severity": "high",
        },
    ),
)


async def begin_with_usual_rules(connection: Connection, program: Program) -> None:
    """Give a program that is being opened its rules, on this connection's transaction."""
    rules = [
        rule_of(
            program.currency,
            {
                "program_id": program.id,
                "id": new_id(),
                "series_id": new_id(),
                "name": name,
                "description": description,
                "type": RuleType.VELOCITY_LIMIT,
                "action": RuleAction.FLAG,
                "config": config,
                "is_active": True,
                "expires_at": None,
                "since": program.created_at,
                "created_at": program.created_at,
                "updated_at": None,
            },
        )
        for name, description, config in _USUAL
    ]
    await insert(connection, rules)
    await connection.execute("UPDATE program SET fraud_rules = $2::jsonb WHERE id = $1", program.id, copy_of(rules))
