"""A version of Kado that does not exist yet: two more migrations, the first of which has a second part."""

from pathlib import Path

from kado.storage.revisions import CHAIN, REVISIONS, SCHEMA, Chain

_STEP = """
from kado.storage.migrations.script import run_concurrently, run_text

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {work}
"""
_COLUMN = "run_text(\"ALTER TABLE card ADD COLUMN colour text NOT NULL DEFAULT 'red'\")"
_INDEX = (
    'run_concurrently("CREATE INDEX CONCURRENTLY IF NOT EXISTS card_transaction_colour'
    ' ON card_transaction (program_id, created_at, cashier_id)")'
)
_POST = "DROP INDEX IF EXISTS card_last_four; ALTER TABLE card DROP COLUMN IF EXISTS design_template;\n"


def next_version(folder: Path) -> Chain:
    """Its migrations, written into `folder`: older servers work beside their first parts, and not after the second."""
    (folder / "9001_colour.py").write_text(_STEP.format(revision="9001", before=SCHEMA, work=_COLUMN))
    (folder / "9001_colour_post.sql").write_text(_POST)
    (folder / "9002_colour_index.py").write_text(_STEP.format(revision="9002", before="9001", work=_INDEX))
    return Chain(
        revisions=(*REVISIONS, "9001", "9002"),
        works_beside={"9001": SCHEMA, "9002": SCHEMA},
        posts=("9001",),
        folders=(*CHAIN.folders, folder),
    )
