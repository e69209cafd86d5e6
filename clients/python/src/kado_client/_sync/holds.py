# Written by scripts/client.py (make format) from _async/holds.py. Change that instead.

"""Holds: money set aside for an order until it is shipped or called off."""

from kado_client._sync.resource import Resource
from kado_client.call import Page
from kado_client.records.money import Capture, Hold
from kado_client.wire import Amount, exact, members


class Holds(Resource):
    """The holds on cards of one program."""

    def place(
        self,
        card_id: str,
        amount: Amount,
        *,
        order_reference: str,
        expires_in_seconds: int | None = None,
        pos_transaction_id: str | None = None,
        cashier_id: str | None = None,
        terminal_id: str | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Hold:
        """Set money aside, for a week unless said otherwise. What is held cannot be redeemed."""
        body = members(
            amount=exact(amount),
            order_reference=order_reference,
            expires_in_seconds=expires_in_seconds,
            pos_transaction_id=pos_transaction_id,
            cashier_id=cashier_id,
            terminal_id=terminal_id,
            description=description,
        )
        return self._move(("cards", card_id, "holds"), Hold, body, idempotency_key)

    def list(self, card_id: str) -> Page[Hold]:
        """A card's holds, newest first."""
        return self._list(("cards", card_id, "holds"), Hold)

    def get(self, card_id: str, hold_id: str) -> Hold:
        """A hold as it is now."""
        return self._get(("cards", card_id, "holds", hold_id), Hold)

    def capture(
        self,
        card_id: str,
        hold_id: str,
        amount: Amount | None = None,
        *,
        keep_rest: bool | None = None,
        pos_transaction_id: str | None = None,
        cashier_id: str | None = None,
        terminal_id: str | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Capture:
        """Take held money, all of it unless said otherwise; the rest is released unless `keep_rest`."""
        body = members(
            amount=None if amount is None else exact(amount),
            keep_rest=keep_rest,
            pos_transaction_id=pos_transaction_id,
            cashier_id=cashier_id,
            terminal_id=terminal_id,
            description=description,
        )
        return self._move(("cards", card_id, "holds", hold_id, "capture"), Capture, body, idempotency_key)

    def release(self, card_id: str, hold_id: str, *, idempotency_key: str | None = None) -> Hold:
        """Give held money back to the card."""
        return self._move(("cards", card_id, "holds", hold_id, "release"), Hold, {}, idempotency_key)
