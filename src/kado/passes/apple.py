"""The pass for Apple Wallet: a signed zip with the card's facts, its words in every language, and pictures.

Everything but the signature follows from the card alone: the same card gives the same manifest. The signature holds the
time at which it was made, as Apple demands.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from kado.cards.card import CardStatus
from kado.languages.choose import Language
from kado.languages.say import Say
from kado.passes.artwork import pictures
from kado.passes.certificates import Certificate
from kado.passes.shown import Shown, say_of

MEDIA_TYPE: Final = "application/vnd.apple.pkpass"
WEB_SERVICE: Final = "/wallet/apple"
"""Where the web service is, below the public address; devices add `/v1/…`."""

# Amounts are JSON numbers, digit for digit, because the phone writes them as its owner does.
_encode: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode
_BEGAN: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip can tell: files in it have no time of their own."""


def made(shown: Shown, certificate: Certificate, public_url: str, token: str) -> bytes:
    """The `.pkpass`. `token` is what the device shows the web service."""
    return sealed(files(pass_of(shown, certificate, public_url, token), shown), certificate)


def pass_of(shown: Shown, certificate: Certificate, public_url: str, token: str | None) -> dict[str, Any]:
    """What `pass.json` says; without the members for devices where there is no token."""
    card, look, say = shown.card, shown.look, say_of(shown)
    code = {
        "format": "PKBarcodeFormatQR",
        "message": card.pass_sid,
        "messageEncoding": "iso-8859-1",
        "altText": shown.masked,
    }
    said: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": certificate.pass_type,
        "teamIdentifier": certificate.team,
        "serialNumber": card.pass_sid,
        "organizationName": look.shop,
        "description": look.description or say("gift_card", shop=look.shop),
        "backgroundColor": _rgb(look.card),
        "foregroundColor": _rgb(look.on_card),
        "labelColor": _rgb(look.label),
        # A card is money: whoever wants to give it away sends its link, on purpose.
        "sharingProhibited": True,
        "barcode": code,
        "barcodes": [code],
        "storeCard": _fields(shown, say, is_development=certificate.is_development),
    }
    # A logo of the shop's own says its name already.
    text = look.logo_text or (None if "logo" in shown.own else look.shop)
    if text is not None:
        said["logoText"] = text
    if shown.expires_at is not None:
        said["expirationDate"] = _moment(shown, shown.expires_at)
    if shown.is_over:
        said["voided"] = True
    if token is not None:
        said |= {"webServiceURL": public_url + WEB_SERVICE, "authenticationToken": token}
    return said


def files(said: Mapping[str, Any], shown: Shown) -> dict[str, bytes]:
    """All files of the pass but the manifest and the signature, by their names."""
    made_of = {"pass.json": _encode(said), **pictures(shown.look, shown.own)}
    for language in Language:
        made_of[f"{language}.lproj/pass.strings"] = _strings(shown, language)
    return made_of


def sealed(content: Mapping[str, bytes], certificate: Certificate) -> bytes:
    """The files with a manifest of their digests and a signature over it, as a zip."""
    listed = manifest(content)
    signature = (
        PKCS7SignatureBuilder()
        .set_data(listed)
        .add_signer(certificate.signer, certificate.key, SHA256())
        .add_certificate(certificate.authority)
        # Without `Binary` line ends would be rewritten before they are signed.
        .sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in [*sorted(content.items()), ("manifest.json", listed), ("signature", signature)]:
            archive.writestr(zipfile.ZipInfo(name, _BEGAN), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def manifest(content: Mapping[str, bytes]) -> bytes:
    """The SHA-1 of each file, as Apple wants it; what it proves rests on the signature's SHA-256."""
    digests = {name: hashlib.sha1(body, usedforsecurity=False).hexdigest() for name, body in content.items()}
    return _encode(digests)


# ── what stands on it ──────────────────────────────────────────────────────────────────────────────────────────────


def _fields(shown: Shown, say: Say, *, is_development: bool) -> dict[str, Any]:
    currency, status = shown.program.currency, shown.status
    secondary: list[dict[str, Any]] = []
    if shown.expires_at is not None:
        secondary.append(
            {
                "key": "expires",
                "label": say("expires"),
                "value": _moment(shown, shown.expires_at),
                "dateStyle": "PKDateStyleMedium",
                "timeStyle": "PKDateStyleNone",
                "ignoresTimeZone": True,
                "changeMessage": say("expires_is"),
            }
        )
    secondary.append(
        {
            "key": "status",
            "label": say("status"),
            "value": say(f"status_{status.value}"),
            "changeMessage": say("status_is"),
        }
    )
    balance = {
        "key": "balance",
        "label": say("value" if status is CardStatus.PENDING else "balance"),
        "value": currency.decimal(shown.amount),
        "currencyCode": currency.code,
        "changeMessage": say("balance_is"),
    }
    last_four = {"key": "card", "label": say("card"), "value": shown.masked, "textAlignment": "PKTextAlignmentRight"}
    return {
        "headerFields": [last_four],
        "primaryFields": [balance],
        "secondaryFields": secondary,
        "backFields": _back(shown, say, is_development=is_development),
    }


def _back(shown: Shown, say: Say, *, is_development: bool) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = []
    if is_development:
        fields.append({"key": "development", "label": "Kado", "value": say("development")})
    if shown.words is not None:
        sender, message = shown.words
        label = say("words_from", name=sender) if sender else say("words")
        # What people wrote is shown as they wrote it: a link in it stays text.
        fields.append({"key": "words", "label": label, "value": message or " ", "dataDetectorTypes": []})
    fields.append({"key": "page", "label": say("page"), "value": shown.page_url})
    fields.append({"key": "how", "label": say("how"), "value": say("how_text"), "dataDetectorTypes": []})
    fields.append({"key": "program", "label": shown.look.shop, "value": shown.look.program, "dataDetectorTypes": []})
    return fields


_TRANSLATED: Final = (
    "balance value balance_is expires expires_is card status status_is words page how how_text development".split()
)


def _strings(shown: Shown, language: Language) -> bytes:
    """What the pass says, and the same in this language.

    The program's own words are the keys, so that a phone in a language that Kado does not speak shows those.
    """
    own, say = say_of(shown), say_of(shown, language)
    keys = [*_TRANSLATED, *(f"status_{status.value}" for status in CardStatus)]
    pairs = {own(key): say(key) for key in keys}
    pairs[own("gift_card", shop=shown.look.shop)] = say("gift_card", shop=shown.look.shop)
    if shown.words is not None and shown.words[0]:
        pairs[own("words_from", name=shown.words[0])] = say("words_from", name=shown.words[0])
    return b"\xff\xfe" + "".join(_pair(key, value) for key, value in sorted(pairs.items())).encode("utf-16-le")


def _pair(key: str, value: str) -> str:
    return f'"{_escaped(key)}" = "{_escaped(value)}";\n'


def _escaped(text: str) -> str:
    return "".join({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}.get(one, one) for one in text)


def _moment(shown: Shown, moment: datetime) -> str:
    """As W3C writes it, where the shop's people live: the day that it shows is their day."""
    return moment.astimezone(shown.program.zone).isoformat(timespec="seconds")


def _rgb(colour: str) -> str:
    value = int(colour.removeprefix("#"), 16)
    return f"rgb({value >> 16}, {value >> 8 & 255}, {value & 255})"
