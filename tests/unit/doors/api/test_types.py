"""What the types accept is what the published schema says; what they hand on is safe to store and to compute with."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from kado.doors.api import types
from kado.doors.api.strict_json import parse

ID = "5eb7cf5a86d9755df3a6c593"


def accepts(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refusal(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    return refused.value.errors()[0]["type"]


# ── money ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("25", "25"),
        ("25.00", "25.00"),
        ("25.0000", "25.0000"),
        ("+1.00", "1.00"),
        ("007.5", "7.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0" * 60 + "5.10", "5.10"),
        ("0.01", "0.01"),
        ("5000", "5000"),
        ("1.00000000000000000001", "1.00000000000000000001"),
        (25, "25"),
        (Decimal("25.10"), "25.10"),
        (Decimal("1E+2"), "100"),
        (parse(b"0.1"), "0.1"),
        (parse(b"1.5e1"), "15"),
    ],
)
def test_an_amount_keeps_what_was_written(given: object, written: str) -> None:
    amount = accepts(types.ReloadMoney, given)
    assert type(amount) is Decimal
    assert str(amount) == written


NOT_AN_AMOUNT = [
    "", " ", ".", "-", "+", "+.", "-.", "1 ", " 1", "1\n", "\n1", "1_0", "1,00", "1.0.0", "--1", "+-1", "1e2",
    "1E2", "1e-2", "0x10", "NaN", "nan", "Infinity", "-inf", "inf", "１２", "٣", "1٫5", "½", "²", "1\u00a0",
    "1\x00", "$1", "1€", "\u22121", "1" * 101, "1" * 29, True, False, None, 1.0, 0.01, float("nan"), [], {},
    ["1"], b"1", Decimal("NaN"), Decimal("Infinity"), Decimal("1E+400"), Decimal("1E-400"), 10**40,
    parse(b"9" * 5000), parse(b"1e400"), "1." + "0" * 28,
]  # fmt: skip


@pytest.mark.parametrize("given", NOT_AN_AMOUNT, ids=lambda given: repr(given)[:24])
@pytest.mark.parametrize("kind", ["CreateMoney", "ReloadMoney", "RedeemMoney", "LimitMoney"])
def test_what_is_no_exact_amount_is_refused(kind: str, given: object) -> None:
    refusal(getattr(types, kind), given)


@pytest.mark.parametrize(
    "given", ["-1", "-0.01", "-5000.00", "0", "0.00", "-0", ".0", "0.009", 0, -1, Decimal("0.0099")]
)
@pytest.mark.parametrize("kind", ["CreateMoney", "ReloadMoney", "RedeemMoney"])
def test_the_least_amount_is_a_hundredth(kind: str, given: object) -> None:
    assert refusal(getattr(types, kind), given) == "greater_than_equal"


@pytest.mark.parametrize(("kind", "most"), [("CreateMoney", "10000"), ("ReloadMoney", "5000"), ("LimitMoney", "10000")])
def test_the_greatest_amount_depends_on_the_operation(kind: str, most: str) -> None:
    money = getattr(types, kind)
    for given in (most, Decimal(most), int(most), most + ".00"):
        assert accepts(money, given) == Decimal(most)
    for given in (most + ".01", Decimal(most) + Decimal("0.001"), int(most) + 1):
        assert refusal(money, given) == "less_than_equal"


def test_a_redemption_has_no_greatest_amount() -> None:
    assert accepts(types.RedeemMoney, "9" * 28) == Decimal("9" * 28)


# ── identifiers and keys ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", ["", ID[:-1], ID + "0", ID.upper(), ID + "\n", "g" * 24, "null", 5, None, "０" * 24])
def test_an_id_is_24_lower_case_hexadecimal_digits(given: object) -> None:
    assert accepts(types.PydanticObjectId, ID) == ID
    refusal(types.PydanticObjectId, given)


@pytest.mark.parametrize("given", ["", " ", "a b", "a\n", "é", "x" * 256, "a\x7f", "\t"])
def test_an_idempotency_key_is_visible_ascii(given: str) -> None:
    assert accepts(types.IdempotencyKey, "!~" + "x" * 253)
    assert refusal(types.IdempotencyKey, given) == "idempotency_key"


# ── email and phone ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("anna@example.com", "anna@example.com"),
        ("Anna.B+gift@Example.COM", "Anna.B+gift@example.com"),
        ("anna@shop.test", "anna@shop.test"),
        ("jürgen@bücher.example", "jürgen@bücher.example"),
    ],
)
def test_an_email_address_is_kept_with_its_domain_in_normal_form(given: str, kept: str) -> None:
    assert accepts(types.EmailStr, given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "", "anna", "@example.com", "anna@", "anna@example.com\n", "anna@example.com\r\nBcc: x@example.com",
        " anna@example.com", "a b@example.com", "Anna <anna@example.com>", "anna@example.com,b@example.com",
        '"a b"@example.com', "a@[127.0.0.1]", "a@" + "b" * 250 + ".com", "a@example..com", "a@-example.com",
        "anna@example.com\x00", "a@exa\u200bmple.com", "anna@localhost", 5, None, ["anna@example.com"],
    ],
)  # fmt: skip
def test_what_is_no_bare_email_address_is_refused(given: object) -> None:
    refusal(types.EmailStr, given)


@pytest.mark.parametrize("given", ["+4930901820", "+49 30 901820", "+49 (30) 901-820", "+49-30-901-820"])
def test_a_phone_number_is_kept_in_e164(given: str) -> None:
    assert accepts(types.PhoneStr, given) == "+4930901820"


@pytest.mark.parametrize(
    "given",
    [
        "", "+", "030901820", "004930901820", "+49", "+1234", "+999123456789", "+49 30 901820 ext. 5",
        "+49 30 901820;ext=5", "tel:+4930901820", "+49٣٠901820", "+４９30901820", "+4930901820\n",
        "+49" + "1" * 40, "+1-800-FLOWERS", "+43000000", 4930901820, None,
    ],
)  # fmt: skip
def test_what_is_no_possible_phone_number_is_refused(given: object) -> None:
    refusal(types.PhoneStr, given)


# ── text ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", ["a\x00", "a\x07", "a\x1b[0m", "a\x7f", "a\x85b", "a\rb", "\ud800", "\x0b"])
@pytest.mark.parametrize("kind", ["Line255", "Text500"])
def test_control_characters_are_refused(kind: str, given: str) -> None:
    refusal(getattr(types, kind), given)


def test_long_texts_may_have_line_breaks_and_short_ones_not() -> None:
    assert accepts(types.Text500, "Happy\n\tbirthday") == "Happy\n\tbirthday"
    assert refusal(types.Line255, "Happy\nbirthday") == "string_control_character"


def test_texts_are_not_stripped_and_are_counted_in_characters() -> None:
    assert accepts(types.Line255, "  a ") == "  a "
    assert accepts(types.Line255, "") == ""
    assert accepts(types.Line255, "😀" * 255) == "😀" * 255
    assert refusal(types.Line255, "x" * 256) == "string_too_long"


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2027-01-01T00:00:00Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01T00:00:00", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01T01:30:00+01:30", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01 00:00:00.123456+00:00", datetime(2027, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("2027-01-01", datetime(2027, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_are_handed_on_in_utc(given: str, kept: datetime) -> None:
    moment = accepts(types.UtcDatetime, given)
    assert moment == kept
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        "", "now", "2027-13-01T00:00:00Z", "2027-02-29T00:00:00Z", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00", "2027-01-01T24:00:01Z", "2027-01-01T00:00:60Z", "1767225600", 1767225600,
        Decimal("1767225600.5"), parse(b"1e300"), True, None, "２０２７-01-01T00:00:00Z",
        "2027-01-01T00:00:00Z" + " " * 60, "2027-01-01T00:00:00+99:99", "0000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z", [], {},
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(given: object) -> None:
    refusal(types.UtcDatetime, given)
