"""The small types that request and response models are made of.

Each one accepts exactly what the published JSON schema says and emits that schema; what a type hands on is safe to
store and to compute with: exact decimals, UTC times, E.164 numbers, text without control characters.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import TypeAliasType

from kado import clock, contacts

OBJECT_ID_PATTERN: Final = "^[0-9a-f]{24}$"

# A named alias, not a plain Annotated: the name is what makes it a component of its own in the OpenAPI document.
PydanticObjectId = TypeAliasType(
    "PydanticObjectId",
    Annotated[
        str,
        Field(
            min_length=24,
            max_length=24,
            pattern=OBJECT_ID_PATTERN,
            json_schema_extra={"example": "5eb7cf5a86d9755df3a6c593"},
        ),
    ],
)


# ── money ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_AMOUNT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
# The published pattern, for the document only: `\d` and `$` mean more in some regex dialects than we accept.
_PUBLISHED_AMOUNT: Final = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
# Decimal arithmetic is exact up to 28 digits. Every amount that could ever be on a card is far below.
_DIGITS_MAX: Final = 28
_TEXT_MAX: Final = 100


def exact_amount(value: object) -> Decimal:
    """The amount as it was written ("007.50" → 7.50 with its two decimals), from a JSON number or an ASCII string.

    Floats and booleans are refused: a float has already lost what was written.
    """
    if type(value) is str:
        if len(value) > _TEXT_MAX or not _AMOUNT.fullmatch(value):
            raise PydanticCustomError("decimal_parsing", "Input should be a valid decimal")
        return _bounded(Decimal(value))
    if type(value) is Decimal:
        return _bounded(value)
    if type(value) is int:
        return _bounded(Decimal(value))
    raise PydanticCustomError("decimal_type", "Input should be a decimal number or a string that holds one")


def _bounded(amount: Decimal) -> Decimal:
    """The amount, without exponent notation; refuses what later arithmetic could not hold exactly."""
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        raise PydanticCustomError("finite_number", "Input should be a finite number")
    if len(digits) > _DIGITS_MAX or exponent < -_DIGITS_MAX or amount.adjusted() >= _DIGITS_MAX:
        raise PydanticCustomError(
            "decimal_max_digits", "Input should have no more than {max_digits} digits", {"max_digits": _DIGITS_MAX}
        )
    return amount if exponent <= 0 else Decimal(int(amount))


class _PublishedAmount:
    """Adds the string form's pattern to the schema that Pydantic derives from the bounds."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        for form in schema.get("anyOf", ()):
            if form.get("type") == "string":
                form["pattern"] = _PUBLISHED_AMOUNT
        return schema


_exact = BeforeValidator(exact_amount)
_published = _PublishedAmount()
_CENT: Final = Decimal("0.01")

CreateMoney = Annotated[Decimal, Field(ge=_CENT, le=Decimal(10000)), _exact, _published]
ReloadMoney = Annotated[Decimal, Field(ge=_CENT, le=Decimal(5000)), _exact, _published]
RedeemMoney = Annotated[Decimal, Field(ge=_CENT), _exact, _published]
RefundMoney = Annotated[Decimal, Field(gt=0), _exact, _published]
# A limit may be zero: "nothing at all".
LimitMoney = Annotated[Decimal, Field(ge=Decimal(0), le=Decimal(10000)), _exact, _published]


# ── text ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_control(text: str) -> str:
    if not contacts.is_one_line(text):
        raise PydanticCustomError("string_control_character", "String should not contain control characters")
    return text


def _refuse_control_but_breaks(text: str) -> str:
    if not contacts.is_plain(text):
        raise PydanticCustomError(
            "string_control_character", "String should contain no control characters but line feed and tab"
        )
    return text


# Put after the length: Annotated[str, Field(max_length=255), one_line]. Nothing is stripped or changed.
one_line = AfterValidator(_refuse_control)
many_lines = AfterValidator(_refuse_control_but_breaks)

Line = Annotated[str, one_line]
Line50 = Annotated[str, Field(max_length=50), one_line]
Line100 = Annotated[str, Field(max_length=100), one_line]
Line255 = Annotated[str, Field(max_length=255), one_line]
Text500 = Annotated[str, Field(max_length=500), many_lines]


