"""When something is flagged: all thresholds, in major units of the program's currency, with where they are from.

None of them is law where you are: they say what is worth a look. Gift cards of one merchant are outside most of the
rules named here as long as they stay below these amounts, which is why these amounts are looked at.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class Flag(StrEnum):
    """What was seen."""

    MANY_CARDS = "MANY_CARDS"  # one recipient gets many cards, or much
    HIGH_VALUE = "HIGH_VALUE"  # much is put on one card in a day
    RAPID_REDEMPTION = "RAPID_REDEMPTION"  # what was just put on a card is spent at once
    STRUCTURING = "STRUCTURING"  # several loads, each just below a limit
    REFUND_CYCLING = "REFUND_CYCLING"  # spent, given back, spent again


DAY: Final = timedelta(days=1)

HIGH_VALUE: Final = 2_000
"""On one card in a day. United States, 31 CFR 1010.100(ff)(4)(iii)(A): prepaid access to the goods of one merchant
stays outside up to 2,000 dollars a day and device."""

ONE_RECIPIENT: Final = 10_000
"""For one recipient in a day. 31 CFR 1010.100(ff)(7)(ii): who sells more than 10,000 dollars of prepaid access to one
person in a day is a seller that must keep records."""

MANY_CARDS: Final = 10
"""Cards for one recipient in a day. FATF, Guidance for a Risk-Based Approach to Prepaid Cards (2013): several cards for
one person are named as a red flag, without a number; this one is ours."""

RAPID_WITHIN: Final = timedelta(minutes=60)
RAPID_SHARE_PERCENT: Final = 95
RAPID_FROM: Final = 150
"""At least so much put on and spent within the hour. Directive (EU) 2018/843, article 1(7) (article 12 of 2015/849):
150 euros are the most that a prepaid card may hold whose owner is not known. The hour and the share are ours."""

RAPID_MINUTES: Final = timedelta(minutes=15)
"""A high value that is spent within so many minutes is of high severity."""

JUST_BELOW_PERCENT: Final = 90
STRUCTURED: Final = 3
"""So many loads in a day, each from 90 % of a limit up to less than the limit: the program's own maxima, `HIGH_VALUE`
and `ONE_RECIPIENT`. FinCEN's definition of structuring (31 CFR 1010.100(xx)) has no number; these are ours."""

CYCLES: Final = 3
CYCLE_DAYS: Final = timedelta(days=7)
CYCLE_FROM: Final = 100
CYCLE_SHARE_PERCENT: Final = 50
"""So many refunds on a card in a week, of at least so much in all and at least half of what was spent. From FATF's red
flags for refunds; the numbers are ours."""
