"""Ids: 24 lower-case hexadecimal characters, by their age, and never twice."""

from itertools import pairwise

import pytest

from kado.ids import is_id, new_id


def test_a_new_id_has_the_form_of_one() -> None:
    assert is_id(new_id())


def test_ids_are_never_given_out_twice() -> None:
    ids = {new_id() for _ in range(100_000)}
    assert len(ids) == 100_000


def test_the_random_part_has_no_order_and_uses_every_digit() -> None:
    parts = [new_id()[8:] for _ in range(2_000)]
    rising = sum(one < other for one, other in pairwise(parts))
    assert 850 < rising < 1150
    assert all({part[at] for part in parts} == set("0123456789abcdef") for at in range(16))


def test_the_first_eight_characters_are_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 0x5EB7CF5A + 0.9)
    assert new_id()[:8] == "5eb7cf5a"
    monkeypatch.setattr("time.time", lambda: 2.0**32 + 1)
    assert new_id()[:8] == "00000001"


@pytest.mark.parametrize(
    "text",
    ["", "0" * 23, "0" * 25, "A" * 24, "g" * 24, "0" * 23 + "\n", "0" * 24 + "\n", " " + "0" * 23, "٣" * 24, "０" * 24],
)
def test_anything_else_is_no_id(text: str) -> None:
    assert not is_id(text)
