"""The token by which a device proves to the web service that it holds a card's pass.

It follows from the card and the operator's secret, so nothing is kept for a pass that nobody put into a wallet. What a
device registered with is kept as its hash: so it stays good after the secret has changed.
"""

from typing import Final

from kado.cards.card import Card
from kado.crypto import Keyring, equal, token_hash

_SCHEME: Final = "ApplePass "
_LONGEST: Final = 256


def token_of(keyring: Keyring, card: Card) -> str:
    """The token that a new pass of this card bears."""
    return keyring.mac("wallet-token", *_about(card)).hex()


def shown_in(authorization: str | None) -> str | None:
    """The token that a device shows (`Authorization: ApplePass …`); None where there is none."""
    if authorization is None or not authorization.startswith(_SCHEME):
        return None
    token = authorization.removeprefix(_SCHEME)
    return token if token.isascii() and 0 < len(token) <= _LONGEST else None


def fits(keyring: Keyring, card: Card, token: str, registered: list[bytes]) -> bool:
    """Whether it is the card's, under any live secret, or the one that a device registered with (by its hash)."""
    shown, digest = token.encode(), token_hash(token)
    good = [equal(shown, one.hex().encode()) for one in keyring.macs("wallet-token", *_about(card))]
    return any(good + [equal(digest, one) for one in registered])


def _about(card: Card) -> tuple[bytes, bytes]:
    return card.program_id.encode(), card.pass_sid.encode()
