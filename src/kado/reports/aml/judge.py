"""Decides what is flagged, from the entries of a card and of the other cards of its recipient."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from kado.cards.card import TransactionType
from kado.programs.program import Program
from kado.reports.aml import limits
from kado.reports.aml.limits import Flag

Severity = Literal["low", "medium", "high"]

_LOADS: Final = (TransactionType.ACTIVATION, TransactionType.RELOAD)


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry, as far as it is looked at. Amounts in minor units, signed."""

    id: str
    card_id: str
    type: TransactionType
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """Something to be flagged: once for each subject."""

    flag: Flag
    severity: Severity
    card_id: str
    subject: str
    entry_ids: tuple[str, ...]
    minor: int


def judge_card(program: Program, card_id: str, entries: Sequence[Seen]) -> list[Found]:
    """What the entries of one card say, oldest first."""
    found = [*_high_value(program, card_id, entries), *_rapid(program, card_id, entries)]
    return [*found, *_structured(program, card_id, entries, card_id), *_cycles(program, card_id, entries)]


def judge_recipient(program: Program, subject: str, entries: Sequence[Seen]) -> list[Found]:
    """What the activations and reloads of all cards of one recipient say, oldest first.

    `subject` stands for the recipient and does not say who it is.
    """
    loads = [one for one in entries if one.type in _LOADS]
    cards = {one.card_id for one in loads}
    if len(cards) < 2:
        return []
    found = [*_structured(program, loads[-1].card_id, loads, subject)]
    for in_day in _windows(loads, limits.DAY):
        begun = {one.card_id for one in in_day if one.type is TransactionType.ACTIVATION}
        minor = sum(one.amount for one in in_day)
        if len(begun) >= limits.MANY_CARDS or (len(begun) > 1 and minor > _minor(program, limits.ONE_RECIPIENT)):
            severity: Severity = "high" if minor > _minor(program, limits.ONE_RECIPIENT) else "medium"
            found.append(_found(Flag.MANY_CARDS, severity, in_day[-1].card_id, subject, in_day, minor))
    return found


def _high_value(program: Program, card_id: str, entries: Sequence[Seen]) -> Iterator[Found]:
    loads = [one for one in entries if one.type in _LOADS]
    for in_day in _windows(loads, limits.DAY):
        minor = sum(one.amount for one in in_day)
        if minor > _minor(program, limits.HIGH_VALUE):
            end = in_day[-1].at + limits.RAPID_MINUTES
            spent = [one for one in _redemptions(entries) if in_day[-1].at <= one.at <= end]
            is_rapid = -sum(one.amount for one in spent) * 2 >= minor
            yield _found(Flag.HIGH_VALUE, "high" if is_rapid else "medium", card_id, card_id, [*in_day, *spent], minor)


def _rapid(program: Program, card_id: str, entries: Sequence[Seen]) -> Iterator[Found]:
    for load in entries:
        if load.type not in _LOADS or load.amount < _minor(program, limits.RAPID_FROM):
            continue
        spent = [one for one in _redemptions(entries) if load.at <= one.at <= load.at + limits.RAPID_WITHIN]
        minor = -sum(one.amount for one in spent)
        if minor * 100 >= load.amount * limits.RAPID_SHARE_PERCENT:
            severity: Severity = "high" if load.amount > _minor(program, limits.HIGH_VALUE) else "low"
            yield _found(Flag.RAPID_REDEMPTION, severity, card_id, card_id, [load, *spent], load.amount)


def _structured(program: Program, card_id: str, entries: Sequence[Seen], subject: str) -> Iterator[Found]:
    bounds = {
        program.max_initial_value,
        program.max_reload,
        _minor(program, limits.HIGH_VALUE),
        _minor(program, limits.ONE_RECIPIENT),
    }
    near = [
        one
        for one in entries
        if one.type in _LOADS
        and any(bound * limits.JUST_BELOW_PERCENT <= one.amount * 100 < bound * 100 for bound in bounds)
    ]
    for in_day in _windows(near, limits.DAY):
        if len(in_day) >= limits.STRUCTURED:
            minor = sum(one.amount for one in in_day)
            yield _found(Flag.STRUCTURING, "high", card_id, subject, in_day, minor)


def _cycles(program: Program, card_id: str, entries: Sequence[Seen]) -> Iterator[Found]:
    refunds = [one for one in entries if one.type is TransactionType.REFUND]
    for in_week in _windows(refunds, limits.CYCLE_DAYS):
        minor = sum(one.amount for one in in_week)
        begin, end = in_week[-1].at - limits.CYCLE_DAYS, in_week[-1].at
        spent = -sum(one.amount for one in _redemptions(entries) if begin <= one.at <= end)
        if (
            len(in_week) >= limits.CYCLES
            and minor >= _minor(program, limits.CYCLE_FROM)
            and minor * 100 >= spent * limits.CYCLE_SHARE_PERCENT
        ):
            yield _found(Flag.REFUND_CYCLING, "medium", card_id, card_id, in_week, minor)


def _windows(entries: Sequence[Seen], length: timedelta) -> Iterator[list[Seen]]:
    """For each entry the ones that lie within so much time up to it, itself the last."""
    first = 0
    for at, entry in enumerate(entries):
        while entries[first].at <= entry.at - length:
            first += 1
        yield list(entries[first : at + 1])


def _redemptions(entries: Iterable[Seen]) -> list[Seen]:
    return [one for one in entries if one.type is TransactionType.REDEMPTION]


def _found(flag: Flag, severity: Severity, card_id: str, subject: str, entries: Sequence[Seen], minor: int) -> Found:
    """One thing in a day is flagged once: the day of its first entry, in UTC."""
    day = entries[0].at.date().isoformat()
    return Found(flag, severity, card_id, f"{subject}:{day}", tuple(one.id for one in entries), minor)


def _minor(program: Program, major: int) -> int:
    return int(major * 10**program.currency.exponent)
