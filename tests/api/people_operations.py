"""Operations on people's data, each with a good request."""

from tests.api.operation import Operation, nothing
from tests.api.shop import Body, Shop, good
from tests.api.sign_in import an_email

from kado.access.permissions import Permission

GDPR = "/v2/giftcards/gdpr"


async def _with_person_export(shop: Shop, card: Body, till: str) -> Body:
    asked = {"customerEmail": card["customerEmail"], "format": "json"}
    return {"personExport": good(await shop.post(f"{GDPR}/export", asked))["exportId"]}


async def _with_consent(shop: Shop, card: Body, till: str) -> Body:
    asked = {"customerEmail": an_email(), "purposes": ["news"]}
    return {"consent": good(await shop.post(f"{GDPR}/consent", asked))["customerId"], **asked}


PEOPLE = {
    "export person": Operation(
        Permission.PEOPLE_READ,
        "POST",
        lambda _: f"{GDPR}/export",
        lambda card: {"customerEmail": card["customerEmail"], "format": "csv"},
    ),
    "download person": Operation(
        Permission.PEOPLE_READ,
        "GET",
        lambda card: f"{GDPR}/download?exportId={card['personExport']}&format=json",
        nothing,
        prepare=_with_person_export,
    ),
    # Somebody who is not known, since the cards of these tests bear one and the same address.
    "erase person": Operation(
        Permission.PEOPLE_WRITE, "POST", lambda _: f"{GDPR}/erasure", lambda _: {"customerEmail": an_email()}
    ),
    "look up consent": Operation(
        Permission.PEOPLE_READ,
        "GET",
        lambda card: f"{GDPR}/consent/lookup?customerEmail={card['customerEmail']}",
        nothing,
        prepare=_with_consent,
    ),
    "read consent": Operation(
        Permission.PEOPLE_READ,
        "GET",
        lambda card: f"{GDPR}/consent/{card['consent']}",
        nothing,
        prepare=_with_consent,
    ),
    "update consent": Operation(
        Permission.PEOPLE_WRITE,
        "POST",
        lambda card: f"{GDPR}/consent/{card['consent']}",
        lambda _: {"purposes": []},
        prepare=_with_consent,
    ),
    "create consent": Operation(
        Permission.PEOPLE_WRITE,
        "POST",
        lambda _: f"{GDPR}/consent",
        lambda _: {"customerEmail": an_email(), "purposes": ["news"]},
    ),
}
