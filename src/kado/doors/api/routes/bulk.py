"""Cards by the thousand: the order, its progress, and the file with their codes."""

# ruff: noqa: N803 - parameter names are the names on the wire

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from fastapi.responses import StreamingResponse
from pydantic_core import PydanticCustomError
from starlette.types import Receive, Scope, Send

from kado import clock
from kado.cards.bulk import download as files
from kado.cards.bulk import progress
from kado.cards.bulk.order import place_order
from kado.cards.bulk.task import COUNT_MAX, Order, Ordered, Recipient, Task
from kado.cards.numbers import show_number
from kado.cards.posting import Answer
from kado.doors.api import answers, shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.bulk import (
    BulkIssuanceAsyncResponse,
    BulkIssuanceSyncResponse,
    BulkIssuanceTaskStatus,
    BulkIssueGiftCardRequest,
    BulkIssueRecipient,
)
from kado.doors.api.services import Services
from kado.doors.api.types import email_address, phone_number
from kado.doors.api.visit import (
    SESSION_HEADERS,
    BulkIssuing,
    Key,
    ProgramId,
    ReceiverLanguage,
    ReceiverZone,
    StrayCardId,
)
from kado.errors import Invalid

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/cards/bulk",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

LARGE_PATH: Final = re.compile("/v2/giftcards/programs/[0-9a-f]{24}/cards/bulk")
LARGE_BYTES: Final = 8 * 1024 * 1024
"""Thousands of recipients with something to say to each of them."""

_SLICE: Final = 10
_letting_go: Final[set[asyncio.Task[None]]] = set()

TaskId = Annotated[str, Path()]


@router.post(
    "",
    name="bulkIssueGiftCards",
    summary="Issue multiple gift cards",
    response_model=BulkIssuanceSyncResponse | BulkIssuanceAsyncResponse,
    status_code=201,
)
async def order(
    visit: BulkIssuing,
    programId: ProgramId,
    data: BulkIssueGiftCardRequest,
    cardId: StrayCardId = None,
    idempotency_key: Key = None,
    language: ReceiverLanguage = None,
    time_zone: ReceiverZone = None,
) -> Response:
    """Issue cards of one value: 201 with all of them, or, for many, 202 with a task that makes them."""
    _refuse_counts(data)
    recipients = None if data.recipients is None else await _people(data.recipients)
    visit.require_key(idempotency_key)
    services = visit.services
    answer = await place_order(
        services.database,
        services.keyring,
        Order(
            program_id=visit.program.id,
            caller=visit.caller,
            key=idempotency_key,
            render=lambda ordered: _answer(services, ordered),
            initial_value=shown.minor(visit.program, data.initialValue, "initialValue"),
            expires_at=data.expiresAt,
            is_physical=data.isPhysical,
            design_template=data.designTemplate,
            count=data.count,
            recipients=recipients,
            language=language,
            time_zone=time_zone,
        ),
        sync_max=services.settings.bulk_sync_max,
    )
    return shown.response(answer)


@router.get(
    "/{taskId}",
    name="pollBulkIssuance",
    summary="Poll async bulk issuance task",
    response_model=BulkIssuanceTaskStatus,
)
async def poll(visit: BulkIssuing, programId: ProgramId, taskId: TaskId, cardId: StrayCardId = None) -> Response:
    """How far the task has come; the cards themselves once it has ended, where they are not too many for one answer."""
    services = visit.services
    seen = await progress.look(
        services.database, services.keyring, visit.program.id, taskId, is_test=visit.caller.is_test
    )
    task = seen.task
    if seen.cards:
        services.looks.note(
            visit.caller.subject, visit.caller.merchant_id, [(task.program_id, card_id) for card_id, *_ in seen.cards]
        )
    body = {
        "taskId": task.id,
        "status": task.state,
        "issuedCount": task.issued,
        "cards": None if seen.cards is None else [_summary(*card) for card in seen.cards],
        "csvDownloadUrl": _url(services, task, seen.token),
        "failedCount": task.total - task.issued if task.state == "failed" else None,
        "error": task.error,
        "completedAt": clock.text_or_none(task.ended_at),
    }
    return shown.json_response(body)


