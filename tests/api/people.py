"""A person with a name, an address and a number that nobody else has, and every place in which they could stand."""

import itertools
from dataclasses import dataclass
from typing import Any

from tests.api.people_operations import GDPR
from tests.api.shop import Body, Shop, Superuser, good

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Somebody:
    """Whoever is looked for."""

    email: str
    phone: str
    name: str

    @classmethod
    def new(cls) -> "Somebody":
        number = next(_numbers)
        return cls(f"Zelda.Quorn{number}@Example.com", f"+4915199{number:06}", f"Zelda Quorn{number}")

    @property
    def contacts(self) -> Body:
        """Members of a card that is for them."""
        return {
            "customerEmail": self.email,
            "customerPhone": self.phone,
            "customerName": self.name,
            "senderName": f"Mother of {self.name}",
            "customMessage": f"Dear {self.name}!\nCall me: {self.phone}",
        }

    @property
    def words(self) -> list[str]:
        """What may stand nowhere, in small letters: each also as hexadecimal digits, which is how bytes are shown."""
        plain = [self.email.lower(), self.phone, self.name.lower(), self.name.split()[1].lower()]
        return [*plain, *(word.encode().hex() for word in plain), self.email.encode().hex()]


async def traces(superuser: Superuser, who: Somebody) -> list[str]:
    """The tables in which anything of the person stands, and what."""
    names = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    holding = (
        'SELECT w FROM unnest($1::text[]) AS w WHERE EXISTS (SELECT FROM "{}" t WHERE strpos(lower(t::text), w) > 0)'
    )
    return [
        f"{name}: {row['w']}" for (name,) in names for row in await superuser.fetch(holding.format(name), who.words)
    ]


async def answers_naming(shop: Shop, who: Somebody) -> int:
    """How many of the stored answers name the person, once they are decrypted."""
    rows = await shop.superuser.fetch("SELECT program_id, key_hash, answer FROM idempotency_key")
    keyring = shop.api.services.keyring
    opened = [
        keyring.decrypt("answer", row["answer"], row["program_id"].encode() + row["key_hash"]).decode().lower()
        for row in rows
    ]
    return sum(any(word in answer for word in who.words) for answer in opened)


async def erased(shop: Shop, *, token: str = "", headers: dict[str, str] | None = None, **asked: Any) -> Body:
    return good(await shop.post(f"{GDPR}/erasure", asked, token=token, headers=headers))


async def exported(shop: Shop, *, token: str = "", headers: dict[str, str] | None = None, **asked: Any) -> Body:
    """What the file says, as JSON."""
    made = good(await shop.post(f"{GDPR}/export", {"format": "json", **asked}, token=token, headers=headers))
    path = f"{GDPR}/download?exportId={made['exportId']}&format=json"
    return good(await shop.get(path, token=token, headers=headers))


async def balances(superuser: Superuser) -> list[tuple[object, ...]]:
    """The money of all cards and entries."""
    rows = await superuser.fetch("SELECT id, balance, held, seq FROM card ORDER BY id")
    more = await superuser.fetch("SELECT id, amount, balance_after, hash FROM card_transaction ORDER BY id")
    return [tuple(row) for row in (*rows, *more)]
