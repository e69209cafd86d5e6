"""What is written as a list is what PostgreSQL reads: checked against its rules here, and by itself in the database."""

from datetime import UTC, datetime

import pytest

from kado.storage.literals import hashes, moments, numbers, texts, words

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_what_needs_no_quotes_stands_as_it_is() -> None:
    assert words(["a1", "card:redeemed"]) == "{a1,card:redeemed}"
    assert numbers([1, -2, 0]) == "{1,-2,0}"
    assert (words([]), numbers([])) == ("{}", "{}")


def test_text_is_quoted_whatever_it_says() -> None:
    assert (
        texts(["", "NULL", "a,b", "{c}", 'say "d"', r"e\f", None]) == r'{"","NULL","a,b","{c}","say \"d\"","e\\f",NULL}'
    )


def test_bytes_are_written_in_hexadecimal() -> None:
    assert hashes([b"\x00\xff", None, b""]) == r"{\\x00ff,NULL,\\x}"


@pytest.mark.parametrize("nothing", [[], [None], [None, None]])
def test_where_there_is_nothing_no_list_is_sent(nothing: list[None]) -> None:
    assert texts(nothing) is None
    assert hashes(nothing) is None


def test_moments_are_left_out_where_all_are_the_usual_one() -> None:
    assert moments([NOON, NOON], NOON) is None
    assert moments([NOON, NOON.replace(hour=13)], NOON) == ('{"2026-11-30T12:00:00+00:00","2026-11-30T13:00:00+00:00"}')
