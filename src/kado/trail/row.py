"""One row of the audit log as people read it: what happened to what, by whom, from where, and the money with it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kado import clock
from kado.money import currency
from kado.trail.wanted import ACTORS, kind_of

COLUMNS: Final = """
    a.id, a.at, a.merchant_id, a.program_id, a.actor, a.action, a.subject, a.details, a.address, a.user_agent,
    a.request_id, a.before, a.after, p.currency, t.type, t.seq, t.amount, t.balance_before, t.balance_after"""
"""In the order in which `row_from` takes them; `a` is the row, `t` the entry of the same id, `p` the program."""

_THING: Final = {"hold": "hold", "entry": "entry", "merchant-session": "session"}
"""Where the thing that a row is about has no row of its own as subject: the detail that names it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row. `details` hold what was before and after, and of an entry its amount and balances as decimal text."""

    id: str
    at: datetime
    action: str
    kind: str
    thing_id: str | None
    program_id: str | None
    merchant_id: str | None
    actor_kind: str
    actor_id: str | None
    subject_id: str | None
    address: str | None
    user_agent: str | None
    request_id: str | None
    details: dict[str, Any]
    actor_name: str | None = None
    subject_name: str | None = None
    merchant_name: str | None = None
    thing_name: str | None = None


def row_from(values: tuple[Any, ...]) -> Row:
    """A row from the values of `COLUMNS`."""
    (row_id, at, merchant_id, program_id, actor, action, subject, details, address, user_agent, request_id, before,
     after, code, *entry) = values  # fmt: skip
    said = json.loads(details)
    kind, (actor_kind, _, actor_id) = kind_of(action, said), actor.partition(":")
    thing = program_id if kind == "program" else said.get(_THING.get(kind, ""), subject)
    facts = {**said, "before": _loaded(before), "after": _loaded(after)}
    return Row(
        id=row_id,
        at=at,
        action=action,
        kind=kind,
        thing_id=thing,
        program_id=program_id,
        merchant_id=merchant_id,
        actor_kind=ACTORS.get(actor_kind, actor_kind),
        actor_id=actor_id or None,
        subject_id=subject,
        address=address,
        user_agent=user_agent,
        request_id=request_id,
        details=_with_money(facts, code, *entry) if entry[0] is not None else facts,
    )


def _with_money(
    facts: dict[str, Any],
    code: str,
    kind: str,
    number: int,
    amount: int,
    balance_before: int,
    balance_after: int,
) -> dict[str, Any]:
    text = currency(code).text
    return {
        **facts,
        "transactionType": kind,
        "number": number,
        "amount": text(amount),
        "currency": code,
        "before": {"balance": text(balance_before), **(facts["before"] or {})},
        "after": {"balance": text(balance_after), **(facts["after"] or {})},
    }


def _loaded(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)


def members(row: Row) -> dict[str, Any]:
    """The row as the API shows it: the contract's AuditLogResponse."""
    return {
        "id": row.id,
        "action": row.action,
        "resourceType": row.kind,
        "actorType": row.actor_kind,
        "timestamp": clock.text(row.at),
        "resourceId": row.thing_id,
        "actorId": row.actor_id,
        "subjectId": row.subject_id,
        "merchantId": row.merchant_id,
        "ipAddress": row.address,
        "userAgent": row.user_agent,
        "requestId": row.request_id,
        "actorName": row.actor_name,
        "subjectName": row.subject_name,
        "merchantName": row.merchant_name,
        "resourceName": row.thing_name,
        "details": {"programId": row.program_id, **row.details},
    }
