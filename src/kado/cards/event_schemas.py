"""The JSON schema (draft 2020-12) of every event, from one description. docs/reference/events/ is written from it."""

from typing import Any, Final

from kado.cards.card import CardStatus, TransactionType
from kado.cards.events import EventType
from kado.fraud.config import Severity
from kado.fraud.rule import RuleAction

Schema = dict[str, Any]

MEANINGS: Final = {
    EventType.ISSUED: "A card was issued. It is worth nothing until it is activated.",
    EventType.ACTIVATED: "A card got its value and can be spent.",
    EventType.REDEEMED: "Money was taken from a card.",
    EventType.RELOADED: "Money was put on a card.",
    EventType.REFUNDED: "A redemption was given back, in part or in full.",
    EventType.TRANSFERRED: "Money moved between two cards; each of them has an event of its own.",
    EventType.CONSOLIDATED: "Several cards became one; each of them, and the new one, has an event of its own.",
    EventType.VOIDED: "A card was ended for good; what was on it is written off.",
    EventType.SUSPENDED: "A card was stopped for a while.",
    EventType.UNSUSPENDED: "A suspension was lifted. One that ends by itself has no event.",
    EventType.EXPIRED: "A card's time is over. Written within about a minute of it.",
    EventType.DELIVERED: "The first security code of a card left for its recipient.",
    EventType.HELD: "Money of a card was set aside for an order.",
    EventType.CAPTURED: "Money that was set aside was taken.",
    EventType.RELEASED: "Money that was set aside can be spent again.",
    EventType.REPLACED: "A card was replaced by another one that has its money.",
    EventType.OWNERSHIP_TRANSFERRED: "A card has another owner.",
    EventType.FRAUD_ALERT: "Something looks like fraud: an alert was raised, of whose cards this is the latest.",
}

_ID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
_AMOUNT: Final[Schema] = {
    "type": "string",
    "pattern": "^-?[0-9]+(\\.[0-9]{2,3})?$",
    "description": "Major units with exactly the currency's decimals.",
}
_TIME: Final[Schema] = {"type": "string", "format": "date-time", "description": "ISO 8601 in UTC."}
_TEXT: Final[Schema] = {"type": ["string", "null"]}

_TRANSACTION: Final[Schema] = {
    "type": ["object", "null"],
    "description": "The entry that was written, if there was one, as the API shows it but without its description.",
    "properties": {
        "id": _ID,
        "transactionType": {"enum": [one.value for one in TransactionType]},
        "amount": _AMOUNT,
        "balanceBefore": _AMOUNT,
        "balanceAfter": _AMOUNT,
        "referenceId": _TEXT,
        "createdAt": _TIME,
        "processedAt": _TIME,
        "merchantId": {**_ID, "description": "The merchant whose token was used."},
        "posTransactionId": _TEXT,
        "cashierId": _TEXT,
        "terminalId": _TEXT,
    },
}
_TRANSACTION["required"] = list(_TRANSACTION["properties"])

_DATA: Final[Schema] = {
    "programId": _ID,
    "cardId": _ID,
    "merchantId": {**_ID, "description": "The merchant for whom the card was issued."},
    "status": {"enum": [one.value for one in CardStatus]},
    "balance": _AMOUNT,
    "availableBalance": {**_AMOUNT, "description": "The balance without what is set aside for orders."},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "lastFourDigits": {"type": "string", "maxLength": 4},
    "expiresAt": _TIME,
    "isTest": {"type": "boolean", "description": "Made with a test key."},
    "transaction": _TRANSACTION,
}

_HOLD: Final[Schema] = {
    "type": "object",
    "description": "The hold as the API shows it, where the event says so.",
    "properties": {"id": _ID, "amount": _AMOUNT, "orderReference": {"type": "string"}},
}
_ALERT: Final[Schema] = {
    "type": "object",
    "description": "The alert; more of the same is added to it while it is open, and has no event.",
    "properties": {
        "id": _ID,
        "patternType": {"type": "string"},
        "severity": {"enum": [one.value for one in Severity]},
        "action": {"enum": [one.value for one in RuleAction], "description": "What was done about it."},
        "ruleId": {"type": ["string", "null"], "description": "The rule, where it took one."},
        "occurrences": {"type": "integer"},
    },
}
MORE: Final[dict[EventType, Schema]] = {
    EventType.HELD: {"hold": _HOLD},
    EventType.CAPTURED: {"hold": _HOLD},
    EventType.RELEASED: {"hold": _HOLD},
    EventType.REPLACED: {"newCardId": _ID},
    EventType.FRAUD_ALERT: {"alert": _ALERT},
}
"""Members of `data` beside the usual ones. Receivers ignore members that they do not know."""


def schema_of(kind: EventType) -> Schema:
    """The schema of a whole event of this type. New members may come with later versions, so none are forbidden."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.value,
        "description": MEANINGS[kind],
        "type": "object",
        "properties": {
            "id": {**_ID, "description": "The same in every repetition: know by it what you have had before."},
            "type": {"const": kind.value},
            "timestamp": {**_TIME, "description": "When it happened."},
            "data": {"type": "object", "properties": {**_DATA, **MORE.get(kind, {})}, "required": list(_DATA)},
        },
        "required": ["id", "type", "timestamp", "data"],
    }
