"""Transfer ownership: a card gets another holder, and with it a new code; the one before can no longer use it."""

from dataclasses import dataclass, replace
from typing import ClassVar

from msgspec import structs

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.masking import mask
from kado.cards.posting import Decision, NewEntry, Posting, Situation
from kado.cards.resend_code import ResendCode
from kado.errors import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOwnership(Posting):
    """The new owner's contacts take the place of the old one's, all of them."""

    action: ClassVar[str] = "transfer-ownership"

    new_owner_name: str
    new_owner_email: str
    new_customer_id: str | None = None
    reference_id: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (self.new_owner_name, self.new_owner_email, self.new_customer_id, self.reference_id)

    @property
    def reference(self) -> str | None:
        """The caller's own reference."""
        return self.reference_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """An active card. Within the limits on new codes: the new owner is sent one, the old owner is told."""
        if on.is_reversed:
            return refusals.already_reversed()
        status = on.card.status_at(on.now)
        if status is CardStatus.EXPIRED:
            return refusals.card_expired(on.card)
        if status is not CardStatus.ACTIVE:
            return refusals.card_not_active(status, "given to another owner")
        code = self._new_code().decide(on)
        if isinstance(code, Refusal):
            return code
        owner = {
            "customer_name": self.new_owner_name,
            "customer_email": self.new_owner_email,
            "customer_phone": None,
            "customer_id": self.new_customer_id,
            "sender_name": None,
            "custom_message": None,
            "language": None,
            "time_zone": None,
        }
        to_new_owner, *to_old_owner = code.messages
        return structs.replace(
            code,
            entries=(
                NewEntry(
                    TransactionType.OWNERSHIP_TRANSFER,
                    0,
                    reference_id=self.reference_id,
                    description="Ownership transferred",
                ),
            ),
            changes={**code.changes, **owner},
            # What was said to the old owner is not said to the new one.
            messages=(replace(to_new_owner, sender_name=None, custom_message=None), *to_old_owner),
            supersede_messages="all",
            audit=("card:ownership-transferred", {"to": mask(self.new_owner_email)}),
        )

    def _new_code(self) -> ResendCode:
        """What sending a code to the new owner takes."""
        return ResendCode(
            program_id=self.program_id,
            card_id=self.card_id,
            caller=self.caller,
            key=self.key,
            render=self.render,
            customer_email=self.new_owner_email,
        )
