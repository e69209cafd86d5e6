"""Which part of a list is asked for: the same parameters on every list."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from kado.doors.api.types import PAGE_LIMIT_MAX, PageLimit, PageNumber, PageOffset, SearchText


@dataclass(frozen=True, slots=True)
class Part:
    """At most `limit` rows after the first `start`."""

    limit: int
    start: int


async def _part(
    page: Annotated[PageNumber, Query()] = 1,
    limit: Annotated[PageLimit, Query()] = PAGE_LIMIT_MAX,
    offset: Annotated[PageOffset | None, Query()] = None,
) -> Part:
    return Part(limit, offset if offset is not None else (page - 1) * limit)


WantedPart = Annotated[Part, Depends(_part)]
Text = Annotated[SearchText | None, Query()]
