# Written by scripts/client.py (make format) from _async/money.py. Change that instead.

"""Money on cards: activate, redeem, reload, refund, transfer, consolidate, replace, undo."""

from collections.abc import Sequence

from kado_client._sync.resource import Resource
from kado_client.call import Page
from kado_client.records.cards import Card, Transaction
from kado_client.records.money import Consolidation, Redemption, Refund, Replacement, Reversal, Transfer
from kado_client.wire import Amount, exact, members


class Money(Resource):
    """What moves money in a program. Each call has an idempotency key: yours, or one that is made for it."""

    def activate(
        self,
        card_id: str,
        *,
        customer_email: str | None = None,
        customer_phone: str | None = None,
        customer_name: str | None = None,
        security_code: str | None = None,
        idempotency_key: str | None = None,
    ) -> Card:
        """Put a pending card's value on it. A code need not be sent; if it is, it must be right."""
        body = members(
            customer_email=customer_email,
            customer_phone=customer_phone,
            customer_name=customer_name,
            security_code=security_code,
        )
        return self._move(("cards", card_id, "activate"), Card, body, idempotency_key)

    def redeem(
        self,
        card_id: str,
        amount: Amount,
        *,
        pos_transaction_id: str | None = None,
        cashier_id: str | None = None,
        terminal_id: str | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Redemption:
        """Take money from a card.

        Raises `Refused` with `insufficient_balance` (and `availableBalance` in `members`), `card_not_active`,
        `card_expired`, `amount_over_limit`; `OutcomeUnknown` when nobody can say whether it was taken.
        """
        body = members(
            amount=exact(amount),
            pos_transaction_id=pos_transaction_id,
            cashier_id=cashier_id,
            terminal_id=terminal_id,
            description=description,
        )
        return self._move(("cards", card_id, "redeem"), Redemption, body, idempotency_key)

    def reload(
        self,
        card_id: str,
        amount: Amount,
        *,
        reference_id: str | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Card:
        """Add money to a card. Raises `Refused` with `max_balance_exceeded` over the card's maximum."""
        body = members(amount=exact(amount), reference_id=reference_id, description=description)
        return self._move(("cards", card_id, "reload"), Card, body, idempotency_key)

    def reload_by_number(
        self,
        card_number: str,
        amount: Amount,
        *,
        reference_id: str | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Card:
        """Add money to the card with this number, as a till reads or a cashier types it."""
        body = members(
            card_number=card_number, amount=exact(amount), reference_id=reference_id, description=description
        )
        return self._move(("cards", "reload-by-number"), Card, body, idempotency_key)

    def refund(
        self,
        card_id: str,
        transaction_id: str,
        amount: Amount | None = None,
        *,
        reason: str | None = None,
        pos_transaction_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Put money of a redemption back on its card; without an amount, all that is left of it."""
        body = members(
            amount=None if amount is None else exact(amount), reason=reason, pos_transaction_id=pos_transaction_id
        )
        path = ("cards", card_id, "transactions", transaction_id, "refund")
        return self._move(path, Refund, body, idempotency_key)

    def transfer(
        self,
        card_id: str,
        destination_card_number: str,
        amount: Amount,
        *,
        security_code: str,
        description: str | None = None,
        reference_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Transfer:
        """Move money to another card of the program. `security_code` is the code of the card that it leaves."""
        body = members(
            security_code=security_code,
            destination_card_number=destination_card_number,
            amount=exact(amount),
            description=description,
            reference_id=reference_id,
        )
        return self._move(("cards", card_id, "transfer"), Transfer, body, idempotency_key)

    def consolidate(
        self,
        card_numbers: Sequence[str],
        *,
        merchant_id: str,
        customer_email: str | None = None,
        customer_name: str | None = None,
        sender_name: str | None = None,
        reference_id: str | None = None,
        description: str | None = None,
        custom_message: str | None = None,
        is_physical: bool | None = None,
        design_template: str | None = None,
        idempotency_key: str | None = None,
    ) -> Consolidation:
        """Make one new card of two to ten cards of one customer; the old ones are voided."""
        body = members(
            card_numbers=list(card_numbers),
            merchant_id=merchant_id,
            customer_email=customer_email,
            customer_name=customer_name,
            sender_name=sender_name,
            reference_id=reference_id,
            description=description,
            custom_message=custom_message,
            is_physical=is_physical,
            design_template=design_template,
        )
        return self._move(("consolidate",), Consolidation, body, idempotency_key)

    def replace(
        self,
        card_id: str,
        reason: str,
        *,
        customer_email: str | None = None,
        customer_phone: str | None = None,
        is_physical: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Replacement:
        """Put a lost or damaged card's value on a new card and void the old one."""
        body = members(
            reason=reason, customer_email=customer_email, customer_phone=customer_phone, is_physical=is_physical
        )
        return self._move(("cards", card_id, "replace"), Replacement, body, idempotency_key)

    def reverse(
        self,
        *,
        card_id: str | None = None,
        card_number: str | None = None,
        pos_transaction_id: str | None = None,
        reference_id: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Reversal:
        """Undo what a reference has moved on a card, whether or not it has arrived.

        For the till that gives up on a sale: name the card by id or number, and the reference that the lost request
        carried. If that request arrives later, it is refused.
        """
        body = members(
            card_id=card_id,
            card_number=card_number,
            pos_transaction_id=pos_transaction_id,
            reference_id=reference_id,
            reason=reason,
        )
        return self._move(("reversals",), Reversal, body, idempotency_key)

    def find_transactions(
        self, *, pos_transaction_id: str | None = None, reference_id: str | None = None
    ) -> Page[Transaction]:
        """Entries of all cards of the program that carry a reference; each says whose it is in `gift_card_id`."""
        return self._list(("transactions",), Transaction, posTransactionId=pos_transaction_id, referenceId=reference_id)
