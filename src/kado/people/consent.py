"""What people agree to: each time somebody says so is a row of its own, and the latest one counts.

A person who has never signed in gets an id of their own here, by which the contract names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kado import audit
from kado.access.caller import Customer
from kado.errors import NotFound
from kado.ids import new_id
from kado.people.person import Asked, Controller, Person, find_person, more_than_one
from kado.storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agrees to now, since when they have said anything at all, and when they last changed it."""

    customer_id: str
    purposes: tuple[str, ...]
    consented_at: datetime
    address: str | None
    updated_at: datetime | None


async def give_consent(
    database: Database,
    controller: Controller,
    asked: Asked,
    purposes: Sequence[str],
    address: str | None,
    *,
    customer: Customer | None = None,
    must_be_known: bool = False,
) -> Consent:
    """Write down what the person agrees to from now on; an empty list withdraws everything.

    With `must_be_known`, somebody of whom there is neither a customer nor a consent is not found. Raises that
    `NotFound`, and what `find_person` raises.
    """

    async def work(connection: Connection) -> Consent:
        # One after the other for each merchant, so that two first ones at once agree on the person's id.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('kado consents of ' || $1, 0))", controller.merchant_id
        )
        person = await _named(connection, controller, await find_person(connection, controller, asked, customer))
        if person.customer_id is None or (must_be_known and not await _is_known(connection, controller, person)):
            if must_be_known:
                raise NotFound("customer_not_found", "There is no such customer.")
            person = replace(person, customer_id=new_id())
        earlier = await _current(connection, controller, person)
        row_id = new_id()
        await connection.execute(
            "INSERT INTO consent (id, merchant_id, is_test, customer_id, email, phone, purposes, address, actor)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            row_id,
            controller.merchant_id,
            controller.is_test,
            person.customer_id,
            person.email,
            person.phone,
            list(purposes),
            address,
            controller.actor,
        )
        await audit.record(
            connection,
            actor=controller.actor,
            action="consent:given" if purposes else "consent:withdrawn",
            merchant_id=controller.merchant_id,
            subject=person.customer_id,
            before=None if earlier is None else {"purposes": list(earlier.purposes)},
            after={"purposes": list(purposes)},
        )
        consent = await _current(connection, controller, person)
        assert consent is not None, "written a moment ago"
        return consent

    return await database.repeat(work)


async def find_consent(
    database: Database, controller: Controller, asked: Asked, *, customer: Customer | None = None
) -> Consent:
    """What the person agrees to now. Raises `NotFound` where they never said anything, and what `find_person` does."""
    async with database.read() as connection:
        person = await _named(connection, controller, await find_person(connection, controller, asked, customer))
        consent = await _current(connection, controller, person)
    if consent is None:
        raise NotFound("consent_not_found", "There is no consent of this person.")
    return consent


async def _named(connection: Connection, controller: Controller, person: Person) -> Person:
    """The person with what earlier consents say of them: the id they got there, the contacts they gave.

    Raises `Invalid` where these are several people's, unless they were customers who are one by what they proved.
    """
    rows = await connection.fetch(
        f"SELECT customer_id, email, phone FROM consent WHERE {_THEIRS} ORDER BY given_at DESC, id DESC",
        *_whose(controller, person),
    )
    for row in rows:
        known = Person(*row)
        if not person.is_customer and not known.is_named_by(Asked(person.customer_id)):
            raise more_than_one()
        if not _agree(known.email, person.email) or not _agree(known.phone, person.phone):
            raise more_than_one()
        person = replace(
            person,
            customer_id=person.customer_id or known.customer_id,
            email=person.email or known.email,
            phone=person.phone or known.phone,
        )
    return person


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


async def _is_known(connection: Connection, controller: Controller, person: Person) -> bool:
    found = await connection.fetchval(
        f"""
        SELECT EXISTS (SELECT FROM consent WHERE {_THEIRS}) OR EXISTS (
            SELECT FROM customer WHERE merchant_id = $1 AND is_test = $2 AND id = $3::text)""",
        *_whose(controller, person),
    )
    return bool(found)


async def _current(connection: Connection, controller: Controller, person: Person) -> Consent | None:
    row = await connection.fetchrow(
        f"""
        SELECT customer_id, purposes, address, given_at, min(given_at) OVER () AS first
        FROM consent WHERE {_THEIRS} ORDER BY given_at DESC, id DESC LIMIT 1""",
        *_whose(controller, person),
    )
    if row is None:
        return None
    again = None if row["first"] == row["given_at"] else row["given_at"]
    return Consent(
        person.customer_id or row["customer_id"], tuple(row["purposes"]), row["first"], row["address"], again
    )


_THEIRS = "merchant_id = $1 AND is_test = $2 AND (customer_id = $3::text OR email = $4 OR phone = $5)"


def _whose(controller: Controller, person: Person) -> tuple[object, ...]:
    return controller.merchant_id, controller.is_test, person.customer_id, person.email, person.phone
