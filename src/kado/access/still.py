"""Whether somebody may still do what they once ordered: work goes on in their name as long as they could order it."""

from collections.abc import Sequence

from kado.access.keys import granted
from kado.access.permissions import ROLES, Permission, Role
from kado.access.store import find_key_by_id
from kado.storage.database import Connection


async def may_still(
    connection: Connection, merchant_id: str, program_id: str, actor: str, permission: Permission
) -> bool:
    """Whether the person or the key has this permission in the merchant's program now.

    Who is neither (an operator, a worker) is not looked up, and may.
    """
    kind, _, actor_id = actor.partition(":")
    if kind == "staff":
        role = await connection.fetchval(
            "SELECT role FROM staff WHERE id = $1 AND merchant_id = $2 AND active", actor_id, merchant_id
        )
        return role is not None and permission in ROLES[Role(role)]
    if kind == "key":
        key = await find_key_by_id(connection, actor_id)
        if key is None or key.merchant_id != merchant_id or permission not in granted(key):
            return False
        return key.programs is None or program_id in key.programs
    return True


async def shut_out(
    connection: Connection, merchant_id: str, emails: Sequence[str], permission: Permission
) -> frozenset[str]:
    """Which of these addresses, in small letters, belong to people of the merchant without this permission."""
    rows = await connection.fetch(
        "SELECT lower(email) AS email, role, active FROM staff"
        " WHERE merchant_id = $1 AND lower(email) = ANY($2::text[])",
        merchant_id,
        [email.lower() for email in emails],
    )
    return frozenset(row["email"] for row in rows if not row["active"] or permission not in ROLES[Role(row["role"])])
