"""Balance check: what someone who has a card's number and code may see, and what someone who guesses may not.

Checks are settled in lists like postings. The counters of every address and number in the list are locked first, so
parallel guesses are compared one after another and never more of them than the limits allow; a refusal for guessing too
much falls the same way for a number that exists and for one that does not.

A check may name no program. Wrong codes of such checks are counted by the number alone; both counts are added up
wherever a code is compared, so that neither way gives a guesser more than the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kado.access import attempts
from kado.access.attempts import Subject
from kado.access.captcha import Captcha
from kado.audit.origin import NOBODY, Origin, origin
from kado.cards import guesses, pending_checks, refusals
from kado.cards.find import Found
from kado.cards.guesses import Situation
from kado.cards.numbers import code_matches, indexes_anywhere, indexes_of, show_number
from kado.clock import EPOCH
from kado.crypto import Keyring
from kado.errors import Refusal, TooMany
from kado.fraud.blocked import Blocks
from kado.programs import store
from kado.storage.crowd import Crowd
from kado.storage.database import Connection, Database
from kado.storage.gather import Gatherer

ADDRESS_LIMITS: Final = (
    attempts.Limit(30, timedelta(hours=1)),
    attempts.Limit(100, timedelta(days=1)),
)
"""Failed checks from one address (IPv6: one /64)."""

ANYWHERE_LIMITS: Final = (attempts.Limit(5, timedelta(minutes=1)),)
"""Checks without a program from one address, failed or not: the contract's figure."""

_DAY: Final = timedelta(days=1)
_WRONG_A_DAY: Final = 5
_WRONG_EVER: Final = 20


@dataclass(frozen=True, slots=True)
class Check:
    """Where a number may be found, and a code that is claimed to be its card's.

    No address: the caller proved itself otherwise. `program_id` is None where the check is over all programs.
    """

    program_id: str | None
    places: list[tuple[str, bytes]]
    anywhere: list[bytes]
    code: str = field(repr=False)
    address: Subject | None
    captcha_solved: bool
    source: Origin = NOBODY


