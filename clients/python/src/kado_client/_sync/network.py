# Written by scripts/client.py (make format) from _async/network.py. Change that instead.

"""Cards of all programs that the merchant owns, and the balance of a card whose program is not known."""

from kado_client._sync.resource import Resource
from kado_client.call import Page
from kado_client.records.cards import Balance, Card
from kado_client.wire import members


class Network(Resource):
    """Cards across programs. What is done with one of them is done in its program."""

    def list(
        self,
        *,
        program_id: str | None = None,
        status: str | None = None,
        merchant_id: str | None = None,
        positive_balance: bool | None = None,
        q: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Page[Card]:
        """Cards, newest first."""
        return self._list(
            ("programs", "cards"),
            Card,
            programId=program_id,
            status=status,
            merchant_id=merchant_id,
            positive_balance=positive_balance,
            q=q,
            limit=limit,
            offset=offset,
        )

    def search(
        self,
        q: str,
        *,
        program_id: str | None = None,
        merchant_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Page[Card]:
        """Cards found by number, last four digits, or the customer's name or email."""
        return self._list(
            ("programs", "search"),
            Card,
            q=q,
            programId=program_id,
            merchant_id=merchant_id,
            limit=limit,
            offset=offset,
        )

    def check_balance(self, card_number: str, security_code: str, *, captcha_token: str | None = None) -> Balance:
        """What a holder may see with number and code. Never sent twice: a wrong code counts as a guess."""
        body = members(card_number=card_number, security_code=security_code, captcha_token=captcha_token)
        return self._write(("customer", "balance-check"), Balance, body)
