"""Events arrive at least once, in spite of endpoints, networks, databases and workers; a slow one delays no other."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog
from tests.database.webhooks.conftest import MakeCourier, Shop, all_are, ids
from tests.serving.receiver import DROP, HANG, receiving
from tests.serving.working import back, until, working

from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.crypto import Keyring
from kado.delivery.mail import Mailer
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.doors.worker.run import Worker
from kado.storage.database import Database
from kado.storage.outbox import DELIVER_EVENTS, HAND_OUT_EVENTS, enqueue_events
from kado.webhooks import deliveries, endpoints, history
from kado.webhooks.courier import AT_ONCE, WAITS, Courier
from kado.webhooks.sign import signature
from kado.webhooks.webhook import Wanted


def a_worker(shop: Shop, courier: Courier) -> Worker:
    """The worker with this courier and nothing else to do."""
    sender = Sender(
        shop.database, shop.keyring, Mailer("file:///nowhere", "x@y.example"), Texter("file:///nowhere"), ""
    )
    return Worker(
        shop.database,
        sender,
        jobs={HAND_OUT_EVENTS: courier.hand_out, DELIVER_EVENTS: courier.deliver},
        beside=(courier.run,),
    )


async def test_each_endpoint_gets_what_it_hears_once(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving() as everything, receiving() as voids, receiving() as test:
        heard = [
            await shop.listen(everything.url),
            await shop.listen(voids.url, events=["giftcard.voided", "x"]),
            await shop.listen(test.url, is_test=True),
        ]
        async with working(a_worker(shop, make_courier())):
            redeemed = await shop.happens(3)
            voided = await shop.happens(1, "giftcard.voided")
            tested = await shop.happens(2, is_test=True)
            for webhook_id, count in zip(heard, (4, 1, 2), strict=True):
                await until(all_are(shop, webhook_id, "delivered", count))
        assert (sorted(ids(everything)), ids(voids), sorted(ids(test))) == (
            sorted(redeemed + voided),
            voided,
            sorted(tested),
        )


async def test_what_is_rolled_back_is_not_heard(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving() as receiver:
        webhook_id = await shop.listen(receiver.url)

        async def fail() -> None:
            async with shop.database.transaction() as connection:
                await enqueue_events(connection, [await shop.an_event(await shop.card())])
                raise ZeroDivisionError

        async with working(a_worker(shop, make_courier())):
            with pytest.raises(ZeroDivisionError):
                await fail()
            true = await shop.happens()
            await until(all_are(shop, webhook_id, "delivered", 1))
        assert ids(receiver) == true


async def test_an_endpoint_that_fails_is_tried_again_with_the_same_id(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving(answers=["500 Oops", "404 Not Found", DROP, "302 Found", "199 Odd"]) as receiver:
        webhook_id = await shop.listen(receiver.url)
        async with working(a_worker(shop, make_courier())):
            (event_id,) = await shop.happens()
            await until(all_are(shop, webhook_id, "delivered", 1))
        assert ids(receiver) == [event_id] * len(receiver.received)
        assert len(receiver.received) >= 5
        assert len({one.body for one in receiver.received}) == 1
    (delivery,) = await shop.deliveries(webhook_id)
    assert (delivery.attempts, delivery.last_status, delivery.last_error) == (len(receiver.received), 200, None)


async def test_waits_grow_to_hours_and_end_after_a_day(shop: Shop, make_courier: MakeCourier) -> None:
    assert timedelta(hours=23) < sum(WAITS, timedelta()) < timedelta(hours=25)
    async with receiving(usual="503 Busy") as receiver:
        webhook_id = await shop.listen(receiver.url)
        courier = make_courier(waits=WAITS)
        await shop.happens()
        await courier.hand_out({"program": shop.program_id})
        for tries, wait in enumerate(WAITS, 1):
            await until(lambda tries=tries: _tried(shop, webhook_id, tries))  # type: ignore[misc]
            (delivery,) = await shop.deliveries(webhook_id)
            assert (delivery.state, delivery.last_status, delivery.last_error) == ("queued", 503, "answered 503")
            assert delivery.next_attempt_at is not None
            left = delivery.next_attempt_at - await shop.now()
            assert wait * 0.7 < left <= wait * 1.2
            await shop.set_all("next_attempt_at = now()")
            await courier.deliver({"program": shop.program_id, "webhook": webhook_id})
        await until(all_are(shop, webhook_id, "failed", 1))
        assert len(receiver.received) == len(WAITS) + 1
    webhook = await shop.webhook(webhook_id)
    assert (webhook.enabled, webhook.disabled_reason) == (
        False,
        "nothing was taken for 24 hours; last: answered 503",
    )


async def _tried(shop: Shop, webhook_id: str, tries: int) -> bool:
    return [(one.attempts, one.last_error is None) for one in await shop.deliveries(webhook_id)] == [(tries, False)]


async def test_an_endpoint_that_takes_other_events_stays_enabled(shop: Shop, make_courier: MakeCourier) -> None:
    """One event that it cannot digest is no reason to keep all others from it."""
    async with receiving(answers=["500 Oops", "200 OK", "500 Oops"]) as receiver:
        webhook_id = await shop.listen(receiver.url)
        courier = make_courier(waits=WAITS)
        await shop.happens()
        await courier.hand_out({"program": shop.program_id})
        await until(lambda: _tried(shop, webhook_id, 1))
        await shop.happens()
        await courier.hand_out({"program": shop.program_id})
        await until(lambda: _some(shop, webhook_id, "delivered"))
        await shop.set_all(f"next_attempt_at = CASE state WHEN 'queued' THEN now() END, attempts = {len(WAITS)}")
        await courier.deliver({"program": shop.program_id, "webhook": webhook_id})
        await until(lambda: _some(shop, webhook_id, "failed"))
    assert (await shop.webhook(webhook_id)).enabled


async def _some(shop: Shop, webhook_id: str, state: str) -> bool:
    return state in await shop.states(webhook_id)


async def test_an_endpoint_that_is_gone_is_disabled_at_once_and_what_waits_for_it_can_be_replayed(
    shop: Shop, make_courier: MakeCourier
) -> None:
    async with receiving(usual="410 Gone") as receiver:
        webhook_id = await shop.listen(receiver.url)
        async with working(a_worker(shop, make_courier())):
            sent = await shop.happens(20)
            await until(all_are(shop, webhook_id, "failed", 20))
            assert len(receiver.received) <= AT_ONCE
            webhook = await shop.webhook(webhook_id)
            assert (webhook.enabled, webhook.disabled_reason) == (False, "the endpoint answered 410 Gone")
            async with shop.database.read() as connection:
                await connection.execute("UPDATE webhook SET enabled = true WHERE id = $1", webhook_id)
            receiver.usual = "204 No Content"
            receiver.received.clear()
            assert await history.replay(shop.database, shop.merchant_id, "operator:test", webhook_id) == 20
            await until(all_are(shop, webhook_id, "delivered", 20))
        assert sorted(ids(receiver)) == sorted(sent)


async def test_an_endpoint_that_hangs_holds_up_no_other(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving(usual=HANG) as slow, receiving() as quick:
        slow_id, quick_id = await shop.listen(slow.url), await shop.listen(quick.url)
        async with working(a_worker(shop, make_courier())):
            await shop.happens(40)
            await until(all_are(shop, quick_id, "delivered", 40), 4)
            assert "delivered" not in await shop.states(slow_id)
            assert slow.busy == slow.busy_most == AT_ONCE
            slow.hanging = False
            await until(all_are(shop, slow_id, "delivered", 40))
        assert slow.busy_most == AT_ONCE


async def test_two_workers_share_the_work(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving() as receiver:
        webhook_id = await shop.listen(receiver.url)
        async with working(a_worker(shop, make_courier())), working(a_worker(shop, make_courier())):
            sent = [event_id for _ in range(20) for event_id in await shop.happens(2)]
            await until(all_are(shop, webhook_id, "delivered", 40))
        assert sorted(ids(receiver)) == sorted(sent)


async def test_what_no_job_tells_of_is_found(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving() as receiver:
        webhook_id = await shop.listen(receiver.url)
        first = await shop.happens()
        await deliveries.hand_out(shop.database, shop.program_id)
        second = await shop.happens()
        await shop.delete_jobs()
        async with working(make_courier()):
            await until(all_are(shop, webhook_id, "delivered", 2))
        assert sorted(ids(receiver)) == sorted(first + second)


async def test_what_a_dead_worker_held_comes_back_when_its_lease_ends(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving(answers=[HANG]) as receiver:
        webhook_id = await shop.listen(receiver.url)
        (event_id,) = await shop.happens()
        dying = asyncio.create_task(_die_after(make_courier(), receiver))
        await dying
        (delivery,) = await shop.deliveries(webhook_id)
        assert (delivery.state, delivery.attempts, delivery.last_error) == ("queued", 1, None)
        assert delivery.next_attempt_at is not None
        assert timedelta(seconds=20) < delivery.next_attempt_at - await shop.now() <= deliveries.LEASE
        await shop.set_all("next_attempt_at = now()")
        async with working(make_courier()):
            await until(all_are(shop, webhook_id, "delivered", 1))
        assert ids(receiver) == [event_id, event_id]


async def _die_after(courier: Courier, receiver: Any) -> None:
    """The courier, cut off in the middle of its first request."""
    running = asyncio.create_task(courier.run(asyncio.Event()))
    await receiver.until(1)
    running.cancel()
    await asyncio.wait([running])


async def test_a_worker_that_outlived_its_lease_decides_nothing(shop: Shop, database: Database) -> None:
    webhook_id = await shop.listen("http://127.0.0.1:1/")
    await shop.happens()
    await deliveries.hand_out(database, shop.program_id)
    (first,) = await deliveries.claim(database, shop.program_id, webhook_id, 4)
    assert await deliveries.claim(database, shop.program_id, webhook_id, 4) == []
    await shop.set_all("next_attempt_at = now()")
    (second,) = await deliveries.claim(database, shop.program_id, webhook_id, 4)
    await deliveries.put_off(database, first, 500, "late", WAITS[0])
    assert not await deliveries.give_up(database, first, 500, "late", "late", at_once=True)
    (delivery,) = await shop.deliveries(webhook_id)
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("queued", 2, None)
    await deliveries.mark_delivered(database, first, 200)  # but what was taken was taken
    assert await shop.states(webhook_id) == ["delivered"]
    await deliveries.put_off(database, second, 500, "late", WAITS[0])
    assert await shop.states(webhook_id) == ["delivered"]


async def test_the_courier_survives_its_connections(shop: Shop, make_courier: MakeCourier, superuser: Any) -> None:
    async with receiving(answers=[HANG]) as receiver:
        webhook_id = await shop.listen(receiver.url)
        async with working(a_worker(shop, make_courier())):
            await shop.happens()
            await receiver.until(1)
            await superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await back(shop.database)
            receiver.hanging = False
            await until(all_are(shop, webhook_id, "delivered", 1))
            await shop.happens()
            await until(all_are(shop, webhook_id, "delivered", 2))
        assert len(receiver.received) == 2


async def test_what_happens_to_a_webhook_that_is_disabled_or_deleted_fails(
    shop: Shop, make_courier: MakeCourier, superuser: Any
) -> None:
    async with receiving() as receiver:
        disabled, deleted = await shop.listen(receiver.url), await shop.listen(receiver.url)
        await shop.happens(3)
        await deliveries.hand_out(shop.database, shop.program_id)
        await superuser.execute("UPDATE webhook SET enabled = false WHERE id = $1", disabled)
        await superuser.execute("DELETE FROM webhook WHERE id = $1", deleted)
        async with working(make_courier()):
            for webhook_id, reason in ((disabled, "the webhook is disabled"), (deleted, "the webhook was deleted")):
                await until(all_are(shop, webhook_id, "failed", 3))
                assert {one.last_error for one in await shop.deliveries(webhook_id)} == {reason}
        assert receiver.connections == 0


async def test_a_secret_that_cannot_be_read_any_more_sends_nothing_unsigned(
    shop: Shop, database: Database, make_courier: MakeCourier
) -> None:
    async with receiving() as receiver:
        webhook_id = await shop.listen(receiver.url)
        await shop.happens()
        stranger = Courier(database, Keyring(["x" * 20 + "another secret altogether"]), make_courier()._poster, WAITS)
        async with working(stranger):
            await until(lambda: _tried(shop, webhook_id, 1))
        assert receiver.connections == 0
    (delivery,) = await shop.deliveries(webhook_id)
    assert delivery.last_error == "its secret cannot be read any more; give it a new one"


async def test_a_secret_that_was_replaced_signs_beside_the_new_one_for_a_day(
    shop: Shop, database: Database, make_courier: MakeCourier, superuser: Any
) -> None:
    poster = make_courier()._poster
    async with receiving() as receiver:
        webhook_id = await shop.listen(receiver.url)
        caller = Caller(shop.merchant_id, "key:test", Role.OWNER, frozenset(Permission), is_test=False)
        before, after = shop.secrets[webhook_id], "staple it together"

        async def put(secret: str) -> None:
            wanted = Wanted(receiver.url, secret)
            await endpoints.update(database, shop.keyring, poster, caller, webhook_id, wanted)

        async def signed_with() -> list[str]:
            """Which of the two secrets the next event can be verified with."""
            count = len(receiver.received) + 1
            await shop.happens()
            async with working(a_worker(shop, make_courier())):
                sent = (await receiver.until(count))[-1]
            timestamp = int(sent.headers["webhook-timestamp"])
            offered = sent.headers["webhook-signature"].split()
            made = {one: signature(one, sent.headers["webhook-id"], timestamp, sent.body) for one in (before, after)}
            assert len(offered) == len(set(offered) & set(made.values()))
            return [one for one, value in made.items() if value in offered]

        assert await signed_with() == [before]
        await put(after)
        await put(after)  # said again, it is no other secret
        assert await signed_with() == [before, after]
        await superuser.execute("UPDATE webhook SET previous_until = clock_timestamp()")
        assert await signed_with() == [after]
        await make_courier().forget(30)
        assert await superuser.fetchval("SELECT previous_secret IS NULL FROM webhook")


async def test_the_logs_name_no_address_and_no_secret(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving(usual="410 Gone") as receiver:
        webhook_id = await shop.listen(receiver.url)
        with structlog.testing.capture_logs() as logs:
            async with working(a_worker(shop, make_courier())):
                await shop.happens()
                await until(all_are(shop, webhook_id, "failed", 1))
    assert [log["event"] for log in logs if log["event"].startswith("webhooks.")] == ["webhooks.disabled"]
    assert "127.0.0.1" not in str(logs)
    assert shop.secrets[webhook_id] not in str(logs)


async def test_events_of_long_ago_are_deleted_with_their_deliveries(shop: Shop, make_courier: MakeCourier) -> None:
    async with receiving() as receiver:
        webhook_id = await shop.listen(receiver.url)
        old = await shop.happens(2)
        async with working(make_courier()):
            await until(all_are(shop, webhook_id, "delivered", 2))
        (fresh,) = await shop.happens()
        (waiting,) = await shop.happens()
        await deliveries.hand_out(shop.database, shop.program_id)
    async with shop.database.read() as connection:
        await connection.execute(
            "UPDATE gift_card_event SET created_at = now() - interval '31 days' WHERE program_id = $1 AND id <> $2",
            shop.program_id,
            fresh,
        )
        await make_courier().forget(30)
        left = {row["id"] for row in await connection.fetch("SELECT id FROM gift_card_event")}
    assert left == {fresh, waiting}
    assert {one.event_id for one in await shop.deliveries(webhook_id)}.isdisjoint(old)
