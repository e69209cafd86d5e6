"""Messages of a program: what left and what did not, how each kind looks, and whether mail leaves at all."""

from dataclasses import replace
from typing import Any, Final

from starlette.responses import HTMLResponse, Response

from kado.delivery import samples
from kado.delivery.failures import DeliveryFailure
from kado.delivery.manner import Manner, manner_of_program
from kado.delivery.samples import test_mail
from kado.delivery.undelivered import list_of_program, send_again
from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit
from kado.errors import NotFound
from kado.ids import is_id
from kado.languages.choose import spoken
from kado.web.visitor import LANGUAGES

TOGETHER: Final = 25
_STATES: Final = {"failed": ("failed",), "queued": ("queued",), "sent": ("sent",)}
_AREAS: Final = ("console_cards", "console_watch")
# A mail has its style and its pictures in itself; whatever else it may hold is kept from doing anything.
_ALONE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def show(visit: Visit) -> Response:
    """What left, what waits, what was given up, newest first."""
    state, start = visit.asked("state"), visit.start
    states = _STATES.get(state, tuple(one for found in _STATES.values() for one in found))
    found, has_older = await list_of_program(visit.rooms.reader, visit.program.id, states, limit=TOGETHER, offset=start)
    facts: dict[str, Any] = {
        "found": found,
        "state": state if state in _STATES else "",
        "states": tuple(_STATES),
        "start": start,
        "newer": max(0, start - TOGETHER),
        "older": start + TOGETHER if has_older else 0,
        "done": visit.asked_among("done", ("again",)),
    }
    return shown(visit, "messages.html", facts, here="messages", areas=_AREAS)


async def again(visit: Visit) -> Response:
    """Send one that was given up again. A security code in it is made anew."""
    message_id = str(visit.request.path_params["message_id"])
    if not is_id(message_id):
        raise NotFound("message_not_found", "There is no such message that was given up.")
    await send_again(visit.rooms.database, visit.caller.subject, visit.program.id, message_id)
    return to(f"{visit.home}/messages?done=again")


async def preview(visit: Visit) -> Response:
    """How each kind reads, in the program's look and in a language of one's choice."""
    return await _preview(visit, "", "")


async def alone(visit: Visit) -> Response:
    """One mail by itself, as its receiver sees it."""
    kind = str(visit.request.path_params["kind"])
    if kind not in samples.KINDS:
        raise NotFound("page_not_found", "There is no such page.")
    return HTMLResponse(samples.html(kind, await _manner(visit)), headers=_ALONE)


async def test(visit: Visit) -> Response:
    """Send a mail to oneself, and say what the mail server says."""
    settings = visit.rooms.settings
    mail = test_mail(visit.person.email, await _manner(visit))
    from kado.delivery.mail import Mailer  # noqa: PLC0415 - what answers starts without what a worker sends with

    try:
        await Mailer(settings.mail_url, settings.mail_from).send(mail, from_name=visit.program.merchant_name)
    except DeliveryFailure as failure:
        return await _preview(visit, "", failure.reason)
    return await _preview(visit, visit.person.email, "")


async def _preview(visit: Visit, sent_to: str, failed: str) -> Response:
    manner = await _manner(visit)
    facts: dict[str, Any] = {
        "kinds": [
            (kind, samples.subject(kind, manner), samples.text(kind, manner), samples.text_message(kind, manner) or "")
            for kind in samples.KINDS
        ],
        "spoken": manner.language.value,
        "tongues": LANGUAGES,
        "sent_to": sent_to,
        "failed": failed,
    }
    return shown(visit, "previews.html", facts, here="messages", areas=_AREAS)


async def _manner(visit: Visit) -> Manner:
    manner = await manner_of_program(visit.rooms.database, visit.program.id)
    return replace(manner, language=spoken(visit.asked("in")) or visit.program.language)
