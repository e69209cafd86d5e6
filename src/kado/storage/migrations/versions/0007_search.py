"""Finding cards by what people remember of them.

The words of cards that exist already are made here, in Python: PostgreSQL's own `lower` knows no more than ASCII in a
database with the C locale. What makes them is a copy of `kado/cards/words.py` as it was then; a later change there
brings a revision of its own.
"""

import unicodedata
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

from alembic import context, op

from kado.storage.migrations.script import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BATCH: Final = 10_000
_COLUMNS: Final = ("program_id", "card_id", "place", "word", "shared", "is_test", "created_at")


def upgrade() -> None:
    """Make it. With `--sql` there is no database to read from; the script is then for one without cards."""
    run_sql("0007_search")
    if not context.is_offline_mode():
        raw: Any = op.get_bind().connection.dbapi_connection
        raw.run_async(fill)
    run_sql("0007_search_words")


async def fill(driver: Any) -> None:  # noqa: ANN401 - an asyncpg connection, as SQLAlchemy hands it on
    """The words of all cards, a batch at a time."""
    program_id = card_id = ""
    while True:
        rows = await driver.fetch(
            "SELECT program_id, id, is_test, created_at, customer_email, customer_name, sender_name FROM card"
            f" WHERE (program_id, id) > ($1, $2) ORDER BY program_id, id LIMIT {_BATCH}",
            program_id,
            card_id,
        )
        if not rows:
            return
        records = [record for row in rows for record in _records(row)]
        await driver.copy_records_to_table("card_word", records=records, columns=_COLUMNS)
        program_id, card_id = rows[-1]["program_id"], rows[-1]["id"]


def _records(row: Any) -> Iterator[tuple[object, ...]]:  # noqa: ANN401
    words = _words(row["customer_email"], row["customer_name"], row["sender_name"])
    before = ""
    for place, text in enumerate(sorted(" ".join(words[at:] + words[:at]) for at in range(len(words)))):
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, text, strict=False)))
        yield row["program_id"], row["id"], place, text, shared, row["is_test"], row["created_at"]
        before = text


def _words(email: str | None, *names: str | None) -> list[str]:
    wanted = ["".join(_folded(email).split())] if email else []
    for name in names:
        for word in _folded(name or "").split():
            wanted.append(word)
            marks = [unicodedata.category(sign).startswith("P") for sign in word]
            wanted.extend(word[at:] for at in range(1, len(word)) if marks[at - 1] and not marks[at])
    words: list[str] = []
    room = 600
    for word in dict.fromkeys(wanted):
        room -= len(word) + 1
        if room >= 0 and len(words) < 32:
            words.append(word)
    return words


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
