"""Everything that reads what strangers write: takes exactly what a plain second reading takes, refuses by its own name.

`plain.py` has the second readings. A reader that raises anything but its own refusal would answer 500.
"""

import json as standard_json
import secrets
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from tests.unit import plain

from kado import clock, money
from kado.access import keys, signatures, tokens
from kado.access.address import client_address
from kado.access.permissions import Role
from kado.cards.numbers import indexes_of, luhn_digit, new_number, normalised
from kado.cards.words import after, terms_of, words_of
from kado.crypto import Keyring
from kado.doors.api import strict_json
from kado.doors.api.types import (
    IdempotencyKey,
    PydanticObjectId,
    UtcDatetime,
    email_address,
    exact_amount,
    phone_number,
)
from kado.errors import Unauthenticated
from kado.ids import is_id, new_id
from kado.webhooks.address import Blocked, take_apart

ANY = st.text() | st.binary().map(lambda some: some.decode("latin-1"))
NO_HALVES = st.text(st.characters(exclude_categories=["Cs"]))
KEYRING = Keyring([secrets.token_hex(32)])


def mutated(good: st.SearchStrategy[str], letters: str) -> st.SearchStrategy[str]:
    """Nearly right: one place of it is left out, doubled or replaced."""

    def change(text: str, at: int, what: str, how: int) -> str:
        at %= len(text) + 1
        return text[:at] + what * (how > 0) + text[at + (how != 1) :]

    return st.builds(change, good, st.integers(0, 10**6), st.sampled_from(letters) | st.characters(), st.integers(0, 2))


# ── money ──────────────────────────────────────────────────────────────────────────────────────────────────────────

AMOUNTS = st.from_regex(r"[+-]?[0-9]{0,12}\.?[0-9]{0,12}", fullmatch=True)


@given(AMOUNTS | mutated(AMOUNTS, "0.+-eE_, \n\x00٣１½NaI") | ANY)
@example("1_000")
@example("٣")
@example("1e2")
@example("NaN")
@example("1\n")
@example("")
def test_a_text_is_an_amount_or_none(text: str) -> None:
    wanted = plain.amount(text)
    try:
        found = exact_amount(text)
    except PydanticCustomError:
        assert wanted is None or len(text.lstrip("+-0")) > 28 or len(text) > 28
        return
    assert wanted == Fraction(found)


@given(st.sampled_from(sorted(money._CURRENCIES)), AMOUNTS.filter(lambda text: any(one in "123456789" for one in text)))
def test_an_amount_is_whole_minor_units_or_has_too_many_decimals(code: str, text: str) -> None:
    currency, amount = money.currency(code), exact_amount(text)
    written = len(text.partition(".")[2])
    try:
        minor = currency.minor(amount)
    except money.TooManyDecimals:
        assert written > currency.exponent
        return
    assert written <= currency.exponent
    assert Fraction(minor) == Fraction(amount) * 10**currency.exponent
    assert Fraction(exact_amount(currency.text(minor))) == Fraction(amount)
    assert len(currency.text(minor).partition(".")[2]) == currency.exponent


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_in_json_is_read_digit_for_digit(text: str) -> None:
    try:
        value = strict_json.parse(b'{"amount": ' + text.encode() + b"}")
    except strict_json.MalformedJson:
        with pytest.raises(plain.Wrong):
            plain.json(text, 32)
        return
    assert isinstance(value, dict)
    assert type(value["amount"]) in (int, Decimal)
    assert Fraction(value["amount"]) == plain.json(text, 32)
    try:
        amount = exact_amount(value["amount"])
    except PydanticCustomError:
        return
    assert Fraction(amount) == Fraction(value["amount"])


# ── JSON ───────────────────────────────────────────────────────────────────────────────────────────────────────────

VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.builds(
    lambda value, escaped, indent: standard_json.dumps(value, ensure_ascii=escaped, indent=indent),
    VALUES,
    st.booleans(),
    st.none() | st.integers(0, 2),
)
LETTERS = '{}[]":,0123456789.eE+-\\u \t\n\rtfnaNI/'


@given(TEXTS | mutated(TEXTS, LETTERS) | st.text(LETTERS, max_size=12) | ANY)
@example('{"a": 1, "\\u0061": 2}')
@example("[" * 33 + "]" * 33)
@example("[" * 32 + "]" * 32)
@example('"\\ud83d\\ude00"')
@example('"\\ude00\\ud83d"')
@example("-")
@example("01")
@example("1.")
@example("NaN")
@example("1e401")
def test_a_body_is_the_json_that_it_says_or_is_refused(text: str) -> None:
    try:
        wanted = plain.json(text, strict_json.DEPTH_MAX)
    except plain.Wrong:
        with pytest.raises(strict_json.MalformedJson):
            strict_json.parse(text.encode("utf-8", "surrogatepass"))
        return
    assert _in_fractions(strict_json.parse(text.encode())) == wanted


