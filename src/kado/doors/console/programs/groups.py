"""What a program can be set to, in groups of fields that belong together, and what was typed into them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from kado.languages.choose import Language
from kado.money import Currency
from kado.programs import profile
from kado.programs.program import (
    UNSET,
    CodeFormat,
    ExpiryRule,
    Program,
    ProgramChanges,
    WantedAmount,
    WantedLimits,
)
from kado.web import typed
from kado.web.typed import Fields

Kind = Literal["line", "words", "amount", "number", "choice", "tick", "email"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A field, by the API's name of it. `attribute` is the program's; empty for one of its profile."""

    name: str
    kind: Kind
    attribute: str = ""
    is_needed: bool = False
    longest: int = 255
    choices: tuple[str, ...] = ()


def _told(name: str, kind: Kind) -> Asked:
    return Asked(name, kind, longest=profile.LONGEST.get(name, 254))


GROUPS: Final[Mapping[str, tuple[Asked, ...]]] = {
    "basics": (
        Asked("name", "line", "name", is_needed=True),
        _told("description", "words"),
        Asked("language", "choice", choices=tuple(Language)),
        Asked("timeZone", "line", longest=64),
    ),
    "amounts": (
        Asked("minInitialValue", "amount", "min_initial_value"),
        Asked("maxInitialValue", "amount", "max_initial_value"),
        Asked("maxBalance", "amount", "max_balance"),
        Asked("maxReload", "amount", "max_reload"),
        Asked("maxRedeem", "amount", "max_redeem"),
        Asked("cashierIssueLimit", "amount", "cashier_issue_limit"),
    ),
    "life": (
        Asked("expiryRule", "choice", "expiry_rule", choices=tuple(ExpiryRule)),
        Asked("expiryMonths", "number", "expiry_months", longest=2),
    ),
    "codes": (
        Asked("securityCodeFormat", "choice", "code_format", choices=tuple(CodeFormat)),
        Asked("cardNumberPrefix", "number", "number_prefix", longest=8),
    ),
    "messages": (Asked("remindExpiry", "tick", "reminds_expiry"), Asked("tellChanges", "tick", "tells_changes")),
    "checks": (
        Asked("requireCaptcha", "tick", "captcha_always"),
        Asked("balancePageWithoutScript", "tick", "balance_without_script"),
    ),
    "offline": (
        Asked("maxOfflineTake", "amount", "max_offline_take"),
        Asked("maxOfflineTotal", "amount", "max_offline_total"),
        Asked("offlineHours", "number", "offline_hours", longest=2),
    ),
    "people": (Asked("retention_period_days", "number", "retention_days", longest=3),),
    "company": (
        _told("company", "line"),
        _told("address", "words"),
        _told("country", "line"),
        _told("phone", "line"),
        _told("email", "email"),
        _told("website", "line"),
        _told("terms", "words"),
    ),
    "technical": (
        Asked("passTypeIdentifier", "line", "pass_type_identifier"),
        Asked("requireIdempotencyKey", "tick", "requires_key"),
    ),
}
"""By the groups of the page, in its order."""

NEW: Final[tuple[Asked, ...]] = (
    Asked("name", "line", "name", is_needed=True),
    Asked("currency", "line", "currency", is_needed=True, longest=3),
    *GROUPS["basics"][2:],
    *GROUPS["life"],
    Asked("maxBalance", "amount", "max_balance"),
)
"""What a new program is asked for; the rest has a default and is set later."""


def values_of(program: Program, asked: tuple[Asked, ...]) -> dict[str, str]:
    """What stands in the fields before anybody types."""
    return {one.name: _value(program, one) for one in asked}


def changes_of(fields: Fields, asked: tuple[Asked, ...], currency: Currency) -> ProgramChanges:
    """What was typed, as changes of these fields and of no other. Raises `Invalid`, which names the field."""
    names = {one.name for one in asked}
    plain: dict[str, Any] = {one.attribute: read(fields) for one in asked if (read := _READ.get(one.name)) is not None}
    ticks: dict[str, Any] = {one.attribute: typed.is_ticked(fields, one.name) for one in asked if one.kind == "tick"}
    amounts = {one.attribute: _wanted(fields, one.name, currency) for one in asked if one.kind == "amount"}
    days = typed.whole(fields, "retention_period_days", 0, 365) if "retention_period_days" in names else UNSET
    return ProgramChanges(
        **plain,
        **ticks,
        limits=WantedLimits(**amounts),
        retention_days=days,
        profile=profile_of(fields, tuple(one for one in asked if not one.attribute)),
    )


def profile_of(fields: Fields, asked: tuple[Asked, ...]) -> dict[str, str | None]:
    """What was typed of the profile; None for a member that was emptied. Raises `Invalid`."""
    found: dict[str, str | None] = {}
    for one in asked:
        if one.kind == "email":
            text = typed.email(fields, one.name)
        else:
            text = (typed.words if one.kind == "words" else typed.line)(fields, one.name, one.longest)
        check = _CHECKED.get(one.name)
        found[one.name] = text if text is None or check is None else check(text)
    return found


def _value(program: Program, asked: Asked) -> str:
    if not asked.attribute:
        usual = program.language.value if asked.name == "language" else ""
        return str(program.profile.get(asked.name) or usual)
    value = getattr(program, asked.attribute)
    if asked.kind == "amount":
        return "" if value is None else program.currency.text(value)
    if asked.kind == "tick":
        return "yes" if value else ""
    return "" if value is None else str(value.code if isinstance(value, Currency) else value)


def _wanted(fields: Fields, name: str, currency: Currency) -> WantedAmount:
    minor = typed.amount(fields, name, currency)
    return None if minor is None else Decimal(currency.text(minor))


def _months(fields: Fields) -> int | None:
    return typed.whole(fields, "expiryMonths", 1, 60)


def _rule(fields: Fields) -> ExpiryRule | None:
    found = typed.said(fields, "expiryRule")
    return ExpiryRule(found) if found in set(ExpiryRule) else None


def _format(fields: Fields) -> CodeFormat | None:
    found = typed.said(fields, "securityCodeFormat")
    return CodeFormat(found) if found in set(CodeFormat) else None


_READ: Final[Mapping[str, Callable[[Fields], object]]] = {
    "name": lambda fields: typed.needed(typed.line(fields, "name", typed.NAME_MAX), "name"),
    "expiryRule": _rule,
    "expiryMonths": _months,
    "securityCodeFormat": _format,
    "offlineHours": lambda fields: typed.whole(fields, "offlineHours", 1, 24),
    "cardNumberPrefix": lambda fields: typed.said(fields, "cardNumberPrefix"),
    "passTypeIdentifier": lambda fields: typed.line(fields, "passTypeIdentifier", 255),
}

_CHECKED: Final[Mapping[str, Callable[[str], str]]] = {
    "timeZone": profile.check_zone,
    "language": profile.check_language,
    "website": profile.check_website,
}
