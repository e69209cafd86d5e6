"""What several cards ought to do together, written down a second time: no database, no locks, no keys.

A shelf is all cards of one person. A wish is answered in one go; names of what is new (entries, holds, cards) are taken
from the answer, everything else is predicted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MAX_BALANCE, MAX_RELOAD, MAX_REDEEM = 10_000, 5_000, 6_000
"""Minor units; small, so that random amounts meet every bound."""

Row = tuple[str, str, int, int, int]
"""An entry: card, type, amount, balance before, balance after."""


@dataclass(frozen=True)
class Wish:
    """Something that somebody wants of a card, or of several."""

    action: str
    card: str
    amount: int | None = None
    others: tuple[str, ...] = ()
    about: str | None = None
    """The entry, hold or reference that is meant."""
    keep: bool = False


@dataclass(frozen=True)
class Told:
    """What came back: a refusal's code, or entries, and the names of what is new."""

    refused: str | None = None
    rows: tuple[Row, ...] = ()
    ids: tuple[str, ...] = ()
    fresh: str | None = None
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A redemption or a reload: what is left of it to give or take back, and the till's reference."""

    kind: str
    left: int
    reference: str | None = None
    undoes: bool = False


@dataclass(frozen=True)
class Set:
    """A hold: what it sets aside, the till's reference."""

    rest: int
    reference: str | None


@dataclass(frozen=True)
class ShelfCard:
    """One card."""

    value: int
    balance: int = 0
    activated: bool = False
    suspended: bool = False
    expired: bool = False
    voided: bool = False
    entries: Mapping[str, Taken] = field(default_factory=dict)
    holds: Mapping[str, Set] = field(default_factory=dict)
    spent_references: frozenset[str] = frozenset()

    @property
    def held(self) -> int:
        return sum(hold.rest for hold in self.holds.values())

    @property
    def available(self) -> int:
        return self.balance - self.held

    @property
    def status(self) -> str:
        if self.voided:
            return "voided"
        if self.expired:
            return "expired"
        if self.suspended:
            return "suspended"
        if not self.activated:
            return "pending"
        return "active" if self.balance else "depleted"


Shelf = Mapping[str, ShelfCard]
_NOT_YET = "card_not_active"
Step = tuple[dict[str, ShelfCard], list[Row]]


def fingerprint(shelf: Shelf) -> tuple[Any, ...]:
    """Something hashable that is the same exactly for equal shelves."""
    return tuple(
        (
            name,
            (card.balance, card.activated, card.suspended, card.expired, card.voided),
            tuple(sorted((e, t.left) for e, t in card.entries.items())),
            tuple(sorted((h, s.rest) for h, s in card.holds.items())),
            card.spent_references,
        )
        for name, card in sorted(shelf.items())
    )


def after(shelf: Shelf, wish: Wish, told: Told) -> tuple[Shelf, str | None, tuple[Row, ...]]:
    """The shelf after the wish, the refusal's code if it is refused, and the entries that it must leave."""
    code = objection(shelf, wish)
    if code is not None:
        return shelf, code, ()
    if told.refused is not None:  # it ought to have passed: nothing that follows could be named
        return shelf, None, (("", "nothing like this", 0, 0, 0),)
    changed, rows = _STEPS[wish.action](shelf, wish, told)
    return {**shelf, **changed}, None, tuple(rows)


# ── every "no", in the order in which it is said ───────────────────────────────────────────────────────────────────


def objection(shelf: Shelf, wish: Wish) -> str | None:
    """Why it is refused; None where it is not."""
    return _OBJECTIONS[wish.action](shelf[wish.card], wish, shelf)


