import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kado.delivery.wording import broken_up, grouped, lines, one_line, plain_link

_DIGITS = st.text(st.sampled_from("0123456789٠١٢３４५६ a-\n"), max_size=40)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("123456", "123 456"),
        ("12345", "12345"),
        ("1234567", "1234567"),
        ("012-345678.", "012-345 678."),
        ("a123456b", "a123 456b"),
        ("١٢٣٤٥٦", "١٢٣ ٤٥٦"),
        ("１２３４５６", "１２３ ４５６"),
        ("123٤٥٦", "123 ٤٥٦"),
        ("٤٥٦123456", "٤٥٦ 123 456"),
    ],
)
def test_groups_of_six_are_broken_up(text: str, broken: str) -> None:
    assert broken_up(text) == broken


@given(_DIGITS | st.text())
def test_no_group_of_six_is_left_in_any_script(text: str) -> None:
    broken = broken_up(text)
    assert not re.search(r"(?<!\d)\d{6}(?!\d)", broken)
    assert not re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", broken)
    assert broken.replace(" ", "") == text.replace(" ", "")


@given(st.text())
def test_a_line_is_one_line_without_control_characters(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", line)
    assert len(line) <= 100


@given(st.text())
def test_lines_are_clean_and_keep_what_can_be_seen(text: str) -> None:
    clean = lines(text)
    assert all(len(line.splitlines()) <= 1 for line in clean)
    assert not clean or (clean[0] and clean[-1])


def test_empty_lines_do_not_pile_up() -> None:
    assert lines("\n\na\r\n\r\n\r\n\r\nb\x0bc\n") == ["a", "", "b", "c"]


def test_a_link_with_a_group_of_six_leads_to_the_same_place() -> None:
    url = "https://cards.example.com/cards/ab123456cd"
    assert plain_link(url) == "https://cards.example.com/cards/ab12345%36cd"
    assert unquote(plain_link(url) or "") == url


def test_a_link_is_left_out_where_its_host_cannot_be_written_otherwise() -> None:
    assert plain_link("https://shop123456.example.com/cards/1") is None
    assert plain_link("javascript:alert(1)") is None


@given(st.text("0123456789abcdef", min_size=56, max_size=56))
def test_links_never_hold_a_group_of_six(sid: str) -> None:
    link = plain_link(f"https://cards.example.com/cards/{sid}")
    assert link is not None
    assert not re.search(r"(?<!\d)\d{6}(?!\d)", link)
    assert unquote(link).endswith(sid)


def test_numbers_are_grouped_in_fours() -> None:
    assert grouped("6034123456789012") == "6034 1234 5678 9012"
    assert grouped("ABC12345678901234567") == "ABC1 2345 6789 0123 4567"