class BalanceChecks:
    """Settles checks. Raises the same refusal for an unknown number, a wrong code and another program's card."""

    def __init__(self, database: Database, keyring: Keyring, captcha: Captcha, blocks: Blocks | None = None) -> None:
        self._blocks = blocks or Blocks(database)
        self._database = database
        self._keyring = keyring
        self._captcha = captcha
        self._gatherer: Gatherer[Check, Found] = Gatherer(self._settle, Crowd("balance_checks", database.places))

    async def check(
        self, program_id: str, number: str, code: str, *, address: str, captcha_token: str | None = None
    ) -> Found:
        """The card with this number, if the code is its own.

        Raises `NotFound` (whatever is wrong), `TooMany` (address or number at its limit), `captcha_required`, or
        `Forbidden` for an address that the program has blocked.
        """
        await self._blocks.require_free(program_id, address)
        solved = captcha_token is not None and await self._captcha.solved(captcha_token)
        subject = attempts.subject(self._keyring, "balance-check", address)
        return await self._gatherer.submit(self._check(program_id, [program_id], number, code, subject, solved))

    async def check_anywhere(self, number: str, code: str, *, address: str, captcha_token: str | None = None) -> Found:
        """The same over all programs. Where a captcha is configured, it is always asked for.

        Raises also `TooMany` for more than five checks a minute from one address.
        """
        await self._slow_down(address)
        solved = captcha_token is not None and await self._captcha.solved(captcha_token)
        subject = attempts.subject(self._keyring, "balance-check", address)
        async with self._database.read() as connection:
            everywhere = await store.list_ids(connection)
        programs = [one for one in everywhere if not await self._blocks.covers(one, address)]
        return await self._gatherer.submit(self._check(None, programs, number, code, subject, solved))

    async def prove(self, found: Found, code: str) -> None:
        """Raises `NotFound` unless the code is the card's, `TooMany` when it is locked: the same counter as above."""
        card = found.card
        number = show_number(self._keyring, card.program_id, card.id, card.number_sealed)
        await self._gatherer.submit(
            self._check(card.program_id, [card.program_id], number, code, None, captcha_solved=True)
        )

    def _check(
        self,
        program_id: str | None,
        programs: Sequence[str],
        number: str,
        code: str,
        address: Subject | None,
        captcha_solved: bool,
    ) -> Check:
        places = [(program, index) for program in programs for index in indexes_of(self._keyring, program, number)]
        anywhere = indexes_anywhere(self._keyring, number)
        return Check(program_id, places, anywhere, code, address, captcha_solved, origin())

    async def _slow_down(self, address: str) -> None:
        """Count the check against the address. Raises `TooMany`."""
        subject = attempts.subject(self._keyring, "check-anywhere", address)

        async def work(connection: Connection) -> attempts.Reservation | attempts.Exhausted:
            return await attempts.reserve(connection, "check-anywhere", subject, ANYWHERE_LIMITS)

        outcome = await self._database.repeat(work)
        if isinstance(outcome, attempts.Exhausted):
            raise _too_many_checks("Too many checks from this address.", outcome.retry_after_seconds)

    async def _settle(self, checks: list[Check]) -> Sequence[Found | Exception]:
        return await self._database.repeat(lambda connection: self._run(connection, checks))

    async def _run(self, connection: Connection, checks: list[Check]) -> Sequence[Found | Exception]:
        await guesses.lock(connection, _locks(checks))
        situation = await guesses.read(
            connection,
            {address for check in checks for address in _addresses(check)},
            {place for check in checks for place in check.places},
            {index for check in checks for index in check.anywhere},
            with_rates=self._captcha.is_on,
        )
        results = [self._decide(check, situation) for check in checks]
        results = await pending_checks.watch(connection, [check.source for check in checks], results)
        await guesses.write(connection, situation)
        return results

    def _decide(self, check: Check, situation: Situation) -> Found | Refusal:
        found = [one for place in check.places if (one := situation.cards.get(place)) is not None]
        refusal = _address_refusal(check, situation) or _number_refusal(check, found, situation)
        if refusal is not None:
            return refusal
        if self._captcha.is_on and not check.captcha_solved and _wants_captcha(check, situation):
            return refusals.captcha_required()
        if not found:
            self._matches(check, None)
        for one in found:
            if self._matches(check, one):
                return one
        if check.address is not None:
            situation.count_address(check.address.now)
        if check.program_id is None:
            situation.count_anywhere(check.anywhere[0])
        else:
            situation.count_in_program(*check.places[0])
        return refusals.card_not_found()

    def _matches(self, check: Check, found: Found | None) -> bool:
        """The same work whether or not there is a card."""
        program_id, card_id, hidden, version = ("0" * 24, "0" * 24, None, None)
        if found is not None:
            card = found.card
            program_id, card_id, hidden, version = card.program_id, card.id, card.code_hash, card.code_version
        return code_matches(self._keyring, program_id, card_id, check.code, hidden, version)


def _locks(checks: Iterable[Check]) -> list[bytes]:
    """The address and the number: whoever guesses at a number holds it in every program."""
    return [lock for check in checks for lock in (*_addresses(check), *check.anywhere)]


def _addresses(check: Check) -> tuple[bytes, ...]:
    """The address under every live secret: what failed is counted under the current one, and counts under any."""
    return () if check.address is None else check.address.all


def _wants_captcha(check: Check, situation: Situation) -> bool:
    return check.program_id is None or situation.is_attacked(check.program_id)


def _address_refusal(check: Check, situation: Situation) -> TooMany | None:
    if check.address is None:
        return None
    failed = sorted(moment for address in check.address.all for moment in situation.failures.get(address, []))
    waits = [_wait(failed, limit.count, limit.window, situation.now) for limit in ADDRESS_LIMITS]
    longest = max((wait for wait in waits if wait is not None), default=None)
    if longest is None:
        return None
    return _too_many_checks("Too many failed checks from this address.", longest)


def _too_many_checks(detail: str, seconds: int) -> TooMany:
    return TooMany("too_many_checks", detail, seconds)


def _number_refusal(check: Check, found: Sequence[Found], situation: Situation) -> TooMany | None:
    """Every wrong code against the number counts, in whichever way it came, since the present code was asked for."""
    seen = [guess for place in check.places if (guess := situation.guesses.get(place)) is not None]
    renewed = min((one.card.codes_sent_at[-1] if one.card.codes_sent_at else EPOCH for one in found), default=EPOCH)
    tried = [moment for index in check.anywhere for moment in situation.anywhere.get(index, [])]
    elsewhere = [moment for moment in tried if moment > renewed]
    wrong_at = sorted([*elsewhere, *(moment for guess in seen for moment in guess.wrong_at)])
    wait = _wait(wrong_at, _WRONG_A_DAY, _DAY, situation.now)
    if sum(guess.wrong_ever for guess in seen) + len(elsewhere) >= _WRONG_EVER:
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
