"""Cards for everybody on a list that was sent: read, shown with what will happen, and ordered once it is confirmed."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.cards.bulk import draft
from kado.cards.bulk.draft import Draft
from kado.cards.bulk.order import place_order
from kado.cards.bulk.task import RECIPIENTS_MAX, Order
from kado.cards.posting import Answer
from kado.doors.console.cards.bulk import rendered
from kado.doors.console.cards.issue import choices_of
from kado.doors.console.cards.listed import COLUMNS, LIST_BYTES, BadList, Wrong, example, people_of
from kado.doors.console.respond import again, in_words, problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal, Unavailable
from kado.web import typed
from kado.web.visitor import LANGUAGES

_AREAS: Final = ("console_cards", "console_actions", "console_bulk", "console_list")
_ASKED: Final = {"file": "", "designTemplate": "", "expiresAt": ""}
_SHOWN: Final = 20


async def show(visit: Visit) -> Response:
    """The form for a file."""
    return await _form(visit, {}, {})


async def send(visit: Visit) -> Response:
    """Read the list: every line that is wrong by its number, or on to what would happen. Nothing is issued yet."""
    fields, program = visit.fields, visit.program
    try:
        if not visit.file:
            raise Invalid(("body", "file"), "A list is needed.", "missing")
        expires_at = typed.end_of_day(fields, "expiresAt", program.zone)
        people, encoding = await people_of(visit, visit.file, expires_at)
        wanted = Draft(
            id="",
            people=people,
            design_template=typed.line(fields, "designTemplate", typed.REFERENCE_MAX),
            expires_at=expires_at,
            is_physical=typed.is_ticked(fields, "isPhysical"),
            encoding=encoding,
        )
        list_id = await draft.keep(visit.rooms.database, visit.rooms.keyring, visit.caller, program.id, wanted)
    except BadList as refusal:
        return await _form(visit, fields, {}, refusal.status, refusal)
    except Refusal as refusal:
        return await _form(visit, fields, problem_of(refusal, visit.language, _ASKED), refusal.status)
    return to(f"{visit.home}/bulk/list/{list_id}")


async def preview(visit: Visit) -> Response:
    """What will happen once it is confirmed; where it was, the order that it became."""
    found = await _draft(visit)
    if found.task_id is not None:
        return to(f"{visit.home}/bulk/{found.task_id}")
    return _preview(visit, found, None)


async def order(visit: Visit) -> Response:
    """Order the cards: once, however often the list is confirmed."""
    rooms, found = visit.rooms, await _draft(visit)
    wanted = Order(
        program_id=visit.program.id,
        caller=visit.caller,
        # The list's own name: whoever confirms it on two pages orders it once.
        key=f"list.{found.id}",
        render=rendered,
        initial_value=max(one.initial_value for one in found.people),
        expires_at=found.expires_at,
        is_physical=found.is_physical,
        design_template=found.design_template,
        count=None,
        recipients=found.people,
    )
    try:
        answer: Answer = await place_order(rooms.database, rooms.keyring, wanted, sync_max=rooms.settings.bulk_sync_max)
    except Unavailable as refusal:
        return again(visit, refusal)
    except Refusal as refusal:
        return _preview(visit, found, refusal)
    task_id = answer.body.decode()
    await draft.note_task(rooms.database, visit.program.id, found.id, task_id)
    return to(f"{visit.home}/bulk/{task_id}")


async def fetch_example(visit: Visit) -> Response:
    """A list to fill in."""
    headers = {"Content-Disposition": 'attachment; filename="list.csv"', "Cache-Control": "no-store"}
    return Response(example(visit.program, visit.language), 200, headers, "text/csv; charset=utf-8; header=present")


async def _draft(visit: Visit) -> Draft:
    """The list of the address. Raises `NotFound`."""
    rooms, list_id = visit.rooms, str(visit.request.path_params["list_id"])
    return await draft.read(rooms.database, rooms.keyring, visit.caller, visit.program.id, list_id)


async def _form(
    visit: Visit,
    fields: Mapping[str, str],
    problems: Mapping[str, str],
    status: int = 200,
    bad: BadList | None = None,
) -> Response:
    facts: dict[str, Any] = {
        "typed": fields,
        "problems": problems,
        "wrong": [] if bad is None else [_told(visit, one) for one in bad.wrong],
        "wrong_count": 0 if bad is None else bad.count,
        "columns": COLUMNS,
        "designs": await choices_of(visit),
        "most": RECIPIENTS_MAX,
        "megabytes": LIST_BYTES // 1024**2,
        "least_value": visit.program.min_initial_value,
        "most_value": visit.program.max_initial_value,
        "here": f"{visit.home}/bulk/list",
    }
    return shown(visit, "bulk_list.html", facts, here="bulk", areas=_AREAS, status=status)


def _told(visit: Visit, one: Wrong) -> dict[str, Any]:
    return {"line": one.line, "column": one.column, "why": in_words(one.why, visit.language)}


def _preview(visit: Visit, found: Draft, refusal: Refusal | None) -> Response:
    people = found.people
    reached = Counter(one.email or one.phone for one in people)
    spoken = Counter(one.language or visit.program.language.value for one in people)
    facts: dict[str, Any] = {
        "draft": found,
        "first": people[:_SHOWN],
        "sum": sum(one.initial_value for one in people),
        "least": min(one.initial_value for one in people),
        "most": max(one.initial_value for one in people),
        "by_mail": sum(one.email is not None for one in people),
        "by_text": sum(one.email is None for one in people),
        "later": sum(one.deliver_at is not None for one in people),
        "twice": sum(count > 1 for count in reached.values()),
        "spoken": [(LANGUAGES[tag], count) for tag in LANGUAGES if (count := spoken[tag.value])],
        "is_guessed": found.encoding == "cp1252",
        "problem": "" if refusal is None else in_words(refusal, visit.language),
        "here": f"{visit.home}/bulk/list/{found.id}",
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "bulk_list_confirm.html", facts, here="bulk", areas=_AREAS, status=status)
