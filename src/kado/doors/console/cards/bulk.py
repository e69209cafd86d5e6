"""Cards by the thousand: the order, how far it has come, and its files: codes as CSV, cards on paper."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from starlette.responses import Response

from kado import contacts
from kado.cards.bulk import download, progress
from kado.cards.bulk.order import place_order
from kado.cards.bulk.task import COUNT_MAX, UNFINISHED, Order, Ordered, Recipient, Task
from kado.cards.posting import Answer
from kado.doors.console.cards.issue import choices_of
from kado.doors.console.respond import again, problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, NotFound, Refusal, Unavailable
from kado.paper import fetch, runs
from kado.paper import order as paper
from kado.paper.card import FORMATS, Format, Sheet
from kado.paper.drawn import usual_size
from kado.paper.runs import Run
from kado.web import typed
from kado.web.streamed import Streamed

_AREAS: Final = ("console_cards", "console_actions", "console_bulk", "console_list")
_FIELDS: Final = ("initialValue", "count", "recipients", "expiresAt", "designTemplate", "isPhysical")
_LATEST: Final = 20
_LIST_MAX: Final = 15_000
_CELLS: Final = re.compile(r"[;,\t]")


async def show(visit: Visit) -> Response:
    """The form, and what was ordered lately."""
    return await _form(visit, {}, {})


async def order(visit: Visit) -> Response:
    """What will happen, and then the task."""
    fields, rooms = visit.fields, visit.rooms
    try:
        wanted = _order(visit)
        if not fields.get("sure"):
            facts = {
                "order": wanted,
                "hidden": {name: fields[name] for name in _FIELDS if fields.get(name)},
                "key": fields["form"],
                "sum": wanted.total * wanted.initial_value,
                "here": f"{visit.home}/bulk",
            }
            return shown(visit, "bulk_confirm.html", facts, here="bulk", areas=_AREAS)
        answer = await place_order(rooms.database, rooms.keyring, wanted, sync_max=rooms.settings.bulk_sync_max)
    except Unavailable as refusal:
        return again(visit, refusal)
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(_FIELDS, ""))
        return await _form(visit, fields, problems, refusal.status)
    return to(f"{visit.home}/bulk/{answer.body.decode()}")


async def show_task(visit: Visit) -> Response:
    """How far it has come, and its files."""
    return await _task(visit)


async def codes(visit: Visit) -> Response:
    """The file of numbers and codes. The codes are made now, and those of an earlier file are void."""
    rooms, program, task_id = visit.rooms, visit.program, _task_id(visit)
    try:
        _, token, _ = await download.fresh_link(rooms.database, rooms.keyring, program.id, task_id, visit.caller)
        begun = await download.begin(rooms.database, rooms.keyring, program, task_id, token, visit.caller)
    except Refusal as refusal:
        return await _task(visit, refusal)

    async def at_end() -> None:
        await download.let_go(rooms.database, begun)

    lines = download.lines(rooms.database, rooms.keyring, begun)
    return Streamed(lines, "text/csv; charset=utf-8; header=present", f"gift-cards-{task_id}.csv", at_end)


async def order_paper(visit: Visit) -> Response:
    """All cards of the task on paper, with codes that take the place of earlier ones."""
    wanted = typed.said(visit.fields, "format")
    known = cast("Format", wanted) if wanted in FORMATS else "label"
    sheet = Sheet(known, usual_size(visit.program), 0, 0)
    try:
        await paper.order(visit.rooms.database, visit.program.id, _task_id(visit), sheet, visit.caller)
    except Refusal as refusal:
        return await _task(visit, refusal)
    return to(f"{visit.home}/bulk/{_task_id(visit)}")


async def fetch_paper(visit: Visit) -> Response:
    """The PDF, or a ZIP file of several. Once it was handed over to its last byte, it is gone."""
    rooms, program, task_id = visit.rooms, visit.program, _task_id(visit)
    try:
        _, token = await paper.look(rooms.database, rooms.keyring, program.id, task_id, is_test=False)
        fetched = await fetch.begin(rooms.database, rooms.keyring, program.id, task_id, token or "", visit.caller)
    except Refusal as refusal:
        return await _task(visit, refusal)
    kind, end = ("application/pdf", "pdf") if fetched.is_one else ("application/zip", "zip")
    parts = fetch.parts(rooms.database, rooms.keyring, fetched)
    return Streamed(parts, kind, f"gift-cards-{task_id}.{end}")


def _order(visit: Visit) -> Order:
    """The order that the form asks for. Raises `Invalid`."""
    fields, program = visit.fields, visit.program
    listed = typed.words(fields, "recipients", _LIST_MAX)
    count = typed.whole(fields, "count", 1, COUNT_MAX)
    if (count is None) == (listed is None):
        raise Invalid(("body", "count"), "Give either a number of cards or a list.", "count_or_recipients")
    return Order(
        program_id=program.id,
        caller=visit.caller,
        key=visit.key,
        render=rendered,
        initial_value=typed.positive(fields, "initialValue", program.currency),
        expires_at=typed.end_of_day(fields, "expiresAt", program.zone),
        is_physical=typed.is_ticked(fields, "isPhysical"),
        design_template=typed.line(fields, "designTemplate", typed.REFERENCE_MAX),
        count=count,
        recipients=None if listed is None else _people(listed),
    )


def _people(text: str) -> tuple[Recipient, ...]:
    """One person a line: email address, then name. Raises `Invalid`, which names the first line that cannot be."""
    found = []
    for at, line in enumerate(filter(str.strip, text.split("\n")), 1):
        cells = [cell.strip().strip('"') for cell in _CELLS.split(line)]
        email = contacts.email_address(cells[0])
        if email is None:
            raise _Line(at, cells[0])
        found.append(Recipient(email, None, (cells[1] if len(cells) > 1 else "")[: typed.NAME_MAX] or None))
    return tuple(found)


class _Line(Invalid):
    """A line of the list that does not begin with an email address."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(("body", "recipients"), f"Line {at} does not begin with an email address.", "not_a_line")
        self.members = {"line": at, "text": text[:100]}