def _in_fractions(value: object) -> object:
    if isinstance(value, dict):
        return {name: _in_fractions(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_fractions(one) for one in value]
    return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


@given(st.binary(max_size=40))
def test_bytes_that_are_no_utf_8_are_refused(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError:
        with pytest.raises(strict_json.MalformedJson):
            strict_json.parse(body)


# ── who is asking ──────────────────────────────────────────────────────────────────────────────────────────────────


def a_token() -> str:
    return tokens.issue(
        KEYRING, staff_id=new_id(), merchant_id=new_id(), role=Role.CASHIER, now=datetime(2027, 1, 1, tzinfo=UTC)
    )


TOKEN = a_token()


@given(ANY | mutated(st.just(TOKEN), "._-=AQgw+/ \n") | st.text("abcXYZ0189._-"))
def test_no_token_but_the_one_that_was_issued_says_anything(text: str) -> None:
    if text == TOKEN:
        tokens.verify(KEYRING, text)
    else:
        with pytest.raises(Unauthenticated):
            tokens.verify(KEYRING, text)


@given(ANY | st.from_regex(r"kado_(live|test)_[A-Za-z0-9_-]{0,60}"))
def test_no_text_is_too_odd_to_be_no_key(text: str) -> None:
    assert not keys.is_key(text) or text.isascii()


SIGNED = st.builds(
    lambda now, body: signatures.sign("s" * 64, "0" * 24, "POST", "/v2/x", body, now),
    st.integers(0, 10**11),
    st.binary(),
)


@given(SIGNED | mutated(SIGNED, "=,kt0v1 fF٣") | ANY)
def test_a_signature_has_three_fields_each_once_or_is_none(header: str) -> None:
    pairs = [part.split("=", 1) for part in header.split(",")]
    fields = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    lower = plain.DIGITS + "abcdef"
    well_formed = (
        len(header) <= 200
        and len(pairs) == 3 == len(fields)
        and fields.keys() == {"keyId", "t", "v1"}
        and (len(fields["keyId"]), len(fields["v1"])) == (24, 64)
        and all(one in lower for one in fields["keyId"] + fields["v1"])
        and 1 <= len(fields["t"]) <= 12
        and all(one in plain.DIGITS for one in fields["t"])
        and (fields["t"] == "0" or fields["t"][0] != "0")
    )
    if well_formed:
        assert signatures._fields(header) == fields
    else:
        with pytest.raises(Unauthenticated):
            signatures._fields(header)


TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))
HOPS = st.ip_addresses().map(str) | ANY.map(lambda text: text.encode("utf-8", "replace").decode("latin-1"))


@given(st.none() | st.ip_addresses().map(str) | ANY, st.lists(HOPS, max_size=4))
def test_only_a_trusted_peer_can_say_where_a_request_comes_from(peer: str | None, hops: list[str]) -> None:
    headers = [(b"X-Forwarded-For", hop.encode("latin-1", "replace")) for hop in hops]
    said, alone = client_address(peer, headers, TRUSTED), client_address(peer, [], TRUSTED)
    assert said == alone or (peer or "").startswith(("10.", "2001:db8:ffff:", "::ffff:", "[", "2001:0db8:ffff"))


@given(st.ip_addresses(v=4).filter(lambda one: one not in TRUSTED[0]), ANY)
def test_what_a_client_writes_in_front_of_a_proxys_word_changes_nothing(client: object, written: str) -> None:
    value = f"{written.encode('utf-8', 'replace').decode('latin-1')}, {client}".encode("latin-1")
    assert client_address("10.0.0.1", [(b"x-forwarded-for", value)], TRUSTED) == str(client)


# ── names and numbers ──────────────────────────────────────────────────────────────────────────────────────────────

IDS = st.from_regex("[0-9a-f]{24}", fullmatch=True)


@given(IDS | mutated(IDS, "0aAgG \n\x00٣") | ANY)
def test_an_id_has_one_form(text: str) -> None:
    wanted = len(text) == 24 and all(one in plain.DIGITS + "abcdef" for one in text)
    assert is_id(text) is wanted
    assert _is_taken(PydanticObjectId, text) is wanted


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x80), max_size=300) | ANY)
@example("")
@example("k" * 255)
@example("k" * 256)
def test_an_idempotency_key_is_visible_ascii(text: str) -> None:
    assert _is_taken(IdempotencyKey, text) is (1 <= len(text) <= 255 and all("!" <= one <= "~" for one in text))


def _is_taken(kind: Any, value: object) -> bool:
    try:
        TypeAdapter[object](kind).validate_python(value)
    except ValidationError:
        return False
    return True


