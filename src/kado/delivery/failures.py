"""Why a message could not leave. The reasons are shown to operators and kept in a table.

A reason is one of our own phrases with, at most, a status number: what servers answer often repeats the address.
"""


class DeliveryFailure(Exception):
    """The message did not leave, as far as we know."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemporaryFailure(DeliveryFailure):
    """Trying again later may well succeed."""


class PermanentFailure(DeliveryFailure):
    """Trying the same again cannot succeed."""