def rendered(ordered: Ordered) -> Answer:
    """What is kept under the key: which task it became."""
    return Answer(200, ordered.task.id.encode())


def _task_id(visit: Visit) -> str:
    return str(visit.request.path_params["task_id"])


async def _form(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
    program = visit.program
    facts: dict[str, Any] = {
        "typed": fields,
        "problems": problems,
        "designs": await choices_of(visit),
        "least": program.min_initial_value,
        "most": program.max_initial_value,
        "latest": await progress.latest(visit.rooms.database, program.id, is_test=False, limit=_LATEST),
        "here": f"{visit.home}/bulk",
    }
    return shown(visit, "bulk.html", facts, here="bulk", areas=_AREAS, status=status)


async def _task(visit: Visit, refusal: Refusal | None = None) -> Response:
    rooms, program, task_id = visit.rooms, visit.program, _task_id(visit)
    task = await progress.standing(rooms.database, program.id, task_id, is_test=False)
    run = await _run(visit, task)
    facts: dict[str, Any] = {
        "task": task,
        "run": run,
        "goes_on": task.state in UNFINISHED or (run is not None and run.state in runs.UNFINISHED),
        "percent": task.issued * 100 // task.total,
        "printed": 0 if run is None or not run.total else run.printed * 100 // run.total,
        "formats": FORMATS,
        "fits_paper": task.issued <= runs.CARDS_MAX,
        "problems": {} if refusal is None else problem_of(refusal, visit.language, {}),
        "here": f"{visit.home}/bulk/{task.id}",
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "bulk_task.html", facts, here="bulk", areas=_AREAS, status=status)


async def _run(visit: Visit, task: Task) -> Run | None:
    try:
        run, _ = await paper.look(visit.rooms.database, visit.rooms.keyring, visit.program.id, task.id, is_test=False)
    except NotFound:
        return None
    return run
