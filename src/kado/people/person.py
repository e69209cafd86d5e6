"""Whom a request is about: a person as one merchant knows them, by id, email or phone number.

A card is theirs by the rule of `cards/ownership.py`: it bears their id, or a contact of theirs. Nothing is ever looked
up by a name, since many people share one.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Final

from kado.access.caller import Caller, Customer
from kado.crypto import Keyring, Undecipherable
from kado.errors import Invalid, NotFound
from kado.storage.database import Connection

_NOBODY: Final = ""
"""An id that no customer has."""


@dataclass(frozen=True, slots=True)
class Controller:
    """The merchant whose data it is, in live or test mode, and who asks on its behalf (`actor`, for the audit log)."""

    merchant_id: str
    is_test: bool
    actor: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of the person: email in lower case, phone in E.164; at least one of the three."""

    customer_id: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return self.customer_id is None and self.email is None and self.phone is None


@dataclass(frozen=True, slots=True)
class Person:
    """What the merchant knows somebody by. One without an id has never signed in."""

    customer_id: str | None
    email: str | None
    phone: str | None
    name: str | None = None
    is_customer: bool = False

    @property
    def holder(self) -> Customer:
        """The same in the words of `cards/ownership.py`."""
        return Customer(self.customer_id or _NOBODY, self.email, self.phone, self.name)

    @property
    def contacts(self) -> list[str]:
        """Where the person can be reached."""
        return [contact for contact in (self.email, self.phone) if contact is not None]

    def is_named_by(self, asked: Asked) -> bool:
        """Whether everything that is asked for is this person's."""
        pairs = ((asked.customer_id, self.customer_id), (asked.email, self.email), (asked.phone, self.phone))
        return all(wanted is None or wanted == known for wanted, known in pairs)


def controller_of(caller: Caller) -> Controller:
    """On whose behalf a caller asks."""
    return Controller(caller.merchant_id, caller.is_test, caller.subject)


async def find_person(
    connection: Connection, controller: Controller, asked: Asked, customer: Customer | None = None
) -> Person:
    """The person, with all that the merchant's customers say of them; whoever is not known is who was asked for.

    A customer whose session came with the request (`customer`) can only ask about themselves: anybody else is not
    there for them. Raises `Invalid` where what was asked for belongs to two people, or is nothing.
    """
    if customer is not None:
        person = Person(customer.id, customer.email, customer.phone, customer.name, is_customer=True)
        if not person.is_named_by(asked):
            raise NotFound("customer_not_found", "There is no such customer.")
        return person
    if asked.is_empty:
        raise Invalid(("body", "customerId"), "Say who is meant.", "person_required")
    rows = await connection.fetch(
        """
        SELECT id, email, phone, name FROM customer
        WHERE merchant_id = $1 AND is_test = $2 AND (id = $3::text OR email = $4 OR phone = $5)""",
        controller.merchant_id,
        controller.is_test,
        asked.customer_id,
        asked.email,
        asked.phone,
    )
    if not rows:
        return Person(asked.customer_id, asked.email, asked.phone)
    row = rows[0]
    person = Person(row["id"], row["email"], row["phone"], row["name"], is_customer=True)
    merged = replace(person, email=person.email or asked.email, phone=person.phone or asked.phone)
    if len(rows) > 1 or not merged.is_named_by(asked):
        raise more_than_one()
    return merged


def more_than_one() -> Invalid:
    """What was asked for belongs to several people, and nobody is guessed at."""
    return Invalid(("body", "customerId"), "What was said belongs to more than one person.", "more_than_one_person")


def hide(keyring: Keyring, person: Person, row_id: str) -> bytes:
    """The person as a row keeps it: encrypted, and readable beside that row's id alone."""
    return keyring.encrypt("stored-secret", json.dumps(asdict(person)).encode(), row_id.encode())


def show(keyring: Keyring, hidden: bytes, row_id: str) -> Person | None:
    """What `hide` hid; None where the secret that it was written under is not configured any more."""
    try:
        return Person(**json.loads(keyring.decrypt("stored-secret", hidden, row_id.encode())))
    except Undecipherable:
        return None
