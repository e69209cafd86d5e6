"""Cards on paper: one as PDF, those of a bulk issue as a print run, and a sample of how a program's look."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from kado import clock
from kado.cards.find import card_by_id
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.paper import Format, PrintRunRequest, PrintRunResponse, Size
from kado.doors.api.services import Services
from kado.doors.api.visit import SESSION_HEADERS, BulkIssuing, CardId, ProgramId, Reading, ReadingProgram
from kado.languages.choose import Language
from kado.paper import fetch, runs
from kado.paper.card import SHIFT_MAX, Sheet
from kado.paper.drawn import usual_size
from kado.paper.order import look, order
from kado.paper.runs import Run
from kado.paper.single import paper_of, sample_of
from kado.programs.program import Program

_BULK: Final = "/v2/giftcards/programs/{programId}/cards/bulk/{taskId}/paper"
router = APIRouter(tags=["Gift Cards"], route_class=StrictRoute, dependencies=SESSION_HEADERS)

TaskId = Annotated[str, Path()]
WantedFormat = Annotated[Format | None, Query(alias="format")]
WantedSize = Annotated[Size | None, Query(alias="size")]
WantedShift = Annotated[int, Query(ge=-SHIFT_MAX, le=SHIFT_MAX)]
WantedLanguage = Annotated[Language | None, Query()]
_PDF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/pdf": {}}, "description": "A PDF"}}


@router.get(
    "/v2/giftcards/programs/{programId}/cards/{cardId}/paper", name="getGiftCardPaper", response_model=None,
    responses=_PDF,
)  # fmt: skip
async def paper(
    visit: Reading,
    programId: ProgramId,
    cardId: CardId,
    wanted: WantedFormat = None,
    size: WantedSize = None,
    shiftRight: WantedShift = 0,
    shiftDown: WantedShift = 0,
    language: WantedLanguage = None,
) -> Response:
    """The card to print, with its number and a QR code of its page; its security code is not on it."""
    services = visit.services
    found = await card_by_id(services.database, visit.program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    made = await paper_of(
        services.database,
        services.keyring,
        services.settings.public_url,
        visit.program,
        found.card,
        found.now,
        _sheet(visit.program, wanted, size, shiftRight, shiftDown),
        language,
    )
    shown.saw(services, visit.caller, [found.card])
    return _pdf(made, f"gift-card-{found.card.last_four}.pdf")


@router.get(
    "/v2/loyalty/programs/{programId}/card/preview", name="preview_card_paper", response_model=None, responses=_PDF
)
async def preview(
    visit: ReadingProgram,
    programId: ProgramId,
    wanted: WantedFormat = None,
    size: WantedSize = None,
    designTemplate: Annotated[str | None, Query(max_length=100)] = None,
    language: WantedLanguage = None,
) -> Response:
    """How the program's cards look on paper; it is no card, and says so."""
    services = visit.services
    made = await sample_of(
        services.database,
        services.settings.public_url,
        visit.program,
        designTemplate,
        _sheet(visit.program, wanted, size),
        language,
    )
    return _pdf(made, "sample.pdf")


@router.post(_BULK, name="orderBulkPaper", response_model=PrintRunResponse, status_code=202)
async def order_run(visit: BulkIssuing, programId: ProgramId, taskId: TaskId, data: PrintRunRequest) -> Response:
    """Order all cards of a bulk issue as PDF, with their codes. It takes the place of their CSV file."""
    sheet = _sheet(visit.program, data.format, data.size, data.shiftRight, data.shiftDown)
    run = await order(visit.services.database, visit.program.id, taskId, sheet, visit.caller)
    return shown.json_response(_run(visit.services, run, None), status=202)


@router.get(_BULK, name="pollBulkPaper", response_model=PrintRunResponse)
async def poll(visit: BulkIssuing, programId: ProgramId, taskId: TaskId) -> Response:
    """How far it has come, and its address once it is there."""
    services = visit.services
    run, token = await look(services.database, services.keyring, visit.program.id, taskId, is_test=visit.caller.is_test)
    return shown.json_response(_run(services, run, token))


@router.get(f"{_BULK}/{{token}}", name="downloadBulkPaper", response_model=None, responses=_PDF)
async def download(visit: BulkIssuing, programId: ProgramId, taskId: TaskId, token: Annotated[str, Path()]) -> Response:
    """The PDF, or a ZIP file of several. Once it was handed over to its last byte, it is gone."""
    services = visit.services
    fetched = await fetch.begin(services.database, services.keyring, visit.program.id, taskId, token, visit.caller)
    kind, end = ("application/pdf", "pdf") if fetched.is_one else ("application/zip", "zip")
    return StreamingResponse(
        fetch.parts(services.database, services.keyring, fetched),
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="gift-cards-{fetched.run.task_id}.{end}"'},
    )


def _sheet(
    program: Program, wanted: Format | None, size: Size | None, shift_right: int = 0, shift_down: int = 0
) -> Sheet:
    usual = usual_size(program)
    return Sheet(wanted or usual, size or usual, shift_right, shift_down)


def _pdf(made: bytes, name: str) -> Response:
    return Response(made, 200, {"Content-Disposition": f'inline; filename="{name}"'}, "application/pdf")


def _run(services: Services, run: Run, token: str | None) -> dict[str, Any]:
    path = _BULK.replace("{programId}", run.program_id).replace("{taskId}", run.task_id)
    is_there = run.state == runs.COMPLETED
    return {
        "taskId": run.task_id,
        "status": run.state,
        "printedCount": run.printed,
        "totalCount": run.total,
        "format": run.paper.format,
        "downloadUrl": None if token is None else f"{services.settings.public_url}{path}/{token}",
        "expiresAt": clock.text(run.expires_at) if is_there else None,
        "error": run.error,
    }
