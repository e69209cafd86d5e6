"""Resend the security code: the old one dies at once, a new one is made when the message leaves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from kado.cards import refusals
from kado.cards.card import Card, CardStatus, TransactionType
from kado.cards.issue import where_said
from kado.cards.masking import mask
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.errors import Refusal
from kado.ids import new_id
from kado.storage.outbox import Message

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_MOST_AN_HOUR: Final = 3
_MOST_A_DAY: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendCode(Posting):
    """Contacts that are given are used for this one message and not kept on the card."""

    action: ClassVar[str] = "resend-code"

    customer_email: str | None = None
    customer_phone: str | None = None
    sender_name: str | None = None
    custom_message: str | None = None
    language: str | None = None
    time_zone: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (
            self.customer_email,
            self.customer_phone,
            self.sender_name,
            self.custom_message,
            *where_said(self.language, self.time_zone),
        )

    @property
    def is_elsewhere(self) -> bool:
        """Whether the request names a recipient of its own."""
        return (self.customer_email or self.customer_phone) is not None

    def decide(self, on: Situation) -> Decision | Refusal:
        """Any card that can still be used, within limits that keep costs and mischief small."""
        card, now = on.card, on.now
        status = card.status_at(now)
        if status in (CardStatus.EXPIRED, CardStatus.VOIDED):
            return refusals.card_not_active(status, "sent a new code")
        email = self.customer_email or (None if self.is_elsewhere else card.customer_email)
        phone = self.customer_phone or (None if self.is_elsewhere else card.customer_phone)
        recipient = email or phone
        if recipient is None:
            return refusals.no_recipient()
        recent = [moment for moment in card.codes_sent_at if moment > now - _DAY]
        wait = _wait(recent, now)
        if wait is not None:
            return refusals.resent_too_often(int(wait.total_seconds()) + 1)
        message = self._message(card, now, email, recipient)
        return Decision(
            entries=(
                NewEntry(TransactionType.RESEND_CODE, 0, description=f"New security code sent to {mask(recipient)}"),
            ),
            changes={"code_hash": None, "code_version": None, "codes_sent_at": [*recent, now], **self._learned()},
            messages=(message, *notice_to_holder(card, now, recipient, self.customer_email, self.customer_phone)),
            audit=("card:code-resent", {"to": mask(recipient), "elsewhere": self.is_elsewhere}),
            forget_guesses=True,
            supersede_messages="due",
        )

    def _message(self, card: Card, now: datetime, email: str | None, recipient: str) -> Message:
        return Message(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            kind="security_code",
            channel="email" if email else "sms",
            recipient=recipient,
            sender_name=self.sender_name or card.sender_name,
            custom_message=self.custom_message or card.custom_message,
            created_at=now,
            language=self.language,
            time_zone=self.time_zone,
        )

    def _learned(self) -> dict[str, object]:
        """What is kept of the card's own receiver; of somebody else it stays with the message."""
        said = {} if self.is_elsewhere else {"language": self.language, "time_zone": self.time_zone}
        return {name: value for name, value in said.items() if value is not None}


def notice_to_holder(card: Card, now: datetime, *recipients: str | None) -> tuple[Message, ...]:
    """Whoever receives the card's mail learns that a code went somewhere else (`recipients`): it may be a theft."""
    own = card.customer_email or card.customer_phone
    if own is None or own in recipients:
        return ()
    return (
        Message(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            kind="code_sent_elsewhere",
            channel="email" if card.customer_email else "sms",
            recipient=own,
            sender_name=None,
            custom_message=None,
            created_at=now,
        ),
    )


def _wait(recent: list[datetime], now: datetime) -> timedelta | None:
    """How long until another code may be sent; None when that is now."""
    waits = []
    last_hour = [moment for moment in recent if moment > now - _HOUR]
    if len(last_hour) >= _MOST_AN_HOUR:
        waits.append(last_hour[-_MOST_AN_HOUR] + _HOUR - now)
    if len(recent) >= _MOST_A_DAY:
        waits.append(recent[-_MOST_A_DAY] + _DAY - now)
    return max(waits, default=None)
