"""The card behind what a till read: the QR code of its page or pass, the Code 128 of its number, or typed digits."""

import re
from typing import Final
from urllib.parse import unquote

from kado.cards import refusals
from kado.cards.find import Found, card_by_number, card_by_pass
from kado.crypto import Keyring
from kado.storage.database import Database

_SID: Final = re.compile(r"(?:https?://[^\s?#]{1,200}/cards/)?([0-9a-f]{56})(?:[?#]\S{0,200})?", re.ASCII)
_NUMBER_MAX: Final = 64


async def card_scanned(database: Database, keyring: Keyring, program_id: str, text: str) -> Found:
    """The live card of this program. Raises `NotFound`, for cards of other programs and test cards too."""
    text = unquote(text.strip())  # in a mail, digits of a link may be written in per cent
    sid = _SID.fullmatch(text)
    if sid is None:
        if not text or len(text) > _NUMBER_MAX:
            raise refusals.card_not_found()
        return await card_by_number(database, keyring, program_id, text, is_test=False)
    found = await card_by_pass(database, program_id, sid[1])
    if found is None or found.card.is_test:
        raise refusals.card_not_found()
    return found
