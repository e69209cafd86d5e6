"""The leader dies, and Kado follows to the standby by itself: what was acknowledged is there, once, and goes on."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx2
import pytest
from tests.faults.conftest import Shop
from tests.serving.nodes import Node, address, site
from tests.serving.server import serving, until

_PATIENCE = 30


@dataclass
class Pair:
    """A leader and its synchronous standby, and the shop whose server works on them."""

    shop: Shop
    leader: Node
    standby: Node

    async def fail_over(self) -> None:
        """The leader is dead, or dies now; the standby takes over and keeps no copy anywhere."""
        self.leader.kill()
        await self.standby.promote()
        self.leader, self.standby = self.standby, self.leader

    async def rejoin(self) -> None:
        """The dead one comes back as the other one's standby, and commits wait for it again."""
        self.standby.rejoin(self.leader)
        await self.is_synchronous()

    async def is_synchronous(self) -> None:
        await self.leader.demand(self.standby.name)
        await self.leader.until_true("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")

    async def waiting(self) -> str:
        """A commit of Kado's that waits for the standby, by its process and its beginning; empty where none does."""
        found = await self.leader.say(
            "SELECT max(pid || ' ' || xact_start) FROM pg_stat_activity"
            " WHERE wait_event = 'SyncRep' AND application_name = 'kado'"
        )
        return found if isinstance(found, str) else ""

    async def cut_the_wait(self, call: "asyncio.Task[httpx2.Response]") -> None:
        """Cancel waits until this call's commit has happened; return when Kado waits again, on its way to the same.

        Seals are written beside it, so that the first commit that waits may be theirs.
        """
        before, cut = await _rows(self.leader), ""
        while await _rows(self.leader) == before:
            assert not call.done(), "it was answered with nothing committed"
            waits = await self.waiting()
            if waits not in ("", cut):
                await self.leader.say("SELECT pg_cancel_backend($1)", int(waits.split()[0]))
                cut = waits
        while await self.waiting() in ("", cut):
            assert not call.done(), f"acknowledged, with no copy made: {call.result().text}"


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Node, Node]]:
    with site() as place:
        leader, standby = Node(place, "n1"), Node(place, "n2")
        leader.initialise()
        standby.copy(leader)
        try:
            yield leader, standby
        finally:
            leader.kill()
            standby.kill()


@pytest.fixture(scope="module")
def whole_pair(nodes: tuple[Node, Node]) -> Iterator[Pair]:
    leader, standby = nodes
    with serving(database_url=address(leader, standby)) as server:
        merchant_id = server.merchant("Tea House")
        yield Pair(Shop(server, merchant_id, server.key("Tea House")), leader, standby)
        server.books_are_right()
        server.stop()


@pytest.fixture
async def pair(whole_pair: Pair) -> AsyncIterator[Pair]:
    await whole_pair.is_synchronous()
    yield whole_pair
    await whole_pair.leader.demand("")  # what comes after a test that failed need not wait for a dead standby


@pytest.mark.parametrize("operation", ["redeem", "issue", "bulk"])
async def test_a_commit_without_its_copy_is_not_acknowledged(pair: Pair, operation: str) -> None:
    """PostgreSQL says that such a commit succeeded, with a warning besides, and whoever looks then can see it."""
    async with pair.shop.till() as till:
        await till.open_program()
        card = (await till.card("10.00"))["id"]
        calls = {
            "redeem": lambda: till.redeem(card, "1.00", "key"),
            "issue": lambda: till.issue("20.00", "key"),
            "bulk": lambda: till.bulk("key", count=2),
        }
        pair.standby.freeze()
        try:
            call = asyncio.create_task(calls[operation]())
            await pair.cut_the_wait(call)
        finally:
            pair.standby.thaw()
        answer = await call
        assert answer.is_success, answer.text
        after = await _rows(pair.leader)
        again = await calls[operation]()
        assert again.content == answer.content
        assert await _rows(pair.leader) == after


async def test_a_commit_whose_copy_was_lost_with_the_leader_is_made_again(pair: Pair) -> None:
    """It was there, nobody was told so, and the new leader has never heard of it."""
    async with pair.shop.till() as till:
        await till.open_program()
        card = (await till.card("10.00"))["id"]
        pair.standby.freeze()
        try:
            call = asyncio.create_task(till.redeem(card, "1.00", "key"))
            await pair.cut_the_wait(call)
            pair.leader.kill()
        finally:
            pair.standby.thaw()
        await pair.fail_over()
        answer = await call
        while answer.status_code == 503:
            answer = await till.redeem(card, "1.00", "key")
        assert answer.json()["remainingBalance"] == "9.00"
        assert len(await till.entries(card)) == 3, "issued, activated, redeemed"
        await pair.rejoin()


async def test_kado_follows_the_leader_by_itself(pair: Pair) -> None:
    server = pair.shop.server
    mails = server.data_dir / "mail"
    async with pair.shop.till() as till:
        await till.open_program()
        rush = await pair.shop.rush(till)
        async with rush.under_way():
            await rush.sold(random.randint(20, 150))
            await pair.fail_over()
            await rush.sold(30)
        assert server.process.poll() is None, "the server ended with the leader"
        assert rush.outcomes().keys() <= {200, 400, 503}, rush.outcomes()
        assert all(attempt.retry_after for attempt in rush.attempts() if attempt.outcome == 503)
        sent, seals = len(list(mails.glob("*.eml"))), await pair.leader.say("SELECT count(*) FROM ledger_seal")
        await till.card("5.00", customerEmail="ada@example.com")
        await asyncio.to_thread(until, lambda: len(list(mails.glob("*.eml"))) > sent, _PATIENCE, "the worker stopped")
        await pair.leader.until_true(f"SELECT count(*) > {seals} FROM ledger_seal")
        await pair.rejoin()
        await pair.shop.reckon(rush, till)


async def _rows(node: Node) -> int:
    count = await node.say("SELECT (SELECT count(*) FROM card) + (SELECT count(*) FROM card_transaction)")
    assert isinstance(count, int)
    return count
