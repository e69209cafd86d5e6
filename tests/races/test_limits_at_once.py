"""Limits hold for all processes together: two of them do not double what one would allow."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from email import message_from_bytes, policy
from itertools import cycle
from pathlib import Path

from tests.races.conftest import Shop
from tests.serving.server import until
from tests.serving.till import Till


def connections_of(pid: int, port: int) -> int:
    """How many connections to the port this process has accepted."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    return sum(link in ours for link in _links(pid))


def _links(pid: int) -> list[str]:
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return links


@asynccontextmanager
async def guessers(shop: Shop, program: str, address: str) -> AsyncIterator[list[Till]]:
    """Tills of one address with a connection each, so many that each process has its share of them."""
    async with AsyncExitStack() as stack:
        tills: list[Till] = []
        processes = shop.server.http_processes()
        assert len(processes) == 2
        while min(connections_of(pid, shop.server.port) for pid in processes) < 15:
            assert len(tills) < 300, "one process gets no connections"
            till = await stack.enter_async_context(shop.till(address))
            till.program = program
            await till.http.get("/health/live")
            tills.append(till)
        yield tills


def code_in(shop: Shop, recipient: str) -> str:
    """The security code in the latest mail to the recipient; waits for the mail."""
    folder = shop.server.data_dir / "mail"

    def mails() -> list[str]:
        found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))]
        bodies = [mail.get_body(("plain",)) for mail in found if recipient in str(mail["To"])]
        return [body.get_content() for body in bodies if body is not None]

    until(mails, 15, f"no mail for {recipient}")
    line = next(line for line in mails()[-1].splitlines() if line.startswith("Security code:"))
    return line.split()[-1]


async def test_sixty_parallel_guesses_at_one_card_are_evaluated_five_times(till: Till, shop: Shop) -> None:
    address = f"{secrets.token_hex(4)}@mail.example"
    card = await till.card("20.00", customerEmail=address)
    code = code_in(shop, address)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    async with guessers(shop, till.program, "127.0.0.21") as tills:
        calls = (one.check(card["cardNumber"], wrong) for one, _ in zip(cycle(tills), range(60), strict=False))
        answers = await asyncio.gather(*calls)
        assert Counter(answer.status_code for answer in answers) == {404: 5, 429: 55}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 429)
    async with shop.till("127.0.0.22") as owner:
        owner.program = till.program
        assert (await owner.check(card["cardNumber"], code)).status_code == 429, "the right code opens a locked card"
        assert (await till.redeem(card["id"], "1.00")).status_code == 200, "guessing stopped the merchant"
        assert (await till.resend(card["id"])).status_code == 200
        until(lambda: code_in(shop, address) != code, 15, "no new code")
        assert (await owner.check(card["cardNumber"], code_in(shop, address))).json()["balance"] == "19.00"


async def test_one_address_fails_thirty_times_an_hour_in_all_processes_together(till: Till, shop: Shop) -> None:
    async with guessers(shop, till.program, "127.0.0.31") as tills:
        numbers = [f"4000{secrets.randbelow(10**12):012}" for _ in range(100)]
        calls = (one.check(number, "000000") for one, number in zip(cycle(tills), numbers, strict=False))
        assert Counter(answer.status_code for answer in await asyncio.gather(*calls)) == {404: 30, 429: 70}
        assert {(await one.check("4000123412341234", "000000")).status_code for one in tills} == {429}
    async with shop.till("127.0.0.32") as another:
        another.program = till.program
        assert (await another.check("4000123412341234", "000000")).status_code == 404


async def test_a_number_that_does_not_exist_locks_like_one_that_does(till: Till, shop: Shop) -> None:
    card = await till.card("20.00")
    for at, number in enumerate((card["cardNumber"], f"4000{secrets.randbelow(10**12):012}")):
        async with shop.till(f"127.0.0.{41 + at}") as guesser:
            guesser.program = till.program
            answers = await asyncio.gather(*(guesser.check(number, "000000") for _ in range(20)))
            assert Counter(answer.status_code for answer in answers) == {404: 5, 429: 15}


async def test_of_twenty_new_codes_at_once_three_are_sent(till: Till) -> None:
    card = (await till.card("20.00", customerEmail="kim@mail.example"))["id"]
    answers = await asyncio.gather(*(till.resend(card) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 17}
    assert all(int(answer.headers["Retry-After"]) > 3000 for answer in answers if answer.status_code == 429)


async def test_thirty_wrong_passwords_at_once_are_not_all_tried(shop: Shop) -> None:
    """Signing in is limited in the same place; whatever the figure is, two processes keep it."""
    async with shop.till("127.0.0.51") as guesser:
        form = {"username": "flower.shop@shops.example", "password": "wrong password"}
        calls = (guesser.http.post("/v2/token", data=form, headers={"Authorization": ""}) for _ in range(30))
        counts = Counter(answer.status_code for answer in await asyncio.gather(*calls))
        assert counts.keys() == {401, 429}, counts
        assert counts[401] <= 10, counts
