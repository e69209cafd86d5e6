"""Aims generated requests: what was made up at random is mostly replaced by what exists in the shop and makes sense.

What a case holds wrong on purpose stays wrong.
"""

import unicodedata
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from zlib import crc32

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase
from tests.api.pictures import a_picture
from tests.api.shop import PASSWORD, UNKNOWN, Body
from tests.contract.open_shop import PUBLIC_HOOK, OpenShop

from kado.shops.theme.theme import COLOURS, Theme, wire_name

MOSTLY: Final = 0.8
NEARLY_ALWAYS: Final = 0.95
# What is in them at random names no session, and no key is used twice.
HEADERS: Final = (
    *("X-Eposn-Customer-Token", "X-Eposn-Merchant-Token", "idempotency-key"),
    *("Kado-Language", "Kado-Time-Zone", "Kado-Receipt-Email"),
)

# The state that a card must be in for an operation, where it is not "active".
FITTING: Final = {"activate": "pending", "unsuspend": "suspended", "process-expired": "expired", "schedule": "pending"}

PEOPLE: Final = "/v2/giftcards/gdpr/"
BY_REFERENCE: Final = "/v2/giftcards/programs/{programId}/transactions"

SENSIBLE: Final[dict[str, tuple[object, ...]]] = {
    "amount": ("1.00", "0.01", 2, "3.5"),
    "initialValue": ("5.00", 20),
    "customerEmail": ("ada@example.com", None),
    "customerPhone": ("+49301234567", None),
    "newOwnerEmail": ("grace@example.com",),
    "newCustomerId": (None,),
    "email": ("shop@example.com", None),
    "phone": ("+49301234567", None),
    "target": ("ada@example.com", "+49301234567"),
    "url": (PUBLIC_HOOK,),
    "website": ("https://flowers.example", None),
    "currency": ("USD", "JPY", "KWD"),
    "cardNumberPrefix": ("4000", ""),
    "language": ("en", None),
    "timeZone": ("Europe/Berlin", None),
    "country": ("DE", None),
    "count": (2, 3),
    "recipients": (None,),
    "extensionDays": (30,),
    "page": (1, 2),
    "limit": (1, 50, 250),
    "offset": (0, 3),
    "q": ("ada", "", None),
    "orderReference": ("order 7",),
    "expiresInSeconds": (3600, None),
    "captchaToken": (None,),
    "expires": (3600, None),
    "allowedTemplates": (None,),
    "scopes": (None,),
    "password": (PASSWORD,),
    "confirmation": (PASSWORD,),
    "format": ("csv", "json"),
    "action": (None, ["card:issued"]),
    "resourceType": (None, ["card"]),
    "requireCaptcha": (False,),
    "period": ("custom",),
    "granularity": ("monthly",),
    "metrics": (["sold", "liability"], []),
    "asOf": (None,),
    "design": (None,),
    "by": ("month", "design", None),
    "from": ("2026-01-01T00:00:00Z",),
    "to": ("2030-01-01T00:00:00Z",),
    "fontFamily": (None, "Inter"),
    "customerId": (None,),
    "purposes": (["news"], []),
    "ipAddress": ("192.0.2.7", "203.0.113.7"),
    "cidrRange": (None,),
    "isPermanent": (None, False),
    "suspendExpiresAt": (None,),
    "severity": (None,),
    "patternType": (["CUSTOM"], None),
    "logoUrl": (None, "https://flowers.example/logo.png"),
}
# Colours that go together; two at random seldom do.
PALETTE: Final = {wire_name(name): getattr(Theme(), name) for name in COLOURS}


class _Certainty(Random):
    """Whatever may be done is done, and of several things the first."""

    def random(self) -> float:
        return 0.0


