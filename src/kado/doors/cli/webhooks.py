"""`kado webhook`: see a merchant's endpoints and what was sent to them, and send it again."""

from typing import Annotated, Final

import typer

from kado.doors.cli.merchants import named
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.errors import NotFound, Refusal
from kado.storage.database import Database
from kado.webhooks import endpoints, history, store
from kado.webhooks.webhook import Delivery, Webhook

app: Final = typer.Typer(
    name="webhook",
    help="Webhooks: endpoints that hear of events, and what became of the events sent to them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SHOWN_MAX: Final = 250
WebhookId = Annotated[str, typer.Argument(help="The webhook's id, as `kado webhook list` shows it.")]


@app.command("list", epilog=example('kado webhook list --merchant "Flower Shop"'))
@command
async def list_(
    merchant: Annotated[str, typer.Option(help="Whose webhooks: the merchant's name.")], as_json: AsJson = False
) -> None:
    """List a merchant's webhooks and how they are doing. Secrets are not shown."""
    async with session() as (database, _):
        found, _total = await endpoints.list_endpoints(
            database, (await named(database, merchant)).id, is_test=None, limit=_SHOWN_MAX, offset=0
        )
    if as_json:
        print_json([_facts(one) for one in found])
        return
    print_table(
        ("ID", "URL", "MODE", "ENABLED", "LAST DELIVERED", "LAST ERROR", "DISABLED BECAUSE"),
        [
            (
                one.id,
                one.url,
                "test" if one.is_test else "live",
                "yes" if one.enabled else "no",
                shown(one.last_delivered_at),
                one.last_error or "-",
                one.disabled_reason or "-",
            )
            for one in found
        ],
    )


@app.command("deliveries", epilog=example("kado webhook deliveries 6710c5f2a94be10c77de3a51 --failed"))
@command
async def deliveries_(
    webhook_id: WebhookId,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what was sent to a webhook in the last 30 days, newest first, at most 250."""
    async with session() as (database, _):
        webhook = await _found(database, webhook_id)
        page = await history.list_deliveries(
            database, webhook.merchant_id, webhook_id, state="failed" if failed else None, limit=_SHOWN_MAX, offset=0
        )
    if as_json:
        print_json([_delivery_facts(one) for one in page.found])
        return
    print_table(
        ("ID", "EVENT", "TYPE", "CARD", "STATE", "TRIES", "CREATED", "LAST ERROR"),
        [
            (
                one.id,
                one.event_id,
                one.event_type,
                one.card_id or "-",
                one.state,
                str(one.attempts),
                shown(one.created_at),
                one.last_error or "-",
            )
            for one in page.found
        ],
    )


@app.command("replay", epilog=example("kado webhook replay 6710c5f2a94be10c77de3a51 --failed"))
@command
async def replay(
    webhook_id: WebhookId,
    delivery_id: Annotated[
        str | None, typer.Argument(help="The delivery's id, as `kado webhook deliveries` shows it.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that were given up, instead of one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send events again; a running server does it at once. They keep their ids."""
    if failed is (delivery_id is not None):
        raise wrong_usage("Name one delivery, or give --failed.")
    async with session() as (database, _):
        webhook = await _found(database, webhook_id)
        if not webhook.enabled:
            raise Refusal("webhook_disabled", "The webhook is disabled. Its owner enables it over the API.")
        count = await history.replay(database, webhook.merchant_id, ACTOR, webhook_id, delivery_id)
    if delivery_id is not None and not count:
        raise NotFound("delivery_not_found", "There is no such delivery.")
    if as_json:
        print_json({"queued": count})
    else:
        print(f"{count} queued.")


async def _found(database: Database, webhook_id: str) -> Webhook:
    async with database.read() as connection:
        webhook = await store.find(connection, webhook_id)
    if webhook is None:
        raise endpoints.not_found()
    return webhook


def _facts(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "isTest": webhook.is_test,
        "enabled": webhook.enabled,
        "lastDeliveredAt": shown(webhook.last_delivered_at),
        "lastError": webhook.last_error,
        "disabledReason": webhook.disabled_reason,
    }


def _delivery_facts(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "event": delivery.event_id,
        "type": delivery.event_type,
        "card": delivery.card_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "lastError": delivery.last_error,
    }
