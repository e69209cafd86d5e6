"""Verification: recomputes everything that the ledger claims, and names the cards and seals that do not agree with it.

All is read in one snapshot, while the server goes on working. Cards, entries and sealed heads arrive as three streams
in the same order (program, card) and are merged, so that memory does not grow with the ledger.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kado import clock
from kado.cards.proof import lines
from kado.cards.proof.ahead import Ahead
from kado.cards.proof.beside import Beside
from kado.cards.proof.facts import ALL_CARDS, CARDS_OF_PROGRAM, Account, account_of
from kado.cards.proof.findings import Finding, Reason, Report
from kado.cards.proof.history import History, Sealing
from kado.cards.proof.links import Link, contradictions
from kado.cards.proof.moment import one_moment
from kado.cards.proof.seals import SealedCard, SealedHeads
from kado.cards.proof.sums import Sums
from kado.cards.proof.turnover import differences
from kado.cards.proof.witness import contradicted
from kado.crypto import Keyring
from kado.errors import NotFound
from kado.storage.database import AWAY, CONFLICT, Connection, Database, away

if TYPE_CHECKING:
    import asyncpg

__all__ = ["Finding", "Reason", "Report", "verify"]

_CARDS_A_PAGE: Final = 2000
_CARD_PAGES_AHEAD: Final = 50
_SEAL_PAGES_AHEAD: Final = 4
_PROGRESS_STEP: Final = 20_000
_OWNER: Final = itemgetter(slice(0, 54))  # program and card: a bracket, two ids in quotes, a comma between them
_END: Final = ("\U0010ffff", "")

# Rows of one card are scattered over the table in the order in which they were made. Reading it once and sorting is
# twice as quick as following the index, even from memory.
_SORT: Final = "SET LOCAL enable_indexscan = off; SET LOCAL work_mem = '32MB'"


async def verify(
    database: Database,
    keyring: Keyring,
    *,
    program_id: str | None = None,
    exported: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Verify the whole ledger, or one program of it, as it is at this moment, also against an earlier export of seals.

    `progress` is told how many entries have been looked at, and of how many. Raises `NotFound` for a program that does
    not exist, `NotAnExport` for a file that is none, `Unavailable` while the database is away.
    """
    try:
        async with one_moment(database) as (entries, cards, seals):
            run = await _Run.begin(cards, seals, keyring, program_id, progress)
            await _side_by_side(run.accounts.fill(), run.sealed_cards.fill(), _read(entries, program_id, run))
            run.add_links(await contradictions(cards, program_id))
            run.add(await differences(cards, program_id, {found.program_id for found in run.report.findings}))
            if exported is not None:
                run.add(await contradicted(cards, exported, program_id))
            return run.report
    except (*AWAY, *CONFLICT) as error:
        raise away() from error


