"""JSON is read as it was written, or refused with the place that is wrong."""

import json
import timeit
from decimal import Decimal
from typing import Any

import pytest

from kado.doors.api.strict_json import DEPTH_MAX, MalformedJson, parse


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b"null", None),
        (b" [true, false] \n", [True, False]),
        ('{"näme": "Jürgen 😀"}'.encode(), {"näme": "Jürgen 😀"}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'{"a": {"b": 1}, "b": 1}', {"a": {"b": 1}, "b": 1}),
        (b"12", 12),
        (b"-0", 0),
        (b'"' + b"[" * 50_000 + b'"', "[" * 50_000),
        (b'"\\"' + b"{" * 40 + b'"', '"' + "{" * 40),
        (b"[" + b"{}," * 1000 + b"{}]", [{}] * 1001),
    ],
)
def test_json_is_read(body: bytes, value: Any) -> None:
    assert parse(body) == value


@pytest.mark.parametrize(
    ("body", "written"),
    [(b"9500.00", "9500.00"), (b"0.1", "0.1"), (b"1e2", "1E+2"), (b"-0.00", "-0.00"), (b"1.00000000000000000001",) * 2],
)
def test_fractions_keep_every_digit(body: bytes, written: Any) -> None:
    value = parse(body)
    assert type(value) is Decimal
    assert str(value) == (written if isinstance(written, str) else written.decode())


def test_long_whole_numbers_become_decimals() -> None:
    assert parse(b"9" * 40) == int("9" * 40)
    assert type(parse(b"9" * 40)) is int
    assert type(parse(b"9" * 41)) is Decimal
    assert parse(b"9" * 60_000) == Decimal("9" * 60_000)


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        # not text
        (b"\xff\xfe{\x00}\x00", (), "json_encoding"),
        ('{"a": 1}'.encode("utf-16-le"), (1,), "json_invalid"),
        ('{"a": 1}'.encode("utf-32"), (), "json_encoding"),
        (b"\xef\xbb\xbf{}", (), "json_encoding"),
        (b'{"a": "\xed\xa0\x80"}', (), "json_encoding"),
        (b'{"a": "\xc0\xaf"}', (), "json_encoding"),
        # not JSON
        (b"", (0,), "json_invalid"),
        (b"  ", (2,), "json_invalid"),
        (b"{'a': 1}", (1,), "json_invalid"),
        (b'{"a": 1,}', (8,), "json_invalid"),
        (b'{"a": 01}', (7,), "json_invalid"),
        (b'{"a": 1} x', (9,), "json_invalid"),
        (b'{"a": .5}', (6,), "json_invalid"),
        (b'{"a": +5}', (6,), "json_invalid"),
        (b'{"a": "x', (6,), "json_invalid"),
        (b'{"a": "\x00"}', (7,), "json_invalid"),
        (b'{"a": "x\ny"}', (8,), "json_invalid"),
        ('{"a": １}'.encode(), (6,), "json_invalid"),
        # not numbers
        (b'{"a": NaN}', ("a",), "json_number"),
        (b'{"a": [1, Infinity]}', ("a", 1), "json_number"),
        (b"-Infinity", (), "json_number"),
        (b'{"a": 1e999999999}', ("a",), "json_number"),
        (b'{"a": {"b": 1e-401}}', ("a", "b"), "json_number"),
        (b'{"a": 0e999999999}', ("a",), "json_number"),
        (b'{"a": 1e99999999999999999999999}', ("a",), "json_number"),
        # twice
        (b'{"a": 1, "a": 1}', ("a",), "json_duplicate_key"),
        (b'{"a": 1, "\\u0061": 2}', ("a",), "json_duplicate_key"),
        (b'{"x": [0, {"a": 1, "b": 2, "a": 3}]}', ("x", 1, "a"), "json_duplicate_key"),
        (b'{"\\u0000": 1, "\\u0000": 2}', (), "json_duplicate_key"),
        (b'{"a": {"b": 1, "b": 2}, "a": 1}', ("a",), "json_duplicate_key"),
        # not storable
        (b'{"a": "\\u0000"}', ("a",), "json_text"),
        (b'{"a": ["x", "\\ud800"]}', ("a", 1), "json_text"),
        (b'{"a": "\\udc00\\ud800"}', ("a",), "json_text"),
        (b'{"x": {"\\udfff": 1}}', ("x",), "json_text"),
        (b'{"a\\u0000": 1}', (), "json_text"),
        # too deep
        (nested(DEPTH_MAX + 1), (), "json_depth"),
        (b"[" * 100_000, (), "json_depth"),
        (b'{"a":' * 100_000, (), "json_depth"),
        (b'["\\\\",' + b"[" * DEPTH_MAX, (), "json_depth"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(body: bytes, loc: tuple[Any, ...], kind: str) -> None:
    with pytest.raises(MalformedJson) as refused:
        parse(body)
    assert (refused.value.loc, refused.value.kind) == (loc, kind)


def test_the_deepest_allowed_body_is_read() -> None:
    assert json.dumps(parse(nested(DEPTH_MAX))).encode() == nested(DEPTH_MAX)


def test_a_long_key_is_not_repeated_in_full() -> None:
    key = "k" * 5000
    with pytest.raises(MalformedJson) as refused:
        parse(f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert refused.value.loc == (key[:64],)


def test_messages_say_nothing_of_the_content() -> None:
    with pytest.raises(MalformedJson) as refused:
        parse(b'{"securityCode": 123456 "x": "123456"}')
    assert "123456" not in refused.value.message


def test_a_usual_body_takes_microseconds() -> None:
    body = json.dumps(
        {"amount": "12.50", "posTransactionId": "pos-1234567890", "cashierId": "c-12", "description": "x" * 120}
    ).encode()
    best = min(timeit.repeat(lambda: parse(body), number=500, repeat=5)) / 500
    # Measured at 3 µs; the bound leaves room for a slow and busy machine.
    assert best < 100e-6
