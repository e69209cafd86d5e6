"""Acknowledge an alert against fraud; with the suspension of its card, which happens together with it or not at all."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Decision, Outcome, Situation
from kado.cards.suspend import Suspend
from kado.errors import Invalid, Refusal
from kado.fraud import alerts
from kado.fraud.alert import Alert, AlertStatus, Judgement, alert_not_found, alert_not_open, several_cards
from kado.programs.program import Program
from kado.storage.database import Database

REASON: Final = "Suspected fraud"
"""Why a card is suspended of which nobody says why."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """That the alert's card is to be suspended, why, and until when; without an end until it is lifted."""

    reason: str = REASON
    until: datetime | None = None


async def acknowledge_alert(
    database: Database,
    ledger: Ledger,
    caller: Caller,
    program: Program,
    alert_id: str,
    judgement: Judgement,
    suspension: Suspension | None = None,
) -> Alert:
    """The alert, with what was said about it. Saying the same again changes nothing.

    Raises `NotFound`, `Forbidden` where the caller may suspend no cards, `Invalid` for an end in the past and for a
    false positive, and `Refusal` where something else was said before, where the alert is about several cards, or where
    its card cannot be suspended.
    """
    if suspension is not None:
        caller.require(Permission.CARDS_SUSPEND)
        if judgement.is_false_positive:
            raise Invalid(
                ("body", "suspendCard"), "Nothing is wrong with the card of a false positive.", "false_positive"
            )
    if suspension is None:
        return await alerts.acknowledge(
            database, program.merchant_id, program.id, alert_id, judgement, is_test=caller.is_test
        )
    alert = await _found(database, caller, program, alert_id)
    if judgement.was_given(alert, has_suspended=True):
        return alert
    if len(alert.card_ids) > 1:
        raise several_cards(alert)
    await _post(ledger, caller, program, alert, judgement, suspension)
    return await _found(database, caller, program, alert_id)


async def _found(database: Database, caller: Caller, program: Program, alert_id: str) -> Alert:
    async with database.read() as connection:
        return await alerts.find(connection, program.id, alert_id, is_test=caller.is_test)


async def _post(
    ledger: Ledger, caller: Caller, program: Program, alert: Alert, judgement: Judgement, suspension: Suspension
) -> None:
    """Hand it to the posting machine. Raises what that refuses."""
    said: list[Outcome | Refusal] = []

    def render(result: Outcome | Refusal) -> Answer:
        said.append(result)
        return Answer(200, b"")

    await ledger.post(
        _SuspendForAlert(
            program_id=program.id,
            card_id=alert.card_id,
            caller=caller,
            key=None,
            render=render,
            reason=suspension.reason,
            until=suspension.until,
            alert=alert.id,
            judgement=judgement,
        )
    )
    if isinstance(said[-1], Refusal):
        raise said[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SuspendForAlert(Suspend):
    """Suspends the one card that an alert is about, and closes the alert."""

    alert: str
    judgement: Judgement = field(repr=False)

    @property
    def alert_id(self) -> str:
        """The alert."""
        return self.alert

    def decide(self, on: Situation) -> Decision | Refusal:
        """As a suspension by itself, of an open alert."""
        if on.alert is None:
            return alert_not_found()
        if on.alert.status is not AlertStatus.OPEN:
            return alert_not_open(on.alert)
        if on.alert.card_ids != [self.card_id]:
            return several_cards(on.alert)
        if self.until is not None and self.until <= on.now:
            return Invalid(("body", "suspendExpiresAt"), "The suspension would have ended already.", "end_in_the_past")
        decision = Suspend.decide(self, on)
        if isinstance(decision, Refusal):
            return decision
        return Decision(changes=decision.changes, audit=decision.audit, judgement=self.judgement)
