"""What a program's rules mean, in sentences with real days and amounts: for whoever sets them, before they hold."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.cards.issue import expiry_of
from kado.delivery.reminders import DAYS
from kado.languages import tell
from kado.languages.choose import Language
from kado.programs.program import CodeFormat, ExpiryRule, Program
from kado.web.visitor import LANGUAGES

Meant = tuple[str, Mapping[str, str]]
"""The key of a sentence, and what it leaves open."""

_SAMPLES: Final = {CodeFormat.DIGITS: "402 718", CodeFormat.LETTERS: "K7M 4QX"}


def meaning_of(group: str, program: Program, language: Language, now: datetime) -> list[Meant]:
    """What the rules of this group mean, from `now` on, in sentences whose words begin with `means_`."""
    return [(f"means_{key}", facts) for key, facts in _MEANING[group](program, language, now)]


def _basics(program: Program, language: Language, now: datetime) -> Iterator[Meant]:
    yield "language", {"language": LANGUAGES[program.language]}
    yield "zone", {"time": tell.time_of(now, language, program.zone)}


def _amounts(program: Program, language: Language, now: datetime) -> Iterator[Meant]:  # noqa: ARG001 - as all of them
    def money(minor: int) -> str:
        return tell.money(minor, program.currency, language)

    yield "sold", {"least": money(program.min_initial_value), "most": money(program.max_initial_value)}
    yield "held", {"most": money(program.max_balance)}
    yield "reloaded", {"most": money(program.max_reload)}
    if program.max_redeem is None:
        yield "spent_all", {}
    else:
        yield "spent", {"most": money(program.max_redeem)}
    if program.cashier_issue_limit == 0:
        yield "cashier_none", {}
    else:
        yield "cashier", {"most": money(program.cashier_issue_limit)}


def _life(program: Program, language: Language, now: datetime) -> Iterator[Meant]:
    if program.expiry_rule is ExpiryRule.NEVER:
        yield "never", {}
        return
    ends = expiry_of(program, now)
    yield "expires", {"day": tell.day(ends, language, program.zone)}
    if program.expiry_rule is ExpiryRule.AFTER_RELOAD:
        later = clock.add_months(now, 1)
        facts = {"reloaded": later, "day": expiry_of(program, later)}
        yield "renewed", {name: tell.day(moment, language, program.zone) for name, moment in facts.items()}
    else:
        yield "not_renewed", {}
    yield "older_cards", {}


def _codes(program: Program, language: Language, now: datetime) -> Iterator[Meant]:  # noqa: ARG001
    yield "code", {"code": _SAMPLES[program.code_format]}
    number = (program.number_prefix + "8102946375510284")[:16]
    grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    yield "number", {"number": grouped}


def _messages(program: Program, language: Language, now: datetime) -> Iterator[Meant]:
    if not program.reminds_expiry or program.expiry_rule is ExpiryRule.NEVER:
        yield "not_reminded", {}
    else:
        ends = expiry_of(program, now)
        first, second = (tell.day(ends - timedelta(days=days), language, program.zone) for days in DAYS)
        yield "reminded", {"first": first, "second": second}
    yield "told" if program.tells_changes else "not_told", {}


def _checks(program: Program, language: Language, now: datetime) -> Iterator[Meant]:  # noqa: ARG001
    yield "captcha" if program.captcha_always else "no_captcha", {}
    yield "without_script" if program.balance_without_script else "with_script", {}


def _offline(program: Program, language: Language, now: datetime) -> Iterator[Meant]:
    if program.offline_take is None or program.max_offline_total is None:
        yield "no_offline", {}
        return
    take, total = (
        tell.money(minor, program.currency, language) for minor in (program.offline_take, program.max_offline_total)
    )
    ends = now + timedelta(hours=program.offline_hours)
    yield "offline", {"take": take, "total": total}
    yield "offline_until", {"time": tell.time_of(ends, language, program.zone)}
    yield "offline_risk", {"total": total}


def _people(program: Program, language: Language, now: datetime) -> Iterator[Meant]:
    if program.retention_days is None:
        yield "kept", {}
    else:
        forgotten = now + timedelta(days=program.retention_days)
        yield "forgotten", {"day": tell.day(forgotten, language, program.zone)}


def _company(program: Program, language: Language, now: datetime) -> Iterator[Meant]:  # noqa: ARG001
    said = [str(found) for name in ("company", "address", "phone", "email") if (found := program.profile.get(name))]
    if said:
        yield "contact", {"contact": ", ".join(" ".join(one.split()) for one in said)}
    else:
        yield "no_contact", {}
    if not program.profile.get("terms"):
        yield "no_terms", {}


def _technical(program: Program, language: Language, now: datetime) -> Iterator[Meant]:  # noqa: ARG001
    yield "key" if program.requires_key else "no_key", {}


_MEANING: Final[Mapping[str, Callable[[Program, Language, datetime], Iterator[Meant]]]] = {
    "basics": _basics,
    "amounts": _amounts,
    "life": _life,
    "codes": _codes,
    "messages": _messages,
    "checks": _checks,
    "offline": _offline,
    "people": _people,
    "company": _company,
    "technical": _technical,
}
