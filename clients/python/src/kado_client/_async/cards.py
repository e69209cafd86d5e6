"""Cards of one program: their life, and where to find them. Their money is in `money.py`."""

from datetime import datetime

from kado_client._async.money import AsyncMoney
from kado_client.call import Page
from kado_client.records.cards import Balance, Card, CodeSent, Lineage, Transaction
from kado_client.records.money import Ended
from kado_client.wire import Amount, changes, exact, kado_headers, members


class AsyncCards(AsyncMoney):
    """The cards of one program."""

    async def issue(
        self,
        initial_value: Amount,
        *,
        merchant_id: str,
        customer_email: str | None = None,
        customer_phone: str | None = None,
        customer_name: str | None = None,
        sender_name: str | None = None,
        custom_message: str | None = None,
        design_template: str | None = None,
        is_physical: bool | None = None,
        expires_at: datetime | None = None,
        deliver_at: datetime | None = None,
        language: str | None = None,
        time_zone: str | None = None,
        receipt_email: str | None = None,
        idempotency_key: str | None = None,
    ) -> Card:
        """Make a card. It is pending, and worth nothing until it is activated; its code goes to the customer.

        `language` (`de-AT`) and `time_zone` (`Europe/Vienna`) are the customer's, else the program's are used; whoever
        gives the card hears at `receipt_email` what leaves for whom and when.
        """
        body = members(
            initial_value=exact(initial_value),
            merchant_id=merchant_id,
            customer_email=customer_email,
            customer_phone=customer_phone,
            customer_name=customer_name,
            sender_name=sender_name,
            custom_message=custom_message,
            design_template=design_template,
            is_physical=is_physical,
            expires_at=expires_at,
            deliver_at=deliver_at,
        )
        headers = kado_headers(language=language, time_zone=time_zone, receipt_email=receipt_email)
        return await self._move(("cards",), Card, body, idempotency_key, headers=headers)

    async def get(self, card_id: str, *, include_transactions: bool = False) -> Card:
        """A card as it is now; with its latest 250 entries in `transactions`, if asked for."""
        return await self._get(("cards", card_id), Card, include_transactions=include_transactions or None)

    async def transactions(
        self, card_id: str, *, q: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> Page[Transaction]:
        """A card's entries, newest first."""
        return await self._list(("cards", card_id, "transactions"), Transaction, q=q, limit=limit, offset=offset)

    async def list(
        self,
        *,
        status: str | None = None,
        merchant_id: str | None = None,
        positive_balance: bool | None = None,
        q: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Page[Card]:
        """Cards of the program, newest first."""
        return await self._list(
            ("cards",),
            Card,
            status=status,
            merchant_id=merchant_id,
            positive_balance=positive_balance,
            q=q,
            limit=limit,
            offset=offset,
        )

    async def search(
        self, q: str, *, merchant_id: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> Page[Card]:
        """Cards found by number, last four digits, or the customer's name or email."""
        return await self._list(("search",), Card, q=q, merchant_id=merchant_id, limit=limit, offset=offset)

    async def lineage(self, card_id: str) -> Lineage:
        """Which cards this one came from, and which it became."""
        return await self._get(("cards", card_id, "lineage"), Lineage)

    async def paper(
        self,
        card_id: str,
        *,
        format: str | None = None,  # noqa: A002 - the API's word
        size: str | None = None,
        shift_right: int | None = None,
        shift_down: int | None = None,
        language: str | None = None,
    ) -> bytes:
        """A card to print, as PDF: number, QR code of its page and the giver's words, and never its security code.

        `format` is `a4`, `letter`, `folded` or `label`; `size`, of the sheet of the latter two, `a4` or `letter`: else
        what is usual in the program's country. Shifts are of labels, −100 to 100 tenths of a millimetre. `language` is
        `en`, `de`, `fr`, `es` or `nl`, else the program's. Raises `Refused` with `card_expired` or `card_not_active`.
        """
        return await self._get_file(
            ("cards", card_id, "paper"),
            format=format,
            size=size,
            shiftRight=shift_right,
            shiftDown=shift_down,
            language=language,
        )

    async def check_balance(self, card_number: str, security_code: str, *, captcha_token: str | None = None) -> Balance:
        """What a holder may see with number and code. Whatever is wrong with them, it is `NotFound`.

        Never sent twice: a wrong code counts as a guess each time.
        """
        body = members(card_number=card_number, security_code=security_code, captcha_token=captcha_token)
        return await self._write(("balance-check",), Balance, body)

    async def resend_code(
        self,
        card_id: str,
        *,
        customer_email: str | None = None,
        customer_phone: str | None = None,
        sender_name: str | None = None,
        custom_message: str | None = None,
        language: str | None = None,
        time_zone: str | None = None,
        idempotency_key: str | None = None,
    ) -> CodeSent:
        """Void the security code and send a new one, to the card's own contacts or to these.

        `language` and `time_zone` are those of whoever gets it, as at `issue`.
        """
        body = members(
            customer_email=customer_email,
            customer_phone=customer_phone,
            sender_name=sender_name,
            custom_message=custom_message,
        )
        headers = kado_headers(language=language, time_zone=time_zone)
        return await self._move(("cards", card_id, "resend-code"), CodeSent, body, idempotency_key, headers=headers)

    async def schedule(self, card_id: str, deliver_at: datetime | None, *, idempotency_key: str | None = None) -> Card:
        """Hold a card's delivery back until then; None cancels that."""
        body = changes({"deliver_at": deliver_at})
        return await self._move(("cards", card_id, "schedule"), Card, body, idempotency_key, method="PATCH")

    async def transfer_ownership(
        self,
        card_id: str,
        *,
        new_owner_name: str,
        new_owner_email: str,
        new_customer_id: str | None = None,
        reference_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Card:
        """Make the card somebody else's."""
        body = members(
            new_owner_name=new_owner_name,
            new_owner_email=new_owner_email,
            new_customer_id=new_customer_id,
            reference_id=reference_id,
        )
        return await self._move(("cards", card_id, "transfer-ownership"), Card, body, idempotency_key)

    async def suspend(
        self, card_id: str, reason: str, *, until: datetime | None = None, idempotency_key: str | None = None
    ) -> Card:
        """Stop the card for a while: until then, or until `unsuspend`."""
        body = members(reason=reason, expires_at=until)
        return await self._move(("cards", card_id, "suspend"), Card, body, idempotency_key)

    async def unsuspend(self, card_id: str, *, idempotency_key: str | None = None) -> Card:
        """Lift a suspension."""
        return await self._move(("cards", card_id, "unsuspend"), Card, {}, idempotency_key)

    async def void(
        self,
        card_id: str,
        reason: str,
        *,
        refund_reference: str | None = None,
        idempotency_key: str | None = None,
    ) -> Ended:
        """End the card for good and write off what is on it."""
        body = members(reason=reason, refund_reference=refund_reference)
        return await self._move(("cards", card_id, "void"), Ended, body, idempotency_key)

    async def process_expired(
        self,
        card_id: str,
        action: str,
        *,
        extension_days: int | None = None,
        refund_reference: str | None = None,
        idempotency_key: str | None = None,
    ) -> Ended:
        """Do with an expired card what the merchant decides: `extend`, `refund` or `void`."""
        body = members(action=action, extension_days=extension_days, refund_reference=refund_reference)
        return await self._move(("cards", card_id, "process-expired"), Ended, body, idempotency_key)
