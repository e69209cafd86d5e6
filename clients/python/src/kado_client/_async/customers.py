"""Customers: they prove an address or a phone number, and then see their own cards."""

from kado_client._async.resource import AsyncResource
from kado_client.call import Page
from kado_client.records.cards import Transaction
from kado_client.records.people import (
    CodeRequested,
    ConsolidatableMerchant,
    CustomerReport,
    CustomerSession,
    CustomerSessionCheck,
    SignedOut,
)
from kado_client.wire import members


class AsyncCustomers(AsyncResource):
    """Sessions of customers and, with `as_customer`, what belongs to them."""

    async def send_code(self, target: str) -> CodeRequested:
        """Send a sign-in code to an email address or a phone number. Never sent twice by itself."""
        return await self._write(("customers", "otp", "send"), CodeRequested, members(target=target))

    async def sign_in(self, target: str, code: str, *, name: str | None = None) -> CustomerSession:
        """Open a session with the code. Never sent twice: a code is good for one answer and few tries."""
        body = members(target=target, code=code, name=name)
        return await self._write(("customers", "otp", "verify"), CustomerSession, body)

    async def sign_out(self, session_token: str) -> SignedOut:
        """End a session; one that is over already is no error."""
        body = members(session_token=session_token)
        return await self._write(("customers", "logout"), SignedOut, body, is_safe=True)

    async def session(self, session_token: str) -> CustomerSessionCheck:
        """Whether a session is still good, and whose it is."""
        body = members(session_token=session_token)
        return await self._write(("customers", "session"), CustomerSessionCheck, body, is_safe=True)

    async def report(self) -> CustomerReport:
        """The customer's cards in figures. Needs `as_customer`."""
        return await self._get(("customer", "reports"), CustomerReport)

    async def transactions(
        self, *, q: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> Page[Transaction]:
        """Entries of all the customer's cards, newest first. Needs `as_customer`."""
        return await self._list(("customer", "transactions"), Transaction, q=q, limit=limit, offset=offset)

    async def consolidatable_merchants(self) -> Page[ConsolidatableMerchant]:
        """Merchants with cards of the customer that can become one. Needs `as_customer`."""
        return await self._list(("customer", "consolidatable-merchants"), ConsolidatableMerchant)