# ── headers ────────────────────────────────────────────────────────────────────────────────────────────────────────

_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]{1,255}")


def is_idempotency_key(text: str) -> bool:
    """Whether the text has the form of an idempotency key."""
    return _VISIBLE_ASCII.fullmatch(text) is not None


def _idempotency_key(text: str) -> str:
    if not is_idempotency_key(text):
        raise PydanticCustomError("idempotency_key", "An idempotency key is 1 to 255 visible ASCII characters")
    return text


IdempotencyKey = Annotated[str, AfterValidator(_idempotency_key)]


# ── bounds of ours ─────────────────────────────────────────────────────────────────────────────────────────────────


class _NoUpperBound:
    """Leaves upper bounds out of the document: the contract has none there, and checks are checks all the same."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {name: value for name, value in schema.items() if name not in ("maxLength", "maxItems")}


# Put after the bound: Annotated[str, Field(max_length=255), bounded_silently].
bounded_silently: Final = _NoUpperBound()


# ── lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_OFFSET_MAX: Final = 2**31
PAGE_LIMIT_MAX: Final = 250

# Bounded here, but not in the document: the contract declares no bounds. The first page is 1.
_any_integer = WithJsonSchema({"type": "integer"})
PageNumber = Annotated[int, Field(ge=1, le=_OFFSET_MAX), _any_integer]
PageLimit = Annotated[int, Field(ge=1, le=PAGE_LIMIT_MAX), _any_integer]
PageOffset = Annotated[int, Field(ge=0, le=_OFFSET_MAX), _any_integer]
SearchText = Annotated[str, Field(max_length=255), one_line, WithJsonSchema({"type": "string"})]


# ── email and phone ────────────────────────────────────────────────────────────────────────────────────────────────


def email_address(text: str) -> str:
    """The address with its domain in normal form. One bare address: no display name, no quotes, no line break."""
    found = contacts.email_address(text)
    if found is None:
        raise PydanticCustomError("email", "Input should be a valid email address")
    return found


EmailStr = Annotated[str, AfterValidator(email_address), WithJsonSchema({"type": "string", "format": "email"})]


def phone_number(text: str) -> str:
    """The number in E.164 form ("+49 (30) 901-820" → "+4930901820"), if a phone could have it."""
    found = contacts.phone_number(text)
    if found is None:
        raise PydanticCustomError("phone", "Input should be a phone number in international form, such as +4930901820")
    return found


PhoneStr = Annotated[str, AfterValidator(phone_number), WithJsonSchema({"type": "string", "format": "phone"})]


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_DATE_FIRST: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _only_iso_text(value: object) -> object:
    """Numbers, and strings of digits, could mean seconds or milliseconds: refused rather than guessed."""
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) <= 64 and _DATE_FIRST.match(value)):
        return value
    raise PydanticCustomError("datetime_parsing", "Input should be a valid date and time in ISO 8601 form")


def _in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; without an offset it was meant as UTC."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_overflow", "Input is outside the years 1 to 9999 in UTC") from None


def _in_utc_if_known(moment: datetime) -> datetime:
    """The same moment in UTC; without an offset it stays as it is, for whoever knows where its reader lives."""
    return moment if moment.tzinfo is None else _in_utc(moment)


UtcDatetime = Annotated[datetime, BeforeValidator(_only_iso_text), AfterValidator(_in_utc)]
LocalDatetime = Annotated[datetime, BeforeValidator(_only_iso_text), AfterValidator(_in_utc_if_known)]


# ── languages and places ───────────────────────────────────────────────────────────────────────────────────────────


def _time_zone(text: str) -> str:
    # Only names that are there: some spellings work on some systems, and what works here must work on all.
    if not clock.is_zone(text):
        raise PydanticCustomError("time_zone", "Input should be a time zone by its name, such as Europe/Berlin")
    return text


LanguageTag = Annotated[str, Field(max_length=35, pattern="^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}$")]
# The document says what a name looks like: six hundred of them would be a page.
TimeZone = Annotated[
    str,
    AfterValidator(_time_zone),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_+/-]{1,64}$", "example": "Europe/Berlin"}),
]
