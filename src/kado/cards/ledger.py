"""The posting machine: the only code that changes a balance.

A list of postings in, a list of answers out, in one transaction: lock the cards (in id order), read the idempotency
keys, decide each posting in plain Python on the locked state, write everything that passed with set-based statements,
commit once. Requests that arrive while a commit is under way form the next list. Nobody is answered before the commit.

A commit whose outcome is unknown is settled by running the same list again: every posting has a key, the caller's or
an internal one, and a key that is known gives its stored answer instead of moving money a second time.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, NamedTuple

import asyncpg
import structlog

from kado.audit.origin import Origin, origin
from kado.cards import bench, evidence, hot_store, refusals, store
from kado.cards.idempotency import Fingerprint, Remembered, fingerprints, internal_fingerprint, recall
from kado.cards.issue import Issue, Placed, Withdrawn, place
from kado.cards.ownership import owns
from kado.cards.page import Page
from kado.cards.posting import Answer, Posting
from kado.cards.write_page import write_new, write_page
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.observability.lists import Watch
from kado.observability.meters import DATABASE_RETRIES
from kado.storage.crowd import Crowd
from kado.storage.database import AWAY, CONFLICT, HOT, KEYED_ONLY, Connection, Database, await_copy, away
from kado.storage.gather import Gatherer
from kado.storage.idle import Idle
from kado.storage.riding import Ride

log = structlog.get_logger("kado.ledger")

_PATIENCE_SECONDS: Final = 4.0
_TRIES: Final = 6

Result = Answer | Exception
Known = dict[tuple[str, bytes], Remembered]


class _Ticket(NamedTuple):
    """A posting on its way through the machine, with the keys that settle it whatever happens to a commit."""

    posting: Posting | Issue
    prints: list[Fingerprint]
    origin: Origin

    def places(self) -> list[tuple[str, bytes]]:
        return [(self.posting.program_id, one.key_hash) for one in self.prints]


class Ledger:
    """Settles postings. One per process; several processes may work on the same database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._idle = Idle(self._connect)
        self._watch = Watch()
        self._gatherer: Gatherer[_Ticket, Answer] = Gatherer(
            self._settle,
            Crowd("postings", database.places),
            sort=lambda ticket: database.apart(ticket.posting.program_id),
        )

    async def post(self, posting: Posting | Issue) -> Answer:
        """Settle one posting together with whatever else is waiting, and return its answer after the commit.

        Raises `Refusal` for a "no" that is not stored, `Unavailable` when the outcome could not be learned in time.
        """
        await self._database.learn()
        return await self._gatherer.submit(self._ticket(posting))

    async def knows(self, posting: Posting | Issue) -> bool:
        """Whether the posting's key was used before, so that posting it only repeats, or refuses to."""
        if posting.key is None:
            return False
        async with self._database.read() as connection:
            return bool(await store.read_keys(connection, self._ticket(posting).places()))

    async def close(self) -> None:
        """Finish what is under way and give the connection back."""
        await self._gatherer.drained()
        await self._idle.close()

    def _ticket(self, posting: Posting | Issue) -> _Ticket:
        if posting.key is None:
            return _Ticket(posting, [internal_fingerprint()], origin())
        facts = (posting.caller.merchant_id, posting.caller.is_test, *posting.facts())
        prints = fingerprints(self._keyring, posting.program_id, posting.scope(), posting.key, facts)
        return _Ticket(posting, prints, origin())

    async def _settle(self, tickets: list[_Ticket]) -> Sequence[Result]:
        """Run the list until its outcome is known, or until patience ends."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        attempt, keys_after_lock = 0, any(len(ticket.prints) > 1 for ticket in tickets)
        while True:
            attempt += 1
            try:
                return await self._once(tickets, keys_after_lock=keys_after_lock)
            except CONFLICT as error:
                DATABASE_RETRIES.add(("conflict",))
                if attempt >= _TRIES or time.monotonic() > deadline:
                    raise away() from error
            except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, UnicodeError) as error:
                # A fresh card number that existed already, or a key that someone wrote a moment ago: decide anew.
                is_taken = isinstance(error, asyncpg.UniqueViolationError)
                if len(tickets) > 1 and (keys_after_lock or not is_taken):
                    return [await self._alone(ticket) for ticket in tickets]
                if attempt >= _TRIES or not is_taken:
                    raise
                keys_after_lock = True
            except AWAY as error:
                await self._idle.close()
                DATABASE_RETRIES.add(("away",))
                log.warning("database away", error=type(error).__name__, postings=len(tickets), attempt=attempt)
                if time.monotonic() > deadline:
                    raise away() from error
            await asyncio.sleep(random.uniform(0.2, 1) * 0.02 * min(attempt, 10))  # noqa: S311 - jitter, not a secret

    async def _alone(self, ticket: _Ticket) -> Result:
        """One posting by itself, so that a data error of its own never fails its neighbours."""
        try:
            return (await self._settle([ticket]))[0]
        except Exception as error:  # noqa: BLE001 - it belongs to this caller alone
            return error

    async def _once(self, tickets: list[_Ticket], *, keys_after_lock: bool) -> Sequence[Result]:
        """One attempt at the whole list: everything or nothing."""
        ride = await self._idle.take()
        self._watch = Watch()
        try:
            results, last = await self._run(ride, tickets, keys_after_lock=keys_after_lock)
            self._watch.written()
            await ride.commit(last)
        except AWAY:
            ride.connection.terminate()  # it goes, and with it the transaction, if the commit did not happen
            raise
        except BaseException:
            with suppress(asyncpg.PostgresError, *AWAY):
                await ride.connection.execute("ROLLBACK")
            raise
        finally:
            self._idle.give_back(ride)
        outcomes = zip((ticket.posting.action for ticket in tickets), map(_outcome, results), strict=True)
        self._watch.committed(outcomes, (ticket.origin.request_id for ticket in tickets))
        return results

    async def _run(
        self, ride: Ride, tickets: list[_Ticket], *, keys_after_lock: bool
    ) -> tuple[Sequence[Result], list[str | None] | None]:
        """The results, and the arguments of the write that the commit takes along."""
        results: dict[int, Result] = {}
        issues = {at: ticket for at, ticket in enumerate(tickets) if isinstance(ticket.posting, Issue)}
        if issues:
            await ride.begin()
            results |= await self._issue(ride, issues)
        postings = [
            _Wish(at, ticket, ticket.posting, ticket.posting.refs())
            for at, ticket in enumerate(tickets)
            if isinstance(ticket.posting, Posting)
        ]
        last = None
        if postings:
            last = await self._post(ride, postings, results, begins=not issues, keys_after_lock=keys_after_lock)
        return [results.get(at) or away() for at in range(len(tickets))], last

    async def _post(
        self, ride: Ride, wishes: list["_Wish"], results: dict[int, Result], *, begins: bool, keys_after_lock: bool
    ) -> list[str | None] | None:
        """Postings on cards that exist: lock, read the keys, decide, write."""
        places = [place for wish in wishes for place in wish.ticket.places()]
        refs = [ref for wish in wishes for ref in wish.refs]
        asked = time.monotonic()
        is_distributed = self._database.is_distributed
        if is_distributed:  # the keys lie on another machine than what measures
            arguments, keys_after_lock = hot_store.lock_of_one_arguments(refs), True
        else:
            arguments = hot_store.lock_arguments(refs, places, measures=ride.measures())
        locked, seen, size = hot_store.read(await ride.first(*arguments, begins=begins), places)
        if size is not None:
            await ride.plan_for(size)
        if locked.now is None:
            results |= {wish.at: refusals.card_not_found() for wish in wishes}
            return None
        connection = ride.connection
        # There, the clock was read before the locks were granted.
        waited = timedelta(seconds=time.monotonic() - asked if is_distributed else 0)
        if missing := {program_id for program_id, _ in locked.cards} - locked.programs.keys():
            locked.programs.update((await store.read_programs(connection, missing))[0])
        known = await store.read_keys(connection, places if keys_after_lock else seen)
        page = Page(self._keyring, locked.now + waited)
        page.references = await self._references(connection, [wish.posting for wish in wishes])
        page.evidence = await evidence.gather(connection, [wish.posting for wish in wishes], locked.cards.values())
        asking = [(wish.posting, wish.ticket.origin) for wish in wishes]
        page.bench = await bench.sit(connection, locked.programs, asking, page.evidence, page.now)
        for wish in wishes:
            results[wish.at] = self._decide(page, wish, locked, known)
        self._watch.decided()
        return await write_page(ride, page)

    async def _references(self, connection: Connection, postings: Sequence[Posting]) -> dict[tuple[str, str, str], str]:
        """Entries that bear the references of postings without a key: those may be repetitions."""
        wanted = [(p.program_id, p.card_id, p.reference) for p in postings if p.key is None and p.reference is not None]
        return await store.earlier_entries(connection, wanted) if wanted else {}

    def _decide(self, page: Page, wish: "_Wish", locked: store.Locked, known: Known) -> Result:
        posting, ticket, caller = wish.posting, wish.ticket, wish.posting.caller
        cards = [card for ref in wish.refs if (card := locked.cards.get(ref)) is not None]
        if len(cards) < len(wish.refs) or any(card.is_test is not caller.is_test for card in cards):
            return refusals.card_not_found()
        customer = caller.customer
        if customer is not None and not all(owns(customer, c) for c in cards if c.id in posting.owned_card_ids):
            return refusals.card_not_found()
        for memory in (known, page.known):
            if memory and (earlier := self._known_answer(ticket, memory)) is not None:
                return earlier
        return page.post(posting, cards, locked.programs[posting.program_id], ticket.prints[0], ticket.origin)

    async def _issue(self, ride: Ride, tickets: dict[int, _Ticket]) -> dict[int, Result]:
        """New cards. Their keys are claimed first: there is no card yet on which a duplicate could wait."""
        connection = ride.connection
        issues = {at: (t, t.posting) for at, t in tickets.items() if isinstance(t.posting, Issue)}
        programs, now = await store.read_programs(connection, [issue.program_id for _, issue in issues.values()])
        await store.hold_keys(connection, [ticket.prints for ticket in tickets.values()])
        results = await self._recall(connection, tickets)
        placed: dict[int, Placed | Withdrawn] = {}
        for at, (ticket, issue) in issues.items():
            if at not in results:
                program = programs[issue.program_id]
                outcome = place(self._keyring, issue, program, now, ticket.prints[0], ticket.origin)
                if isinstance(outcome, Refusal):
                    results[at] = outcome
                else:
                    placed[at] = outcome
        claimed = await store.claim_keys(connection, [one.key for one in placed.values()], now)
        for at, one in list(placed.items()):
            place_of_key = (one.key.program_id, one.key.key_hash)
            if place_of_key in claimed:
                claimed.remove(place_of_key)  # the same key twice in one list: the first has it
            else:
                del placed[at]
        results |= {at: one.answer for at, one in placed.items()}
        results |= await self._recall(connection, {at: tickets[at] for at in tickets if at not in results})
        self._watch.decided()
        await write_new(ride, [one for one in placed.values() if isinstance(one, Placed)])
        return results

    async def _recall(self, connection: Connection, tickets: dict[int, _Ticket]) -> dict[int, Result]:
        known = await store.read_keys(connection, [key for ticket in tickets.values() for key in ticket.places()])
        if known:  # locked cards make the commit wait for a copy; here nothing else would
            await await_copy(connection)
        recalled = {at: self._known_answer(ticket, known) for at, ticket in tickets.items()}
        return {at: answer for at, answer in recalled.items() if answer is not None}

    def _known_answer(self, ticket: _Ticket, known: Known) -> Answer | Refusal | None:
        """What was said to this key before. To settle a lost commit by an internal key is no repetition."""
        answer = recall(self._keyring, ticket.posting.program_id, ticket.prints, known)
        if isinstance(answer, Answer) and ticket.posting.key is None:
            return Answer(answer.status, answer.body)
        return answer

    async def _connect(self) -> Ride:
        if self._database.is_distributed:
            return await Ride.on(await self._database.connect(KEYED_ONLY), hot_store.LOCK_OF_ONE, hot_store.WRITE)
        return await Ride.on(await self._database.connect(HOT), hot_store.LOCK, hot_store.WRITE)


def _outcome(result: Result) -> str:
    """As `kado.observability.meters` has it."""
    if not isinstance(result, Answer):
        return "refused"
    if "Idempotent-Replayed" in result.headers:
        return "repeated"
    return "done" if result.status < 400 else "refused"


class _Wish(NamedTuple):
    """A ticket for cards that exist: its place in the list, its posting and the cards that this names."""

    at: int
    ticket: _Ticket
    posting: Posting
    refs: list[tuple[str, str]]
