"""SIGTERM while mails leave, events are delivered and cards are made: every answer is whole, and all of it arrives."""

import asyncio
import signal
from collections.abc import Awaitable, Iterator

import httpx2
import pytest
from tests.database.delivery.servers import Listening, MailServer
from tests.faults.conftest import Shop
from tests.serving.receiver import Receiver, receiving
from tests.serving.server import serving
from tests.serving.till import Till

COUNT = 300
MAILS = 60


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer(pause=2)  # so that not all has left when the stop comes
    controller = Listening(server)
    controller.start()
    server.port = controller.port
    yield server
    controller.stop()


@pytest.fixture
def busy(mail_server: MailServer) -> Iterator[Shop]:
    settings = {"KADO_WEBHOOK_ALLOW": "127.0.0.0/8", "KADO_MAIL_URL": mail_server.url}
    with serving(settings=settings) as server:
        merchant_id = server.merchant("Book Shop")
        yield Shop(server, merchant_id, server.key("Book Shop"))
        server.books_are_right()
        server.stop()


async def test_a_stop_loses_no_answer_no_mail_no_event_and_no_card(busy: Shop, mail_server: MailServer) -> None:
    async with receiving() as receiver, busy.till() as till:
        made = await till.post("/v2/webhooks", {"url": receiver.url})
        enabled = await till.post(f"/v2/webhooks/{made.json()['id']}/enable")
        assert enabled.status_code == 200, enabled.text
        await till.open_program()
        answers = await asyncio.gather(*issues(till))
        task = (await till.bulk("the-one", count=COUNT)).json()["taskId"]
        async with asyncio.timeout(30):
            while not mail_server.busy or not receiver.received:
                await asyncio.sleep(0.01)
        late = [asyncio.create_task(till.redeem("0" * 24, "1.00")) for _ in range(5)]
        busy.server.process.send_signal(signal.SIGTERM)
        refused = await asyncio.gather(*late, return_exceptions=True)
        await asyncio.to_thread(busy.server.wait_for_the_end)
        assert len(set(mail_server.recipients)) < MAILS, "there was nothing left to lose"
        await asyncio.to_thread(busy.server.start)
        assert [one.content for one in await asyncio.gather(*issues(till))] == [one.content for one in answers]
        async with asyncio.timeout(90):
            while (await till.bulk_task(task))["status"] != "completed":
                await asyncio.sleep(0.05)
            while len(set(mail_server.recipients)) < MAILS or len(heard(receiver)) < COUNT + MAILS:
                await asyncio.sleep(0.05)
    assert all(isinstance(one, httpx2.ConnectError) or _status(one) == 404 for one in refused), refused
    assert len(heard(receiver)) == COUNT + MAILS
    # At least once; twice only what was under way.
    assert len(mail_server.recipients) < MAILS * 2


def issues(till: Till) -> list[Awaitable[httpx2.Response]]:
    """Cards with a mail each, under keys that are always the same."""
    return [till.issue("5.00", f"issue-{at}", customerEmail=f"guest{at}@example.com") for at in range(MAILS)]


def heard(receiver: Receiver) -> set[str]:
    """The cards of which it heard that they were issued."""
    return {event["data"]["cardId"] for event in receiver.of_type("giftcard.issued")}


def _status(answer: object) -> int:
    return answer.status_code if isinstance(answer, httpx2.Response) else 0
