"""What must be true of a whole program: nothing is created or lost between its cards."""

from kado.cards.proof.findings import Finding, Reason

_CANCELLING = ((b'"TRANSFER_IN"', b'"TRANSFER_OUT"'), (b'"CONSOLIDATION"',))


class Sums:
    """Adds up one program, card by card."""

    def __init__(self, program_id: str) -> None:
        self.program_id = program_id
        self.totals: dict[bytes, int] = {}
        """By type of entry (in its quotes), in minor units."""
        self.balances = 0
        self.has_damaged_cards = False

    def findings(self) -> list[Finding]:
        """What does not add up. Where a card is damaged, that is the explanation already, and nothing is said here."""
        if self.has_damaged_cards:
            return []
        found = []
        if (total := sum(self.totals.values())) != self.balances:
            text = f"entries add up to {total} minor units, balances to {self.balances}"
            found.append(Finding(self.program_id, None, Reason.TOTALS_DIFFER, text))
        for kinds in _CANCELLING:
            if rest := sum(self.totals.get(kind, 0) for kind in kinds):
                names = " and ".join(kind.decode().strip('"') for kind in kinds)
                text = f"{names} entries leave {rest} minor units instead of cancelling out"
                found.append(Finding(self.program_id, None, Reason.TRANSFERS_DO_NOT_CANCEL, text))
        return found
