"""People's data: what is known of somebody, forgetting it, and what they agree to."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from kado import clock
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.people import (
    ConsentRecordResponse,
    ConsentRequest,
    CustomerId,
    EmailText,
    EraseCustomerDataRequest,
    EraseCustomerDataResponse,
    ExportCustomerDataRequest,
    ExportCustomerDataResponse,
    ExportId,
    FileFormat,
    PhoneText,
)
from kado.doors.api.services import services_of
from kado.doors.api.visit import SESSION_HEADERS, StrayCardId, StrayProgramId, with_permission
from kado.errors import Invalid
from kado.people.consent import Consent, find_consent, give_consent
from kado.people.erase import erase
from kado.people.export import lines, open_export, request_export
from kado.people.person import Asked, controller_of

router = APIRouter(
    prefix="/v2/giftcards/gdpr", tags=["Gift Cards"], route_class=StrictRoute, dependencies=SESSION_HEADERS
)

_ERASING_SECONDS: Final = 5
"""A request works on an erasure for so long; the worker goes on with what is left."""
_TYPES: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8; header=present"}

Reading = Annotated[Caller, Depends(with_permission(Permission.PEOPLE_READ))]
Writing = Annotated[Caller, Depends(with_permission(Permission.PEOPLE_WRITE))]


@router.post("/export", name="exportGiftCardCustomerData", response_model=ExportCustomerDataResponse)
async def export(
    request: Request,
    caller: Reading,
    data: ExportCustomerDataRequest,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """Everything that is known of a person, as a file that can be fetched for an hour by whoever asked."""
    services = services_of(request)
    made = await request_export(
        services.database,
        services.keyring,
        controller_of(caller),
        _asked(data.customerId, data.customerEmail),
        data.format,
        customer=caller.customer,
    )
    path = f"{router.prefix}/download?exportId={made.id}&format={made.format}"
    body = {
        "exportId": made.id,
        "downloadUrl": services.settings.public_url + path,
        "format": made.format,
        "status": "completed",
        "requestedAt": clock.text(made.requested_at),
        "expiresAt": clock.text(made.expires_at),
    }
    return shown.json_response(body)


@router.get("/download", name="downloadGiftCardCustomerData", response_model=None)
async def download(
    request: Request,
    caller: Reading,
    exportId: Annotated[ExportId, Query()],
    format: Annotated[FileFormat, Query()],  # noqa: A002 - the name on the wire
    customerId: Annotated[CustomerId | None, Query()] = None,
    customerEmail: Annotated[EmailText | None, Query()] = None,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """The file, made now. Cells that a spreadsheet would take for formulas begin with an apostrophe."""
    services, controller = services_of(request), controller_of(caller)
    person = await open_export(
        services.database,
        services.keyring,
        controller,
        exportId,
        format,
        _asked(customerId, customerEmail),
        customer=caller.customer,
    )
    return StreamingResponse(
        lines(services.database, controller, person, format),
        media_type=_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="person-{exportId}.{format}"'},
    )


@router.post("/erasure", name="eraseGiftCardCustomerData", response_model=EraseCustomerDataResponse)
async def erasure(
    request: Request,
    caller: Writing,
    data: EraseCustomerDataRequest,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """Forget a person. Their cards keep money, number and code; what is kept beside them of people goes."""
    services = services_of(request)
    done = await erase(
        services.database,
        services.keyring,
        controller_of(caller),
        _asked(data.customerId, data.customerEmail),
        data.reason,
        customer=caller.customer,
        seconds=_ERASING_SECONDS,
    )
    if done.person.customer_id is not None:
        services.customers.forget(done.person.customer_id)
    cards = f"{len(done.card_ids)} card{'' if len(done.card_ids) == 1 else 's'}"
    body = {
        "requestId": done.id,
        "status": "processing" if done.completed_at is None else "completed",
        "message": f"The person was taken off {cards}"
        + (" so far; the rest follows by itself." if done.completed_at is None else " and forgotten."),
        "affectedCards": done.card_ids,
        "completedAt": clock.text_or_none(done.completed_at),
    }
    return shown.json_response(body)


# Before the address with an id in it, which would take "lookup" for one.
@router.get("/consent/lookup", name="getGiftCardConsentByIdentifier", response_model=ConsentRecordResponse)
async def look_up_consent(
    request: Request,
    caller: Reading,
    customerId: Annotated[CustomerId | None, Query()] = None,
    customerEmail: Annotated[EmailText | None, Query()] = None,
    customerPhone: Annotated[PhoneText | None, Query()] = None,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """What a person agrees to now, by whatever they are known by."""
    asked = _asked(customerId, customerEmail, customerPhone)
    if asked.is_empty and caller.customer is None:
        raise Invalid(("query", "customerId"), "Say who is meant.", "person_required")
    found = await find_consent(services_of(request).database, controller_of(caller), asked, customer=caller.customer)
    return shown.json_response(_consent(found))


@router.get("/consent/{customerId}", name="getGiftCardConsent", response_model=ConsentRecordResponse)
async def consent(
    request: Request,
    caller: Reading,
    customerId: Annotated[CustomerId, Path()],
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """What this customer agrees to now."""
    found = await find_consent(
        services_of(request).database, controller_of(caller), Asked(customerId), customer=caller.customer
    )
    return shown.json_response(_consent(found))


@router.post("/consent/{customerId}", name="updateGiftCardConsent", response_model=ConsentRecordResponse)
async def update_consent(
    request: Request,
    caller: Writing,
    customerId: Annotated[CustomerId, Path()],
    data: ConsentRequest,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """What this customer agrees to from now on. What they said before is kept."""
    given = await give_consent(
        services_of(request).database,
        controller_of(caller),
        _asked(customerId, data.customerEmail, data.customerPhone),
        data.purposes,
        data.ipAddress,
        customer=caller.customer,
        must_be_known=True,
    )
    return shown.json_response(_consent(given))


@router.post("/consent", name="createGiftCardConsent", response_model=ConsentRecordResponse)
async def create_consent(
    request: Request,
    caller: Writing,
    data: ConsentRequest,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
) -> Response:
    """What a person agrees to from now on, whether or not they are a customer yet."""
    asked = _asked(None, data.customerEmail, data.customerPhone)
    if asked.is_empty and caller.customer is None:
        raise Invalid(("body", "customerEmail"), "Give an email address or a phone number.", "contact_required")
    given = await give_consent(
        services_of(request).database,
        controller_of(caller),
        asked,
        data.purposes,
        data.ipAddress,
        customer=caller.customer,
    )
    return shown.json_response(_consent(given))


def _asked(customer_id: str | None, email: str | None, phone: str | None = None) -> Asked:
    return Asked(customer_id, None if email is None else email.lower(), phone)


def _consent(found: Consent) -> dict[str, Any]:
    return {
        "customerId": found.customer_id,
        "purposes": list(found.purposes),
        "consentedAt": clock.text(found.consented_at),
        "ipAddress": found.address,
        "expiresAt": None,
        "updatedAt": clock.text_or_none(found.updated_at),
    }
