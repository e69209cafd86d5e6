"""Lists as PostgreSQL writes arrays: for statements that take many rows at once as `$1::text::bigint[]`.

asyncpg takes lists too, and looks at each element whether it is a list itself: in a statement with dozens of columns
this was a tenth of all that Python did for a redemption.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime


def words(values: Iterable[str]) -> str:
    """Ids and the like, which need no quotes: letters, digits, `-`, `_`, `:` and `.`, and never `NULL`."""
    return "{" + ",".join(values) + "}"


def numbers(values: Iterable[int]) -> str:
    """Whole numbers."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Sequence[str | None]) -> str | None:
    """Any text. None where there is none at all: beside longer lists, `unnest` fills up with NULL."""
    if values.count(None) == len(values):
        return None
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def hashes(values: Sequence[bytes | None]) -> str | None:
    """Bytes. None where there are none at all."""
    if values.count(None) == len(values):
        return None
    return "{" + ",".join(["NULL" if value is None else rf"\\x{value.hex()}" for value in values]) + "}"


def moments(values: Sequence[datetime], usual: datetime) -> str | None:
    """Moments. None where all are `usual`, which the statement knows."""
    if values.count(usual) == len(values):
        return None
    return words([f'"{value.isoformat()}"' for value in values])


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{value}"'
