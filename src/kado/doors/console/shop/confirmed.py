"""What takes proof once more of who one is: a field of the form, beside the sign-in."""

from kado.access import colleagues
from kado.audit.origin import origin
from kado.doors.console.visit import Visit


async def confirmed(visit: Visit) -> bool:
    """Whether the person typed who they are once more. Raises `Unauthenticated`."""
    rooms, said = visit.rooms, visit.fields.get("confirmation", "")
    address = origin().address or ""
    return await colleagues.confirm(rooms.database, rooms.keyring, visit.person, said or None, address)
