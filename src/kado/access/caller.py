"""Who is asking: the outcome of every way to prove it."""

from dataclasses import dataclass

from kado.access.permissions import ADMITTED, Permission, Role
from kado.errors import Forbidden
from kado.programs.reach import Reach


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
class Caller:
    """Someone who acts for a merchant. `subject` goes into the audit log.

    It is `staff:<id>`, `key:<id>` or `customer:<id>`.
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

    def require(self, permission: Permission) -> None:
        """Raises `Forbidden` unless the caller has this permission."""
        if permission not in self.permissions:
            raise Forbidden(
                "permission_denied", f"This needs the permission {permission}.", members={"permission": str(permission)}
            )

    def require_in(self, reach: Reach, permission: Permission) -> None:
        """The same in a program: a merchant that is only admitted to it may do less. Raises `Forbidden`."""
        self.require(permission)
        if not reach.is_owner and permission not in ADMITTED:
            raise Forbidden(
                "permission_denied",
                f"This needs the permission {permission}, which only the program's owner has.",
                members={"permission": str(permission)},
            )
