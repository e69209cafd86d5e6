"""Somebody lives with cards on a real server, with mails, text messages, events and orders; then they are forgotten.

In a dump of the database nothing names them afterwards, in no table and no index, and the logs never did.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import Iterator

import pytest
from tests.secrets.collected import Collected, found_in, readable
from tests.secrets.dump import dump_of
from tests.serving.receiver import Receiver, receiving
from tests.serving.server import Server, serving, until
from tests.serving.till import Till

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

GDPR = "/v2/giftcards/gdpr"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(settings={"KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}) as server:
        yield server


class Zelda:
    """One of two people who are looked for."""

    def __init__(self, collected: Collected) -> None:
        mark = secrets.token_hex(4)
        self.email = collected.person("email", f"zelda.{mark}+gifts@mail.example")
        self.phone = collected.person("phone", f"+49151{secrets.randbelow(10**8):08}")
        self.name = collected.person("name", f"Zelda Quorn-{mark}")
        self.on_card = {
            "customerEmail": self.email.upper(),
            "customerPhone": self.phone,
            "customerName": self.name,
            "senderName": f"{self.name}'s mother",
            "customMessage": f"Dear {self.name}, call {self.phone}",
        }


async def lived(server: Server, till: Till, zelda: Zelda) -> list[str]:
    """All that can happen to the cards of somebody, most of it under keys; the cards that can still be spent."""
    keys = iter(f"key-{secrets.token_hex(8)}" for _ in range(20))
    note = {"description": f"for {zelda.name}"}

    async def does(path: str, body: object, status: int = 200) -> dict[str, object]:
        answer = await till.post(path, body, next(keys))
        assert answer.status_code == status, answer.text
        said: dict[str, object] = answer.json()
        return said

    first, second, third = [(await till.card("50.00", **zelda.on_card))["id"] for _ in range(3)]
    await does(till.cards_path(first, "redeem"), {"amount": "5.00", **note})
    await does(till.cards_path(first, "reload"), {"amount": "7.00", **note})
    held = await does(till.cards_path(first, "holds"), {"amount": "2.00", "orderReference": "order 9", **note}, 201)
    await does(till.cards_path(first, f"holds/{held['id']}/capture"), note)
    await does(till.cards_path(first, "suspend"), {"reason": f"{zelda.name} called from {zelda.phone}"})
    await does(till.cards_path(first, "unsuspend"), note)
    await does(till.cards_path(first, "resend-code"), {})
    replaced = await does(till.cards_path(second, "replace"), {"reason": f"{zelda.name} lost it"}, 201)
    await does(till.cards_path(third, "void"), {"reason": f"{zelda.email} is gone"})
    given = (await till.card("9.00", **zelda.on_card))["id"]
    new_owner = {"newOwnerName": "Ida", "newOwnerEmail": "ida@mail.example"}
    await does(till.cards_path(given, "transfer-ownership"), new_owner)
    other = (await till.card("8.00", customerEmail="kim@mail.example"))["id"]
    await does(till.cards_path(other, "resend-code"), {"customerEmail": zelda.email})
    planned = {**zelda.on_card, "deliverAt": "2031-01-01T00:00:00Z", "initialValue": "3.00"}
    planned |= {"merchantId": till.merchant_id}
    await does(till.cards_path(), planned, 201)
    many = await till.bulk(next(keys), recipients=[zelda.on_card, {"customerEmail": "kim@mail.example"}])
    assert many.status_code == 201, many.text
    new_card = replaced["newCard"]
    assert isinstance(new_card, dict)
    return [first, str(new_card["id"])]


async def signed_in(till: Till, zelda: Zelda, collected: Collected) -> None:
    test_mode = await till.post("/v2/giftcards/customers/otp/send", {"target": zelda.email})
    assert test_mode.status_code == 200
    consent = {"purposes": ["news"], "customerEmail": zelda.email, "customerPhone": zelda.phone, "ipAddress": "::1"}
    collected.answer(await till.post(f"{GDPR}/consent", consent))
    astray = (
        await till.post(f"{GDPR}/export", {"customerEmail": [zelda.email], "format": zelda.phone}),
        await till.post(f"{GDPR}/erasure", {"customerEmail": f"{zelda.email} x", "reason": {zelda.name: 1}}),
        await till.http.get(f"{GDPR}/consent/{zelda.email}?customerEmail={zelda.phone}"),
        await till.http.get(f"{GDPR}/consent/lookup", params={"customerEmail": zelda.email, "customerId": zelda.phone}),
        await till.http.get(f"{GDPR}/download", params={"exportId": zelda.email, "customerEmail": zelda.email}),
    )
    for answer in astray:
        collected.answer(answer)
        assert answer.status_code in (404, 422)


async def listening(till: Till, receiver: Receiver) -> None:
    made = (await till.post("/v2/webhooks", {"url": receiver.url})).json()
    assert (await till.post(f"/v2/webhooks/{made['id']}/enable")).status_code == 200


async def test_a_dump_names_nobody_who_was_forgotten(server: Server) -> None:
    collected = Collected()
    merchant = server.merchant("Flower Shop")
    key = server.key("Flower Shop")
    by_api, by_command = Zelda(collected), Zelda(collected)
    async with Till(server, key, merchant) as till, receiving() as receiver:
        await till.open_program()
        await listening(till, receiver)
        spendable = []
        for zelda in (by_api, by_command):
            spendable += await lived(server, till, zelda)
            await signed_in(till, zelda, collected)
        await asyncio.to_thread(until, lambda: server.command("outbox", "check").code == 0, 30, "mails wait")
        before = readable(dump_of(server))
        assert {"email", "phone", "name"} <= {hit.partition(" ")[0] for hit in found_in(before, collected.people)}
        balances = {card: (await till.details(card))["balance"] for card in spendable}
        server.books_are_right()

        made = (await till.post(f"{GDPR}/export", {"customerEmail": by_api.email, "format": "csv"})).json()
        file = await till.http.get(made["downloadUrl"].removeprefix(server.base_url))
        assert by_api.name in file.text
        done = await till.post(f"{GDPR}/erasure", {"customerEmail": by_api.email, "reason": f"{by_api.name} wrote"})
        assert (done.status_code, done.json()["status"]) == (200, "completed"), done.text
        for named in (("--email", by_command.email), ("--phone", by_command.phone)):
            ran = server.command("people", "erase", "--merchant", "Flower Shop", *named, "--yes", "--json")
            assert json.loads(ran.out)["requestId"], ran.err

        assert found_in(readable(dump_of(server)), collected.people) == []
        server.books_are_right()
        assert {card: (await till.details(card))["balance"] for card in spendable} == balances
        for card in spendable:
            assert (await till.redeem(card, "1.00")).status_code == 200
        events = await receiver.until(8)
        assert [found_in(event.body.decode(), collected.people) for event in events] == [[]] * len(events)
    server.stop()
    logs = server.said() + server.said_by_postgres()
    assert logs.count('"request"') > 40
    assert found_in(logs, collected.people) == []
    assert found_in(logs, collected.answers) == []