@given(ANY)
def test_a_number_however_it_is_typed_has_one_normal_form(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert indexes_of(KEYRING, "0" * 24, text) == indexes_of(KEYRING, "0" * 24, f" -{text}- ")


@given(st.from_regex("[0-9]{0,8}", fullmatch=True), st.integers(0, 14), st.integers(0, 9))
def test_a_number_shows_every_wrong_digit(prefix: str, at: int, other: int) -> None:
    number = new_number(prefix)
    assert len(number) == 16
    assert number.startswith(prefix)
    assert luhn_digit(number[:-1]) == number[-1]
    wrong = number[:at] + str(other) + number[at + 1 :]
    assert (luhn_digit(wrong[:-1]) == wrong[-1]) is (wrong == number)
    assert normalised(" ".join(number)) == normalised("-".join(number)) == number


MOMENTS = st.datetimes(timezones=st.none() | st.timezones()).map(lambda moment: moment.isoformat())


@given(MOMENTS | mutated(MOMENTS, "0123456789-:TZ+. ٣") | ANY)
def test_a_time_is_a_moment_in_utc_or_none(text: str) -> None:
    try:
        moment = TypeAdapter(UtcDatetime).validate_python(text)
    except ValidationError:
        return
    assert text[:4].isascii()
    assert moment.tzinfo is UTC
    assert TypeAdapter(UtcDatetime).validate_python(clock.text(moment)) == moment


ZONES = st.builds(timezone, st.integers(-23 * 60, 23 * 60).map(lambda minutes: timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES))  # noqa: DTZ001 - as it wants them
def test_a_time_is_read_as_it_was_written(moment: datetime) -> None:
    assert TypeAdapter(UtcDatetime).validate_python(moment.isoformat()) == moment


EMAILS = st.from_regex(r"[a-z0-9.+]{1,10}@[a-z0-9-]{1,10}\.(com|de)", fullmatch=True)


@given(EMAILS | mutated(EMAILS, '@.,<>\r\n"( \x00ß') | ANY)
def test_an_email_address_is_one_or_none(text: str) -> None:
    try:
        found = email_address(text)
    except PydanticCustomError:
        return
    assert email_address(found) == found
    assert found.count("@") == 1
    assert not any(one.isspace() or one in ",<>" for one in found)


PHONES = st.from_regex(r"\+[0-9 ()-]{6,20}", fullmatch=True)


@given(PHONES | mutated(PHONES, "0123456789+- ()٣x;") | ANY)
@example("+82-000")
def test_a_phone_number_is_a_plus_and_digits_or_none(text: str) -> None:
    try:
        found = phone_number(text)
    except PydanticCustomError:
        return
    assert found[0] == "+"
    assert all(one in plain.DIGITS for one in found[1:])
    assert phone_number(found) == found


# ── addresses of webhooks ──────────────────────────────────────────────────────────────────────────────────────────

URLS = st.from_regex(
    r"https?://([a-z0-9-]{1,8}\.){1,3}[a-z]{2,4}(:[0-9]{1,5})?(/[a-z0-9%?&=.]{0,8}){0,3}", fullmatch=True
)


@given(URLS | mutated(URLS, "@:/\\#?[]%.0x \r\n\x00٣。") | ANY)
@example("https://[::1")
@example("https://[::ffff:127.0.0.1]/")
@example("https://0x7f.1/")
@example("https://127.1/")
@example("https://2130706433/")
@example("https://a@b/")
@example("https://example.com\\@127.0.0.1/")
def test_a_url_has_one_reading_or_is_blocked(url: str) -> None:
    try:
        target = take_apart(url)
    except Blocked:
        return
    assert url.lower().startswith(
        f"{target.scheme}://{target.authority.removesuffix(f':{target.port}').strip('[]')}"
    ) or (":" in target.host)
    assert target.host == target.host.lower()
    assert all("!" <= one <= "~" for one in target.host + target.path)
    assert not any(one in target.host for one in "@/\\?#%[] ")
    assert target.path.startswith("/")
    assert 0 < target.port <= 65535
    # What is called and what is said to be called are the same.
    assert take_apart(f"{target.scheme}://{target.authority}{target.path}") == target


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(NO_HALVES, NO_HALVES, st.none() | NO_HALVES)
def test_a_card_is_found_by_the_beginning_of_each_of_its_first_words(name: str, sender: str, email: str | None) -> None:
    rows = words_of(email, name, sender)
    texts = [row.text for row in rows]
    assert texts == sorted(texts)
    for before, row in zip(["", *texts], rows, strict=False):
        assert row.text[: row.shared] == before[: row.shared]
        assert row.text[: row.shared + 1] != before[: row.shared + 1] or row.text == before
    if len("".join(texts)) < 300:
        for term in terms_of(name):
            assert any(text.startswith(term) for text in texts)


@given(NO_HALVES, NO_HALVES)
def test_what_begins_alike_lies_between_its_beginning_and_what_is_after(prefix: str, rest: str) -> None:
    end = after(prefix)
    assert prefix <= prefix + rest < end
    assert not end.startswith(prefix) or not prefix or prefix.strip("\U0010ffff") == ""
    end.encode()
