"""Balance checks of cards that are not sold yet: who copies numbers and codes in a shop waits for their activation.

Only checks that show the right code are counted: they are told that the card is pending anyway. Whoever guesses is
stopped otherwise, and learns nothing from how long an answer takes.
"""

from collections.abc import Sequence
from typing import TypeVar

from kado.audit.origin import Origin
from kado.cards import refusals
from kado.cards.card import CardStatus
from kado.cards.find import Found
from kado.cards.store import read_programs
from kado.errors import Refusal
from kado.fraud import hits, tallies
from kado.fraud.judge import Hit, judge_check, keys_of_check
from kado.fraud.move import Kind, Move
from kado.fraud.rule import rules_of_checks
from kado.storage.database import Connection

F = TypeVar("F", bound=Found)


async def watch(connection: Connection, sources: Sequence[Origin], results: Sequence[F | Refusal]) -> list[F | Refusal]:
    """The results, with a refusal where a program's rules say that it is too often."""
    decided = list(results)
    pending = {at: found for at, one in enumerate(results) if (found := _pending(one)) is not None}
    if not pending:
        return decided
    programs, _ = await read_programs(connection, {found.card.program_id for found in pending.values()})
    rules = {program.id: rules_of_checks(program) for program in programs.values()}
    asked = [
        (at, own, _move(found, sources[at])) for at, found in pending.items() if (own := rules[found.card.program_id])
    ]
    counters = {key: condition.window for _, own, check in asked for _, key, condition in keys_of_check(own, check)}
    if not counters:
        return decided
    await tallies.lock(connection, counters)
    now = max(check.at for _, _, check in asked)
    counted = await tallies.read(connection, {key: window.first(now) for key, window in counters.items()})
    told: list[Hit] = []
    for at, own, check in asked:
        refusing, flagged = judge_check(own, check, counted)
        told += flagged
        if refusing is not None:
            told.append(refusing)
            decided[at] = refusals.checked_too_often()
    await tallies.write(connection, counted)
    if told:
        await hits.leave(connection, told)
    return decided


def _pending(result: F | Refusal) -> F | None:
    if isinstance(result, Refusal) or result.card.status_at(result.now) is not CardStatus.PENDING:
        return None
    return result


def _move(found: Found, source: Origin) -> Move:
    """A check as rules look at it; it moves nothing."""
    card = found.card
    return Move(
        kind=Kind.ACTIVATION,
        amount=0,
        at=found.now,
        program_id=card.program_id,
        card_id=card.id,
        is_test=card.is_test,
        merchant_id=card.merchant_id,
        address=source.address,
        user_agent=source.user_agent,
        country=source.country,
    )
