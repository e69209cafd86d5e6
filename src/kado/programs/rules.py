"""What a program may be set to. Pure: no database.

The API's own bounds are major units in every currency; a program may narrow them and never widen them.
"""

import re
from decimal import Decimal
from typing import Final

from kado import money
from kado.errors import Invalid
from kado.money import Currency
from kado.programs.program import UNSET, Limits, WantedAmount, WantedLimits

_LEAST: Final = Decimal("0.01")
_MOST_HELD: Final = Decimal(10_000)
_MOST_RELOADED: Final = Decimal(5_000)
_CASHIER: Final = Decimal(500)
_OFFLINE_TAKE: Final = Decimal(500)
_OFFLINE_TOTAL: Final = Decimal(5_000)
_OFFLINE_HOURS_MAX: Final = 24
_MONTHS_MAX: Final = 60
_RETENTION_MAX: Final = 365
_NAME_MAX: Final = 255
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PREFIX: Final = re.compile(r"[0-9]{0,8}")
_PASS_TYPE: Final = re.compile(r"pass\..{0,250}")


def known_currency(code: str) -> Currency:
    """The currency with this code. Raises `Invalid` for one that Kado does not know."""
    try:
        return money.currency(code)
    except money.UnknownCurrency as error:
        raise Invalid(("body", "currency"), str(error), "currency_unknown") from None


def settle(currency: Currency, wanted: WantedLimits, current: Limits | None = None) -> Limits:
    """The limits that follow from what is asked for and, where nothing is, from the current ones or the defaults.

    A greatest first value that nobody asked for follows a lowered `max_balance`, so that one change is enough.
    Raises `Invalid`, naming the field.
    """
    least, held, reloaded = _least(currency), _whole(currency, _MOST_HELD), _whole(currency, _MOST_RELOADED)
    now = current or Limits(least, held, held, reloaded, None, -1)
    max_balance = _asked(currency, "maxBalance", wanted.max_balance, now.max_balance, held, least, held)
    max_initial = _asked(
        currency, "maxInitialValue", wanted.max_initial_value, now.max_initial_value, held, least, held
    )
    if not isinstance(wanted.max_initial_value, Decimal):
        max_initial = min(max_initial, max_balance)
    if max_initial > max_balance:
        raise Invalid(
            ("body", "maxInitialValue"),
            "A card cannot be issued for more than maxBalance lets it hold.",
            "limit_above_balance",
        )
    min_initial = _asked(
        currency, "minInitialValue", wanted.min_initial_value, now.min_initial_value, least, least, held
    )
    if min_initial > max_initial:
        raise Invalid(
            _blamed(wanted), "minInitialValue must not be greater than maxInitialValue or maxBalance.", "limits_crossed"
        )
    offline_take, offline_total = _offline(currency, wanted, now, least)
    cashier_default = min(_whole(currency, _CASHIER), max_initial)
    return Limits(
        min_initial_value=min_initial,
        max_initial_value=max_initial,
        max_balance=max_balance,
        max_reload=_asked(currency, "maxReload", wanted.max_reload, now.max_reload, reloaded, least, reloaded),
        max_redeem=_optional(currency, "maxRedeem", wanted.max_redeem, now.max_redeem, least, held),
        cashier_issue_limit=_asked(
            currency,
            "cashierIssueLimit",
            wanted.cashier_issue_limit,
            now.cashier_issue_limit if current else cashier_default,
            cashier_default,
            0,
            held,
        ),
        max_offline_take=offline_take,
        max_offline_total=offline_total,
    )


def check_name(name: str) -> str:
    """The name, if it is 1 to 255 characters, none of them a control character. Raises `Invalid`."""
    if not name.strip() or len(name) > _NAME_MAX or _CONTROL.search(name):
        raise Invalid(
            ("body", "name"), f"A name has 1 to {_NAME_MAX} characters and no control characters.", "name_invalid"
        )
    return name


def check_prefix(prefix: str) -> str:
    """The prefix of card numbers, if it is at most eight digits. Raises `Invalid`."""
    if not _PREFIX.fullmatch(prefix):
        raise Invalid(
            ("body", "cardNumberPrefix"), "A card number begins with at most 8 digits of your choice.", "prefix_invalid"
        )
    return prefix


