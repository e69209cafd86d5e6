"""The page of guarantees has each of the fifty once, and what is to show them exists; so it is with the threats."""

import re
from pathlib import Path

import pytest
from drills.run import DRILLS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "guarantees.md").read_text()


def test_each_guarantee_has_its_row() -> None:
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == list(range(1, 51))


@pytest.mark.parametrize("page", [PAGE, (ROOT / "SECURITY.md").read_text()], ids=["guarantees", "threats"])
def test_what_shows_them_exists(page: str) -> None:
    named = re.findall(r"`(tests/[^`]*)`", page)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_drills_that_it_names_are_all_drills() -> None:
    named = {name for cell in re.findall(r"drills? (`[^;|]*)", PAGE) for name in re.findall(r"`([a-z-]+)`", cell)}
    assert named == DRILLS.keys()
