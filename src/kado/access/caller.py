"""Who is asking: the outcome of every way to prove it."""

from dataclasses import dataclass
from datetime import datetime

from kado.access.permissions import ADMITTED, Permission, Role
from kado.errors import Forbidden
from kado.programs.reach import Reach, forbidden


@dataclass(frozen=True, slots=True)
class Customer:
    """A person whose session came with the request: what they do, they do on their own cards alone.

    `email` (lower case) and `phone` (E.164) are proved; a card that bears one of them, or the id, is theirs.
    """

    id: str
    email: str | None
    phone: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class MerchantSession:
    """A till at work in one of the merchant's shops, as the platform that opened the session said."""

    id: str
    merchant_id: str
    shop_id: str
    location_id: str
    """The platform's id of the place; empty for the shop itself."""
    role: Role
    user_id: str | None
    cashier_id: str | None
    terminal_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who acts for a merchant. `subject` goes into the audit log.

    It is `staff:<id>`, `key:<id>`, `customer:<id>`, or `holder:<card id>` of whoever showed a card's code on its page.
    """

    merchant_id: str
    subject: str
    role: Role
    permissions: frozenset[Permission]
    is_test: bool
    customer: Customer | None = None
    cashier_id: str | None = None
    """From the merchant's session: who stands at the till, where the request does not say."""
    terminal_id: str | None = None
    """From the merchant's session: which till it is, where the request does not say."""
    session: MerchantSession | None = None
    """The merchant's session itself, where one came with the request."""
    sign_in_id: str | None = None
    """Of a person: names the sign-in that the token belongs to."""
    lacks_second_factor: bool = False
    """The merchant wants a second factor of its staff, and this person has none yet."""
    programs: frozenset[str] | None = None
    """Of a key: the only programs that it enters; None for all that its merchant reaches."""

    @property
    def person_id(self) -> str | None:
        """The id of the member of staff who acts; None for a key, and for whoever acts for a customer."""
        kind, _, subject_id = self.subject.partition(":")
        return subject_id if kind == "staff" else None

    def enters(self, program_id: str) -> bool:
        """Whether this program is among those that the caller was given, if it was not given all."""
        return self.programs is None or program_id in self.programs

    def require(self, permission: Permission) -> None:
        """Raises `Forbidden` unless the caller has this permission."""
        if permission not in self.permissions:
            if self.lacks_second_factor:
                raise Forbidden(
                    "second_factor_required", "Set up a second factor first: POST /v2/token/mfa/setup, then …/confirm."
                )
            raise Forbidden(
                "permission_denied", f"This needs the permission {permission}.", members={"permission": str(permission)}
            )

    def may_in(self, reach: Reach, permission: Permission) -> bool:
        """Whether the caller may do this in the program; says no more than that."""
        try:
            self.require_in(reach, permission)
        except Forbidden:
            return False
        return True

    def require_in(self, reach: Reach, permission: Permission) -> None:
        """The same in a program: a merchant that is only admitted to it may do less. Raises `Forbidden`."""
        if not self.enters(reach.program.id):
            raise forbidden()
        self.require(permission)
        if not reach.is_owner and permission not in ADMITTED:
            raise Forbidden(
                "permission_denied",
                f"This needs the permission {permission}, which only the program's owner has.",
                members={"permission": str(permission)},
            )
