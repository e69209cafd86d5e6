"""Balance check: what someone who has a card's number and code may see, and what someone who guesses may not.

Checks are settled in lists like postings. The counters of every address and number in the list are locked first, so
parallel guesses are compared one after another and never more of them than the limits allow; a refusal for guessing too
much falls the same way for a number that exists and for one that does not.

A check may name no program. Wrong codes of such checks are counted by the number alone; both counts are added up
wherever a code is compared, so that neither way gives a guesser more than the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from kado.access import attempts
from kado.access.attempts import Subject
from kado.access.captcha import Captcha
from kado.audit.origin import NOBODY, Origin, origin
from kado.cards import guesses, pending_checks, refusals
from kado.cards.find import Found
from kado.cards.guesses import Claimed, Place, Proved, Situation
from kado.cards.numbers import code_matches, indexes_anywhere, indexes_of, show_number
from kado.clock import EPOCH
from kado.crypto import Keyring
from kado.errors import Refusal, TooMany
from kado.fraud.blocked import Blocks
from kado.observability.meters import CHECKS, LOCKOUTS
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
    `by_page`: typed into our own page, where `captcha_solved` says that a proof of work came with it. `by_link`: by
    whoever has the address of the card's page, which nobody guesses; there is no captcha for them.
    """

    program_id: str | None
    places: list[Place]
    anywhere: list[bytes]
    code: str = field(repr=False)
    address: Subject | None
    captcha_solved: bool = False
    by_page: bool = False
    by_link: bool = False
    source: Origin = NOBODY


