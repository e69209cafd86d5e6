"""Card numbers and security codes: made, hidden, found, compared.

All randomness is the operating system's. A number is stored encrypted with a keyed index beside it; a code only as a
keyed hash. A copy of the database holds nothing that can be spent.
"""

import secrets
from typing import Final, NamedTuple

from kado.crypto import VERSION_BYTES, Keyring, equal

NUMBER_DIGITS: Final = 16
CODE_LENGTH: Final = 6
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ3456789"
"""31 signs that are not mistaken for one another (no I, O, 0, 1, 2: a 2 is a Z in many hands)."""


class HiddenNumber(NamedTuple):
    """A card number as the database holds it."""

    number_index: bytes
    sealed: bytes
    last_four: str
    key_version: bytes


class HiddenCode(NamedTuple):
    """A security code as the database holds it."""

    hash: bytes
    version: bytes


def new_number(prefix: str) -> str:
    """16 digits beginning with `prefix`, the last one a Luhn check digit (ISO/IEC 7812-1) against typing errors."""
    digits = NUMBER_DIGITS - 1 - len(prefix)
    body = f"{prefix}{secrets.randbelow(10**digits):0{digits}}"
    return body + luhn_digit(body)


def luhn_digit(body: str) -> str:
    """The digit that makes `body` pass the Luhn check. Used to make numbers, never to refuse one."""
    total = 0
    for position, character in enumerate(reversed(body)):
        digit = int(character) * (2 if position % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return str(-total % 10)


def normalised(number: str) -> str:
    """A number as people type it, without the spaces and hyphens between its groups."""
    return number.replace(" ", "").replace("-", "").upper()


def hide_number(keyring: Keyring, program_id: str, card_id: str, number: str) -> HiddenNumber:
    """Encrypt and index a number. It opens only for this card of this program."""
    return HiddenNumber(
        number_index=keyring.mac("number-index", program_id.encode(), number.encode()),
        sealed=keyring.encrypt("card-number", number.encode(), f"{program_id}:{card_id}".encode()),
        last_four=number[-4:],
        key_version=keyring.version,
    )


def show_number(keyring: Keyring, program_id: str, card_id: str, sealed: bytes) -> str:
    """The number in clear. Raises `crypto.Undecipherable`."""
    return keyring.decrypt("card-number", sealed, f"{program_id}:{card_id}".encode()).decode()


def indexes_of(keyring: Keyring, program_id: str, number: str) -> list[bytes]:
    """Where a number may be found: its index under each live secret, the current one first."""
    return keyring.macs("number-index", program_id.encode(), normalised(number).encode("utf-8", "replace"))


def indexes_anywhere(keyring: Keyring, number: str) -> list[bytes]:
    """Under what guesses at a number are counted that name no program, the index under the current secret first."""
    return keyring.macs("number-index", normalised(number).encode("utf-8", "replace"))


def new_code(code_format: str) -> str:
    """Six digits, or six unambiguous letters and digits."""
    alphabet = "0123456789" if code_format == "digits" else _LETTERS
    return "".join(secrets.choice(alphabet) for _ in range(CODE_LENGTH))


def hide_code(keyring: Keyring, program_id: str, card_id: str, code: str) -> HiddenCode:
    """The keyed hash of a code, bound to its card."""
    return HiddenCode(_code_mac(keyring, program_id, card_id, code, keyring.version), keyring.version)


def code_matches(
    keyring: Keyring, program_id: str, card_id: str, code: str, hidden: bytes | None, version: bytes | None
) -> bool:
    """Whether the code is the card's. The same work is done for a card without a code, and for no card at all."""
    live = version if version in keyring.versions else None
    given = _code_mac(keyring, program_id, card_id, code, live or keyring.version)
    return equal(given, hidden or bytes(32)) and hidden is not None


def new_pass_sid(program_id: str) -> str:
    """The serial number of a wallet pass: the program's id (so it is found without a directory) and 128 random bits."""
    return program_id + secrets.token_hex(16)


def _code_mac(keyring: Keyring, program_id: str, card_id: str, code: str, version: bytes) -> bytes:
    typed = code.strip().upper().encode("utf-8", "replace")
    return keyring.mac("security-code", program_id.encode(), card_id.encode(), typed, version=version)


assert VERSION_BYTES == 4, "card.key_version and card.code_version hold four bytes"
