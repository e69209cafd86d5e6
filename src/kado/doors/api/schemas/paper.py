"""Bodies about paper. Field names are the ones on the wire."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated, Literal

from pydantic import Field

from kado.doors.api.schemas import Body
from kado.paper.card import SHIFT_MAX

Format = Literal["a4", "letter", "folded", "label"]
Size = Literal["a4", "letter"]
Shift = Annotated[int, Field(strict=True, ge=-SHIFT_MAX, le=SHIFT_MAX)]


class PrintRunRequest(Body):
    """On what all cards of a bulk issue are printed. Shifts are tenths of a millimetre, of sheets of labels."""

    format: Format = "label"
    size: Size | None = None
    shiftRight: Shift = 0
    shiftDown: Shift = 0


class PrintRunResponse(Body):
    """How far it has come."""

    taskId: str
    status: str
    printedCount: int
    totalCount: int
    format: Format
    downloadUrl: Annotated[str | None, Field(repr=False)] = None
    expiresAt: str | None = None
    error: str | None = None
