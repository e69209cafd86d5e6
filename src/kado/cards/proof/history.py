"""A card's entries, walked from the first to the last: what they prove, and what contradicts them. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from kado.cards.proof import lines
from kado.cards.proof.facts import Account
from kado.cards.proof.findings import Faults, Reason

_QUIET: Final = frozenset({b'"PURCHASE"', b'"RESEND_CODE"', b'"OWNERSHIP_TRANSFER"'})
"""Entries that record an event and never move money."""

_OPENING: Final = frozenset({b'"ACTIVATION"', b'"CONSOLIDATION"', b'"TRANSFER_IN"'})
"""As the first that moves money, each of these makes a card active."""

_VOID: Final = b'"VOID"'
_CONSOLIDATION: Final = b'"CONSOLIDATION"'
_TRANSFER_OUT: Final = b'"TRANSFER_OUT"'
_GENESIS: Final = b"0" * 64
_STORED_HASH: Final = 1 + 64
"""How much stands at the end of a line that is not hashed itself: a comma and the stored hash."""

_NO_HEAD: Final = (2**63, b"")


@dataclass(frozen=True, slots=True)
class Sealing:
    """What the seals say about one card: the heads (sequence number, hash), and until when there must be one."""

    heads: Sequence[tuple[int, bytes]]
    complete_until_micros: int
    """Entries older than this are sealed. Nothing can be said where a seal of the program is damaged: then it is 0."""


class History:
    """The walk through one card's entries, in their order; they may come in any number of pieces."""

    def __init__(self, account: Account | None, sealing: Sealing, totals: dict[bytes, int]) -> None:
        self.faults = Faults() if account is None else account.faults
        self._account = account
        self._max_balance = 2**63 if account is None else account.max_balance
        self._newest_sealed = sealing.heads[-1][0] if sealing.heads else 0
        self._sealed_until = sealing.complete_until_micros
        self._totals = totals
        self._heads = iter(sealing.heads)
        self._head = next(self._heads, _NO_HEAD)
        self._seq = 0
        self._hash = _GENESIS
        self._balance = 0
        self._first_kind = b""
        self._last_kind = b""

    def take(self, entries: Iterable[bytes]) -> int:
        """Walk on through these lines; how many they were."""
        # The hot loop of a verification, once for each entry there is: hence local names and one wide condition.
        count, totals, max_balance, newest_sealed = 0, self._totals, self._max_balance, self._newest_sealed
        last_seq, last_hash, last_balance = self._seq, self._hash, self._balance
        for line in entries:
            count += 1
            try:
                if b"\\" in line:
                    text, fields = lines.fields_of(line)
                else:
                    text, fields = line[:-_STORED_HASH], line.split(b",")
                _, _, number, kind, amount, before, after, micros, _, _, _, _, _, _, _, previous, stored = fields
                seq, moved, balance = int(number), int(amount), int(after)
                if (
                    seq != last_seq + 1
                    or previous[1:65] != last_hash
                    or int(before) != last_balance
                    or last_balance + moved != balance
                    or not 0 <= balance <= max_balance
                    or sha256(text).hexdigest().encode() != stored
                ):
                    self._explain((last_seq, last_hash, last_balance), text, fields)
                if seq > newest_sealed and int(micros) < self._sealed_until:
                    self.faults.add(Reason.NOT_SEALED, f"entry {seq} should be in a seal and is in none")
            except ValueError:
                self.faults.add(Reason.ENTRY_CHANGED, f"the entry after number {last_seq} cannot be read")
                continue
            last_seq, last_hash, last_balance = seq, stored, balance
            if kind not in _QUIET:
                self._first_kind = self._first_kind or kind
                self._last_kind = kind
            if seq >= self._head[0]:
                self._compare(seq, stored)
            totals[kind] = totals.get(kind, 0) + moved
        self._seq, self._hash, self._balance = last_seq, last_hash, last_balance
        return count

    def _explain(self, last: tuple[int, bytes, int], text: bytes, fields: list[bytes]) -> None:
        """Say which of the conditions an entry does not meet, after an entry with this number, hash and balance."""
        last_seq, last_hash, last_balance = last
        _, _, number, _, amount, before, after, *_, previous, stored = fields
        add, seq, balance = self.faults.add, int(number), int(after)
        if seq != last_seq + 1:
            add(Reason.SEQUENCE_GAP, f"entry {last_seq + 1} is missing: number {seq} stands in its place")
        if previous[1:65] != last_hash:
            add(Reason.CHAIN_BROKEN, f"entry {seq} does not continue the entry before it")
        if int(before) != last_balance or last_balance + int(amount) != balance:
            add(Reason.BALANCE_JUMP, f"entry {seq} does not lead from the balance before it to the one after it")
        if not 0 <= balance <= self._max_balance:
            add(Reason.OUT_OF_BOUNDS, f"the balance after entry {seq} is below zero or above the card's maximum")
        if sha256(text).hexdigest().encode() != stored:
            add(Reason.ENTRY_CHANGED, f"entry {seq} is not what its hash was made of")

    def _compare(self, seq: int, stored: bytes) -> None:
        """The sealed heads up to this entry: each must be an entry, and the very same."""
        while seq >= self._head[0]:
            if seq > self._head[0]:
                self.faults.add(Reason.SEALED_ENTRY_MISSING, f"entry {self._head[0]} was sealed and is missing")
            elif self._head[1].hex().encode() != stored:
                self.faults.add(Reason.SEALED_ENTRY_DIFFERS, f"entry {seq} is not the one that was sealed")
            self._head = next(self._heads, _NO_HEAD)

    def finish(self) -> Faults:
        """After the last entry: everything that is wrong with the card."""
        if self._head is not _NO_HEAD:
            self.faults.add(Reason.SEALED_ENTRY_MISSING, f"entry {self._head[0]} was sealed and is missing")
        if self._account is None:
            self.faults.add(Reason.NO_CARD, "there are entries or seals of this card, but no card")
        elif self._seq == 0:
            self.faults.add(Reason.NO_ENTRIES, "the card has no entries")
        else:
            self._compare_with_card(self._account)
        return self.faults

    def _compare_with_card(self, account: Account) -> None:
        add, balance = self.faults.add, self._balance
        if account.balance != balance:
            add(
                Reason.BALANCE_MISMATCH,
                f"the card says {account.balance} minor units, its entries add up to {balance}",
            )
        if account.seq != self._seq or account.head_hash.hex().encode() != self._hash:
            add(
                Reason.HEAD_MISMATCH,
                f"the card names entry {account.seq} as its last, its last is {self._seq} or another of that number",
            )
        if account.is_activated is not (self._first_kind in _OPENING):
            add(Reason.ACTIVATION_MISMATCH, "card and entries disagree about whether it was activated")
        if not self._may_be(account.is_voided):
            add(Reason.VOID_MISMATCH, "card and entries disagree about whether it was voided")

    def _may_be(self, voided: bool) -> bool:
        """Whether the entries allow this: a void and being consolidated away end a card, a transfer may."""
        last = self._last_kind
        if last == _VOID or (last == _CONSOLIDATION and self._balance == 0):
            return voided
        return not voided or (last == _TRANSFER_OUT and self._balance == 0)
