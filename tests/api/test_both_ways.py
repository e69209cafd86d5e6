"""The fast lane and the usual way: the same answers byte for byte, whatever is sent, and one memory of keys."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from tests.api import raw
from tests.api.inputs import AMOUNTS
from tests.api.serving import Served
from tests.api.shop import UNKNOWN, Body, Shop, card_path
from tests.api.test_bad_input import BODIES

from kado.access.authenticate import Access
from kado.access.permissions import Role
from kado.app import entrance, graceful, http
from kado.app.fast_connection import FastConfig, configured
from kado.doors.api import ROUTERS, rights, served
from kado.doors.api.fast_lane.calls import CHECK, ON_CARD
from kado.doors.api.rights import Rule
from kado.fraud.blocked import Blocks
from kado.programs.reach import Reaches

REQUESTS = dict(raw.requests())
_DATE = re.compile(rb"date: [^\r]*\r\n")
_ENTRY = re.compile(rb'"transactionId":"[0-9a-f]{24}"')
_TIME = re.compile(rb'"(updatedAt|createdAt|activatedAt|expiresAt)":"[^"]*"')
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """So that those who promise more than they send are not waited for any longer than this file likes."""
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_REQUEST_SECONDS": "3"}


@dataclass
class Ways:
    """A server whose requests go either way, another whose requests all go the usual one, over the same services."""

    shop: Shop
    fast: int
    usual: int
    config: FastConfig

    def taken(self) -> int:
        return self.config.fast_lane.taken

    async def answers(self, port: int, *pieces: bytes, count: int = 1, pause: float = 0.0) -> list[bytes]:
        """So many answers to these pieces of requests, over one connection that is kept."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause)
            return [await _answer(reader) for _ in range(count)]
        finally:
            writer.transport.abort()

    async def answer(self, port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
        """The one answer."""
        return (await self.answers(port, *pieces, pause=pause))[0]


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = re.search(rb"content-length: (\d+)", head.lower())
    return head + (await reader.readexactly(int(length[1])) if length else b"")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ways(shop: Shop, api: Served) -> AsyncIterator[Ways]:
    database, keyring = api.services.database, api.services.keyring

    def timer() -> float:
        return 0.0  # so that what is remembered stays so

    remembering = replace(
        api.services,
        access=Access(database, keyring, timer),
        reaches=Reaches(database, timer),
        blocks=Blocks(database, timer),
    )
    front, bounds = served(remembering), http.bounds(api.services.settings)
    both = configured(front, bounds)
    assert isinstance(both, FastConfig)
    with entrance.bind("127.0.0.1", 0) as one, entrance.bind("127.0.0.1", 0) as other:
        running = []
        for listening, config in ((one, both), (other, configured(replace(front, fast_lane=None), bounds))):
            listening.listen(512)
            server = graceful.Server(config)
            running.append((server, asyncio.create_task(server.serve(sockets=[listening]))))
        ways = Ways(shop, one.getsockname()[1], other.getsockname()[1], both)
        await ways.answer(ways.usual, request(card_path(await shop.active()), token=shop.owner, method="GET"))
        yield ways
        for server, _ in running:
            server.should_exit = True
        await asyncio.gather(*(task for _, task in running))


def request(
    path: str, body: object = None, *, token: str = "", key: str = "", method: str = "POST", more: str = ""
) -> bytes:
    """A plain request, unless `more` says otherwise."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: kado", f"X-Request-Id: r{next(_numbers)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Idempotency-Key: {key}"] if key else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"] if body is not None else []
    return "\r\n".join([*lines, *([more] if more else [])]).encode() + b"\r\n\r\n" + text


def bare(answer: bytes, *cards: Body) -> bytes:
    """The answer without what differs between any two: the date, ids, times and the card."""
    for card in cards:
        for name in ("id", "cardNumber", "lastFourDigits"):
            answer = answer.replace(str(card[name]).encode(), b"<%b>" % name.encode())
        answer = answer.replace(card["card"]["serialNumber"].encode(), b"<sid>")
    answer = _TIME.sub(rb'"\1":"<time>"', _ENTRY.sub(b'"transactionId":"<entry>"', _DATE.sub(b"", answer)))
    return re.sub(rb"x-request-id: [^\r]*", b"x-request-id: <name>", answer)


# ── the same answers ───────────────────────────────────────────────────────────────────────────────────────────────

SAID = {
    "redeem": ("redeem", {"amount": "10.00"}),
    "with everything": (
        "redeem",
        {"amount": 10, "posTransactionId": "p1", "cashierId": "c", "terminalId": "t", "description": "Tea\nand cake"},
    ),
    "a member that is unknown": ("redeem", {"amount": "1", "tip": 1}),
    "more than there is": ("redeem", {"amount": "100.01"}),
    "all of it": ("redeem", {"amount": "100.00"}),
    "an umlaut": ("redeem", {"amount": "1.00", "description": "Blumenstrauß für Zoë"}),
    "reload": ("reload", {"amount": "10.00", "referenceId": "r1"}),
    "over the maximum": ("reload", {"amount": "5000.00"}),
}


@pytest.mark.parametrize("name", SAID)
async def test_an_operation_is_answered_alike_and_repeated_alike_on_the_other_way(ways: Ways, name: str) -> None:
    what, body = SAID[name]
    first, second = [await ways.shop.active() for _ in range(2)]
    key, token, before = f"both-{name}".replace(" ", "-"), ways.shop.owner, ways.taken()
    asked = [request(card_path(card, what), body, token=token, key=key) for card in (first, second)]
    fast, usual = await ways.answer(ways.fast, asked[0]), await ways.answer(ways.usual, asked[1])
    assert ways.taken() == before + 1
    assert bare(fast, first, second) == bare(usual, first, second)
    again = await ways.answer(ways.usual, asked[0]), await ways.answer(ways.fast, asked[1])
    assert ways.taken() == before + 2
    assert [bare(one, first, second) for one in again] == [bare(again[0], first, second)] * 2
    assert again[0].partition(b"\r\n\r\n")[2] == fast.partition(b"\r\n\r\n")[2], "a repetition says what was said"
    assert len(await ways.shop.entries(first)) == len(await ways.shop.entries(second))


async def test_the_same_key_for_something_else_is_refused_on_either_way(ways: Ways) -> None:
    card, token = await ways.shop.active(), ways.shop.owner
    await ways.answer(ways.fast, request(card_path(card, "redeem"), {"amount": "1.00"}, token=token, key="else"))
    other = request(card_path(card, "redeem"), {"amount": "2.00"}, token=token, key="else")
    fast, usual = await ways.answer(ways.fast, other), await ways.answer(ways.usual, other)
    assert fast.startswith(b"HTTP/1.1 4")
    assert bare(fast) == bare(usual)


async def test_a_repeated_reference_without_a_key_is_pointed_out_alike(ways: Ways) -> None:
    cards = [await ways.shop.active() for _ in range(2)]
    heard = []
    for card, port in zip(cards, (ways.fast, ways.usual), strict=True):
        asked = request(card_path(card, "reload"), {"amount": "1.00", "referenceId": "twice"}, token=ways.shop.owner)
        await ways.answer(port, asked)
        answer = await ways.answer(port, asked)
        heard.append(re.sub(rb"(kado-possible-duplicate): [0-9a-f]{24}", rb"\1: <entry>", bare(answer, *cards)))
    assert b"kado-possible-duplicate: <entry>" in heard[0]
    assert heard[0] == heard[1]


async def test_a_card_is_shown_alike(ways: Ways) -> None:
    for status in ("pending", "active", "suspended", "expired", "voided", "depleted"):
        card = await ways.shop.card_in(status)
        asked, before = request(card_path(card), token=ways.shop.owner, method="GET"), ways.taken()
        fast, usual = await ways.answer(ways.fast, asked), await ways.answer(ways.usual, asked)
        assert ways.taken() == before + 1
        assert _DATE.sub(b"", fast) == _DATE.sub(b"", usual)


async def test_a_balance_is_checked_alike_with_right_and_wrong_codes(ways: Ways) -> None:
    card = await ways.shop.active()
    path, before = f"/v2/giftcards/programs/{card['programId']}/balance-check", ways.taken()
    code = await ways.shop.code_of(card)
    right = {"cardNumber": card["cardNumber"], "securityCode": code}
    for body in (right, right | {"securityCode": "000000"}, right | {"cardNumber": "1" * 16}, {"cardNumber": "1"}):
        asked = request(path, body, more="X-Forwarded-For: 198.51.100.77")
        fast, usual = await ways.answer(ways.fast, asked), await ways.answer(ways.usual, asked)
        assert _DATE.sub(b"", fast) == _DATE.sub(b"", usual)
    assert ways.taken() == before + 3, "the last is no check, and the usual way says why"


async def test_who_may_not_is_refused_alike(ways: Ways) -> None:
    shop, card = ways.shop, await ways.shop.active()
    _, stranger = await shop.stranger()
    _, admitted = await shop.admitted()
    tokens = [stranger, admitted, await shop.key(Role.READ_ONLY), await shop.key(is_test=True), "kado_live_x", ""]
    for token, what, method in itertools.product(tokens, ("redeem", "reload", ""), ("POST", "GET")):
        body = {"amount": "0.00"} if method == "POST" else None
        asked = request(card_path(card, what), body, token=token, method=method)
        fast, usual = await ways.answer(ways.fast, asked), await ways.answer(ways.usual, asked)
        assert _DATE.sub(b"", fast) == _DATE.sub(b"", usual)


async def test_what_is_not_there_is_missed_alike(ways: Ways) -> None:
    card, token = await ways.shop.active(), ways.shop.owner
    for path in (
        card_path(card | {"id": UNKNOWN}, "redeem"),
        card_path(card | {"programId": UNKNOWN}, "redeem"),
        card_path(card | {"id": UNKNOWN}, "reload"),
    ):
        asked = request(path, {"amount": "1.00"}, token=token)
        assert bare(await ways.answer(ways.fast, asked)) == bare(await ways.answer(ways.usual, asked))
    asked = request(card_path(card | {"id": UNKNOWN}), token=token, method="GET")
    assert bare(await ways.answer(ways.fast, asked)) == bare(await ways.answer(ways.usual, asked))


async def test_bodies_that_are_wrong_are_refused_alike(ways: Ways) -> None:
    card, token = await ways.shop.active(), ways.shop.owner
    wrong = [one if isinstance(one, bytes) else one.encode() for one in BODIES.values()]
    wrong += [b'{"amount":%b}' % json.dumps(amount).encode() for amount in AMOUNTS.values() if amount is not None]
    for body in wrong:
        if len(body) < 60_000:
            asked = request(card_path(card, "redeem"), body, token=token)
            fast, usual = await ways.answer(ways.fast, asked), await ways.answer(ways.usual, asked)
            assert _DATE.sub(b"", fast) == _DATE.sub(b"", usual), body[:80]


async def test_what_no_client_sends_is_answered_alike(ways: Ways) -> None:
    # A card that is not there: whatever is taken for a sale finds none on either way.
    path = card_path({"programId": ways.shop.program_id, "id": UNKNOWN}, "redeem").encode()

    async def heard(port: int, name: str) -> bytes:
        asked = REQUESTS[name].replace(raw.PATH, path).replace(raw.TOKEN, ways.shop.owner.encode())
        try:
            return bare(await ways.answer(port, asked.replace(b"\r\nConnection: close", b"\r\nX-Request-Id: r1")))
        except asyncio.IncompleteReadError:
            return b"nothing"

    for at in range(0, len(REQUESTS), 100):  # some are waited for until they are complete, and never are
        names = list(REQUESTS)[at : at + 100]
        said = await asyncio.gather(*(heard(port, name) for port in (ways.fast, ways.usual) for name in names))
        fast, usual = said[: len(names)], said[len(names) :]
        assert dict(zip(names, fast, strict=True)) == dict(zip(names, usual, strict=True))


# ── in pieces, and one behind the other ────────────────────────────────────────────────────────────────────────────


async def test_a_body_that_comes_behind_its_head_takes_the_fast_lane_too(ways: Ways) -> None:
    card, before = await ways.shop.active(), ways.taken()
    asked = request(card_path(card, "redeem"), {"amount": "1.00"}, token=ways.shop.owner)
    head, _, body = asked.partition(b"\r\n\r\n")
    answer = await ways.answer(ways.fast, head + b"\r\n\r\n", body, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ways.taken() == before + 1


async def test_one_that_comes_in_more_pieces_goes_the_usual_way(ways: Ways) -> None:
    card, before = await ways.shop.active(), ways.taken()
    asked = request(card_path(card, "redeem"), {"amount": "1.00"}, token=ways.shop.owner)
    pieces = [asked[at : at + 40] for at in range(0, len(asked), 40)]
    assert (await ways.answer(ways.fast, *pieces, pause=0.01)).startswith(b"HTTP/1.1 200 OK\r\n")
    head, _, body = asked.partition(b"\r\n\r\n")
    answer = await ways.answer(ways.fast, head + b"\r\n\r\n", body[:5], body[5:], pause=0.05)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ways.taken() == before
    assert (await ways.shop.look(card))["balance"] == "98.00"


async def test_requests_one_behind_the_other_are_answered_in_their_order(ways: Ways) -> None:
    card, before = await ways.shop.active(), ways.taken()
    asked = [request(card_path(card, "redeem"), {"amount": f"{n}.00"}, token=ways.shop.owner) for n in range(1, 4)]
    asked.insert(1, request("/health/live", method="GET"))
    for pieces in (asked, [b"".join(asked)], [asked[0] + asked[1][:20], asked[1][20:] + asked[2], asked[3]]):
        answers = await ways.answers(ways.fast, *pieces, count=4, pause=0.001)
        found = [re.search(rb'"amountRedeemed":"(\d)|"status":"(\w+)"', one) for one in answers]
        assert [one and (one[1] or one[2]) for one in found] == [b"1", b"alive", b"2", b"3"]
    assert ways.taken() > before
    assert (await ways.shop.look(card))["balance"] == "82.00"


# ── one contract ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_bodies_and_permissions_are_those_of_the_routes() -> None:
    routes = {
        (method, route.path.rpartition("/cards/{cardId}")[2]): route
        for subject in ROUTERS
        for route in subject.router.routes
        if isinstance(route, APIRoute) and "/programs/{programId}/cards/{cardId}" in route.path
        for method in route.methods or ()
    }
    for (method, suffix), call in ON_CARD.items():
        route = routes[method.decode(), suffix]
        assert call.route == route.path
        fields = [param.field_info.annotation for param in route.dependant.body_params]
        assert fields == ([] if call.body is None else [call.body])
        assert [row.rule for row in rights.rows([route])] == [Rule(call.permission, in_program=True)]
    assert CHECK.route in {
        route.path for subject in ROUTERS for route in subject.router.routes if isinstance(route, APIRoute)
    }
    assert CHECK.body.__name__ == "BalanceCheckRequest"
