"""The till: a counter's own door, on a shared device, for whoever of the staff signs in with a PIN."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from kado.doors.pos import away, card, device, installed, money, receipt, sell
from kado.doors.pos.files import ALL
from kado.doors.pos.rooms import Rooms
from kado.doors.pos.stand import Handler, Outside, at_device, at_till
from kado.web import asset

FORM_PATHS: Final = ("/pos/",)
"""Below it, bodies are forms."""

_AT_TILL: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/pos", card.home),
    ("POST", "/pos/lock", device.lock),
    ("POST", "/pos/find", card.find),
    ("GET", "/pos/cards/{card_id}", card.show_card),
    ("POST", "/pos/cards/{card_id}/redeem", money.redeem),
    ("POST", "/pos/cards/{card_id}/reload", money.reload),
    ("POST", "/pos/cards/{card_id}/activate", money.activate),
    ("GET", "/pos/cards/{card_id}/refund/{entry_id}", card.show_refund),
    ("POST", "/pos/cards/{card_id}/refund/{entry_id}", money.refund),
    ("GET", "/pos/cards/{card_id}/receipt/{entry_id}", receipt.show_receipt),
    ("POST", "/pos/cards/{card_id}/receipt/{entry_id}", receipt.send_receipt),
    ("GET", "/pos/cards/{card_id}/paper", sell.paper),
    ("GET", "/pos/sell", sell.show_sale),
    ("POST", "/pos/sell", sell.sell),
    ("POST", "/pos/undo", money.undo),
    ("POST", "/pos/offline/allowance", away.grant),
)
"""What is behind the PIN."""

_AT_DEVICE: Final[tuple[tuple[str, str, Outside], ...]] = (
    ("GET", "/pos/enrol", device.show_enrolment),
    ("POST", "/pos/enrol", device.enrol),
    ("POST", "/pos/sign-in", device.sign_in),
    ("GET", "/pos/pin", device.show_pin_form),
    ("POST", "/pos/pin", device.set_pin),
    ("GET", "/pos/manifest.webmanifest", installed.manifest),
    ("GET", "/pos/worker.js", installed.worker),
    ("GET", "/pos/offline", installed.offline),
    ("GET", "/pos/alive", installed.alive),
)
"""What comes before it."""

# Where a form led to that is not shown by itself: whoever loads that address anew begins anew.
_LED_TO: Final = (
    *("/pos/", "/pos/offline/settle", "/pos/offline/allowance", "/pos/sign-in", "/pos/lock", "/pos/find", "/pos/undo"),
    *("/pos/cards/{card_id}/redeem", "/pos/cards/{card_id}/reload", "/pos/cards/{card_id}/activate"),
)


def routes(rooms: Rooms) -> list[Route]:
    """Every screen of the till, and what goes with it."""
    return [
        *(Route(path, at_till(rooms, do, device.outside), methods=[method]) for method, path, do in _AT_TILL),
        *(Route(path, at_device(rooms, do), methods=[method]) for method, path, do in _AT_DEVICE),
        Route("/pos/offline/settle", away.settling(rooms), methods=["POST"]),
        *(Route(path, _begin_anew, methods=["GET"]) for path in _LED_TO),
        *asset.routes(ALL),
    ]


async def _begin_anew(_: Request) -> RedirectResponse:
    return RedirectResponse("/pos", 303, {"Cache-Control": "no-store"})


__all__ = ["FORM_PATHS", "Rooms", "routes"]
