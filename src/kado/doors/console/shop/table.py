"""The pages of people, places, keys and webhooks."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.page import Page, does, shows
from kado.doors.console.shop import keys, pins, places, staff, webhooks
from kado.doors.console.shop.keys import KEYS
from kado.doors.console.shop.places import PLACES
from kado.doors.console.shop.staff import STAFF
from kado.doors.console.shop.webhooks import WEBHOOKS

_STAFF: Final = "/v2/staff/{staffId}"
_HOOK: Final = "/v2/webhooks/{webhookId}"
_ONE: Final = f"{STAFF}/{{staff_id}}"
_ENDPOINT: Final = f"{WEBHOOKS}/{{webhook_id}}"
_WRITE: Final = Permission.WEBHOOKS_WRITE
_TILL: Final = f"{PLACES}/{{terminal_id}}"
_TILLS_READ: Final = Permission.TILLS_READ
_TILLS_WRITE: Final = Permission.TILLS_WRITE

PAGES: Final[tuple[Page, ...]] = (
    shows(STAFF, Permission.STAFF_READ, staff.show, "GET /v2/staff"),
    does(STAFF, Permission.STAFF_WRITE, staff.add, "POST /v2/staff"),
    shows(_ONE, Permission.STAFF_READ, staff.show_one, f"GET {_STAFF}/sessions"),
    does(_ONE, Permission.STAFF_WRITE, staff.change, f"PUT {_STAFF}"),
    does(f"{_ONE}/sessions/end", Permission.STAFF_WRITE, staff.end_sign_ins, f"DELETE {_STAFF}/sessions"),
    does(f"{_ONE}/second-factor/reset", Permission.STAFF_WRITE, staff.reset_second_factor, f"DELETE {_STAFF}/mfa"),
    does(f"{_ONE}/pin/take", _TILLS_WRITE, pins.take),
    does(f"{_ONE}/pin/let-in", _TILLS_WRITE, pins.let_in),
    shows(PLACES, _TILLS_READ, places.show),
    does(f"{PLACES}/code", _TILLS_WRITE, places.make_code),
    does(
        f"{PLACES}/platforms/{{shop_id}}",
        Permission.MERCHANT_SETTINGS,
        places.choose_program,
        "PUT /v2/giftcards/merchants/settings",
    ),
    shows(_TILL, _TILLS_READ, places.show_one),
    does(_TILL, _TILLS_WRITE, places.change),
    shows(f"{_TILL}/revoke", _TILLS_WRITE, places.show_revoke),
    does(f"{_TILL}/revoke", _TILLS_WRITE, places.revoke),
    shows(KEYS, Permission.KEYS_READ, keys.show, "GET /v2/appkeys"),
    does(KEYS, Permission.KEYS_WRITE, keys.make, "POST /v2/appkeys"),
    does(f"{KEYS}/{{key_id}}/revoke", Permission.KEYS_WRITE, keys.revoke, "DELETE /v2/appkeys/{keyId}"),
    shows(WEBHOOKS, Permission.WEBHOOKS_READ, webhooks.show, "GET /v2/webhooks"),
    does(WEBHOOKS, _WRITE, webhooks.add, "POST /v2/webhooks"),
    shows(_ENDPOINT, Permission.WEBHOOKS_READ, webhooks.show_one, f"GET {_HOOK}", f"GET {_HOOK}/deliveries"),
    does(_ENDPOINT, _WRITE, webhooks.save, f"PUT {_HOOK}"),
    does(f"{_ENDPOINT}/enable", _WRITE, webhooks.enable, f"POST {_HOOK}/enable"),
    does(f"{_ENDPOINT}/disable", _WRITE, webhooks.disable, f"POST {_HOOK}/disable"),
    does(f"{_ENDPOINT}/delete", _WRITE, webhooks.delete, f"DELETE {_HOOK}"),
    does(
        f"{_ENDPOINT}/deliveries/{{delivery_id}}/replay",
        _WRITE,
        webhooks.replay,
        f"POST {_HOOK}/deliveries/{{deliveryId}}/replay",
    ),
)
