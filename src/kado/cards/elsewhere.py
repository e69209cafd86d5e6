"""Who may have the code of a card sent somewhere else than to the card's own contacts: it is as good as its money."""

from collections.abc import Sequence

from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.cards.card import Card
from kado.cards.replace import Replace
from kado.cards.resend_code import ResendCode
from kado.errors import Forbidden


def require_for_new_code(posting: ResendCode, *, is_owner: bool) -> None:
    """Raises `Forbidden` unless the code goes to the card's contacts, or the program's owner may send it elsewhere."""
    if posting.is_elsewhere:
        posting.caller.require(Permission.CARDS_RESEND_ELSEWHERE)
        if not is_owner:
            raise Forbidden("permission_denied", "Only the program's owner sends codes to other contacts.")


def require_for_replacement(posting: Replace) -> None:
    """Raises `Forbidden` unless the new card goes to the old one's contacts, or the caller may send it elsewhere."""
    if posting.customer_email is not None or posting.customer_phone is not None:
        posting.caller.require(Permission.CARDS_RESEND_ELSEWHERE)


def require_for_consolidation(caller: Caller, email: str | None, cards: Sequence[Card]) -> None:
    """Raises `Forbidden` for who may not have the new card's code sent to this address.

    A customer has it sent to the proved contact; others to that of one of the cards, or, with the right, anywhere.
    """
    if email is None:
        return
    customer = caller.customer
    if customer is None:
        if email.lower() not in {(card.customer_email or "").lower() for card in cards}:
            caller.require(Permission.CARDS_RESEND_ELSEWHERE)
    elif email.lower() != customer.email:
        raise Forbidden("permission_denied", "A customer's new card goes to the customer's own contact.")