def check_months(months: int) -> int:
    """The months of a card's life, if they are 1 to 60. Raises `Invalid`."""
    if not 1 <= months <= _MONTHS_MAX:
        raise Invalid(("body", "expiryMonths"), f"Cards live for 1 to {_MONTHS_MAX} months.", "number_out_of_range")
    return months


def check_offline_hours(hours: int) -> int:
    """For how long a till may go on without a line, if it is 1 to 24 hours. Raises `Invalid`."""
    if not 1 <= hours <= _OFFLINE_HOURS_MAX:
        raise Invalid(
            ("body", "offlineHours"),
            f"A till goes on without a line for 1 to {_OFFLINE_HOURS_MAX} hours.",
            "number_out_of_range",
        )
    return hours


def check_retention(days: int | None) -> int | None:
    """For how many days an ended card keeps its people, if they are 0 to 365, or None for ever. Raises `Invalid`."""
    if days is not None and not 0 <= days <= _RETENTION_MAX:
        raise Invalid(
            ("body", "retention_period_days"),
            f"People are kept for 0 to {_RETENTION_MAX} days, or always.",
            "number_out_of_range",
        )
    return days


def check_pass_type(identifier: str) -> str:
    """The wallet pass type, if it begins with `pass.`. Raises `Invalid`."""
    if not _PASS_TYPE.fullmatch(identifier) or not identifier.isprintable():
        raise Invalid(
            ("body", "passTypeIdentifier"), "A pass type identifier begins with 'pass.'.", "pass_type_invalid"
        )
    return identifier


def check_captcha(*, is_wanted: bool | None, has_captcha: bool) -> None:
    """Raises `Invalid` where a captcha is asked for that nobody could solve: this server has none."""
    if is_wanted and not has_captcha:
        raise Invalid(("body", "requireCaptcha"), "This server has no captcha (KADO_CAPTCHA).", "captcha_off")


def _asked(
    currency: Currency, field: str, wanted: WantedAmount, current: int, default: int, low: int, high: int
) -> int:
    """The limit in minor units: as asked for, as it was, or the default. Raises `Invalid` outside low to high."""
    if wanted is UNSET:
        return current
    if wanted is None:
        return default
    if not wanted.is_finite() or not currency.decimal(low) <= wanted <= currency.decimal(high):
        raise Invalid(
            ("body", field),
            f"{field} must be from {currency.text(low)} to {currency.text(high)} {currency.code}.",
            "limit_out_of_range",
        )
    try:
        return currency.minor(wanted)
    except money.TooManyDecimals as error:
        raise Invalid(("body", field), f"{error}.", "decimal_max_places") from None


def _optional(
    currency: Currency, field: str, wanted: WantedAmount, current: int | None, low: int, high: int
) -> int | None:
    """A limit that there may be none of."""
    if isinstance(wanted, Decimal):
        return _asked(currency, field, wanted, 0, 0, low, high)
    return current if wanted is UNSET else None


def _offline(currency: Currency, wanted: WantedLimits, now: Limits, least: int) -> tuple[int | None, int | None]:
    """What a till takes without a line at once and in all: both or nothing. Raises `Invalid`."""
    take, total = (
        _optional(currency, field, asked, current, least, _whole(currency, most))
        for field, asked, current, most in (
            ("maxOfflineTake", wanted.max_offline_take, now.max_offline_take, _OFFLINE_TAKE),
            ("maxOfflineTotal", wanted.max_offline_total, now.max_offline_total, _OFFLINE_TOTAL),
        )
    )
    if (take is None) != (total is None):
        missing = "maxOfflineTake" if take is None else "maxOfflineTotal"
        raise Invalid(("body", missing), "Without a line a till needs both amounts, or none.", "offline_half")
    if take is not None and total is not None and take > total:
        raise Invalid(("body", "maxOfflineTotal"), "All takes together are at least one of them.", "offline_crossed")
    return take, total


def _blamed(wanted: WantedLimits) -> tuple[str, str]:
    """Which field to name when the least first value exceeds the greatest: the one that was asked for."""
    if isinstance(wanted.min_initial_value, Decimal):
        return "body", "minInitialValue"
    return "body", "maxInitialValue" if isinstance(wanted.max_initial_value, Decimal) else "maxBalance"


def _least(currency: Currency) -> int:
    """The smallest amount in minor units: 0.01 where the currency has cents, else one unit."""
    return max(1, int(_LEAST.scaleb(currency.exponent)))


def _whole(currency: Currency, amount: Decimal) -> int:
    return currency.minor(amount)
