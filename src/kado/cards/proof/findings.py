"""What a verification says: which card or seal is damaged, and why: a word for programs and a sentence for people."""

from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """The words. Those about seals and sums concern a program, all others a card."""

    # entries
    SEQUENCE_GAP = "sequence_gap"
    CHAIN_BROKEN = "chain_broken"
    ENTRY_CHANGED = "entry_changed"
    BALANCE_JUMP = "balance_jump"
    OUT_OF_BOUNDS = "out_of_bounds"
    # entries against the card
    NO_ENTRIES = "no_entries"
    NO_CARD = "no_card"
    BALANCE_MISMATCH = "balance_mismatch"
    HEAD_MISMATCH = "head_mismatch"
    ACTIVATION_MISMATCH = "activation_mismatch"
    VOID_MISMATCH = "void_mismatch"
    # the card's own facts
    STATUS_MISMATCH = "status_mismatch"
    STATE_CHANGED = "state_changed"
    HELD_OUT_OF_BOUNDS = "held_out_of_bounds"
    HELD_MISMATCH = "held_mismatch"
    ROWS_CHANGED = "rows_changed"
    NUMBER_UNREADABLE = "number_unreadable"
    NUMBER_MISMATCH = "number_mismatch"
    CARD_UNREADABLE = "card_unreadable"
    # entries against entries, of this card or of others
    COUNTERPART_MISSING = "counterpart_missing"
    COUNTERPART_WRONG = "counterpart_wrong"
    PARTS_DIFFER = "parts_differ"
    SUCCESSION_MISMATCH = "succession_mismatch"
    # entries against the seals
    SEALED_ENTRY_MISSING = "sealed_entry_missing"
    SEALED_ENTRY_DIFFERS = "sealed_entry_differs"
    NOT_SEALED = "not_sealed"
    # seals
    SEAL_MISSING = "seal_missing"
    SEAL_CHANGED = "seal_changed"
    SEAL_SIGNATURE_WRONG = "seal_signature_wrong"
    SEAL_CHAIN_BROKEN = "seal_chain_broken"
    UNKNOWN_SEAL_KEY = "unknown_seal_key"
    # seals against an earlier export of them
    EXPORTED_SEAL_MISSING = "exported_seal_missing"
    EXPORTED_SEAL_DIFFERS = "exported_seal_differs"
    # sums over a program
    NO_PROGRAM = "no_program"
    TOTALS_DIFFER = "totals_differ"
    TRANSFERS_DO_NOT_CANCEL = "transfers_do_not_cancel"
    TURNOVER_DIFFERS = "turnover_differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction. Without a card it is about a seal, or about the program as a whole."""

    program_id: str
    card_id: str | None
    reason_code: Reason
    explanation: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found."""

    cards: int = 0
    entries: int = 0
    seals: int = 0
    findings: list[Finding] = field(default_factory=list)
    owed: dict[str, int] = field(default_factory=dict)
    """By program, in minor units: the sum of the balances of its live cards."""
    currencies: dict[str, str] = field(default_factory=dict)
    """By program, the code of its currency."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing contradicts anything."""
        return not self.findings


class Faults(dict[Reason, str]):
    """What is wrong with one card: each reason once, with its first explanation."""

    def add(self, reason: Reason, explanation: str) -> None:
        """Note a fault unless there is one of its sort already."""
        self.setdefault(reason, explanation)