def _spending(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    assert wish.amount is not None
    if wish.about in card.spent_references:
        return "already_reversed"
    if card.status != "active":
        return "card_expired" if card.status == "expired" else _NOT_YET
    if wish.amount > MAX_REDEEM:
        return "amount_over_limit"
    return "insufficient_balance" if wish.amount > card.available else None


def _reloading(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    assert wish.amount is not None
    if wish.about in card.spent_references:
        return "already_reversed"
    if card.status != "active":
        return "card_expired" if card.status == "expired" else _NOT_YET
    if wish.amount > MAX_RELOAD:
        return "amount_over_limit"
    return "max_balance_exceeded" if card.balance + wish.amount > MAX_BALANCE else None


def _refunding(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    assert wish.about is not None
    taken = card.entries.get(wish.about)
    if taken is None:
        return "transaction_not_found"
    if taken.kind != "REDEMPTION" or taken.undoes:
        return "transaction_not_refundable"
    if card.status in ("pending", "expired", "voided"):
        return "card_expired" if card.status == "expired" else _NOT_YET
    amount = taken.left if wish.amount is None else wish.amount
    if amount > taken.left or amount == 0:
        return "refund_exceeds_redemption"
    return "max_balance_exceeded" if card.balance + amount > MAX_BALANCE else None


def _transferring(card: ShelfCard, wish: Wish, shelf: Shelf) -> str | None:
    assert wish.amount is not None
    if wish.others[0] == wish.card:
        return "same_card"
    if card.status != "active":
        return "card_expired" if card.status == "expired" else _NOT_YET
    other = shelf[wish.others[0]]
    if other.status != "active":
        return "destination_not_active"
    if wish.amount > card.available:
        return "insufficient_balance"
    return "destination_max_balance_exceeded" if other.balance + wish.amount > MAX_BALANCE else None


def _consolidating(_: ShelfCard, wish: Wish, shelf: Shelf) -> str | None:
    cards = [shelf[name] for name in (wish.card, *wish.others)]
    for card in cards:
        if card.status != "active":
            return _NOT_YET
        if card.held:
            return "card_has_holds"
    return "max_balance_exceeded" if sum(card.balance for card in cards) > MAX_BALANCE else None


def _replacing(card: ShelfCard, _: Wish, __: Shelf) -> str | None:
    if card.status == "expired":
        return "card_expired"
    if card.status not in ("pending", "active", "suspended"):
        return _NOT_YET
    if card.held:
        return "card_has_holds"
    return _NOT_YET if card.activated and card.balance == 0 else None


def _capturing(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    assert wish.about is not None
    hold = card.holds.get(wish.about)
    if hold is None or hold.rest == 0:
        return "hold_not_open"
    if card.suspended:
        return _NOT_YET
    return "capture_exceeds_hold" if wish.amount is not None and wish.amount > hold.rest else None


def _releasing(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    hold = card.holds.get(wish.about or "")
    return "hold_not_open" if hold is None or hold.rest == 0 else None


def _reversing(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    undone = [taken for taken in card.entries.values() if taken.reference == wish.about and taken.left]
    if undone and card.status in ("expired", "voided"):
        return "card_expired" if card.status == "expired" else _NOT_YET
    change = sum(taken.left if taken.kind == "REDEMPTION" else -taken.left for taken in undone)
    held = card.held - sum(hold.rest for hold in card.holds.values() if hold.reference == wish.about)
    if card.balance + change < held:
        return "insufficient_balance"
    return "max_balance_exceeded" if card.balance + change > MAX_BALANCE else None


def _ending(card: ShelfCard, _: Wish, __: Shelf) -> str | None:
    if card.voided:
        return _NOT_YET
    return "card_has_holds" if card.held else None


def _past_its_end(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    if card.voided:
        return _NOT_YET
    if not card.expired:
        return "card_not_expired"
    return "card_has_holds" if card.held and wish.action != "extend" else None


def _suspending(card: ShelfCard, wish: Wish, _: Shelf) -> str | None:
    if card.status == "expired":
        return "card_expired"
    if wish.action == "unsuspend":
        return None if card.status == "suspended" else "card_not_suspended"
    return None if card.status in ("pending", "active", "depleted") else _NOT_YET


_OBJECTIONS = {
    "redeem": _spending,
    "hold": _spending,
    "reload": _reloading,
    "refund": _refunding,
    "transfer": _transferring,
    "consolidate": _consolidating,
    "replace": _replacing,
    "capture": _capturing,
    "release": _releasing,
    "reverse": _reversing,
    "void": _ending,
    "extend": _past_its_end,
    "write-off": _past_its_end,
    "suspend": _suspending,
    "unsuspend": _suspending,
}


# ── what follows from a "yes" ──────────────────────────────────────────────────────────────────────────────────────


def _moved(card: ShelfCard, name: str, kind: str, amount: int) -> tuple[ShelfCard, Row]:
    return replace(card, balance=card.balance + amount), (name, kind, amount, card.balance, card.balance + amount)


def _one(shelf: Shelf, wish: Wish, kind: str, amount: int) -> tuple[ShelfCard, Row]:
    return _moved(shelf[wish.card], wish.card, kind, amount)


def _sell(shelf: Shelf, wish: Wish, told: Told) -> Step:
    assert wish.amount is not None
    kind, sign = ("RELOAD", 1) if wish.action == "reload" else ("REDEMPTION", -1)
    card, row = _one(shelf, wish, kind, sign * wish.amount)
    taken = Taken(kind, wish.amount, wish.about)
    return {wish.card: replace(card, entries={**card.entries, told.ids[0]: taken})}, [row]


def _refund(shelf: Shelf, wish: Wish, _: Told) -> Step:
    assert wish.about is not None
    taken = shelf[wish.card].entries[wish.about]
    amount = taken.left if wish.amount is None else wish.amount
    card, row = _one(shelf, wish, "REFUND", amount)
    rest = replace(taken, left=taken.left - amount)
    return {wish.card: replace(card, entries={**card.entries, wish.about: rest})}, [row]


def _transfer(shelf: Shelf, wish: Wish, _: Told) -> Step:
    assert wish.amount is not None
    source, out = _one(shelf, wish, "TRANSFER_OUT", -wish.amount)
    other, into = _moved(shelf[wish.others[0]], wish.others[0], "TRANSFER_IN", wish.amount)
    return {wish.card: source, wish.others[0]: other}, [out, into]


def _consolidate(shelf: Shelf, wish: Wish, told: Told) -> Step:
    changed, rows, total = {}, [], 0
    for name in (wish.card, *wish.others):
        card, row = _moved(shelf[name], name, "CONSOLIDATION", -shelf[name].balance)
        changed[name], total = replace(card, voided=True), total + shelf[name].balance
        rows.append(row)
    return _with_fresh(changed, rows, told, ShelfCard(total, total, activated=True), ("CONSOLIDATION", total))


def _replace(shelf: Shelf, wish: Wish, told: Told) -> Step:
    old = shelf[wish.card]
    card, row = _one(shelf, wish, "TRANSFER_OUT" if old.balance else "VOID", -old.balance)
    fresh = ShelfCard(old.value, old.balance, activated=old.activated)
    kind = "TRANSFER_IN" if old.balance else "PURCHASE"
    return _with_fresh({wish.card: replace(card, voided=True)}, [row], told, fresh, (kind, old.balance))


def _with_fresh(
    changed: dict[str, ShelfCard], rows: list[Row], told: Told, fresh: ShelfCard, entry: tuple[str, int]
) -> Step:
    assert told.fresh is not None, "a card was made"
    kind, amount = entry
    return {**changed, told.fresh: fresh}, [*rows, (told.fresh, kind, amount, 0, amount)]


def _hold(shelf: Shelf, wish: Wish, told: Told) -> Step:
    assert wish.amount is not None
    card = shelf[wish.card]
    return {wish.card: replace(card, holds={**card.holds, told.holds[0]: Set(wish.amount, wish.about)})}, []


def _capture(shelf: Shelf, wish: Wish, told: Told) -> Step:
    assert wish.about is not None
    hold = shelf[wish.card].holds[wish.about]
    amount = hold.rest if wish.amount is None else wish.amount
    card, row = _one(shelf, wish, "REDEMPTION", -amount)
    rest = hold.rest - amount if wish.keep else 0
    card = replace(card, holds={**card.holds, wish.about: replace(hold, rest=rest)})
    taken = Taken("REDEMPTION", amount, hold.reference)
    return {wish.card: replace(card, entries={**card.entries, told.ids[0]: taken})}, [row]


def _release(shelf: Shelf, wish: Wish, _: Told) -> Step:
    assert wish.about is not None
    card = shelf[wish.card]
    return {wish.card: replace(card, holds={**card.holds, wish.about: replace(card.holds[wish.about], rest=0)})}, []


def _reverse(shelf: Shelf, wish: Wish, told: Told) -> Step:
    assert wish.about is not None
    card, rows = shelf[wish.card], []
    entries, names = dict(card.entries), iter(told.ids)
    undone = [(name, taken) for name, taken in entries.items() if taken.reference == wish.about and taken.left]
    # Redemptions first: they bring money.
    for name, taken in sorted(undone, key=lambda one: -(one[1].left if one[1].kind == "REDEMPTION" else -one[1].left)):
        gives = taken.kind == "REDEMPTION"
        card, row = _moved(card, wish.card, "REFUND" if gives else "REDEMPTION", taken.left if gives else -taken.left)
        rows.append(row)
        entries[name] = replace(taken, left=0)
        if not gives:
            entries[next(names, "")] = Taken("REDEMPTION", 0, undoes=True)
        else:
            next(names, "")
    holds = {name: replace(hold, rest=0) if hold.reference == wish.about else hold for name, hold in card.holds.items()}
    spent = card.spent_references | {wish.about}
    return {wish.card: replace(card, entries=entries, holds=holds, spent_references=spent)}, rows


def _end(shelf: Shelf, wish: Wish, _: Told) -> Step:
    card, row = _one(shelf, wish, "VOID", -shelf[wish.card].balance)
    return {wish.card: replace(card, voided=True)}, [row]


def _flag(**flags: bool) -> Any:
    return lambda shelf, wish, _: ({wish.card: replace(shelf[wish.card], **flags)}, [])


_STEPS: dict[str, Any] = {
    "redeem": _sell,
    "hold": _hold,
    "reload": _sell,
    "refund": _refund,
    "transfer": _transfer,
    "consolidate": _consolidate,
    "replace": _replace,
    "capture": _capture,
    "release": _release,
    "reverse": _reverse,
    "void": _end,
    "write-off": _end,
    "extend": _flag(expired=False),
    "suspend": _flag(suspended=True),
    "unsuspend": _flag(suspended=False),
}
ACTIONS = tuple(_STEPS)
