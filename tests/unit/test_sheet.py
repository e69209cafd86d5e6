"""Cells that other people wrote are text, numbers are numbers."""

import csv
import io

import pytest

from kado import sheet


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1", "'=1"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("\tx", "'\tx"),
        ("＝1", "'＝1"),
        ("@x", "'@x"),
        ("-", "'-"),
        ("-1", "-1"),
        ("-1.50", "-1.50"),
        ("-1-1", "'-1-1"),
        ("+4915199000001", "+4915199000001"),
        ("+49 151", "'+49 151"),
        ("ada@example.com", "ada@example.com"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_a_number_is_a_number_and_a_formula_is_text(cell: str, shown: str) -> None:
    assert sheet.inert(cell) == shown


def test_a_line_is_read_as_it_was_written() -> None:
    cells = [None, 7, "a,b", 'say "x"', "two\r\nlines", "=cmd|' /C calc'!A0"]
    (read,) = csv.reader(io.StringIO(sheet.line(cells), newline=""))
    assert read == ["", "7", "a,b", 'say "x"', "two\r\nlines", "'=cmd|' /C calc'!A0"]
