"""A shop at work: builders for cards in every state, and what its owner, its staff and a thief can see of them."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import httpx2
from tests.api.serving import PUBLIC_URL, Served
from tests.behind import age_hold

from kado.access import keys, staff, store
from kado.access.permissions import Permission, Role
from kado.access.signatures import sign
from kado.cards.card import Card
from kado.cards.chain import seal_state
from kado.cards.codes import make_code
from kado.cards.find import card_by_id
from kado.cards.store import write_state
from kado.cards.verify import verify
from kado.ids import new_id
from kado.programs.admit import admit

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Body: TypeAlias = dict[str, Any]
Fits: TypeAlias = Callable[[str, Body], Body]

STATUSES = ("pending", "active", "depleted", "suspended", "expired", "voided")
UNKNOWN = "0123456789abcdef01234567"
"""An id that nothing has."""

PEOPLE = {
    "customerEmail": "Ada.Lovelace@EXAMPLE.com",
    "customerPhone": "+49 (30) 901-820",
    "customerName": "Ada Lovelace",
    "senderName": "Charles Babbage",
    "customMessage": "Happy birthday!\n<b>Yours</b> & mine 'always' 🎁",
    "designTemplate": "birthday-2",
}

PASSWORD = "correct horse battery staple"

NOTHING: Any = object()
_addresses = (f"198.{second}.{third}.{last}" for second in (18, 19) for third in range(256) for last in range(256))
_numbers = itertools.count(1)

# Counts of what strangers tried; everything else only changes when somebody with a right does something.
COUNTERS = frozenset({"attempt", "code_guess", "check_rate", "number_guess", "anywhere_rate"})
TRIES = "ARRAY['login_failed', 'pii_access']"
"""What the audit log holds of those who changed nothing."""
# Every request is counted, whatever it is, and written down a few seconds later.
TRAFFIC = frozenset({"request_minute", "request_hour"})


def an_address() -> str:
    """An internet address that nobody in these tests came from before."""
    return next(_addresses)


def cards_path(program_id: str) -> str:
    return f"/v2/giftcards/programs/{program_id}/cards"


def card_path(card: Body, action: str = "") -> str:
    return f"{cards_path(card['programId'])}/{card['id']}" + (f"/{action}" if action else "")


LIST_ALL = "/v2/giftcards/programs/cards"
SEARCH_ALL = "/v2/giftcards/programs/search"


def search_path(program_id: str) -> str:
    return f"/v2/giftcards/programs/{program_id}/search"


def check_path(program_id: str) -> str:
    return f"/v2/giftcards/programs/{program_id}/balance-check"


def pass_path(card: Body) -> str:
    return f"/v2/giftcards/passes/{card['card']['serialNumber']}"


def wallet_path(card: Body, action: str = "") -> str:
    return f"/v2/passes/{card['card']['passTypeIdentifier']}/{card['card']['serialNumber']}{action}"


@dataclass
class Shop:
    """The owner's view, unless a token says otherwise. Amounts are in US dollars unless a program says otherwise."""

    api: Served
    superuser: Superuser
    merchant_id: str
    merchant_name: str
    owner: str
    program_id: str = ""
    _tokens: dict[tuple[object, ...], str] = field(default_factory=dict)

    @classmethod
    async def open(cls, api: Served, superuser: Superuser, name: str = "Flower Shop") -> "Shop":
        merchant_id = await a_merchant(api, name)
        made = await keys.create_key(api.services.database, merchant_id, "operator:test")
        shop = cls(api, superuser, merchant_id, name, made.secret)
        shop.program_id = await shop.program()
        return shop

    # ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def call(
        self,
        method: str,
        path: str,
        body: object = NOTHING,
        *,
        token: str | None = "",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx2.Response:
        """A request as the owner; `token=None` sends none. `content` is sent as JSON exactly as it is."""
        given = dict(headers or {})
        if token is not None:
            given.setdefault("Authorization", f"Bearer {token or self.owner}")
        if key is not None:
            given["idempotency-key"] = key
        if content is not None:
            given.setdefault("Content-Type", "application/json")
            return await self.api.client.request(method, path, content=content, headers=given)
        if body is NOTHING:
            return await self.api.client.request(method, path, headers=given)
        return await self.api.client.request(method, path, json=body, headers=given)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = NOTHING, **options: Any) -> httpx2.Response:
        return await self.call("POST", path, body, **options)

    async def redeem(
        self, card: Body, amount: object = "1.00", *, more: Body | None = None, **options: Any
    ) -> httpx2.Response:
        return await self.post(card_path(card, "redeem"), {"amount": amount, **(more or {})}, **options)

    async def reload(
        self, card: Body, amount: object = "1.00", *, more: Body | None = None, **options: Any
    ) -> httpx2.Response:
        return await self.post(card_path(card, "reload"), {"amount": amount, **(more or {})}, **options)

    async def refund(
        self, card: Body, transaction_id: str, body: Body | None = None, **options: Any
    ) -> httpx2.Response:
        return await self.post(card_path(card, f"transactions/{transaction_id}/refund"), body or {}, **options)

    async def transfer(
        self,
        card: Body,
        to: Body,
        amount: object = "1.00",
        *,
        code: str | None = None,
        more: Body | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """With the right code, unless another is given."""
        body = {"securityCode": code or await self.code_of(card), "destinationCardNumber": to["cardNumber"]}
        return await self.post(card_path(card, "transfer"), body | {"amount": amount, **(more or {})}, **options)

    async def reverse(self, card: Body, **options: Any) -> httpx2.Response:
        """Members of the body by their names, beside what `call` takes."""
        given = {name: options.pop(name) for name in ("token", "key") if name in options}
        body = {"cardId": card["id"], **options}
        return await self.post(f"/v2/giftcards/programs/{card['programId']}/reversals", body, **given)

    async def check(
        self, card: Body, code: str, *, address: str | None = None, program_id: str | None = None, **more: object
    ) -> httpx2.Response:
        """A balance check from an address that nobody used before, unless one is given."""
        return await self.post(
            check_path(program_id or card["programId"]),
            {"cardNumber": card["cardNumber"], "securityCode": code, **more},
            token=None,
            headers={"X-Forwarded-For": address or an_address()},
        )

    # ── builders ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def program(self, **rules: object) -> str:
        """Another program of this merchant; its id."""
        body = {"name": f"Program {next(_numbers)}", **rules}
        return str(good(await self.post("/v2/programs", body), 201)["id"])

    async def issue(
        self, value: str = "100.00", *, program_id: str | None = None, token: str = "", **members: object
    ) -> Body:
        program = program_id or self.program_id
        body = {"initialValue": value, "merchantId": self.merchant_id, **members}
        return good(await self.post(cards_path(program), body, token=token), 201)

    async def active(self, value: str = "100.00", *, token: str = "", **members: Any) -> Body:
        card = await self.issue(value, token=token, **members)
        return good(await self.post(card_path(card, "activate"), {}, token=token))

    async def sold(self, card: Body, amount: str = "10.00", *, token: str = "", **members: Any) -> str:
        """A redemption; its id."""
        return str(good(await self.redeem(card, amount, more=members, token=token))["transactionId"])

    async def hold(self, card: Body, amount: str = "10.00", *, token: str = "", **members: Any) -> Body:
        body = {"amount": amount, "orderReference": "order-1", **members}
        return good(await self.post(card_path(card, "holds"), body, token=token), 201)

    async def card_in(self, status: str, value: str = "100.00", *, token: str = "", **members: Any) -> Body:
        """A card in this state, as its owner sees it then."""
        if status == "pending":
            return await self.issue(value, token=token, **members)
        card = await self.active(value, token=token, **members)
        match status:
            case "depleted":
                good(await self.redeem(card, value, token=token))
            case "suspended":
                good(await self.post(card_path(card, "suspend"), {"reason": "lost"}, token=token))
            case "expired":
                await self.expire(card)
            case "voided":
                good(await self.post(card_path(card, "void"), {"reason": "misprinted"}, token=token))
        seen = good(await self.get(card_path(card), token=token))
        assert seen["status"] == status
        return seen

    async def look(self, card: Body) -> Body:
        return good(await self.get(card_path(card)))

    async def entries(self, card: Body) -> list[Body]:
        """Newest first."""
        answer = await self.get(card_path(card, "transactions"))
        assert answer.status_code == 200, answer.text
        listed: list[Body] = answer.json()
        return listed

    async def code_of(self, card: Body) -> str:
        """A fresh security code for the card, the way a message gets it."""
        services = self.api.services
        made = await make_code(services.database, services.keyring, PUBLIC_URL, card["programId"], card["id"])
        assert made is not None, "the card can still be used"
        return made.code

    # ── rights ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def key(
        self,
        role: Role = Role.OWNER,
        scopes: Iterable[Permission] = (),
        *,
        is_test: bool = False,
        merchant_id: str | None = None,
    ) -> str:
        """A key for this merchant or another; the same one when the same is asked for."""
        wanted = (role, tuple(sorted(scopes)), is_test, merchant_id or self.merchant_id)
        if wanted not in self._tokens:
            made = await keys.create_key(
                self.api.services.database, wanted[3], "operator:test", is_test=is_test, role=role, scopes=wanted[1]
            )
            self._tokens[wanted] = made.secret
        return self._tokens[wanted]

    async def person(self, role: Role = Role.OWNER, *, merchant_id: str | None = None) -> str:
        """The token of somebody who works for this merchant or another; the same one when the same is asked for."""
        wanted = ("person", role, merchant_id or self.merchant_id)
        if wanted not in self._tokens:
            _, self._tokens[wanted] = await self.somebody(role, merchant_id=merchant_id)
        return self._tokens[wanted]

    async def somebody(self, role: Role = Role.OWNER, *, merchant_id: str | None = None) -> tuple[str, str]:
        """Somebody new who signs in with `PASSWORD`: the email address, and a token."""
        database, email = self.api.services.database, f"staff{next(_numbers)}@flowers.example"
        merchant = merchant_id or self.merchant_id
        await staff.add(database, merchant, email, PASSWORD, role, None, "operator:test")
        return email, await self.token_of(email)

    async def token_of(self, email: str, *, address: str | None = None) -> str:
        """Signs in, from an address that nobody used before unless one is given."""
        return str(good(await self.sign_in(email, address=address))["accessToken"])

    async def sign_in(
        self, email: str, password: str = "", *, address: str | None = None, agent: str = "tests"
    ) -> httpx2.Response:
        """A sign-in with the right password, unless another one is given."""
        form = {"username": email, "password": password or PASSWORD}
        headers = {"X-Forwarded-For": address or an_address(), "User-Agent": agent}
        return await self.api.client.post("/v2/token", data=form, headers=headers)

    async def stranger(self, name: str | None = None) -> tuple[str, str]:
        """Another merchant: its id and its owner's key."""
        merchant_id = await a_merchant(self.api, name or f"Book Shop {next(_numbers)}")
        return merchant_id, await self.key(merchant_id=merchant_id)

    async def admitted(self, program_id: str | None = None) -> tuple[str, str]:
        """Another merchant that is admitted to the program: its id and its owner's key."""
        merchant_id, token = await self.stranger()
        await admit(self.api.services.database, program_id or self.program_id, merchant_id, "operator:test")
        return merchant_id, token

    async def signature(self, path: str, *, age: float = 0, merchant_id: str | None = None) -> str:
        """What a trusted front end of the merchant would send to GET the path."""
        services = self.api.services
        made = await keys.create_signing_key(
            services.database, services.keyring, merchant_id or self.merchant_id, "operator:test"
        )
        return sign(made.secret, made.key_id, "GET", path, b"", (await self.now()).timestamp() - age)

    # ── past Kado ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def now(self) -> datetime:
        """The database's clock."""
        moment: datetime = await self.superuser.fetchval("SELECT clock_timestamp()")
        return moment

    async def stored(self, card: Body, *, is_test: bool = False) -> Card:
        """The card as the database has it."""
        found = await card_by_id(self.api.services.database, card["programId"], card["id"], is_test=is_test)
        return found.card

    async def shift(self, card: Body, **facts: object) -> None:
        """Rewrite facts of the card as if they had come about earlier, with the seal that belongs to them."""
        is_test = await self.superuser.fetchval("SELECT is_test FROM card WHERE id = $1", card["id"])
        stored = await self.stored(card, is_test=is_test)
        for name, value in facts.items():
            setattr(stored, name, value)
        stored.state_seal = seal_state(self.api.services.keyring, stored)
        stored.recorded_status = stored.status_at(await self.now())
        await write_state(self.superuser, [stored])

    async def age_hold(self, hold: Body, *, days: float) -> None:
        """As if the hold had been placed, and would end, so much earlier."""
        keyring = self.api.services.keyring
        await age_hold(self.superuser, keyring, hold["programId"], hold["id"], timedelta(days=days))

    async def verified(self) -> None:
        """Everything that the database holds proves itself."""
        report = await verify(self.api.services.database, self.api.services.keyring)
        assert report.findings == []

    async def expire(self, card: Body) -> None:
        await self.shift(card, expires_at=await self.now() - timedelta(seconds=1))

    async def snapshot(self, card: Body) -> str:
        """Every byte that the database holds of the card and its entries, and which transaction wrote them last."""
        return str(
            await self.superuser.fetchval(
                "SELECT concat((SELECT concat(c.xmin, c::text) FROM card c WHERE program_id = $1 AND id = $2),"
                " (SELECT string_agg(concat(t.xmin, t::text), E'\\n' ORDER BY seq) FROM card_transaction t"
                " WHERE program_id = $1 AND card_id = $2))",
                card["programId"],
                card["id"],
            )
        )

    async def rows(self, statement: str, *values: object) -> list[Body]:
        return [dict(row) for row in await self.superuser.fetch(statement, *values)]

    async def messages(self, card: Body) -> list[Body]:
        """Oldest first."""
        return await self.rows(
            "SELECT * FROM message WHERE program_id = $1 AND card_id = $2 ORDER BY created_at, kind DESC",
            card["programId"],
            card["id"],
        )


async def a_merchant(api: Served, name: str) -> str:
    merchant_id = new_id()
    async with api.services.database.read() as connection:
        await store.insert_merchant(connection, merchant_id, name)
    return merchant_id


def good(answer: httpx2.Response, status: int = 200) -> Body:
    """The body of an answer that must have this status."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    body: Body = answer.json()
    return body


async def fingerprint(superuser: Superuser, *, but: frozenset[str] = COUNTERS) -> dict[str, tuple[int, int]]:
    """For each table how many rows it has and a sum over all of their text."""
    names = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    marks = {}
    for (name,) in names:
        if name not in but | TRAFFIC:
            row = await superuser.fetchrow(
                f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM "{name}" t'
                + (f" WHERE action <> ALL({TRIES})" if name == "audit_log" else "")
            )
            assert row is not None
            marks[name] = (int(row[0]), int(row[1]))
    return marks
