"""What a merchant does with its endpoints: make, change, enable, disable, delete them.

An endpoint is sent nothing until it has shown that it belongs to who named it: `enable` sends it a token, which it
must send back. Whoever changes its address starts again from there.
"""

import hashlib
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from kado import audit, clock
from kado.access.caller import Caller
from kado.crypto import Keyring, Undecipherable, equal
from kado.errors import Invalid, MadeAlready, NotFound, Refusal
from kado.ids import new_id
from kado.storage.database import Connection, Database
from kado.webhooks import store
from kado.webhooks.address import Blocked
from kado.webhooks.post import Answered, NotReached, Poster
from kado.webhooks.sign import new_secret
from kado.webhooks.webhook import VERIFY, Wanted, Webhook

MOST: Final = 20
"""Endpoints of one merchant, test endpoints included."""

OVERLAP: Final = timedelta(hours=24)
"""For how long a secret that was replaced signs beside the new one, so that the receiver can change over at leisure."""

_BY_OWNER: Final = "disabled by its owner"
_NEW_ADDRESS: Final = "its address changed; enable it again"


async def create(
    database: Database,
    keyring: Keyring,
    poster: Poster,
    caller: Caller,
    wanted: Wanted,
    webhook_id: str | None = None,
) -> tuple[Webhook, str | None]:
    """The new endpoint, not enabled yet, and its secret where Kado made it.

    `webhook_id` is for whoever may ask a second time for the same one. Raises `Invalid` for an address that may not be
    called, `Refusal` when the merchant has as many as it may, `MadeAlready` where there is an endpoint with this id.
    """
    await _check(poster, wanted.url)
    made = None if wanted.secret else new_secret()
    secret, made_id = wanted.secret or made or "", webhook_id or new_id()
    hears_all = wanted.events is None if wanted.hears_all is None else wanted.hears_all

    async def work(connection: Connection) -> Webhook:
        there_are = await store.count_for_more(connection, caller.merchant_id)
        if await store.find(connection, made_id) is not None:
            raise MadeAlready
        if there_are >= MOST:
            raise Refusal("too_many_webhooks", f"A merchant has at most {MOST} webhooks. Delete one first.")
        webhook = await store.insert(
            connection,
            made_id,
            caller.merchant_id,
            caller.is_test,
            wanted.url,
            _sealed(keyring, made_id, secret),
            hears_all,
            wanted.events or [],
            wanted.pass_templates,
        )
        await _record(connection, caller, "webhook:created", made_id, None, webhook)
        return webhook

    return await database.repeat(work), made


async def update(
    database: Database, keyring: Keyring, poster: Poster, caller: Caller, webhook_id: str, wanted: Wanted
) -> Webhook:
    """The endpoint as changed. With another address it is disabled until it is enabled again.

    With another secret, the one before goes on signing beside it for a day.

    Raises `Invalid` for an address that may not be called, `NotFound`.
    """
    known = await get(database, caller, webhook_id)
    if wanted.url != known.url:
        await _check(poster, wanted.url)

    async def work(connection: Connection) -> Webhook:
        now, before = await _locked(connection, caller, webhook_id)
        webhook = before
        if wanted.url != webhook.url:
            webhook = replace(webhook, url=wanted.url, enabled=False, disabled_at=now, disabled_reason=_NEW_ADDRESS)
        if wanted.secret and wanted.secret != _opened(keyring, webhook_id, webhook.sealed_secret):
            sealed = _sealed(keyring, webhook_id, wanted.secret)
            await store.change_secret(connection, webhook_id, sealed, OVERLAP)
            webhook = replace(webhook, sealed_secret=sealed)
        webhook = replace(
            webhook,
            hears_all=webhook.hears_all if wanted.hears_all is None else wanted.hears_all,
            events=webhook.events if wanted.events is None else wanted.events,
            pass_templates={**webhook.pass_templates, **wanted.pass_templates},
        )
        await store.update(connection, webhook)
        await _record(connection, caller, "webhook:updated", webhook_id, before, webhook)
        return await _again(connection, webhook_id)

    return await database.repeat(work)


async def enable(database: Database, keyring: Keyring, poster: Poster, caller: Caller, webhook_id: str) -> Webhook:
    """The endpoint, enabled after it sent the verification token back.

    Raises `NotFound`, `Refusal` with the reason where it did not.
    """
    asked = await get(database, caller, webhook_id)
    await _verify(poster, keyring, asked)

    async def work(connection: Connection) -> Webhook:
        _, webhook = await _locked(connection, caller, webhook_id)
        if webhook.url != asked.url:
            raise _not_verified("its address changed meanwhile")
        if not webhook.enabled:
            enabled = replace(webhook, enabled=True, disabled_at=None, disabled_reason=None)
            await store.update(connection, enabled)
            await _record(connection, caller, "webhook:enabled", webhook_id, webhook, enabled)
        return await _again(connection, webhook_id)

    return await database.repeat(work)


async def disable(database: Database, caller: Caller, webhook_id: str) -> Webhook:
    """The endpoint, disabled: it hears nothing from now on, and what waits for it fails. Raises `NotFound`."""

    async def work(connection: Connection) -> Webhook:
        now, webhook = await _locked(connection, caller, webhook_id)
        if webhook.enabled:
            disabled = replace(webhook, enabled=False, disabled_at=now, disabled_reason=_BY_OWNER)
            await store.update(connection, disabled)
            await _record(connection, caller, "webhook:disabled", webhook_id, webhook, disabled)
        return await _again(connection, webhook_id)

    return await database.repeat(work)


