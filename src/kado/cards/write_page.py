"""What a list of postings came to, written in as few statements as it needs."""

from kado import audit
from kado.cards import bench, evidence, hot_store, store
from kado.cards.issue import Placed
from kado.cards.page import Page
from kado.fraud import alerts
from kado.storage.database import Connection
from kado.storage.outbox import enqueue_events, enqueue_messages, enqueue_wallets
from kado.storage.riding import Ride


async def write_page(ride: Ride, page: Page) -> list[str | None] | None:
    """Everything that the page says, in as few statements as it needs; the last may be left to the commit."""
    connection = ride.connection
    page.seal()
    if page.fresh:
        await store.insert_cards(connection, page.fresh)
    written = hot_store.to_write(page.only_moved(), page.entries, page.keys, page.audited, page.now)
    if written.keys:
        await store.write_keys(connection, written.keys, page.now)
        if linked := [key for key in written.keys if key.card_id is not None]:
            await store.link_answers(connection, linked)
    if written.audited:
        await audit.write(connection, written.audited)
    last = written.arguments if page.moved or page.entries else None
    if page.is_plain:
        return last
    if last is not None:
        await ride.last(*last)
    await _write_beside(connection, page)
    return None


async def _write_beside(connection: Connection, page: Page) -> None:
    """What only some postings leave."""
    if page.changed:
        await store.write_state(connection, list(page.changed.values()))
    if page.holds:
        await evidence.write_holds(connection, list(page.holds.values()))
    if page.reversals:
        await evidence.write_reversals(connection, page.reversals)
    if page.superseded:
        await store.supersede_messages(connection, page.superseded)
    if page.forgiven:
        await store.forget_guesses(connection, page.forgiven)
    if page.messages:
        await enqueue_messages(connection, page.messages)
    if page.events:
        await enqueue_events(connection, page.events)
    if page.in_wallets:
        await enqueue_wallets(connection, sorted(page.in_wallets), page.now)
    await bench.write(connection, page.bench, page.hits)
    for merchant_id, alert, judgement, source in page.closed:
        await alerts.close(connection, merchant_id, alert, judgement, source, has_suspended=True)


async def write_new(ride: Ride, placed: list[Placed]) -> None:
    """New cards and their first entries, whose keys are claimed already."""
    if not placed:
        return
    connection = ride.connection
    await store.insert_cards(connection, [one.card for one in placed])
    entries, audited = [one.entry for one in placed], [one.audited for one in placed]
    await ride.last(*hot_store.to_write([], entries, [], audited, entries[0].created_at).arguments)
    messages = [message for one in placed for message in one.messages]
    if messages:
        await enqueue_messages(connection, messages)
    events = [event for one in placed for event in one.events]
    if events:
        await enqueue_events(connection, events)
