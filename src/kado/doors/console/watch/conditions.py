"""What a rule against fraud looks for, between a form and its `config`: by kinds that people tell apart.

Fields bear the names of the config's members. In a rule of several conditions they have the kind before them, so that
what is refused finds its field.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from kado.errors import Refusal
from kado.fraud.config import WINDOW_MAX, Config, Counts, RuleType, Weekday
from kado.fraud.move import SPENDING, Kind
from kado.money import Currency
from kado.web import typed
from kado.web.typed import Fields

TOGETHER: Final = "together"

TYPES: Final[Mapping[str, RuleType]] = {
    "often": RuleType.VELOCITY_LIMIT,
    "checks": RuleType.VELOCITY_LIMIT,
    "soon": RuleType.VELOCITY_LIMIT,
    "amount": RuleType.TRANSACTION_LIMIT,
    "hours": RuleType.TIME_RESTRICTION,
    "addresses": RuleType.IP_BLOCK,
    "programs": RuleType.USER_AGENT_BLOCK,
    "countries": RuleType.GEOGRAPHIC_RESTRICTION,
    TOGETHER: RuleType.CUSTOM,
}
"""Kinds of rules, in the order in which they are offered."""

PARTS: Final = ("soon", "amount", "hours", "addresses", "programs", "countries")
"""What several conditions can be made of."""

UNITS: Final[Mapping[str, int]] = {"days": 1440, "hours": 60, "minutes": 1}
"""In minutes, the largest first."""

_COUNTED: Final = {
    "often": Counts.TRANSACTIONS,
    "checks": Counts.PENDING_BALANCE_CHECKS,
    "soon": Counts.SPEND_AFTER_ACTIVATION,
}
_COUNT_MAX: Final = 1_000_000
_LIST_MAX: Final = 12_000
_ZONE_MAX: Final = 64


def kind_of(kind: RuleType, config: Config) -> str:
    """The kind of a rule of this type with this config."""
    counts = Counts(config.get("counts", Counts.TRANSACTIONS))
    fits = (one for one, of in TYPES.items() if of is kind and _COUNTED.get(one, counts) is counts)
    return next(fits)


def config_of(kind: str, fields: Fields, currency: Currency) -> Config:
    """What was typed, as a config; the room says whether it can be. Raises `Invalid`, which names the field."""
    if kind == TOGETHER:
        given = [(one, _part(one, fields, f"{one}.", currency)) for one in parts_in(fields)]
        shown = _types_in(fields)
        found: Config = {"all": [{"ruleType": TYPES[one].value, "config": part | shown} for one, part in given]}
    else:
        found = _part(kind, fields, "", currency) | ({} if kind == "checks" else _types_in(fields))
    severity = typed.said(fields, "severity")
    return found | ({"severity": severity} if severity else {})


def parts_in(fields: Fields) -> list[str]:
    """Of a rule of several conditions, which of them something was typed into."""
    return [one for one in PARTS if any(typed.said(fields, f"{one}.{name}") for name in _SAYS[one])]


def values_of(kind: str, config: Config) -> dict[str, str] | None:
    """What stands in the fields of a rule; None for several conditions that no form has fields for."""
    if kind != TOGETHER:
        return _values(config, "")
    parts = [(kind_of(RuleType(one["ruleType"]), one["config"]), one["config"]) for one in config["all"]]
    kinds, types = [one for one, _ in parts], {tuple(part["transactionTypes"]) for _, part in parts}
    if len(set(kinds)) < len(kinds) or len(types) > 1:
        return None
    found: dict[str, str] = {"severity": config.get("severity", "")}
    for one, part in parts:
        found |= _values(part, f"{one}.") | _types(part)
    return found


def usual(kind: str, zone: str) -> dict[str, str]:
    """What stands in the fields of a new rule."""
    places = [""] if kind != TOGETHER else [f"{one}." for one in PARTS]
    found = {f"{place}timeZone": zone for place in places}
    found |= {f"{place}windowUnit": "minutes" if place else "hours" for place in places}
    return found | {f"type:{one.value}": "yes" for one in SPENDING}


def in_units(minutes: int) -> tuple[int, str]:
    """The same time in the largest unit that goes into it: how many, and of which."""
    unit = next(one for one, long in UNITS.items() if minutes % long == 0)
    return minutes // UNITS[unit], unit


def field_of(refusal: Refusal, fields: Fields) -> str:
    """The field that a refusal is about; empty for the form as a whole."""
    loc = refusal.loc or ()
    if loc[:3] == ("body", "config", "all") and len(loc) > 4 and isinstance(at := loc[3], int):
        return f"{parts_in(fields)[at]}.{loc[-1]}"
    return str(loc[-1]) if loc else ""


def _part(kind: str, fields: Fields, place: str, currency: Currency) -> Config:
    counted = {"counts": _COUNTED[kind].value} if kind in _COUNTED else {}
    said = {name: _READ[name](fields, place + name, currency) for name in _SAYS[kind]}
    if kind == "countries":
        listed = "blockedCountries" if typed.said(fields, f"{place}countriesAre") == "blocked" else "allowedCountries"
        said = {listed: said["countries"], "unknownToo": said["unknownToo"]}
    if kind == "hours":
        said["weekdays"] = [day.value for day in Weekday if said.pop(f"day:{day.value}")]
        said["timeZone"] = typed.line(fields, f"{place}timeZone", _ZONE_MAX)
    return counted | {name: value for name, value in said.items() if value not in (None, [], False)}


def _types_in(fields: Fields) -> Config:
    types = [one.value for one in Kind if typed.is_ticked(fields, f"type:{one.value}")]
    return {"transactionTypes": types} if types else {}


def _types(config: Config) -> dict[str, str]:
    return {f"type:{one}": "yes" for one in config.get("transactionTypes", ())}


def _values(config: Config, place: str) -> dict[str, str]:
    plain = ("scope", "maxCount", "maxAmount", "minAmount", "timeZone", "from", "to")
    found = {f"{place}{name}": str(config[name]) for name in plain if name in config}
    if (minutes := config.get("windowMinutes")) is not None:
        count, unit = in_units(minutes)
        found |= {f"{place}windowMinutes": str(count), f"{place}windowUnit": unit}
    for name in ("addresses", "contains"):
        found[f"{place}{name}"] = "\n".join(config.get(name, ()))
    for kind in ("allowed", "blocked"):
        if codes := config.get(f"{kind}Countries"):
            found |= {f"{place}countries": " ".join(codes), f"{place}countriesAre": kind}
    found |= {f"{place}{name}": "yes" for name in ("orNone", "unknownToo") if config.get(name)}
    found |= {f"{place}day:{day}": "yes" for day in config.get("weekdays", ())}
    return found | _types(config) | ({"severity": config["severity"]} if "severity" in config else {})


def _window(fields: Fields, name: str, _: Currency) -> int | None:
    unit = UNITS.get(typed.said(fields, name.replace("windowMinutes", "windowUnit")), 1)
    count = typed.whole(fields, name, 1, WINDOW_MAX // unit)
    return None if count is None else count * unit


def _count(fields: Fields, name: str, _: Currency) -> int | None:
    return typed.whole(fields, name, 1, _COUNT_MAX)


def _amount(fields: Fields, name: str, currency: Currency) -> str | None:
    minor = typed.amount(fields, name, currency)
    return None if minor is None else currency.text(minor)


def _text(fields: Fields, name: str, _: Currency) -> str | None:
    return typed.said(fields, name) or None


def _lines(fields: Fields, name: str, _: Currency) -> list[str]:
    text = typed.words(fields, name, _LIST_MAX) or ""
    return [one for line in text.splitlines() if (one := line.strip())]


def _words(fields: Fields, name: str, currency: Currency) -> list[str]:
    return " ".join(_lines(fields, name, currency)).replace(",", " ").split()


def _ticked(fields: Fields, name: str, _: Currency) -> bool:
    return typed.is_ticked(fields, name)


_SAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "often": ("scope", "windowMinutes", "maxCount", "maxAmount"),
    "checks": ("scope", "windowMinutes", "maxCount"),
    "soon": ("windowMinutes",),
    "amount": ("maxAmount", "minAmount"),
    "hours": ("from", "to", *(f"day:{day.value}" for day in Weekday)),
    "addresses": ("addresses",),
    "programs": ("contains", "orNone"),
    "countries": ("countries", "unknownToo"),
}
"""The fields of each kind into which nobody has typed anything yet where a rule is new."""

_READ: Final[Mapping[str, Callable[[Fields, str, Currency], Any]]] = {
    "windowMinutes": _window,
    "scope": _text,
    "maxCount": _count,
    "maxAmount": _amount,
    "minAmount": _amount,
    "from": _text,
    "to": _text,
    "addresses": _words,
    "contains": _lines,
    "orNone": _ticked,
    "countries": _words,
    "unknownToo": _ticked,
    **{f"day:{day.value}": _ticked for day in Weekday},
}