async def delete(database: Database, caller: Caller, webhook_id: str) -> None:
    """Forget the endpoint. Raises `NotFound`."""

    async def work(connection: Connection) -> None:
        _, webhook = await _locked(connection, caller, webhook_id)
        await store.delete(connection, webhook_id)
        await _record(connection, caller, "webhook:deleted", webhook_id, webhook, None)

    await database.repeat(work)


async def get(database: Database, caller: Caller, webhook_id: str) -> Webhook:
    """The endpoint. Raises `NotFound`, also for another merchant's and for one of the other mode."""
    async with database.read() as connection:
        webhook = await store.find_own(connection, webhook_id, caller.merchant_id, caller.is_test)
    return _found(webhook)


async def list_endpoints(
    database: Database, merchant_id: str, *, is_test: bool | None, text: str | None = None, limit: int, offset: int
) -> tuple[list[Webhook], int]:
    """A merchant's endpoints, oldest first, and how many there are in all; of one mode, or of both (`None`)."""
    async with database.read() as connection:
        return await store.list_own(connection, merchant_id, is_test, text, limit, offset)


def secrets_of(keyring: Keyring, webhook: Webhook) -> list[str]:
    """What its events are signed with: its secret and, for a while after a change, the one before.

    Raises `NotReached` where the operator's secret key is gone that hid it.
    """
    secret = _opened(keyring, webhook.id, webhook.sealed_secret)
    if secret is None:
        raise NotReached("its secret cannot be read any more; give it a new one")
    before = _opened(keyring, webhook.id, webhook.sealed_previous_secret)
    return [secret] if before is None else [secret, before]


def not_found() -> NotFound:
    """The one answer for another merchant's endpoint and for one that does not exist."""
    return NotFound("webhook_not_found", "There is no such webhook.")


async def _verify(poster: Poster, keyring: Keyring, webhook: Webhook) -> None:
    """Send a token and see that it comes back."""
    token, message_id = secrets.token_urlsafe(24), new_id()
    said = {
        "id": message_id,
        "type": VERIFY,
        "timestamp": clock.text(datetime.now(UTC)),
        "data": {"webhookId": webhook.id, "token": token},
    }
    try:
        signers = secrets_of(keyring, webhook)
        answer = await poster.post(webhook.url, signers, message_id, json.dumps(said).encode(), want_body=True)
    except NotReached as error:
        raise _not_verified(error.reason) from None
    if not 200 <= answer.status <= 299:
        raise _not_verified(f"it answered {answer.status}")
    if not equal(_token_in(answer), token.encode()):
        raise _not_verified("its answer did not hold the token")


def _token_in(answer: Answered) -> bytes:
    """What the endpoint sent back: the token itself, or a JSON object with it as `token`."""
    text = answer.body.strip()
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    token = said.get("token") if isinstance(said, dict) else said
    return str(token).encode(errors="replace")


def _not_verified(reason: str) -> Refusal:
    return Refusal("webhook_not_verified", f"The endpoint could not be verified: {reason}.", members={"reason": reason})


async def _check(poster: Poster, url: str) -> None:
    try:
        await poster.check(url)
    except Blocked:
        raise Invalid(
            ("body", "url"),
            "An endpoint is reached over https:// on port 443 or 8443, by a name or address that is public, without"
            " a user name.",
            "webhook_address_refused",
        ) from None


async def _locked(connection: Connection, caller: Caller, webhook_id: str) -> tuple[datetime, Webhook]:
    webhook = await store.find_own(connection, webhook_id, caller.merchant_id, caller.is_test, lock=True)
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now, _found(webhook)


async def _again(connection: Connection, webhook_id: str) -> Webhook:
    webhook = await store.find(connection, webhook_id)
    assert webhook is not None, "locked in this transaction"
    return webhook


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise not_found()
    return webhook


def _sealed(keyring: Keyring, webhook_id: str, secret: str) -> bytes:
    return keyring.encrypt("stored-secret", secret.encode(), webhook_id.encode())


def _opened(keyring: Keyring, webhook_id: str, sealed: bytes | None) -> str | None:
    """None where there is nothing, or nothing that a configured secret key opens."""
    try:
        return None if sealed is None else keyring.decrypt("stored-secret", sealed, webhook_id.encode()).decode()
    except Undecipherable:
        return None


async def _record(
    connection: Connection,
    caller: Caller,
    action: str,
    webhook_id: str,
    before: Webhook | None,
    after: Webhook | None,
) -> None:
    """What differs; all of an endpoint that comes or goes."""
    was, is_now = _facts(before), _facts(after)
    names = [name for name in (was or is_now) if was.get(name) != is_now.get(name)]
    await audit.record(
        connection,
        actor=caller.subject,
        action=action,
        merchant_id=caller.merchant_id,
        subject=webhook_id,
        before={name: was[name] for name in names if was},
        after={name: is_now[name] for name in names if is_now},
    )


def _facts(webhook: Webhook | None) -> dict[str, object]:
    """What may be read for ever: of the address, whose path may be a secret, the host and a mark; of the secret that.

    A mark is eight characters that tell whether two are the same.
    """
    if webhook is None:
        return {}
    return {
        "host": urlsplit(webhook.url).hostname,
        "address": _mark(webhook.url.encode()),
        "secret": _mark(webhook.sealed_secret),
        "enabled": webhook.enabled,
        "hearsAll": webhook.hears_all,
        "events": webhook.events,
        "passTemplates": sorted(webhook.pass_templates),
    }


def _mark(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:8]
