"""Why a wallet could not be told. Reasons are our own phrases: they are shown to operators and kept in a table."""

from datetime import timedelta


class NotTold(Exception):
    """The wallet was not told, as far as we know; trying again later may well succeed."""

    def __init__(self, reason: str, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        """For at least how long the other side wants to be left alone."""


class NeverTold(NotTold):
    """Trying the same again cannot succeed."""


class WalletGone(Exception):
    """There is no such wallet any more, says who must know."""
