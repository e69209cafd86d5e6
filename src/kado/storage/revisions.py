"""Which schemas there are, and which versions of Kado can work on which of them.

A migration has a first part, which adds what the new version needs, and may have a second one
(`<revision>_…_post.sql`), which removes what only older versions need. Between the two, older and newer servers work
side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

REVISIONS: Final = tuple(
    (
        "0001 0002 0003 0004 0005 0006 0007 0008 0009 0010 0011 0012 0013 0014 0015 0016 0017 0021 0022 0023 0024 0025"
        " 0026 0027 0028 0030 0031 0032"
    ).split()
)
"""Every schema that this version knows, oldest first."""

SCHEMA: Final = REVISIONS[-1]
"""The schema that this version needs."""

WORKS_BESIDE: Final[Mapping[str, str]] = dict.fromkeys(REVISIONS[REVISIONS.index("0021") :], "0017")
"""For revisions whose first part harms no older server: the oldest schema whose Kado works on. Others need a stop."""

POSTS: Final[tuple[str, ...]] = ()
"""Revisions that have a second part, oldest first."""


class SchemaError(Exception):
    """The database is not there, or its schema cannot be used or changed; the text says what to do next."""


@dataclass(frozen=True)
class Chain:
    """All migrations that one version of Kado knows. `folders` are where their files are."""

    revisions: tuple[str, ...] = REVISIONS
    works_beside: Mapping[str, str] = field(default_factory=lambda: WORKS_BESIDE)
    posts: tuple[str, ...] = POSTS
    folders: tuple[Path, ...] = (Path(__file__).parent / "migrations" / "versions",)

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    def after(self, version: str | None) -> tuple[str, ...]:
        """The revisions that a database of this version still lacks."""
        return self.revisions if version is None else self.revisions[self.revisions.index(version) + 1 :]

    def oldest_beside(self, revision: str) -> str:
        """The oldest schema whose Kado can work once the first part of this revision is there."""
        return self.works_beside.get(revision, revision)


CHAIN: Final = Chain()
"""The migrations of this version."""


@dataclass(frozen=True)
class Schema:
    """What a database says of its schema. `since` is the oldest schema whose Kado may work on it, `finished` the newest
    revision up to which all second parts were run."""

    version: str | None
    since: str | None
    finished: str | None

    def is_newer_than(self, chain: Chain) -> bool:
        """Whether a version of Kado with this chain does not know it."""
        return self.version is not None and self.version not in chain.revisions

    def fits(self, chain: Chain) -> bool:
        """Whether a version of Kado with this chain can work on it."""
        return self.version == chain.head or (self.is_newer_than(chain) and self.since in chain.revisions)


async def read_schema(
    connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]",
) -> Schema:
    """What the database says of its schema; of an old one, that nobody else may work on it."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return Schema(None, None, None)
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    if await connection.fetchval("SELECT to_regclass('schema_mark')") is None:
        return Schema(version, version, None)
    mark = await connection.fetchrow("SELECT since, finished FROM schema_mark")
    return Schema(version, *((mark["since"], mark["finished"]) if mark else (version, None)))
