"""Bodies of a program's card design. Field names are the ones on the wire."""

# ruff: noqa: N815 - attribute names are the names on the wire

from kado.doors.api.schemas import Body
from kado.doors.api.types import Line100, Line255


class CardDesignRequest(Body):
    """What the program says of how its cards look; null takes a member back, what is not sent stays."""

    backgroundColor: Line100 | None = None
    foregroundColor: Line100 | None = None
    labelColor: Line100 | None = None
    logoText: Line100 | None = None
    description: Line255 | None = None
