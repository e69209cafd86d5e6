"""Webhooks: endpoints that hear of events, and what became of the events sent to them."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from kado import clock
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.paging import Text, WantedPart
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.webhooks import CreateWebhookPayload, DeliveryState
from kado.doors.api.services import services_of
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import with_permission
from kado.webhooks import endpoints, history
from kado.webhooks.webhook import Delivery, Wanted, Webhook

router = APIRouter(prefix="/v2/webhooks", tags=["Webhooks"], route_class=StrictRoute)

_HIDDEN: Final = "****"

Reader = Annotated[Caller, Depends(with_permission(Permission.WEBHOOKS_READ))]
Writer = Annotated[Caller, Depends(with_permission(Permission.WEBHOOKS_WRITE))]
WebhookId = Annotated[PydanticObjectId, Path()]
DeliveryId = Annotated[PydanticObjectId, Path()]


@router.get("", name="get_all_webhooks", response_model=None)
async def list_all(
    request: Request,
    caller: Reader,
    part: WantedPart,
    q: Text = None,
) -> Response:
    """The merchant's endpoints, oldest first; `q` looks for a text in their URLs. `X-Total-Count` says how many."""
    found, total = await endpoints.list_endpoints(
        services_of(request).database,
        caller.merchant_id,
        is_test=caller.is_test,
        text=q or None,
        limit=part.limit,
        offset=part.start,
    )
    return shown.json_response([_shown(one) for one in found], {"X-Total-Count": str(total)})


@router.post("", name="create_webhook", response_model=None)
async def create(
    request: Request,
    caller: Writer,
    data: CreateWebhookPayload,
    user_agent: Annotated[str | None, Header()] = None,
) -> Response:
    """Name an endpoint. It hears nothing until it is enabled. A secret that Kado made is shown this once."""
    services = services_of(request)
    webhook, secret = await endpoints.create(
        services.database, services.keyring, services.poster, caller, _wanted(data)
    )
    return shown.json_response(_shown(webhook, secret))


@router.get("/{webhookId}", name="get_webhook_information", response_model=None)
async def details(request: Request, caller: Reader, webhookId: WebhookId) -> Response:
    """The endpoint, and how it is doing."""
    return shown.json_response(_shown(await endpoints.get(services_of(request).database, caller, webhookId)))


@router.put("/{webhookId}", name="update_webhook_information", response_model=None)
async def update(request: Request, caller: Writer, webhookId: WebhookId, data: CreateWebhookPayload) -> Response:
    """Change what was sent and nothing else. With another URL it must be enabled again."""
    services = services_of(request)
    webhook = await endpoints.update(
        services.database, services.keyring, services.poster, caller, webhookId, _wanted(data)
    )
    return shown.json_response(_shown(webhook))


@router.delete("/{webhookId}", name="delete_webhook", response_model=None)
async def delete(request: Request, caller: Writer, webhookId: WebhookId) -> Response:
    """Forget the endpoint. What waits for it is not sent."""
    await endpoints.delete(services_of(request).database, caller, webhookId)
    return shown.json_response({"success": True, "id": webhookId})


@router.post("/{webhookId}/enable", name="enable_webhook", response_model=None)
async def enable(request: Request, caller: Writer, webhookId: WebhookId) -> Response:
    """Send the endpoint a token; when that comes back, events are sent from now on."""
    services = services_of(request)
    webhook = await endpoints.enable(services.database, services.keyring, services.poster, caller, webhookId)
    return shown.json_response(_shown(webhook))


@router.post("/{webhookId}/disable", name="disable_webhook", response_model=None)
async def disable(request: Request, caller: Writer, webhookId: WebhookId) -> Response:
    """Send nothing more. What happens from now on is not kept for it."""
    return shown.json_response(_shown(await endpoints.disable(services_of(request).database, caller, webhookId)))


@router.get("/{webhookId}/deliveries", name="get_webhook_deliveries", response_model=None)
async def list_deliveries(
    request: Request,
    caller: Reader,
    webhookId: WebhookId,
    part: WantedPart,
    state: Annotated[DeliveryState | None, Query()] = None,
) -> Response:
    """What was sent to the endpoint in the last 30 days, newest first, and what came of it.

    `X-Total-Count` says how many there are; from 1000 on, `Kado-Total-Is-Minimum` may say that there are more.
    """
    database = services_of(request).database
    await endpoints.get(database, caller, webhookId)
    page = await history.list_deliveries(
        database, caller.merchant_id, webhookId, state=state, limit=part.limit, offset=part.start
    )
    headers = {"X-Total-Count": str(page.total)} | shown.minimum_of(page)
    return shown.json_response([_delivery(one) for one in page.found], headers)


@router.post("/{webhookId}/deliveries/{deliveryId}/replay", name="replay_webhook_delivery", response_model=None)
async def replay(request: Request, caller: Writer, webhookId: WebhookId, deliveryId: DeliveryId) -> Response:
    """Send an event again, whatever became of it. It keeps its id."""
    await history.send_again(services_of(request).database, caller, webhookId, deliveryId)
    return shown.json_response({"success": True, "id": deliveryId, "state": "queued"})


def _wanted(data: CreateWebhookPayload) -> Wanted:
    sent = data.model_fields_set
    return Wanted(
        url=data.url,
        secret=data.sharedSecret,
        hears_all=data.allEventTypes,
        events=data.allowedEvents,
        pass_templates={name: getattr(data, name) for name in ("allPassTemplates", "allowedTemplates") if name in sent},
    )


def _shown(webhook: Webhook, secret: str | None = None) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "sharedSecret": secret or _HIDDEN,
        "enabled": webhook.enabled,
        "allEventTypes": webhook.hears_all,
        "allowedEvents": webhook.events,
        "allPassTemplates": webhook.pass_templates.get("allPassTemplates"),
        "allowedTemplates": webhook.pass_templates.get("allowedTemplates"),
        "isTest": webhook.is_test,
        "createdAt": clock.text(webhook.created_at),
        "updatedAt": clock.text_or_none(webhook.updated_at),
        "lastDeliveredAt": clock.text_or_none(webhook.last_delivered_at),
        "lastError": webhook.last_error,
        "disabledAt": clock.text_or_none(webhook.disabled_at),
        "disabledReason": webhook.disabled_reason,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "eventId": delivery.event_id,
        "eventType": delivery.event_type,
        "programId": delivery.program_id,
        "cardId": delivery.card_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "lastStatus": delivery.last_status,
        "lastError": delivery.last_error,
        "createdAt": clock.text(delivery.created_at),
        "nextAttemptAt": clock.text_or_none(delivery.next_attempt_at),
        "deliveredAt": clock.text_or_none(delivery.delivered_at),
    }
