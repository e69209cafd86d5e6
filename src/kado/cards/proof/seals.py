"""The seals of a program: whether they are whole, chained and signed, and what they say about each card."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kado.cards.chain import GENESIS
from kado.cards.proof.facts import moment
from kado.cards.proof.findings import Finding, Reason
from kado.cards.proof.handovers import believed
from kado.cards.seal import HEAD_BYTES, seal_hash
from kado.crypto import Keyring
from kado.storage.database import Connection

HEADS_IN_MEMORY: Final = 1_000_000
"""At about a hundred bytes each. A program with more sealed heads has its seals read several times, in stretches."""

_FETCH: Final = 50  # rows of up to a megabyte
_CARDS_A_PAGE: Final = 1000
_LAST_CARD: Final = b"\xff" * 13


class SealedCard(NamedTuple):
    """What the seals say of one card: sequence numbers and hashes of entries, the lowest first."""

    owner: tuple[str, str]
    """Program and card."""
    heads: list[tuple[int, bytes]]


class Seal(NamedTuple):
    """A row of `ledger_seal`, without its program."""

    number: int
    sealed_at: datetime
    heads: bytes
    previous_hash: bytes
    hash: bytes
    public_key: bytes
    signature: bytes


class SealCheck:
    """Judges the seals of one program, which must come in the order of their numbers. `keys` are those to trust.

    Only where it begins later than with the first one, what stands before that is not asked for.
    """

    def __init__(self, program_id: str, keys: Mapping[bytes, Ed25519PublicKey], begins_at: int = 1) -> None:
        self.findings: list[Finding] = []
        self.count = 0
        self._program_id = program_id
        self._keys = keys
        self._previous: tuple[int, bytes] | None = (0, GENESIS) if begins_at == 1 else None
        self._next = begins_at
        self._unknown: dict[bytes, list[int]] = {}

    def is_sound(self, seal: Seal) -> bool:
        """Whether what the seal says about cards can be believed; why not is noted."""
        self.count += 1
        if seal.number > self._next:
            last = seal.number - 1
            shown = f"seal {last} is" if last == self._next else f"seals {self._next} to {last} are"
            self._note(Reason.SEAL_MISSING, f"{shown} missing")
            self._previous = None
        self._next = max(self._next, seal.number + 1)
        previous, self._previous = self._previous, None
        if not self._is_whole(seal) or not self._is_signed(seal):
            return False
        self._previous = (seal.number, seal.hash)
        # Where the seal before this one is damaged or missing, that has been said already.
        if previous is not None and previous != (seal.number - 1, seal.previous_hash):
            self._note(Reason.SEAL_CHAIN_BROKEN, f"seal {seal.number} does not continue seal {seal.number - 1}")
            return False
        return True

    def finish(self) -> None:
        """After the last seal. Seals under a key that is gone are named together: there may be very many."""
        for public_key, numbers in self._unknown.items():
            shown = f"seal {numbers[0]} was" if len(numbers) == 1 else f"{len(numbers)} seals from {numbers[0]} on were"
            self._note(
                Reason.UNKNOWN_SEAL_KEY,
                f"{shown} signed with a key that is not among the known ones ({public_key.hex()[:16]}…)",
            )

    def _is_whole(self, seal: Seal) -> bool:
        try:
            digest = seal_hash(self._program_id, seal.number, seal.sealed_at, seal.previous_hash, seal.heads)
        except (ValueError, TypeError):
            digest = b""
        if digest != seal.hash or len(seal.heads) % HEAD_BYTES:
            self._note(Reason.SEAL_CHANGED, f"seal {seal.number} is not what its hash was made of")
            return False
        return True

    def _is_signed(self, seal: Seal) -> bool:
        key = self._keys.get(seal.public_key)
        if key is None:
            self._unknown.setdefault(seal.public_key, []).append(seal.number)
            return False
        try:
            key.verify(seal.signature, seal.hash)
        except (InvalidSignature, TypeError):
            self._note(Reason.SEAL_SIGNATURE_WRONG, f"the signature of seal {seal.number} is wrong")
            return False
        return True

    def _note(self, reason: Reason, explanation: str) -> None:
        self.findings.append(Finding(self._program_id, None, reason, explanation))


class SealedHeads:
    """What the sound seals say, card after card, in the order of programs and cards."""

    def __init__(self, connection: Connection, keyring: Keyring, program_id: str | None) -> None:
        self.findings: list[Finding] = []
        self.count = 0
        self.damaged: set[str] = set()
        """Programs whose seals are not all sound: there a missing head proves nothing."""
        self._connection = connection
        self._keyring = keyring
        self._only = program_id

    async def by_card(self) -> AsyncIterator[list[SealedCard]]:
        """Pages of cards with their heads."""
        for program_id in await self._programs():
            low, doubtful = b"", await self._judge(program_id)
            while low < _LAST_CARD:
                heads, high = await self._stretch(program_id, low, doubtful)
                cards = _grouped(program_id, heads)
                while page := list(islice(cards, _CARDS_A_PAGE)):
                    yield page
                low = high

    async def _programs(self) -> list[str]:
        rows = await self._connection.fetch("SELECT DISTINCT program_id FROM ledger_seal ORDER BY program_id")
        return [row["program_id"] for row in rows if self._only in (None, row["program_id"])]

    async def _judge(self, program_id: str) -> frozenset[int]:
        """Judge every seal of the program; the numbers of those that are not to be believed."""
        check = SealCheck(program_id, await believed(self._connection, self._keyring))
        doubtful = [seal.number async for seal in self._seals(program_id) if not check.is_sound(seal)]
        check.finish()
        self.count += check.count
        self.findings += check.findings
        if check.findings:
            self.damaged.add(program_id)
        return frozenset(doubtful)

    async def _stretch(self, program_id: str, low: bytes, doubtful: frozenset[int]) -> tuple[list[bytes], bytes]:
        """Sorted heads of as many cards as fit into memory, from card `low` on, and the card after them."""
        found: list[bytes] = []
        high = _LAST_CARD
        async for seal in self._seals(program_id):
            if seal.number in doubtful:
                continue
            heads = seal.heads
            pieces = (heads[at : at + HEAD_BYTES] for at in range(0, len(heads), HEAD_BYTES))
            found += pieces if (low, high) == (b"", _LAST_CARD) else (p for p in pieces if low <= p[:12] < high)
            if len(found) > HEADS_IN_MEMORY:
                found, high = _lower_half(found, high)
        found.sort()
        return found, high

    async def _seals(self, program_id: str) -> AsyncIterator[Seal]:
        cursor = await self._connection.cursor(
            f"SELECT number, {moment('sealed_at')}, heads, previous_hash, hash, public_key, signature"
            " FROM ledger_seal WHERE program_id = $1 ORDER BY number",
            program_id,
        )
        while rows := await cursor.fetch(_FETCH):
            for row in rows:
                yield Seal(*row)


def _lower_half(heads: list[bytes], high: bytes) -> tuple[list[bytes], bytes]:
    """The heads of the first half of the cards, and the first card that is left for the next stretch."""
    heads.sort()
    middle = heads[len(heads) // 2][:12]
    if heads[0][:12] == middle:  # one card has more than half of them all: nothing can be cut off before it
        return heads, high
    return [head for head in heads if head[:12] < middle], middle


def _grouped(program_id: str, heads: list[bytes]) -> Iterator[SealedCard]:
    for card, of_card in groupby(heads, itemgetter(slice(0, 12))):
        yield SealedCard((program_id, card.hex()), [(int.from_bytes(h[12:20], "big"), h[20:]) for h in of_card])
