"""Every page of the console, in one table: nothing is reached that does not stand here with its permission."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console import account, begin, home, people, sign_in
from kado.doors.console.cards import bulk, issue, lists
from kado.doors.console.cards import card as one_card
from kado.doors.console.cards import list as card_list
from kado.doors.console.cards.action import ONE, pages_of
from kado.doors.console.cards.actions import ACTIONS
from kado.doors.console.look import table as look
from kado.doors.console.page import IN_PROGRAM, ROOT, Page, does, shows, takes
from kado.doors.console.programs import table as programs
from kado.doors.console.reports import table as reports
from kado.doors.console.server import table as server
from kado.doors.console.shop import pins
from kado.doors.console.shop import table as shop
from kado.doors.console.watch import table as watch

_CARDS: Final = "/v2/giftcards/programs/{programId}/cards"
_ONE: Final = f"{_CARDS}/{{cardId}}"
_GDPR: Final = "/v2/giftcards/gdpr"
_TASK: Final = f"{_CARDS}/bulk/{{taskId}}"
_BULK: Final = f"{IN_PROGRAM}/bulk"

PAGES: Final[tuple[Page, ...]] = (
    *programs.BESIDE,
    *shop.PAGES,
    *watch.BESIDE,
    *server.BESIDE,
    *reports.BESIDE,
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
    shows(pins.OWN, Permission.SELF_READ, pins.show, "GET /v2/token"),
    does(pins.OWN, Permission.SELF_READ, pins.set_own, "GET /v2/token"),
    does(f"{pins.OWN}/take", Permission.SELF_READ, pins.take_own, "GET /v2/token"),
    shows(people.PEOPLE, Permission.PEOPLE_READ, people.show, f"GET {_GDPR}/consent/lookup"),
    does(people.PEOPLE, Permission.PEOPLE_READ, people.find, f"GET {_GDPR}/consent/lookup"),
    does(
        f"{people.PEOPLE}/export",
        Permission.PEOPLE_READ,
        people.export,
        f"POST {_GDPR}/export",
        f"GET {_GDPR}/download",
    ),
    does(f"{people.PEOPLE}/forget", Permission.PEOPLE_WRITE, people.forget, f"POST {_GDPR}/erasure"),
    does(f"{ROOT}/begin", Permission.PROGRAMS_WRITE, begin.open_program, "POST /v2/programs"),
    shows(IN_PROGRAM, Permission.PROGRAMS_READ, home.show, "GET /v2/loyalty/programs/{programId}"),
    shows(f"{IN_PROGRAM}/cards", Permission.CARDS_LIST, card_list.show, f"GET {_CARDS}"),
    shows(f"{IN_PROGRAM}/find", Permission.CARDS_READ, card_list.show_find, f"GET {_ONE}"),
    does(f"{IN_PROGRAM}/find", Permission.CARDS_READ, card_list.find, f"GET {_ONE}"),
    shows(f"{IN_PROGRAM}/cards/{{card_id}}", Permission.CARDS_READ, one_card.show, f"GET {_ONE}"),
    does(f"{IN_PROGRAM}/cards/{{card_id}}/number", Permission.CARDS_READ, one_card.reveal, f"GET {_ONE}"),
    *programs.INSIDE,
    *watch.INSIDE,
    *server.INSIDE,
    *reports.INSIDE,
    shows(f"{IN_PROGRAM}/issue", Permission.CARDS_ISSUE, issue.show, f"POST {_CARDS}"),
    does(f"{IN_PROGRAM}/issue", Permission.CARDS_ISSUE, issue.do, f"POST {_CARDS}"),
    shows(f"{IN_PROGRAM}/first-card", Permission.CARDS_ISSUE, begin.show_first_card, f"POST {_CARDS}"),
    does(f"{IN_PROGRAM}/first-card", Permission.CARDS_ISSUE, begin.sell_first_card, f"POST {_CARDS}"),
    *pages_of(ACTIONS),
    shows(f"{ONE}/paper", Permission.CARDS_READ, one_card.paper, f"GET {_ONE}/paper"),
    shows(_BULK, Permission.CARDS_BULK, bulk.show, f"POST {_CARDS}/bulk"),
    does(_BULK, Permission.CARDS_BULK, bulk.order, f"POST {_CARDS}/bulk"),
    shows(f"{_BULK}/list", Permission.CARDS_BULK, lists.show, f"POST {_CARDS}/bulk"),
    takes(f"{_BULK}/list", Permission.CARDS_BULK, lists.send, f"POST {_CARDS}/bulk"),
    shows(f"{_BULK}/list/example", Permission.CARDS_BULK, lists.fetch_example, f"POST {_CARDS}/bulk"),
    shows(f"{_BULK}/list/{{list_id}}", Permission.CARDS_BULK, lists.preview, f"POST {_CARDS}/bulk"),
    does(f"{_BULK}/list/{{list_id}}", Permission.CARDS_BULK, lists.order, f"POST {_CARDS}/bulk"),
    shows(f"{_BULK}/{{task_id}}", Permission.CARDS_BULK, bulk.show_task, f"GET {_TASK}", f"GET {_TASK}/paper"),
    does(
        f"{_BULK}/{{task_id}}/codes",
        Permission.CARDS_BULK,
        bulk.codes,
        f"POST {_TASK}/csv",
        f"GET {_TASK}/csv/{{token}}",
    ),
    does(f"{_BULK}/{{task_id}}/paper", Permission.CARDS_BULK, bulk.order_paper, f"POST {_TASK}/paper"),
    does(f"{_BULK}/{{task_id}}/paper/file", Permission.CARDS_BULK, bulk.fetch_paper, f"GET {_TASK}/paper/{{token}}"),
    *look.PAGES,
)
