"""Whether a security code that came with a request is the card's own."""

from kado.cards import refusals
from kado.cards.find import Found
from kado.doors.api.services import Services
from kado.errors import NotFound


async def prove_code(services: Services, found: Found, code: str) -> None:
    """Raises `Unauthenticated` for a wrong code, `TooMany` when the card is locked by wrong ones."""
    try:
        await services.checks.prove(found, code)
    except NotFound:
        raise refusals.wrong_security_code() from None
