"""An order that explains what was heard: of several wishes at once, one must have come after the other.

The reference says for each order what everybody ought to have been told. What really was told must fit one of them.
"""

from typing import Any, NamedTuple

from tests.property.shelf import Shelf, Wish, after, fingerprint
from tests.property.shelf_world import Heard


class Asked(NamedTuple):
    """One of several wishes at once, and what it was told."""

    wish: Wish
    key: str | None
    heard: Heard


Memory = dict[str, tuple[Wish, bytes]]
"""Key → the first wish under it, and the answer it got. Each key is used for one operation on one card here."""

NEVER_STORED = frozenset({"transaction_not_found", "hold_not_found"})


def told_rightly(shelf: Shelf, memory: Memory, one: Asked) -> tuple[Shelf, Memory] | None:
    wish, key, heard = one
    if key is not None and key in memory:
        first, body = memory[key]
        return (shelf, memory) if first == wish and heard.body == body and heard.replayed else None
    changed, refused, rows = after(shelf, wish, heard.told)
    if heard.replayed or heard.told.refused != refused or heard.told.rows != rows:
        return None
    if key is not None and refused not in NEVER_STORED:
        memory = memory | {key: (wish, heard.body)}
    return changed, memory


def explained(shelf: Shelf, memory: Memory, asked: list[Asked]) -> tuple[Shelf, Memory] | None:
    """The shelf after all of it in the first order in which everybody was told the right thing; None without one."""
    dead_ends: set[tuple[Any, ...]] = set()

    def search(shelf: Shelf, memory: Memory, left: frozenset[int]) -> tuple[Shelf, Memory] | None:
        if not left:
            return shelf, memory
        place = (fingerprint(shelf), frozenset(memory), left)
        if place in dead_ends:
            return None
        for at in sorted(left):
            step = told_rightly(shelf, memory, asked[at])
            if step is not None and (rest := search(*step, left - {at})) is not None:
                return rest
        dead_ends.add(place)
        return None

    return search(shelf, memory, frozenset(range(len(asked))))
