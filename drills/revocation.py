"""What is taken back is over in every process: keys, sign-ins, accounts, sessions, all of them within a minute.

A server with three processes; each has seen every proof and remembers it. Then everything is taken back by the command
line, which is a process of its own, and is asked for again every second on fresh connections, which fall on any of the
three. What is measured is the last time that somebody was let in.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402

from drills import alone  # noqa: E402
from kado.access.signatures import HEADER, sign  # noqa: E402

PROCESSES: Final = 3
SECONDS: Final = 60

_SHOP: Final = "Flower Shop"
_PASSWORD: Final = "correct horse battery staple"
_OPENING: Final = "/v2/giftcards/merchants/session"
_AT_ONCE: Final = 24
"""Fresh connections for each question: that all of them miss one of three processes happens once in 17,000 times."""
_REMEMBERED: Final = 30
"""For so many seconds a process remembers who somebody is."""


@dataclass(frozen=True)
class Proof:
    """Something that lets its bearer in until it is taken back."""

    what: str
    path: str
    headers: dict[str, str]
    take_back: Callable[[], object]


def proofs(server: Server) -> list[Proof]:
    """One of each sort."""
    server.merchant(_SHOP, "anna@flowers.example", _PASSWORD)
    owner = {"Authorization": f"Bearer {server.key(_SHOP)}"}
    key = server.made("key", "create", "--merchant", _SHOP, "--json")
    return [
        Proof(
            "key",
            "/v2/loyalty/programs",
            {"Authorization": f"Bearer {key['secret']}"},
            lambda: server.command("key", "revoke", key["keyId"]),
        ),
        _signing_key(server),
        _sign_in(server, "bo@flowers.example", "sign-out"),
        _sign_in(server, "cy@flowers.example", "close"),
        _till(server, owner),
        _customer(server),
    ]


def _signing_key(server: Server) -> Proof:
    key = server.made("key", "create", "--merchant", _SHOP, "--signing", "--json")
    # Of a request that is read and changes nothing: no such session is open.
    path = f"{_OPENING}/validate"
    headers = {HEADER: sign(key["secret"], key["keyId"], "POST", path, b'{"sessionToken":"x"}', time.time())}
    return Proof("signing key", path, headers, lambda: server.command("key", "revoke", key["keyId"]))


def _sign_in(server: Server, email: str, how: str) -> Proof:
    words = ("staff", "add", email, "--merchant", _SHOP, "--password-stdin", "--json")
    server.made(*words, said=_PASSWORD + "\n")
    answer = httpx2.post(f"{server.base_url}/v2/token", data={"username": email, "password": _PASSWORD})
    headers = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
    return Proof(f"token of a person ({how})", "/v2/token", headers, lambda: server.command("staff", how, email))


def _till(server: Server, owner: dict[str, str]) -> Proof:
    key = server.made("key", "create", "--merchant", _SHOP, "--signing", "--json")
    content = json.dumps({"appToken": "app-token-0123456789", "merchantId": "shop-1", "role": "owner"}).encode()
    signature = sign(key["secret"], key["keyId"], "POST", _OPENING, content, time.time())
    opened = httpx2.post(
        server.base_url + _OPENING,
        content=content,
        headers={HEADER: signature, "Content-Type": "application/json"},
    )
    headers = owner | {"X-Eposn-Merchant-Token": opened.json()["sessionToken"]}
    return Proof("till's session", "/v2/giftcards/merchants/theme", headers, lambda: _end(server, "till"))


def _customer(server: Server) -> Proof:
    bearer = {"Authorization": f"Bearer {server.key(_SHOP, '--test')}"}
    base, target = f"{server.base_url}/v2/giftcards/customers/otp", {"target": "ada@example.com"}
    code = httpx2.post(f"{base}/send", json=target, headers=bearer).json()["mockCode"]
    signed_in = httpx2.post(f"{base}/verify", json=target | {"code": code}, headers=bearer).json()
    headers = bearer | {"X-Eposn-Customer-Token": signed_in["sessionToken"]}
    return Proof(
        "customer's session", "/v2/giftcards/customer/reports", headers, lambda: _end(server, "customer", "--test")
    )


def _end(server: Server, kind: str, *more: str) -> None:
    listed = server.command("session", "list", "--merchant", _SHOP, "--kind", kind, "--json", *more).json
    for session in listed:
        server.command("session", "end", session["id"], "--merchant", _SHOP, *more)


async def let_in(client: httpx2.AsyncClient, proof: Proof) -> int:
    """Of so many questions on fresh connections, how many were answered."""

    async def ask() -> bool:
        if HEADER in proof.headers:
            headers = proof.headers | {"Content-Type": "application/json"}
            answer = await client.post(proof.path, content=b'{"sessionToken":"x"}', headers=headers)
        else:
            answer = await client.get(proof.path, headers=proof.headers)
        if answer.status_code not in (200, 401):
            raise AssertionError(f"{proof.what}: {answer.status_code} {answer.text}")
        return answer.status_code == 200

    return sum(await asyncio.gather(*(ask() for _ in range(_AT_ONCE))))


async def measured(client: httpx2.AsyncClient, proof: Proof, seconds: float) -> float:
    """For how long it was good after it was taken back, looked at every second for so long."""
    if await let_in(client, proof) != _AT_ONCE:
        raise AssertionError(f"{proof.what} is good and was refused")
    await asyncio.to_thread(proof.take_back)
    taken = time.monotonic()
    last = 0.0
    while (now := time.monotonic()) < taken + seconds:
        if await let_in(client, proof):
            last = now - taken
        await asyncio.sleep(1)
    return last


async def _drill(server: Server, tell: Tell, scale: float) -> list[Line]:
    known = await asyncio.to_thread(proofs, server)
    tell(f"{len(known)} proofs are known to {PROCESSES} processes and are taken back")
    seconds = max(_REMEMBERED + 5, (SECONDS + 5) * min(1.0, scale))
    fresh = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=server.base_url, limits=fresh, timeout=30) as client:
        lasted = await asyncio.gather(*(measured(client, proof, seconds) for proof in known))
    return [judge({proof.what: last for proof, last in zip(known, lasted, strict=True)})]


def judge(lasted: dict[str, float]) -> Line:
    each = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in lasted.items())
    return Line(
        40,
        f"what is taken back is refused by all processes within {SECONDS} s",
        f"{PROCESSES} processes, let in for the last time after: {each}",
        max(lasted.values()) <= SECONDS,
    )


def drill(tell: Tell, scale: float) -> list[Line]:
    with serving(processes=PROCESSES) as server:
        lines = asyncio.run(_drill(server, tell, scale))
        server.stop()
    return lines


if __name__ == "__main__":
    alone.main(drill, "revocation")
