"""Who is asking: the outcome of every way to prove it."""

from dataclasses import dataclass

from kado.access.permissions import ADMITTED, Permission, Role
from kado.errors import Forbidden
from kado.programs.reach import Reach


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who acts for a merchant. `subject` is `staff:<id>` or `key:<id>` and goes into the audit log."""

    merchant_id: str
    subject: str
    role: Role
    permissions: frozenset[Permission]
    is_test: bool
    signed: bool = False

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
