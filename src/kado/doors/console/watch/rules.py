"""Rules against fraud: what each of them means, how often it spoke, and making, changing and deleting them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import Response

from kado import clock
from kado.access.address import Network
from kado.audit.origin import origin
from kado.doors.console.respond import in_words, shown, to
from kado.doors.console.visit import Visit
from kado.doors.console.watch import conditions
from kado.doors.console.watch.told import Meant, meaning_of
from kado.errors import MadeAlready, NotFound, Refusal
from kado.fraud import blocked, rules
from kado.fraud.config import Around, Config, Severity, Weekday, read
from kado.fraud.figures import PATTERN_DAYS, fired
from kado.fraud.move import Kind, Scope
from kado.fraud.rule import Rule, RuleAction
from kado.ids import is_id
from kado.web import typed
from kado.web.typed import Fields

_AREAS: Final = ("console_watch", "console_rules")
_DONE: Final = ("made", "saved", "on", "off", "deleted")


@dataclass(frozen=True, slots=True)
class _Said:
    """What was typed of a rule beside its conditions."""

    name: str
    description: str
    action: RuleAction
    expires_at: datetime | None


async def show(visit: Visit) -> Response:
    """All rules."""
    rooms, program = visit.rooms, visit.program
    found = await rules.list_rules(rooms.database, program.id)
    facts = {
        "found": [(one, _state(one), _meant(visit, one)) for one in found],
        "fired": await fired(rooms.reader, program.id),
        "days": PATTERN_DAYS,
        "done": visit.asked_among("done", _DONE),
    }
    return shown(visit, "fraud_rules.html", facts, here="fraud", areas=_AREAS)


async def show_new(visit: Visit) -> Response:
    """Which kinds there are; or the form of one."""
    kind = visit.asked("kind")
    if kind not in conditions.TYPES:
        facts = {"kinds": [one for one in conditions.TYPES if one != "countries" or _knows_countries(visit)]}
        return shown(visit, "fraud_kinds.html", facts, here="fraud", areas=_AREAS)
    return _form(visit, kind, None, {"action": "flag", **conditions.usual(kind, visit.zone.key)}, None)


async def make(visit: Visit) -> Response:
    """A rule, in force from this moment."""
    rooms, program, fields = visit.rooms, visit.program, visit.fields
    kind = _kind(fields)
    try:
        said = _said(visit, fields)
        new = rules.NewRule(
            name=said.name,
            type=conditions.TYPES[kind],
            config=conditions.config_of(kind, fields, program.currency),
            description=said.description,
            action=said.action,
            expires_at=said.expires_at,
        )
        await rules.create(
            rooms.database,
            program.merchant_id,
            visit.caller.subject,
            program.id,
            new,
            _around(visit),
            rule_id=visit.fresh_id,
        )
    except MadeAlready:
        pass
    except Refusal as refusal:
        return _form(visit, kind, None, fields, refusal)
    return to(f"{visit.home}/fraud/rules/{visit.fresh_id}?done=made")


async def preview(visit: Visit) -> Response:
    """What a rule would mean as it is typed: a part of the page."""
    fields = dict(visit.request.query_params)
    facts = {**_meaning_typed(visit, _kind(fields), fields), "group": "rule"}
    return shown(visit, "meaning.html", facts, areas=_AREAS)


async def show_one(visit: Visit) -> Response:
    """One of them, to look at and to change."""
    rule = await _asked_for(visit)
    return _form(visit, conditions.kind_of(rule.type, rule.config), rule, _values(visit, rule), None)


async def save(visit: Visit) -> Response:
    """Other conditions, or something else to happen. With other conditions it counts anew."""
    rooms, program, fields, rule = visit.rooms, visit.program, visit.fields, await _asked_for(visit)
    kind = conditions.kind_of(rule.type, rule.config)
    try:
        said = _said(visit, fields)
        changes = rules.RuleChanges(
            name=said.name,
            description=said.description,
            action=said.action,
            config=_config(kind, rule, fields, visit),
            expires_at=said.expires_at,
            ends_never=said.expires_at is None,
        )
        await rules.update(
            rooms.database,
            program.merchant_id,
            visit.caller.subject,
            program.id,
            rule.id,
            changes,
            _around(visit),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _form(visit, kind, rule, fields, refusal)
    return to(f"{visit.home}/fraud/rules/{rule.id}?done=saved")


async def switch(visit: Visit) -> Response:
    """Switch a rule on or off."""
    is_active, program = typed.said(visit.fields, "active") == "yes", visit.program
    await rules.update(
        visit.rooms.database,
        program.merchant_id,
        visit.caller.subject,
        program.id,
        _id(visit),
        rules.RuleChanges(is_active=is_active),
        _around(visit),
    )
    return to(f"{visit.home}/fraud/rules?done={'on' if is_active else 'off'}")


async def show_delete(visit: Visit) -> Response:
    """What it means that a rule is gone."""
    rule = await _asked_for(visit)
    return shown(
        visit, "fraud_rule_delete.html", {"rule": rule, "meant": _meant(visit, rule)}, here="fraud", areas=_AREAS
    )


async def delete(visit: Visit) -> Response:
    """It is gone; its alerts stay."""
    program = visit.program
    await rules.delete(visit.rooms.database, program.merchant_id, visit.caller.subject, program.id, _id(visit))
    return to(f"{visit.home}/fraud/rules?done=deleted")


def own_networks(visit: Visit) -> tuple[Network, ...]:
    """What may not be blocked: where the proxies are, and where this request comes from."""
    return blocked.own_networks(visit.rooms.settings.trusted_proxies, origin().address or "")


def _form(visit: Visit, kind: str, rule: Rule | None, values: Fields, refusal: Refusal | None) -> Response:
    is_plain = rule is None or conditions.values_of(kind, rule.config) is not None
    meaning = {"meant": _meant(visit, rule), "problem": ""} if rule and refusal is None else None
    facts: dict[str, Any] = {
        "kind": kind,
        "rule": rule,
        "state": None if rule is None else _state(rule),
        "is_plain": is_plain,
        "values": values,
        "parts": [
            one
            for one in conditions.PARTS
            if one != "countries" or _knows_countries(visit) or values.get("countries.countries")
        ],
        "scopes": ["card", "address"] if kind == "checks" else [one.value for one in Scope],
        "units": list(conditions.UNITS),
        "weekdays": [one.value for one in Weekday],
        "kinds": [one.value for one in Kind],
        "actions": [one.value for one in (RuleAction.FLAG, RuleAction.REQUIRE_REVIEW, RuleAction.BLOCK)],
        "severities": [one.value for one in Severity],
        "zones": sorted(clock.zones()),
        "problems": {} if refusal is None else {_known(refusal, values): in_words(refusal, visit.language)},
        "done": visit.asked_among("done", ("made", "saved")),
        **(meaning or _meaning_typed(visit, kind, values)),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "fraud_rule.html", facts, here="fraud", areas=_AREAS, status=status)


def _known(refusal: Refusal, fields: Fields) -> str:
    found = conditions.field_of(refusal, fields)
    return "" if found in ("config", "ruleType", "counts", "body") else found


def _state(rule: Rule) -> str:
    if not rule.is_active:
        return "off"
    return "over" if rule.expires_at is not None and rule.expires_at <= datetime.now(UTC) else "on"


def _meant(visit: Visit, rule: Rule) -> list[Meant]:
    return meaning_of(rule, visit.program.currency, visit.language, visit.program.zone)


def _meaning_typed(visit: Visit, kind: str, fields: Fields) -> dict[str, Any]:
    """What the rule would mean. Nothing of what is wrong is said yet: whoever types is not done."""
    currency = visit.program.currency
    try:
        condition, config = read(conditions.TYPES[kind], conditions.config_of(kind, fields, currency), Around(currency))
        now = datetime.now(UTC)
        rule = Rule(
            program_id=visit.program.id,
            id="",
            series_id="",
            name="",
            description="",
            type=conditions.TYPES[kind],
            action=_action(fields),
            config=config,
            is_active=True,
            expires_at=_end(visit, fields),
            since=now,
            created_at=now,
            updated_at=None,
            condition=condition,
        )
    except Refusal:
        return {"meant": [("means_nothing_yet", {})], "problem": ""}
    return {"meant": _meant(visit, rule), "problem": ""}


def _values(visit: Visit, rule: Rule) -> dict[str, str]:
    kind, zone = conditions.kind_of(rule.type, rule.config), visit.program.zone
    ends = "" if rule.expires_at is None else rule.expires_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    about = {"name": rule.name, "description": rule.description, "action": rule.action.value, "expiresAt": ends}
    # What is usual is not ticked where a rule says otherwise.
    unticked = {f"type:{one.value}": "" for one in Kind}
    return conditions.usual(kind, zone.key) | unticked | (conditions.values_of(kind, rule.config) or {}) | about


def _config(kind: str, rule: Rule, fields: Fields, visit: Visit) -> Config | None:
    """The conditions that were typed; None where the rule has them already, or where no form has fields for them.

    What stays is not judged anew: it may hold what could not be said today. Raises `Invalid`.
    """
    if conditions.values_of(kind, rule.config) is None:
        return None
    currency = visit.program.currency
    said = conditions.config_of(kind, fields, currency)
    return None if read(rule.type, said, Around(currency))[1] == rule.config else said


def _said(visit: Visit, fields: Fields) -> _Said:
    """Raises `Invalid`."""
    return _Said(
        name=typed.needed(typed.line(fields, "name", rules.NAME_MAX), "name"),
        description=typed.words(fields, "description", rules.DESCRIPTION_MAX) or "",
        action=_action(fields),
        expires_at=_end(visit, fields),
    )


def _end(visit: Visit, fields: Fields) -> datetime | None:
    moment = typed.moment(fields, "expiresAt")
    return None if moment is None else clock.where(moment, visit.program.zone)


def _action(fields: Fields) -> RuleAction:
    said = typed.said(fields, "action")
    return RuleAction(said) if said in set(RuleAction) else RuleAction.FLAG


def _kind(fields: Fields) -> str:
    """Raises `NotFound` for what is no kind."""
    kind = typed.said(fields, "kind")
    if kind not in conditions.TYPES:
        raise NotFound("page_not_found", "There is no such page.")
    return kind


def _around(visit: Visit) -> Around:
    return Around(visit.program.currency, _knows_countries(visit), own_networks(visit))


def _knows_countries(visit: Visit) -> bool:
    return visit.rooms.settings.country_header is not None


async def _asked_for(visit: Visit) -> Rule:
    """Raises `NotFound`."""
    return await rules.get(visit.rooms.database, visit.program.id, _id(visit))


def _id(visit: Visit) -> str:
    """Raises `NotFound` for what is no id."""
    found = str(visit.request.path_params["rule_id"])
    if not is_id(found):
        raise rules.rule_not_found()
    return found
