"""What Google Wallet shows: a class for a program, an object for a card, and the link by which somebody saves it.

Class and object are written over REST beforehand, so that the link holds their ids alone and stays short.
"""

from datetime import datetime
from typing import Any, Final

from kado import clock
from kado.cards.card import Card, CardStatus
from kado.designs import pictures
from kado.languages.choose import Language
from kado.money import Currency
from kado.passes.shown import Shown, say_of
from kado.programs.program import Program

_STATES: Final = {
    CardStatus.PENDING: "INACTIVE",
    CardStatus.ACTIVE: "ACTIVE",
    CardStatus.SUSPENDED: "INACTIVE",
    CardStatus.EXPIRED: "EXPIRED",
    CardStatus.VOIDED: "INACTIVE",
    CardStatus.DEPLETED: "ACTIVE",  # a refund makes it active again
}
_PICTURES: Final = {"logo": "programLogo", "strip": "heroImage"}
_MICROS: Final = 6


def class_id(issuer: str, program: Program) -> str:
    """By what Google knows the program."""
    return f"{issuer}.{program.id}"


def object_id(issuer: str, card: Card) -> str:
    """By what Google knows the card: its ids, which are no secrets."""
    return f"{issuer}.{card.program_id}-{card.id}"


def gift_card_class(issuer: str, shown: Shown) -> dict[str, Any]:
    """The program, as a `giftCardClass`. Google fetches the pictures from this server's public address."""
    return {
        "id": class_id(issuer, shown.program),
        "issuerName": shown.look.shop,
        "merchantName": shown.look.shop,
        "localizedCardNumberLabel": _localized(shown, "card"),
        "hexBackgroundColor": shown.look.card,
        "allowBarcodeRedemption": True,
        # A card is money: whoever wants to give it away sends its link, on purpose.
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        "reviewStatus": "UNDER_REVIEW",
        **{member: _image(shown, kind) for kind, member in _PICTURES.items() if kind in shown.own},
    }


def gift_card_object(issuer: str, shown: Shown) -> dict[str, Any]:
    """The card, as a `giftCardObject`; its number is never among what it says."""
    card = shown.card
    said: dict[str, Any] = {
        "id": object_id(issuer, card),
        "classId": class_id(issuer, shown.program),
        "state": _STATES[shown.status],
        "cardNumber": shown.masked,
        "balance": {
            "micros": str(micros(card.balance, shown.program.currency)),
            "currencyCode": shown.program.currency.code,
        },
        "balanceUpdateTime": _date(card.updated_at),
        "barcode": {"type": "QR_CODE", "value": card.pass_sid, "alternateText": shown.masked},
        "linksModuleData": {
            "uris": [{"id": "page", "uri": shown.page_url, "localizedDescription": _localized(shown, "page")}]
        },
        "textModulesData": [
            {"id": "status", "localizedHeader": _localized(shown, "status"), "localizedBody": _status(shown)},
            {
                "id": "how",
                "localizedHeader": _localized(shown, "how"),
                "localizedBody": _localized(shown, "how_text"),
            },
        ],
    }
    if shown.expires_at is not None:
        said["validTimeInterval"] = {"end": _date(shown.expires_at)}
    if shown.words is not None:
        sender, message = shown.words
        header = _localized(shown, "words_from", name=sender) if sender else _localized(shown, "words")
        said["textModulesData"].insert(0, {"id": "words", "localizedHeader": header, "body": message})
    return said


def _image(shown: Shown, kind: str) -> dict[str, Any]:
    own = shown.program.language
    return {
        "sourceUri": {"uri": shown.public_url + pictures.address(shown.program.id, shown.own[kind].picture)},
        "contentDescription": {"defaultValue": {"language": own.value, "value": shown.look.shop}},
    }


def micros(minor: int, currency: Currency) -> int:
    """Minor units as Google counts: millionths of the major unit."""
    return minor * int(10 ** (_MICROS - currency.exponent))


def _status(shown: Shown) -> dict[str, Any]:
    return _localized(shown, f"status_{shown.status.value}")


def _localized(shown: Shown, key: str, **facts: object) -> dict[str, Any]:
    """The words under this key in every language, the program's own first."""
    own = shown.program.language
    return {
        "defaultValue": {"language": own.value, "value": say_of(shown)(key, **facts)},
        "translatedValues": [
            {"language": language.value, "value": say_of(shown, language)(key, **facts)}
            for language in Language
            if language is not own
        ],
    }


def _date(moment: datetime) -> dict[str, str]:
    return {"date": clock.text(moment)}
