"""Every page of the console, in one table: nothing is reached that does not stand here with its permission."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console import account, home, sign_in
from kado.doors.console.cards import card as one_card
from kado.doors.console.cards import list as card_list
from kado.doors.console.page import IN_PROGRAM, ROOT, Page, does, shows
from kado.doors.console.programs import table as programs
from kado.doors.console.shop import table as shop
from kado.doors.console.watch import table as watch

_CARDS: Final = "/v2/giftcards/programs/{programId}/cards"
_ONE: Final = f"{_CARDS}/{{cardId}}"

PAGES: Final[tuple[Page, ...]] = (
    *programs.BESIDE,
    *shop.PAGES,
    *watch.BESIDE,
    shows(ROOT, Permission.SELF_READ, home.to_somewhere, "GET /v2/token"),
    does(f"{ROOT}/sign-out", Permission.SELF_READ, sign_in.leave, "DELETE /v2/token/sessions/{sessionId}"),
    shows(f"{ROOT}/account", Permission.SELF_READ, account.show, "GET /v2/token", "GET /v2/token/sessions"),
    does(
        f"{ROOT}/account/sessions/{{session_id}}/end",
        Permission.SELF_READ,
        account.end_session,
        "DELETE /v2/token/sessions/{sessionId}",
    ),
    does(f"{ROOT}/account/sessions/end", Permission.SELF_READ, account.end_others, "DELETE /v2/token/sessions"),
    shows(f"{ROOT}/account/second-factor", Permission.SELF_READ, account.show_second_factor, "GET /v2/token"),
    does(f"{ROOT}/account/second-factor", Permission.SELF_READ, account.begin, "POST /v2/token/mfa/setup"),
    does(f"{ROOT}/account/second-factor/confirm", Permission.SELF_READ, account.confirm, "POST /v2/token/mfa/confirm"),
    does(
        f"{ROOT}/account/second-factor/codes",
        Permission.SELF_READ,
        account.renew_codes,
        "POST /v2/token/mfa/recovery-codes",
    ),
    does(f"{ROOT}/account/second-factor/disable", Permission.SELF_READ, account.disable, "POST /v2/token/mfa/disable"),
    shows(IN_PROGRAM, Permission.PROGRAMS_READ, home.show, "GET /v2/loyalty/programs/{programId}"),
    shows(f"{IN_PROGRAM}/cards", Permission.CARDS_LIST, card_list.show, f"GET {_CARDS}"),
    shows(f"{IN_PROGRAM}/find", Permission.CARDS_READ, card_list.show_find, f"GET {_ONE}"),
    does(f"{IN_PROGRAM}/find", Permission.CARDS_READ, card_list.find, f"GET {_ONE}"),
    shows(f"{IN_PROGRAM}/cards/{{card_id}}", Permission.CARDS_READ, one_card.show, f"GET {_ONE}"),
    does(f"{IN_PROGRAM}/cards/{{card_id}}/number", Permission.CARDS_READ, one_card.reveal, f"GET {_ONE}"),
    *programs.INSIDE,
    *watch.INSIDE,
)
