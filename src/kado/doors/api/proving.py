"""Whether a security code that came with a request is the card's own."""

from kado.cards import refusals
from kado.cards.find import Found
from kado.doors.api.visit import Visit
from kado.errors import NotFound, TooMany


async def prove_code(visit: Visit, found: Found, code: str) -> None:
    """Raises `Unauthenticated` for a wrong code, `TooMany` when the card is locked by wrong ones.

    A customer who does not own the card and has not its code learns nothing, not even that there is such a card.
    """
    try:
        await visit.services.checks.prove(found, code)
    except NotFound:
        visit.require_own(found.card)
        raise refusals.wrong_security_code() from None
    except TooMany:
        visit.require_own(found.card)
        raise
