"""A person's data as a file: asked for, then fetched for a while by whoever asked.

The file is made while it is downloaded and stands nowhere before; what waits is the name of the person, encrypted.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from kado import audit, sheet
from kado.access.caller import Customer
from kado.crypto import Keyring
from kado.errors import NotFound
from kado.ids import is_id, new_id
from kado.people.known import SECTIONS, Record, known_of
from kado.people.person import Asked, Controller, Person, find_person, hide, show
from kado.storage.database import Connection, Database

LIFE: Final = timedelta(hours=1)
Format = Literal["json", "csv"]


@dataclass(frozen=True, slots=True)
class Export:
    """A file that can be fetched until `expires_at`."""

    id: str
    format: Format
    requested_at: datetime
    expires_at: datetime


async def request_export(
    database: Database,
    keyring: Keyring,
    controller: Controller,
    asked: Asked,
    wanted: Format,
    *,
    customer: Customer | None = None,
) -> Export:
    """Remember who is meant. Somebody unknown gets a file too: it says that nothing is known.

    Raises what `find_person` raises.
    """

    async def work(connection: Connection) -> Export:
        person = await find_person(connection, controller, asked, customer)
        export_id = new_id()
        row = await connection.fetchrow(
            """
            INSERT INTO person_export (id, merchant_id, is_test, person, format, actor, requested_at, expires_at)
            SELECT $1, $2, $3, $4, $5, $6, now, now + $7::interval FROM clock_timestamp() AS now
            RETURNING requested_at, expires_at""",
            export_id,
            controller.merchant_id,
            controller.is_test,
            hide(keyring, person, export_id),
            wanted,
            controller.actor,
            LIFE,
        )
        assert row is not None, "an INSERT returns what it wrote"
        await _note(connection, controller, export_id, "person:export-requested", wanted)
        return Export(export_id, wanted, row["requested_at"], row["expires_at"])

    return await database.repeat(work)


async def open_export(
    database: Database,
    keyring: Keyring,
    controller: Controller,
    export_id: str,
    wanted: Format,
    asked: Asked,
    *,
    customer: Customer | None = None,
) -> Person:
    """Whom the file is about, for one download, which is noted.

    Raises `NotFound` for an export that is over, another merchant's, of another format or about somebody else, and for
    one that never was: nobody learns which.
    """

    async def work(connection: Connection) -> Person:
        row = None
        if is_id(export_id):
            row = await connection.fetchrow(
                "SELECT person FROM person_export WHERE id = $1 AND merchant_id = $2 AND is_test = $3 AND format = $4"
                " AND expires_at > clock_timestamp()",
                export_id,
                controller.merchant_id,
                controller.is_test,
                wanted,
            )
        person = None if row is None else show(keyring, row["person"], export_id)
        if (
            person is None
            or not person.is_named_by(asked)
            or (customer is not None and person.customer_id != customer.id)
        ):
            raise NotFound("export_not_found", "There is no such export (any more).")
        await _note(connection, controller, export_id, "person:exported", wanted)
        return person

    return await database.repeat(work)


async def lines(database: Database, controller: Controller, person: Person, wanted: Format) -> AsyncIterator[bytes]:
    """The file, part by part. Raises `Unavailable`."""
    records = known_of(database, controller, person)
    async for text in _as_json(records, person) if wanted == "json" else _as_csv(records):
        yield text.encode()


async def _as_json(records: AsyncIterator[Record], person: Person) -> AsyncIterator[str]:
    """An object with an array for each section, each record on a line of its own."""
    about = {"customerId": person.customer_id, "email": person.email, "phone": person.phone}
    yield '{"person": ' + json.dumps(about, ensure_ascii=False)
    waiting = list(SECTIONS)
    joint = ""
    async for section, facts in records:
        while section in waiting:
            yield f'{joint},\n"{waiting.pop(0)}": ['
            joint = "]"
            first = True
        yield ("\n" if first else ",\n") + json.dumps(facts, ensure_ascii=False)
        first = False
    while waiting:
        yield f'{joint},\n"{waiting.pop(0)}": ['
        joint = "]"
    yield "]}\n"


async def _as_csv(records: AsyncIterator[Record]) -> AsyncIterator[str]:
    """A line for each fact: its section, the number of the record in it, the fact's name, and what it says."""
    yield "section,record,field,value\r\n"
    number, before = 0, ""
    async for section, facts in records:
        number, before = (number + 1 if section == before else 1), section
        yield "".join(sheet.line((section, number, name, _cell(value))) for name, value in facts.items())


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a record holds
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def _note(connection: Connection, controller: Controller, export_id: str, action: str, wanted: Format) -> None:
    await audit.record(
        connection,
        actor=controller.actor,
        action=action,
        merchant_id=controller.merchant_id,
        subject=export_id,
        details={"format": wanted},
    )