class BalanceChecks:
    """Settles checks. Raises the same refusal for an unknown number, a wrong code and another program's card."""

    def __init__(self, database: Database, keyring: Keyring, captcha: Captcha, blocks: Blocks | None = None) -> None:
        self._blocks = blocks or Blocks(database)
        self._database = database
        self._keyring = keyring
        self._captcha = captcha
        self._gatherer: Gatherer[Check, Proved] = Gatherer(self._settle, Crowd("balance_checks", database.places))

    async def check(
        self, program_id: str, number: str, code: str, *, address: str, captcha_token: str | None = None
    ) -> Proved:
        """The card with this number, if the code is its own.

        Raises `NotFound` (whatever is wrong), `TooMany` (address, number or program at its limit), `captcha_required`,
        `Forbidden` for an address that the program has blocked, and `Unavailable` while whoever judges captchas cannot
        be asked.
        """
        await self._blocks.require_free(program_id, address)
        subject = attempts.subject(self._keyring, "balance-check", address)
        return await self._settled(self._check(program_id, [program_id], number, code, subject), captcha_token)

    async def check_anywhere(self, number: str, code: str, *, address: str, captcha_token: str | None = None) -> Proved:
        """The same over all programs. Where a captcha is configured, it is always asked for.

        Raises also `TooMany` for more than five checks a minute from one address.
        """
        await self._slow_down(address)
        subject = attempts.subject(self._keyring, "balance-check", address)
        async with self._database.read() as connection:
            everywhere = await store.list_ids(connection)
        programs = await self._blocks.free(everywhere, address)
        return await self._settled(self._check(None, programs, number, code, subject), captcha_token)

    async def check_by_page(self, program_id: str, number: str, code: str, *, address: str, has_proof: bool) -> Proved:
        """`check` for what was typed into our own page, with a proof of work that was spent for it, or without.

        Under attack there is no answer without one, whatever captcha the server has. Raises as `check` does.
        """
        await self._blocks.require_free(program_id, address)
        subject = attempts.subject(self._keyring, "balance-check", address)
        check = self._check(program_id, [program_id], number, code, subject)
        solved = has_proof and self._captcha.takes_work
        return await self._gatherer.submit(replace(check, by_page=True, captcha_solved=solved))

    async def prove(self, found: Found, code: str, *, address: str | None = None) -> None:
        """Raises `NotFound` unless the code is the card's, `TooMany` when it is locked: the same counter as above.

        With an address, wrong codes are counted against it as well: of whoever has nothing but the link to the card.
        """
        card = found.card
        number = show_number(self._keyring, card.program_id, card.id, card.number_sealed)
        subject = None if address is None else attempts.subject(self._keyring, "balance-check", address)
        check = self._check(card.program_id, [card.program_id], number, code, subject)
        await self._gatherer.submit(replace(check, by_link=address is not None))

    def _check(
        self, program_id: str | None, programs: Sequence[str], number: str, code: str, address: Subject | None
    ) -> Check:
        places = [(program, index) for program in programs for index in indexes_of(self._keyring, program, number)]
        anywhere = indexes_anywhere(self._keyring, number)
        return Check(program_id, places, anywhere, code, address, source=origin())

    async def _settled(self, check: Check, captcha_token: str | None) -> Proved:
        """Looks at a token only where one is asked for: nobody makes us work, or ask others, by sending tokens."""
        try:
            return await self._gatherer.submit(check)
        except Refusal as refusal:
            if refusal.code != refusals.CAPTCHA_REQUIRED or not captcha_token:
                raise
        if not await self._captcha.solved(captcha_token):
            raise refusals.captcha_required()
        return await self._gatherer.submit(replace(check, captcha_solved=True))

    async def _slow_down(self, address: str) -> None:
        """Count the check against the address. Raises `TooMany`."""
        subject = attempts.subject(self._keyring, "check-anywhere", address)

        async def work(connection: Connection) -> attempts.Reservation | attempts.Exhausted:
            return await attempts.reserve(connection, "check-anywhere", subject, ANYWHERE_LIMITS)

        outcome = await self._database.repeat(work)
        if isinstance(outcome, attempts.Exhausted):
            raise _too_many_checks("Too many checks from this address.", outcome.retry_after_seconds)

    async def _settle(self, checks: list[Check]) -> Sequence[Proved | Exception]:
        found = await self._database.repeat(lambda connection: self._run(connection, checks))
        for one in found:
            CHECKS.add((one.code if isinstance(one, Refusal) else "found",))
        return found

    async def _run(self, connection: Connection, checks: list[Check]) -> Sequence[Proved | Exception]:
        await guesses.lock(connection, _locks(checks))
        situation = await guesses.read(
            connection,
            {address for check in checks for address in _addresses(check)},
            {place for check in checks for place in check.places},
            {index for check in checks for index in check.anywhere},
        )
        results = [self._decide(check, situation) for check in checks]
        await guesses.write(connection, situation)
        proved = [_place(one) for one in results if isinstance(one, Claimed)]
        cards = await guesses.read_cards(connection, proved, situation.now) if proved else {}
        found = [cards[_place(one)] if isinstance(one, Claimed) else one for one in results]
        watched = await pending_checks.watch(connection, [check.source for check in checks], found)
        LOCKOUTS.add(by=situation.locked)
        return watched

    def _decide(self, check: Check, situation: Situation) -> Claimed | Refusal:
        claimed = [situation.claimed[place] for place in check.places]
        refusal = (
            _address_refusal(check, situation)
            or _number_refusal(check, claimed, situation)
            or self._attack_refusal(check, situation)
        )
        if refusal is not None:
            return refusal
        # One comparison, whether or not there is a card; over several programs one for each card that there is.
        for one in [one for one in claimed if one.exists and _is_open_to(check, one, situation)] or claimed[:1]:
            if self._matches(check, one) and _is_open_to(check, one, situation):
                return one
        if check.address is not None:
            situation.count_address(check.address.now)
        if check.program_id is None:
            situation.count_anywhere(check.anywhere[0])
        else:
            situation.count_in_program(*check.places[0])
        if _number_refusal(check, claimed, situation) is not None:
            situation.locked += 1
        return refusals.card_not_found()

    def _attack_refusal(self, check: Check, situation: Situation) -> Refusal | None:
        """A program under attack asks for a captcha; where there is none, a minute has only so many failures."""
        if check.address is None or check.by_link:  # whoever has proved who they are is no part of it
            return None
        where = guesses.ANYWHERE if check.program_id is None else check.program_id
        is_always = situation.programs.get(where, False)
        can_solve = self._captcha.is_on or check.by_page
        if is_always or (can_solve and self._wants_captcha(where, situation)):
            return None if check.captcha_solved else refusals.captcha_required()
        seconds = None if can_solve else situation.flood_ends_in(where)
        return None if seconds is None else _too_many_checks("Too many failed checks in this program.", seconds)

    def _wants_captcha(self, where: str, situation: Situation) -> bool:
        return self._captcha.is_always or where == guesses.ANYWHERE or situation.is_attacked(where)

    def _matches(self, check: Check, one: Claimed) -> bool:
        """The same work whether or not there is a card, and a code."""
        fits = code_matches(self._keyring, one.program_id, one.card_id, check.code, one.code_hash, one.code_version)
        return fits and one.has_code


def _is_open_to(check: Check, one: Claimed, situation: Situation) -> bool:
    """Whoever names no program gets around no captcha that one of them always asks for."""
    return check.program_id is not None or check.captcha_solved or not situation.programs.get(one.program_id, False)


def _place(one: Claimed) -> Place:
    return one.program_id, one.number_index


def _locks(checks: Iterable[Check]) -> list[bytes]:
    """The address and the number: whoever guesses at a number holds it in every program."""
    return [lock for check in checks for lock in (*_addresses(check), *check.anywhere)]


def _addresses(check: Check) -> tuple[bytes, ...]:
    """The address under every live secret: what failed is counted under the current one, and counts under any."""
    return () if check.address is None else check.address.all


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


def _number_refusal(check: Check, claimed: Sequence[Claimed], situation: Situation) -> TooMany | None:
    """Every wrong code against the number counts, in whichever way it came, since the present code was asked for."""
    seen = [guess for place in check.places if (guess := situation.guesses.get(place)) is not None]
    renewed = min((one.renewed_at for one in claimed if one.exists), default=EPOCH)
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
