"""A million numbers and codes: nothing in them is more likely than anything else, and nothing follows from the last.

χ² for every position, for pairs of neighbours, and for the last sign of one beside the first sign of the next; how
often one is greater than the one before; how one correlates with the one before; twins against what chance has. Among
some sixty looks one is below 0.001 in one run of sixteen, though nothing is wrong. So what looks wrong is looked at
again, in a fresh million, and is wrong if it looks so there too.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402

from drills import alone  # noqa: E402
from kado.cards import numbers  # noqa: E402
from kado.ids import new_id  # noqa: E402

MANY: Final = 1_000_000
P_MIN: Final = 0.001
PREFIX: Final = "4000"
_LETTERS: Final = 31


# ── statistics ─────────────────────────────────────────────────────────────────────────────────────────────────────


def chi_square_p(counts: Counter[str], outcomes: int) -> float:
    """The chance that equally likely outcomes are as uneven as this, or more."""
    expected = counts.total() / outcomes
    seen = sum((count - expected) ** 2 for count in counts.values()) / expected
    return upper_tail(outcomes - 1, seen + (outcomes - len(counts)) * expected)


def upper_tail(freedom: int, chi_square: float) -> float:
    """Q(k/2, x/2): the chance that χ² with so many degrees of freedom exceeds this (a finite sum for whole numbers)."""
    half = chi_square / 2
    if half > 700:
        return 0.0
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for i in range(1, freedom // 2):
            term *= half / i
            total += term
        return min(1.0, total)
    total = math.erfc(math.sqrt(half))
    term = math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    for i in range((freedom - 1) // 2):
        total += term
        term *= half / (i + 1.5)
    return min(1.0, total)


def normal_p(deviation: float) -> float:
    """Two-sided, for a deviation in standard deviations."""
    return math.erfc(abs(deviation) / math.sqrt(2))


def poisson_p(expected: float, seen: int) -> float:
    """The chance of so many or more."""
    below = sum(math.exp(-expected + i * math.log(expected) - math.lgamma(i + 1)) for i in range(seen))
    return max(0.0, 1 - below)


def looks(made: Sequence[str], alphabet: int, positions: Sequence[int]) -> dict[str, float]:
    """By what was looked at: the chance that chance alone looks like this."""
    found = {f"position {at + 1}": chi_square_p(Counter(one[at] for one in made), alphabet) for at in positions}
    for at, then in pairwise(positions):
        found[f"positions {at + 1} and {then + 1}"] = chi_square_p(
            Counter(one[at] + one[then] for one in made), alphabet**2
        )
    first, last = positions[0], positions[-1]
    pairs = Counter(one[last] + other[first] for one, other in pairwise(made))
    found["the end of one and the beginning of the next"] = chi_square_p(pairs, alphabet**2)
    found["rising"] = _rising(made)
    found["correlation with the one before"] = _serial(made, positions)
    return found


def _rising(made: Sequence[str]) -> float:
    """How often one is greater than the one before: half of the time, with a variance of (n + 1) / 12."""
    apart = sum(one != other for one, other in pairwise(made))
    rising = sum(one < other for one, other in pairwise(made))
    return normal_p((rising - apart / 2) / math.sqrt((apart + 2) / 12))


def _serial(made: Sequence[str], positions: Sequence[int]) -> float:
    """The correlation of one with the next, as values of their signs; its standard deviation is 1/√n."""
    signs = {sign: at for at, sign in enumerate(sorted({one[at] for one in made[:10_000] for at in positions}))}
    base = len(signs)
    values = []
    for one in made:
        value = 0
        for at in positions:
            value = value * base + signs[one[at]]
        values.append(value / base ** len(positions) - 0.5)
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values)
    together = sum((a - mean) * (b - mean) for a, b in pairwise(values))
    return normal_p(together / variance * math.sqrt(len(values)))


# ── what is made ───────────────────────────────────────────────────────────────────────────────────────────────────


def judged(
    make: Callable[[], list[str]], look: Callable[[Sequence[str]], dict[str, float]], tell: Tell
) -> tuple[str, bool]:
    """What a look at many of these found, and whether it held: nothing is as unlikely twice."""
    first = look(make())
    unlikely = {what: p for what, p in first.items() if p <= P_MIN}
    lowest = min(first.items(), key=lambda pair: pair[1])
    figure = f"{len(first)} looks, lowest p = {lowest[1]:.4f} ({lowest[0]})"
    if not unlikely:
        return figure, True
    tell(f"{', '.join(f'{what}: p = {p:.6f}' for what, p in unlikely.items())}; made again")
    second = look(make())
    again = {what: second[what] for what in unlikely}
    return f"{figure}; made again: {', '.join(f'{what} p = {p:.4f}' for what, p in again.items())}", all(
        p > P_MIN for p in again.values()
    )


def twins(made: Iterable[str]) -> int:
    """How many are the same as an earlier one."""
    seen = list(made)
    return len(seen) - len(set(seen))


def drill(tell: Tell, scale: float) -> list[Line]:
    many = max(20_000, round(MANY * scale))
    lines = []

    def line(what: str, figure: str, held: bool) -> None:
        tell(f"{what}: {figure}")
        lines.append(Line(44, what, figure, held))

    def numbers_made() -> list[str]:
        return [numbers.new_number(PREFIX) for _ in range(many)]

    free = range(len(PREFIX), numbers.NUMBER_DIGITS - 1)
    figure, held = judged(numbers_made, lambda made: looks(made, 10, free), tell)
    line(f"{many:,} card numbers have no pattern and no order", figure, held)
    for form, alphabet in (("digits", 10), ("letters", _LETTERS)):
        figure, held = judged(partial(_codes, form, many), partial(_looks_at_codes, alphabet), tell)
        line(f"{many:,} codes of {form} have no pattern and no order", figure, held)
    line(*_twins(many))
    line(*_names(many))
    return lines


def _codes(form: str, many: int) -> list[str]:
    return [numbers.new_code(form) for _ in range(many)]


def _looks_at_codes(alphabet: int, made: Sequence[str]) -> dict[str, float]:
    return looks(made, alphabet, range(numbers.CODE_LENGTH))


def _twins(many: int) -> tuple[str, str, bool]:
    """Numbers without a prefix never meet; with one they meet as chance has it, and the database takes each once."""
    plain = twins(numbers.new_number("") for _ in range(many))
    prefixed = twins(numbers.new_number(PREFIX) for _ in range(many))
    expected = many**2 / 2 / 10 ** (numbers.NUMBER_DIGITS - len(PREFIX) - 1)
    p = poisson_p(expected, prefixed)
    figure = (
        f"{plain} twins among {many:,} numbers without a prefix; with four digits given {prefixed}"
        f" where chance has {expected:.1f} (p = {p:.2f}), of which a program takes each once"
    )
    return "card numbers do not meet", figure, plain == 0 and p > P_MIN


def _names(many: int) -> tuple[str, str, bool]:
    """Ids, and the serial numbers of passes, which open a holder's page."""
    ids, passes = [new_id() for _ in range(many)], [numbers.new_pass_sid("0" * 24) for _ in range(many)]
    same = twins(ids), twins(passes)
    lowest = min(looks([one[8:] for one in ids], 16, range(16)).items(), key=lambda pair: pair[1])
    again = looks([new_id()[8:] for _ in range(many)], 16, range(16))[lowest[0]] if lowest[1] <= P_MIN else 1.0
    figure = f"{same[0]} twins among {many:,} ids, {same[1]} among as many passes; lowest p of ids {lowest[1]:.4f}"
    return "ids do not meet, and have no pattern", figure, same == (0, 0) and max(lowest[1], again) > P_MIN


if __name__ == "__main__":
    alone.main(drill, "randomness")