def aim(case: schemathesis.Case[Any], open_shop: OpenShop) -> None:
    """Replace most of what was meant well, the same way each time the same case comes; of an example, all."""
    facts = (case.operation.label, case.path_parameters, case.query, case.body)
    is_example = case.meta is not None and case.meta.phase.name is TestPhase.EXAMPLES
    chance = _Certainty() if is_example else Random(crc32(repr(facts).encode()))
    cards = open_shop.stock(case.operation.label)
    action = case.operation.path.rsplit("/", 1)[-1]
    fitting = open_shop.in_state(FITTING.get(action, "active"))
    card = chance.choice(fitting if chance.random() < 0.6 else cards)
    if _is_meant_well(case, ParameterLocation.PATH):
        _name_places(case, card, open_shop, chance)
    if _is_meant_well(case, ParameterLocation.HEADER):
        for name in HEADERS:
            if name in case.headers and chance.random() < MOSTLY:
                del case.headers[name]
    if _is_meant_well(case, ParameterLocation.QUERY):
        _replace(case.query, chance)
        _name_what_is_sought(case, open_shop, chance)
        if case.operation.path.endswith("/fraud/alerts") and chance.random() < MOSTLY:
            case.query["status"] = ["open"]
    if _is_meant_well(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        _aim_body(case.body, case.operation.path, card, open_shop, chance)


def _aim_body(body: Body, path: str, card: Body, open_shop: OpenShop, chance: Random) -> None:
    action = path.rsplit("/", 1)[-1]
    _replace(body, chance)
    if path.startswith(PEOPLE) and chance.random() < MOSTLY:
        _name_a_person(body)
    _name_cards(body, card, open_shop, chance)
    if action == "process-expired":
        body |= {"action": "extend", "extensionDays": 30}
    if action == "reversals":
        # One name of the card and one reference, never two.
        body.pop("cardNumber", None)
        body.pop("referenceId", None)
        body |= {"cardId": card["id"], "posTransactionId": "sale 7"}
    if "/fraud/rules" in path and chance.random() < MOSTLY:
        # One that refuses nothing, so that the operations after it can succeed.
        body |= {
            "name": "Much",
            "ruleType": "TRANSACTION_LIMIT",
            "config": {"maxAmount": "5.00"},
            "action": "flag",
        }
    _name_a_day(path, body)
    if "image" in body and chance.random() < MOSTLY:
        body["image"] = a_picture()
    if session := open_shop.callers.session_named_at(path):
        body["sessionToken"] = session


def _name_a_day(path: str, body: Body) -> None:
    """What is sent daily has no day of its own."""
    if path.endswith("/reports/schedule"):
        body |= {"recipients": ["books@example.com"], "frequency": "daily", "dayOfWeek": None, "dayOfMonth": None}


def _name_what_is_sought(case: schemathesis.Case[Any], open_shop: OpenShop, chance: Random) -> None:
    if case.operation.path == BY_REFERENCE and chance.random() < MOSTLY:
        case.query = {"posTransactionId": "sale 7"}  # one of the two, never both
    if "exportId" in case.query and chance.random() < MOSTLY:
        case.query |= {"exportId": open_shop.ids["exportId"], "format": "json"}
    if case.operation.path.startswith(PEOPLE) and chance.random() < MOSTLY:
        _name_a_person(case.query)


def _name_a_person(said: Body) -> None:
    """One who is known, by one contact: two could be two people's."""
    for name in ("customerId", "customerPhone"):
        said.pop(name, None)
    said["customerEmail"] = "ada@example.com"


def _is_meant_well(case: schemathesis.Case[Any], place: ParameterLocation) -> bool:
    made = case.meta.components.get(place) if case.meta else None
    return made is None or made.mode is GenerationMode.POSITIVE


def _name_places(case: schemathesis.Case[Any], card: Body, open_shop: OpenShop, chance: Random) -> None:
    for name in case.path_parameters:
        known = card["id"] if name == "cardId" else open_shop.ids.get(name)
        # Schemathesis says that a null is meant well, and wonders when what it became is accepted.
        is_null = case.path_parameters[name] == "null"
        if known is not None and not is_null and chance.random() < NEARLY_ALWAYS:
            case.path_parameters[name] = known
        if f"cardId of {name}" in open_shop.ids:
            case.path_parameters["cardId"] = open_shop.ids[f"cardId of {name}"]
    if "/anomalies/" in case.operation.path and "alert_id" in case.path_parameters:
        case.path_parameters["alert_id"] = open_shop.ids["anomalyAlertId"]
    if "/paper" in case.operation.path:
        for name in ("taskId", "token"):
            if name in case.path_parameters:
                case.path_parameters[name] = open_shop.ids[f"{name} of paper"]
    if case.operation.path.endswith("/enable"):
        # It would send something to an address out there.
        case.path_parameters["webhookId"] = UNKNOWN


def _replace(members: Body, chance: Random) -> None:
    for name, value in members.items():
        if chance.random() >= MOSTLY:
            continue
        if name in PALETTE:
            members[name] = PALETTE[name]
        elif name in SENSIBLE:
            members[name] = chance.choice(SENSIBLE[name])
        elif name in ("expiresAt", "deliverAt"):
            soon = datetime.now(UTC) + timedelta(days=chance.randint(1, 300))
            members[name] = soon.isoformat()
        elif isinstance(value, str):
            members[name] = _printable(value)


def _printable(text: str) -> str:
    """Without the characters that no field takes, and as long as before where there was anything to see."""
    return "".join("x" if unicodedata.category(one) in ("Cc", "Cs") else one for one in text)


def _name_cards(body: Body, card: Body, open_shop: OpenShop, chance: Random) -> None:
    known: dict[str, Any] = {
        "merchantId": lambda: open_shop.shop.merchant_id,
        "cardId": lambda: card["id"],
        "programId": lambda: open_shop.shop.program_id,
        "cardNumber": lambda: card["cardNumber"],
        "securityCode": lambda: open_shop.code_of(card),
        "destinationCardNumber": lambda: open_shop.active(but=card)[0]["cardNumber"],
        "cardNumbers": lambda: [one["cardNumber"] for one in open_shop.active()],
    }
    for name, look_up in known.items():
        if name in body and chance.random() < MOSTLY:
            body[name] = look_up()
