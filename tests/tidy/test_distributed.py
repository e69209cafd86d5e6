"""Statements keep to what a distributed engine runs, though there is one machine: locks and clocks, by their text.

What else Citus refuses it says itself; these two are what one forgets.
"""

import re
from pathlib import Path

from tests.tidy.test_statements import statements_on

from kado.storage import migrations
from kado.storage.distribution import DISTRIBUTED, REFERENCE

_CHANGES = re.compile(r"\b(?:UPDATE|DELETE FROM)\s+[a-z_]+\b")
_LOCKS = re.compile(r"\bFOR (?:NO KEY )?(?:UPDATE|SHARE)\b|\bFOR KEY SHARE\b")
_OF_ONE_PROGRAM = re.compile(r"program_id = \$\d")

EXEMPT = {
    "cards/hot_store.py:LOCK": "for lists that span programs, of which there are none where programs are spread",
}


def test_rows_are_locked_in_one_program_at_a_time() -> None:
    several = {
        place
        for place, text in statements_on(DISTRIBUTED)
        if _LOCKS.search(text) and not _OF_ONE_PROGRAM.search(text) and place not in EXEMPT
    }
    assert several == set()


def test_rows_are_changed_by_the_time_of_the_statement() -> None:
    """Citus refuses a clock that goes on while a statement runs (0A000): machines would write different times."""
    volatile = {
        place
        for place, text in statements_on((*DISTRIBUTED, *REFERENCE))
        if (found := _CHANGES.search(text)) and "clock_timestamp()" in text[found.start() :]
    }
    assert volatile == set()


def test_new_tables_get_their_place_before_they_refer_to_rows_that_are_spread() -> None:
    """A table that is not in its place yet cannot refer to them on Citus: `place` stands between the two."""
    tables = "|".join(DISTRIBUTED)
    for file in (Path(migrations.__file__).parent / "versions").glob("[0-9]*.*"):
        if file.name > "0018~":
            for made in re.findall(r"CREATE TABLE[^;]*;", file.read_text()):
                assert not re.search(rf"REFERENCES (?:{tables})\b", made), file.name


_ROWS_OF_SEVERAL = re.compile(r"unnest\([^)]*\)[^)]*\bAS \w+ \(program_id\b")

NOT_ON_SEVERAL_MACHINES = {
    "cards/glances.py:_GLANCES": "`_GLANCES_OF_ONE` is read there, one program after the other",
}


def test_rows_of_several_programs_are_walked_through_at_once_only_where_there_is_another_way() -> None:
    """Citus takes `LATERAL` with a bound (`LIMIT`, `OFFSET`) only where all rows have the same program (0A000)."""
    walked = {
        place
        for place, text in statements_on(DISTRIBUTED)
        if "LATERAL (" in text and _ROWS_OF_SEVERAL.search(text) and re.search(r"\b(?:LIMIT|OFFSET)\b", text)
    }
    assert walked == set(NOT_ON_SEVERAL_MACHINES)
