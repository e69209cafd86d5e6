"""Every column that holds a secret, or what was made with one, says what becomes of it when the secret key changes."""

import re
from typing import Any

from kado.rotation.columns import COLUMNS, Fate
from kado.rotation.stored import STORED

# What is not bytes may be a secret all the same; those that only sound like one are in the table too.
_SOUNDS_SECRET = re.compile(r"secret|token|hash|seal(?:ed)?$|password|signature|_key$|^key|code_|pass_sid|link$")
_OTHERS_TABLES = ("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics", "alembic_version")


async def test_every_column_that_may_be_secret_is_in_the_table(superuser: Any) -> None:
    rows = await superuser.fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> ALL ($1)",
        list(_OTHERS_TABLES),
    )
    every = {f"{row['table_name']}.{row['column_name']}" for row in rows}
    wanted = {
        f"{row['table_name']}.{row['column_name']}"
        for row in rows
        if row["data_type"] == "bytea" or _SOUNDS_SECRET.search(row["column_name"])
    }
    assert wanted - COLUMNS.keys() == set(), "say in rotation/columns.py what becomes of these"
    assert COLUMNS.keys() - every == set(), "columns that do not exist"


async def test_what_is_encrypted_in_a_column_is_either_moved_or_runs_out() -> None:
    assert {f"{one.table}.{one.column}" for one in STORED} <= {
        name for name, column in COLUMNS.items() if column.fate is Fate.MOVED
    }
    assert all(column.why for column in COLUMNS.values())
