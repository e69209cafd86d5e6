"""Balance check: what someone who has a card's number and code may see, and what someone who guesses may not.

Checks are settled in lists like postings. The counters of every address and number in the list are locked first, so
parallel guesses are compared one after another and never more of them than the limits allow; a refusal for guessing too
much falls the same way for a number that exists and for one that does not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from kado.access import attempts
from kado.access.captcha import Captcha
from kado.cards import guesses, refusals
from kado.cards.find import Found
from kado.cards.guesses import Guesses, Situation
from kado.cards.numbers import code_matches, indexes_of, show_number
from kado.crypto import Keyring
from kado.errors import Refusal, TooMany
from kado.storage.database import CONFLICT, Connection, Database, away
from kado.storage.gather import Gatherer

log = structlog.get_logger("kado.balance_check")

ADDRESS_LIMITS: Final = (
    attempts.Limit(30, timedelta(hours=1)),
    attempts.Limit(100, timedelta(days=1)),
)
"""Failed checks from one address (IPv6: one /64)."""

_DAY: Final = timedelta(days=1)
_WRONG_A_DAY: Final = 5
_WRONG_EVER: Final = 20
_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Check:
    """A number or a card, and a code that is claimed to be its own. No address: the caller proved itself otherwise."""

    program_id: str
    indexes: list[bytes]
    code: str = field(repr=False)
    address: bytes | None
    captcha_solved: bool


class BalanceChecks:
    """Settles checks. Raises the same refusal for an unknown number, a wrong code and another program's card."""

    def __init__(self, database: Database, keyring: Keyring, captcha: Captcha) -> None:
        self._database = database
        self._keyring = keyring
        self._captcha = captcha
        self._gatherer: Gatherer[Check, Found] = Gatherer(self._settle)

    async def check(
        self, program_id: str, number: str, code: str, *, address: str, captcha_token: str | None = None
    ) -> Found:
        """The card with this number, if the code is its own.

        Raises `NotFound` (whatever is wrong), `TooMany` (address or number at its limit) or `captcha_required`.
        """
        solved = captcha_token is not None and await self._captcha.solved(captcha_token)
        subject = attempts.subject(self._keyring, "balance-check", address)
        indexes = indexes_of(self._keyring, program_id, number)
        return await self._gatherer.submit(Check(program_id, indexes, code, subject, solved))

    async def prove(self, found: Found, code: str) -> None:
        """Raises `NotFound` unless the code is the card's, `TooMany` when it is locked: the same counter as above."""
        card = found.card
        number = show_number(self._keyring, card.program_id, card.id, card.number_sealed)
        indexes = indexes_of(self._keyring, card.program_id, number)
        check = Check(card.program_id, indexes, code, None, captcha_solved=True)
        await self._gatherer.submit(check)

    async def _settle(self, checks: list[Check]) -> Sequence[Found | Exception]:
        for _ in range(_TRIES):
            try:
                async with self._database.transaction() as connection:
                    return await self._run(connection, checks)
            except CONFLICT as error:
                log.warning("checks repeated", error=type(error).__name__)
        raise away()

    async def _run(self, connection: Connection, checks: list[Check]) -> Sequence[Found | Exception]:
        await guesses.lock(connection, _locks(checks))
        situation = await guesses.read(
            connection,
            {check.address for check in checks if check.address is not None},
            {(check.program_id, index) for check in checks for index in check.indexes},
            with_rates=self._captcha.is_on,
        )
        results = [self._decide(check, situation) for check in checks]
        await guesses.write(connection, situation)
        return results

    def _decide(self, check: Check, situation: Situation) -> Found | Refusal:
        seen = [situation.guesses.get((check.program_id, index), Guesses()) for index in check.indexes]
        refusal = _address_refusal(check, situation) or _number_refusal(seen, situation.now)
        if refusal is not None:
            return refusal
        if self._captcha.is_on and not check.captcha_solved and situation.is_attacked(check.program_id):
            return refusals.captcha_required()
        found = next((f for i in check.indexes if (f := situation.cards.get((check.program_id, i)))), None)
        if self._matches(check, found):
            assert found is not None
            return found
        situation.count_failure(check.program_id, check.indexes[0], check.address)
        return refusals.card_not_found()

    def _matches(self, check: Check, found: Found | None) -> bool:
        """The same work whether or not there is a card."""
        card_id, hidden, version = ("0" * 24, None, None)
        if found is not None:
            card_id, hidden, version = found.card.id, found.card.code_hash, found.card.code_version
        return code_matches(self._keyring, check.program_id, card_id, check.code, hidden, version)


def _locks(checks: Iterable[Check]) -> list[bytes]:
    return [lock for check in checks for lock in (check.address, *check.indexes) if lock is not None]


def _address_refusal(check: Check, situation: Situation) -> TooMany | None:
    if check.address is None:
        return None
    failed = situation.failures.get(check.address, [])
    waits = [_wait(failed, limit.count, limit.window, situation.now) for limit in ADDRESS_LIMITS]
    longest = max((wait for wait in waits if wait is not None), default=None)
    if longest is None:
        return None
    return TooMany("too_many_checks", "Too many failed checks from this address.", longest)


def _number_refusal(seen: Sequence[Guesses], now: datetime) -> TooMany | None:
    wrong_at = sorted(moment for guess in seen for moment in guess.wrong_at)
    wait = _wait(wrong_at, _WRONG_A_DAY, _DAY, now)
    if sum(guess.wrong_ever for guess in seen) >= _WRONG_EVER:
        wait = int(_DAY.total_seconds())
    if wait is None:
        return None
    return TooMany("card_locked", "Too many wrong codes for this number.", wait)


def _wait(moments: Sequence[datetime], most: int, window: timedelta, now: datetime) -> int | None:
    """Seconds until there is room again; None when there is."""
    recent = [moment for moment in moments if moment > now - window]
    if len(recent) < most:
        return None
    return max(1, int((recent[-most] + window - now).total_seconds()) + 1)
