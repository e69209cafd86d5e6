"""A program's rules: each group is a form of its own, which says while somebody types what it would mean."""

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from kado import clock
from kado.access.permissions import Permission
from kado.doors.console.programs.groups import GROUPS, NEW, changes_of, profile_of, values_of
from kado.doors.console.programs.meaning import Meant, meaning_of
from kado.doors.console.respond import in_words, problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import NotFound, Refusal
from kado.fraud.defaults import begin_with_usual_rules
from kado.languages.choose import wanted
from kado.programs import rules
from kado.programs.admit import list_admitted
from kado.programs.create import create, draft
from kado.programs.find import list_reachable
from kado.programs.program import ExpiryRule, NewProgram, Program, WantedLimits
from kado.programs.update import changed, update
from kado.web import typed

_NEW_GROUPS = ("amounts", "life", "basics")


async def show_list(visit: Visit) -> Response:
    """All programs that the person can go to."""
    programs = await list_reachable(visit.rooms.database, visit.caller.merchant_id)
    facts = {"all": programs, "own": {one.id for one in programs if one.merchant_id == visit.caller.merchant_id}}
    return shown(visit, "programs.html", facts, here="programs", areas=("console_programs",))


async def show(visit: Visit) -> Response:
    """The rules as they are, to change."""
    return await _rules(visit, "", {}, None)


async def save(visit: Visit) -> Response:
    """One group of them is changed. Cards that exist keep what was copied to them."""
    group = _group(visit)
    rooms, program = visit.rooms, visit.program
    try:
        changes = changes_of(visit.fields, GROUPS[group], program.currency)
        rules.check_captcha(is_wanted=changes.captcha_always, has_captcha=rooms.has_captcha)
        await update(rooms.database, rooms.reaches, visit.caller.merchant_id, visit.caller.subject, program.id, changes)
    except Refusal as refusal:
        return await _rules(visit, group, dict(visit.fields), refusal)
    return to(f"{visit.home}/rules?saved={group}#{group}")


async def preview(visit: Visit) -> Response:
    """What a group would mean as it is typed: a part of the page."""
    group, program = _group(visit), visit.program
    fields = dict(visit.request.query_params)
    try:
        # Long texts do not come along in an address; what they mean nobody has to be told.
        asked = tuple(one for one in GROUPS[group] if one.kind != "words")
        changes = changes_of(fields, asked, program.currency)
        meant = meaning_of(group, changed(program, changes), visit.language, datetime.now(UTC))
        facts: dict[str, Any] = {"meant": meant, "problem": ""}
    except Refusal as refusal:
        facts = {"meant": [], "problem": in_words(refusal, visit.language)}
    return shown(visit, "meaning.html", {**facts, "group": group}, areas=("console_programs",))


async def show_new(visit: Visit) -> Response:
    """What a new program is asked for."""
    usual = {
        "currency": "EUR",
        "language": wanted(visit.request.headers.get("accept-language", "")).value,
        "timeZone": visit.programs[0].zone.key if visit.programs else "",
        "expiryRule": ExpiryRule.AFTER_ISSUE.value,
        "expiryMonths": "36",
    }
    return _new(visit, usual, None)


async def preview_new(visit: Visit) -> Response:
    """What it would mean: a part of the page."""
    fields = {"name": "-", **{name: value for name, value in visit.request.query_params.items() if value}}
    facts = {**_meaning_of_new(visit, fields), "group": "new"}
    return shown(visit, "meaning.html", facts, areas=("console_programs",))


async def do_create(visit: Visit) -> Response:
    """Open the program. Its currency can never be changed."""
    rooms, caller = visit.rooms, visit.caller
    try:
        new = _wanted_new(visit.fields)
        made = await create(rooms.database, caller.merchant_id, caller.subject, new, begin_with_usual_rules)
    except Refusal as refusal:
        return _new(visit, visit.fields, refusal)
    return to(f"/console/{made.id}/rules?saved=new")


def _wanted_new(fields: typed.Fields) -> NewProgram:
    """What was typed about a new program. Raises `Invalid`."""
    currency = rules.known_currency(typed.said(fields, "currency").upper())
    changes = changes_of(fields, tuple(one for one in NEW if one.name != "currency" and one.attribute), currency)
    return NewProgram(
        name=changes.name or "",
        currency=currency.code,
        limits=WantedLimits(max_balance=changes.limits.max_balance),
        expiry_rule=changes.expiry_rule or ExpiryRule.AFTER_ISSUE,
        expiry_months=changes.expiry_months or 12,
        profile=profile_of(fields, tuple(one for one in NEW if not one.attribute)),
    )


def _meaning_of_new(visit: Visit, fields: typed.Fields) -> dict[str, Any]:
    now = datetime.now(UTC)
    try:
        program = draft(_wanted_new(fields), now)
    except Refusal as refusal:
        return {"meant": [], "problem": in_words(refusal, visit.language)}
    meant = [one for group in _NEW_GROUPS for one in meaning_of(group, program, visit.language, now)]
    return {"meant": meant, "problem": ""}


def _new(visit: Visit, fields: typed.Fields, refusal: Refusal | None) -> Response:
    facts = {
        "asked": NEW,
        "values": {one.name: fields.get(one.name, "") for one in NEW},
        "problems": {} if refusal is None else problem_of(refusal, visit.language, {one.name: "" for one in NEW}),
        "zones": sorted(clock.zones()),
        **_meaning_of_new(visit, {**fields, "name": fields.get("name") or "-"}),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "program_new.html", facts, here="programs", areas=("console_programs",), status=status)


async def _rules(visit: Visit, group: str, fields: dict[str, str], refusal: Refusal | None) -> Response:
    program, now = visit.program, datetime.now(UTC)
    is_editor = visit.may(Permission.PROGRAMS_WRITE)
    groups = []
    for name, asked in GROUPS.items():
        values = values_of(program, asked)
        if name == group:
            values |= {one.name: fields.get(one.name, "") for one in asked}
        groups.append((name, asked, values, _meant(name, program, visit, now)))
    known = {one.name: "" for one in GROUPS.get(group, ())}
    facts = {
        "groups": groups,
        "problems": {} if refusal is None else problem_of(refusal, visit.language, known),
        "wrong": group,
        "saved": visit.asked_among("saved", {*GROUPS, "new", "dismissed"}),
        "is_editor": is_editor,
        "has_captcha": visit.rooms.has_captcha,
        "admitted": await list_admitted(visit.rooms.database, program.id) if is_editor else [],
        "zones": sorted(clock.zones()),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "rules.html", facts, here="rules", areas=("console_programs",), status=status)


def _meant(group: str, program: Program, visit: Visit, now: datetime) -> list[Meant]:
    return meaning_of(group, program, visit.language, now)


def _group(visit: Visit) -> str:
    """The group that the address names. Raises `NotFound`."""
    group = str(visit.request.path_params["group"])
    if group not in GROUPS:
        raise NotFound("page_not_found", "There is no such page.")
    return group
