"""Bodies of reports. Those of analytics, schedules and validation the contract leaves open; they are ours."""

# ruff: noqa: N815 - attribute names are the names on the wire

from kado.doors.api.schemas import Body


class BusinessReportsResponse(Body):
    """A program's figures: amounts as decimals of its currency."""

    totalCards: int
    activeCards: int
    pendingCards: int
    depletedCards: int
    expiredCards: int
    voidedCards: int
    totalSold: str
    totalRedeemed: str
    totalBalance: str
    cardsSoldThisMonth: int
    salesThisMonth: str