async def _side_by_side(*work: Coroutine[None, None, None]) -> None:
    """Run all of these; the first failure ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _read(connection: "asyncpg.Connection[asyncpg.Record]", program_id: str | None, run: "_Run") -> None:
    await connection.execute(_SORT)
    query = (lines.ALL_ENTRIES,) if program_id is None else (lines.ENTRIES_OF_PROGRAM, program_id)
    await connection.copy_from_query(*query, output=run.feed, format="text", delimiter=lines.DELIMITER, null=lines.NULL)
    await run.end()


class _Run:
    """One verification under way."""

    def __init__(
        self,
        accounts: Ahead[Account],
        beside: Beside,
        seals: SealedHeads,
        programs: frozenset[str],
        sealed_until: int,
        progress: Callable[[int], None],
    ) -> None:
        self.report = Report()
        self.accounts = accounts
        self._beside = beside
        self.sealed_cards: Ahead[SealedCard] = Ahead(seals.by_card(), _SEAL_PAGES_AHEAD)
        self._seals = seals
        self._programs = programs
        self._sealed_until = sealed_until
        self._progress = progress
        self._rest = b""
        self._line_owner = b""
        self._at = ("", "")
        self._history: History | None = None
        self._sums = Sums("")

    @classmethod
    async def begin(
        cls,
        cards: Connection,
        seals: Connection,
        keyring: Keyring,
        program_id: str | None,
        progress: Callable[[int, int], None] | None,
    ) -> "_Run":
        """Look at what is known beforehand, and get everything ready to be read."""
        currencies = {row["id"]: row["currency"] for row in await cards.fetch("SELECT id, currency FROM program")}
        programs = frozenset(currencies)
        if program_id is not None and program_id not in programs:
            raise NotFound("program_not_found", f"There is no program {program_id}.")
        now, until = await cards.fetchrow(
            "SELECT clock_timestamp(), greatest(sealed_until, '0001-01-01 00:00:00+00') FROM seal_progress"
        ) or (clock.EPOCH, clock.EPOCH)
        beside = Beside(cards, program_id)
        run = cls(
            Ahead(_accounts(cards, keyring, now, program_id, beside), _CARD_PAGES_AHEAD),
            beside,
            SealedHeads(seals, keyring, program_id),
            programs,
            clock.micros(until),
            await _teller(cards, program_id, progress),
        )
        run.report.currencies = currencies
        return run

    async def feed(self, data: bytes) -> None:
        """Take the next piece of the lines of all entries."""
        block = (self._rest + data).split(b"\n")
        self._rest = block.pop()
        for owner, of_card in groupby(block, _OWNER):
            if owner != self._line_owner:
                self._line_owner = owner
                await self._turn_to(lines.owner(owner))
            assert self._history is not None, "turned to a card"
            self.report.entries += self._history.take(of_card)
        self._progress(self.report.entries)

    async def end(self) -> None:
        """After the last entry: what is left in the other streams, and the sums."""
        await self._turn_to(_END)
        self.report.seals = self._seals.count
        self.report.findings += self._seals.findings + self._beside.findings
        self._sort()

    def add_links(self, links: list[Link]) -> None:
        """What entries say about each other, where neither side's own damage explains it already."""
        damaged = {(found.program_id, found.card_id) for found in self.report.findings}
        programs = {program_id for program_id, card_id in damaged if card_id is not None}
        for program_id, card_id, other_card_id, reason, text in links:
            is_explained = (
                program_id in programs if other_card_id is None else (program_id, other_card_id) in damaged
            ) or (program_id, card_id) in damaged
            if not is_explained:
                self.report.findings.append(Finding(program_id, card_id, reason, text))
        self._sort()

    def add(self, findings: list[Finding]) -> None:
        """What else was found; of each sort one for a card, as everywhere."""
        said = {(found.program_id, found.card_id, found.reason_code) for found in self.report.findings}
        for found in findings:
            key = (found.program_id, found.card_id, found.reason_code)
            if found.card_id is None or key not in said:
                said.add(key)
                self.report.findings.append(found)
        self._sort()

    def _sort(self) -> None:
        self.report.findings.sort(key=lambda found: (found.program_id, found.card_id or ""))

    async def _turn_to(self, card: tuple[str, str]) -> None:
        """Finish the card before, judge those that have no entries on the way, and begin with this one."""
        if card == self._at:
            return
        self._finish()
        while True:
            account, sealed = await self.accounts.peek(), await self.sealed_cards.peek()
            owner = min(account.owner if account else _END, sealed.owner if sealed else _END, card)
            if owner[0] != self._sums.program_id:
                self._turn_program(owner[0])
            if owner == _END:
                return
            self._begin(
                owner,
                self.accounts.take() if account and account.owner == owner else None,
                self.sealed_cards.take().heads if sealed and sealed.owner == owner else [],
            )
            if owner == card:
                return
            self._finish()

    def _begin(self, owner: tuple[str, str], account: Account | None, heads: list[tuple[int, bytes]]) -> None:
        self._at = owner
        until = 0 if owner[0] in self._seals.damaged else self._sealed_until
        self._history = History(account, Sealing(heads, until), self._sums.totals)
        if account is not None:
            self.report.cards += 1
            self._sums.balances += account.balance
            if not account.is_test:
                self.report.owed[owner[0]] = self.report.owed.get(owner[0], 0) + account.balance

    def _turn_program(self, program_id: str) -> None:
        if self._sums.program_id:
            self.report.findings += self._sums.findings()
            if self._sums.program_id not in self._programs:
                text = "there are cards, entries or seals of this program, but no program"
                self.report.findings.append(Finding(self._sums.program_id, None, Reason.NO_PROGRAM, text))
        self._sums = Sums(program_id)

    def _finish(self) -> None:
        if self._history is None:
            return
        faults = self._history.finish()
        self._history = None
        if faults:
            self._sums.has_damaged_cards = True
            self.report.findings += [Finding(*self._at, reason, text) for reason, text in faults.items()]


async def _accounts(
    connection: Connection, keyring: Keyring, now: datetime, program_id: str | None, beside: Beside
) -> AsyncIterator[list[Account]]:
    query = (ALL_CARDS,) if program_id is None else (CARDS_OF_PROGRAM, program_id)
    cursor = await connection.cursor(*query)
    while rows := await cursor.fetch(_CARDS_A_PAGE):
        yield [account_of(row, keyring, now, await beside.of((row["program_id"], row["id"]))) for row in rows]
    await beside.of(None)


async def _teller(
    connection: Connection, program_id: str | None, progress: Callable[[int, int], None] | None
) -> Callable[[int], None]:
    """What tells `progress` about the entries, now and then. Only who wants to know pays for counting them first."""
    if progress is None:
        return lambda _: None
    where = "" if program_id is None else " WHERE program_id = $1"
    arguments = () if program_id is None else (program_id,)
    total = await connection.fetchval("SELECT count(*) FROM card_transaction" + where, *arguments)
    told = -_PROGRESS_STEP

    def tell(done: int) -> None:
        nonlocal told
        if done - told >= _PROGRESS_STEP or done == total:
            told = done
            progress(done, total)

    return tell
