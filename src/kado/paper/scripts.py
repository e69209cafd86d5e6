"""The order in which letters are drawn: Hebrew and Arabic run from right to left, and Arabic letters join.

A part of the Unicode Bidirectional Algorithm (UAX #9) for single lines without control characters, which are dropped:
the rules W1 to W7, N1, N2, I1, I2, L2 and L4. Joined forms are those of the compatibility block of Arabic, which the
font has. A PDF holds letters where they stand, so all of this is done before.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Final

_CONTROLS: Final = frozenset(
    "\u200b\u200c\u200d\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_STRONG: Final = {"L": "L", "R": "R", "AL": "R"}
_MIRRORED: Final = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_FORMS: Final = ("isolated", "initial", "medial", "final")
_LAM: Final = "\u0644"


def is_right_to_left(text: str) -> bool:
    """Whether a line is read from the right: its first letter with a direction says so (P2, P3)."""
    return next((_STRONG[kind] for kind in _kinds(text) if kind in _STRONG), "L") == "R"


def visual(text: str, *, from_right: bool | None = None) -> str:
    """A line with its letters in the order in which they stand, from left to right, and Arabic ones joined."""
    plain = "".join(letter for letter in text if letter not in _CONTROLS)
    rightward = is_right_to_left(plain) if from_right is None else from_right
    if not rightward and not {"R", "AL", "AN"} & set(_kinds(plain)):
        return plain
    joined = _joined(plain)
    return _reordered(joined, _levels(_kinds(joined), 1 if rightward else 0))


def _kinds(text: str) -> list[str]:
    return [unicodedata.bidirectional(letter) or "L" for letter in text]


def _levels(kinds: list[str], base: int) -> list[int]:
    """How deep each letter is: odd ones run from right to left."""
    sides = "R" if base else "L"
    resolved = _neutral(_weak(kinds, sides), sides)
    deeper = {"R": (1, 0), "L": (0, 1), "AN": (2, 1), "EN": (2, 1)}
    return [base + deeper[kind][base] for kind in resolved]


def _weak(kinds: list[str], sides: str) -> list[str]:
    """W1 to W7: marks go with their letters, signs with their numbers, numbers with the letters before them."""
    found = list(kinds)
    for at, kind in enumerate(found):
        if kind == "NSM":
            found[at] = found[at - 1] if at else sides
    strong = sides
    for at, kind in enumerate(found):
        if kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":
            found[at] = "AN"
    found = ["R" if kind == "AL" else kind for kind in found]
    for at in range(1, len(found) - 1):
        before, kind, after = found[at - 1 : at + 2]
        if before == after and ((before == "EN" and kind in ("ES", "CS")) or (before == "AN" and kind == "CS")):
            found[at] = before
    _take_in_terminators(found)
    found = ["ON" if kind in ("ES", "ET", "CS", "BN", "S", "B", "WS") else kind for kind in found]
    strong = sides
    for at, kind in enumerate(found):
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            found[at] = "L"
    return found


def _take_in_terminators(found: list[str]) -> None:
    """W5: signs beside a number belong to it, as in 25 €."""
    at = 0
    for kind, run in groupby(list(found)):
        length = len(list(run))
        beside = found[at - 1 : at] + found[at + length : at + length + 1]
        if kind == "ET" and "EN" in beside:
            found[at : at + length] = ["EN"] * length
        at += length


def _neutral(kinds: list[str], sides: str) -> list[str]:
    """N1 and N2: what has no direction takes that of both its neighbours, or that of the line."""
    found: list[str] = []
    as_strong = {"L": "L", "R": "R", "EN": "R", "AN": "R"}
    at = 0
    for is_neutral, run in groupby(kinds, key=lambda kind: kind == "ON"):
        length = len(list(run))
        if is_neutral:
            before = as_strong[kinds[at - 1]] if at else sides
            after = as_strong[kinds[at + length]] if at + length < len(kinds) else sides
            found += [before if before == after else sides] * length
        else:
            found += kinds[at : at + length]
        at += length
    return found


def _reordered(text: str, levels: Sequence[int]) -> str:
    """L2: from the deepest level to the lowest odd one, runs are turned round; L4: brackets with them."""
    letters = [letter.translate(_MIRRORED) if level % 2 else letter for letter, level in zip(text, levels, strict=True)]
    places = list(range(len(letters)))
    for level in range(max(levels, default=0), 0, -1):
        at = 0
        while at < len(places):
            end = at
            while end < len(places) and levels[places[end]] >= level:
                end += 1
            places[at:end] = reversed(places[at:end])
            at = max(end, at + 1)
    return "".join(letters[place] for place in places)


# ── Arabic letters join ────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _presentation() -> dict[str, dict[str, str]]:
    """By letter (or lam and alef), which form it has where, from the compatibility characters of Unicode."""
    forms: dict[str, dict[str, str]] = {}
    for point in (*range(0xFB50, 0xFBB2), *range(0xFBD3, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, _, letters = unicodedata.decomposition(chr(point)).partition(" ")
        where = kind.strip("<>")
        if where in _FORMS:
            plain = "".join(chr(int(one, 16)) for one in letters.split())
            forms.setdefault(plain, {}).setdefault(where, chr(point))
    return forms


def _joined(text: str) -> str:
    """Each Arabic letter in the form that it has between its neighbours."""
    forms = _presentation()
    letters = _with_ligatures(text, forms)
    out: list[str] = []
    for at, letter in enumerate(letters):
        known = forms.get(letter)
        if known is None:
            out.append(letter)
            continue
        before = _neighbour(letters, at, -1)
        after = _neighbour(letters, at, 1)
        to_right = "final" in known and (before == "\u0640" or "initial" in forms.get(before, {}))
        to_left = "initial" in known and (after == "\u0640" or "final" in forms.get(after, {}))
        where = {(True, True): "medial", (True, False): "final", (False, True): "initial"}.get((to_right, to_left))
        out.append(known.get(where or "isolated", letter))
    return "".join(out)


def _with_ligatures(text: str, forms: dict[str, dict[str, str]]) -> list[str]:
    """The letters; lam and alef, which are always written as one, together."""
    letters: list[str] = []
    for letter in text:
        if letters and letters[-1] == _LAM and _LAM + letter in forms:
            letters[-1] += letter
        else:
            letters.append(letter)
    return letters


def _neighbour(letters: Sequence[str], at: int, step: int) -> str:
    """The next letter on that side that is no mark above or below."""
    at += step
    while 0 <= at < len(letters) and unicodedata.combining(letters[at][0]):
        at += step
    return letters[at] if 0 <= at < len(letters) else ""
