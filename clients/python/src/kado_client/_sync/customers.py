# Written by scripts/client.py (make format) from _async/customers.py. Change that instead.

"""Customers: they prove an address or a phone number, and then see their own cards."""

from kado_client._sync.resource import Resource
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


class Customers(Resource):
    """Sessions of customers and, with `as_customer`, what belongs to them."""

    def send_code(self, target: str) -> CodeRequested:
        """Send a sign-in code to an email address or a phone number. Never sent twice by itself."""
        return self._write(("customers", "otp", "send"), CodeRequested, members(target=target))

    def sign_in(self, target: str, code: str, *, name: str | None = None) -> CustomerSession:
        """Open a session with the code. Never sent twice: a code is good for one answer and few tries."""
        body = members(target=target, code=code, name=name)
        return self._write(("customers", "otp", "verify"), CustomerSession, body)

    def sign_out(self, session_token: str) -> SignedOut:
        """End a session; one that is over already is no error."""
        body = members(session_token=session_token)
        return self._write(("customers", "logout"), SignedOut, body, is_safe=True)

    def session(self, session_token: str) -> CustomerSessionCheck:
        """Whether a session is still good, and whose it is."""
        body = members(session_token=session_token)
        return self._write(("customers", "session"), CustomerSessionCheck, body, is_safe=True)

    def report(self) -> CustomerReport:
        """The customer's cards in figures. Needs `as_customer`."""
        return self._get(("customer", "reports"), CustomerReport)

    def transactions(
        self, *, q: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> Page[Transaction]:
        """Entries of all the customer's cards, newest first. Needs `as_customer`."""
        return self._list(("customer", "transactions"), Transaction, q=q, limit=limit, offset=offset)

    def consolidatable_merchants(self) -> Page[ConsolidatableMerchant]:
        """Merchants with cards of the customer that can become one. Needs `as_customer`."""
        return self._list(("customer", "consolidatable-merchants"), ConsolidatableMerchant)
