"""Who may enter a program, and for what: one question for every door where somebody acts for a merchant."""

from typing import Final

from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.fraud.blocked import Blocks
from kado.ids import is_id
from kado.programs.reach import Reach, Reaches, forbidden

ABOUT_FRAUD: Final = frozenset({Permission.FRAUD_READ, Permission.FRAUD_WRITE})
"""What can be asked from a blocked address too: whoever blocks an own one by mistake must be able to lift it."""


async def enter(
    reaches: Reaches, blocks: Blocks, caller: Caller, program_id: str, permission: Permission, address: str
) -> Reach:
    """The program, if the caller may do there what the permission stands for.

    Raises `Forbidden`: for a program that there is not or that is not within reach, without the permission, and from an
    address that is blocked in the program.
    """
    if not is_id(program_id):
        raise forbidden()
    reach = await reaches.reach(program_id, caller.merchant_id)
    caller.require_in(reach, permission)
    if permission not in ABOUT_FRAUD:
        await blocks.require_free(program_id, address)
    return reach