@router.post("/{taskId}/csv", name="renewBulkCsvLink", summary="Make a new link to the file", response_model=None)
async def renew(visit: BulkIssuing, programId: ProgramId, taskId: TaskId) -> Response:
    """A new link to the file of numbers and codes, while none of the cards has been activated."""
    services = visit.services
    task, token, expires_at = await files.fresh_link(
        services.database, services.keyring, visit.program.id, taskId, visit.caller
    )
    return shown.json_response(
        {"taskId": task.id, "csvDownloadUrl": _url(services, task, token), "expiresAt": clock.text(expires_at)}
    )


@router.get("/{taskId}/csv/{token}", name="downloadBulkCsv", summary="Download the file once", response_model=None)
async def csv(visit: BulkIssuing, programId: ProgramId, taskId: TaskId, token: Annotated[str, Path()]) -> Response:
    """Numbers and codes as CSV. The codes are made now; after a download that came to its end the link is used up."""
    services = visit.services
    begun = await files.begin(services.database, services.keyring, visit.program, taskId, token, visit.caller)
    return _File(services, begun)


class _File(StreamingResponse):
    """The file while it is sent; whatever ends it, another download may begin afterwards."""

    def __init__(self, services: Services, begun: files.Download) -> None:
        super().__init__(
            files.lines(services.database, services.keyring, begun),
            media_type="text/csv; charset=utf-8; header=present",
            headers={"Content-Disposition": f'attachment; filename="gift-cards-{begun.task.id}.csv"'},
        )
        self._services = services
        self._begun = begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # A task of its own: what is cancelled because the client left could not wait for the database.
            ending = asyncio.create_task(files.let_go(self._services.database, self._begun))
            _letting_go.add(ending)
            ending.add_done_callback(_letting_go.discard)


def _refuse_counts(data: BulkIssueGiftCardRequest) -> None:
    if (data.count is None) == (data.recipients is None):
        field = "count" if data.count is None else "recipients"
        raise Invalid(("body", field), "Give either count or recipients.", "count_or_recipients")
    if data.count is not None and data.count > COUNT_MAX:
        raise Invalid(("body", "count"), f"At most {COUNT_MAX} cards at once.", "too_many_cards")


async def _people(recipients: Sequence[BulkIssueRecipient]) -> tuple[Recipient, ...]:
    """Each address and phone number in normal form; others get their turn after every few.

    Raises `Invalid`, which names the recipient and the member.
    """
    people = []
    for at, one in enumerate(recipients):
        if at % _SLICE == 0:
            await asyncio.sleep(0)
        try:
            field = "customerEmail"
            email = None if one.customerEmail is None else email_address(one.customerEmail)
            field = "customerPhone"
            phone = None if one.customerPhone is None else phone_number(one.customerPhone)
        except PydanticCustomError as error:
            raise Invalid(("body", "recipients", at, field), error.message(), error.type) from None
        people.append(Recipient(email, phone, one.customerName, one.senderName, one.customMessage))
    return tuple(people)


def _answer(services: Services, ordered: Ordered) -> Answer:
    task = ordered.task
    if ordered.cards is None:
        return Answer(202, answers.encode({"taskId": task.id, "status": task.state}))
    cards = [
        (card.id, show_number(services.keyring, card.program_id, card.id, card.number_sealed), card.last_four)
        for card in ordered.cards
    ]
    body = {
        "issuedCount": task.issued,
        "cards": [_summary(*card) for card in cards],
        "csvDownloadUrl": _url(services, task, ordered.token),
        "failedCount": 0,
    }
    return Answer(201, answers.encode(body))


def _summary(card_id: str, number: str, last_four: str) -> dict[str, Any]:
    return {"id": card_id, "cardNumber": number, "lastFourDigits": last_four}


def _url(services: Services, task: Task, token: str | None) -> str | None:
    if token is None:
        return None
    path = router.prefix.replace("{programId}", task.program_id)
    return f"{services.settings.public_url}{path}/{task.id}/csv/{token}"
