"""The watch looks at each entry once, whatever dies, runs twice or comes late; no alert is missed, none told twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, TypeAlias

import asyncpg
import pytest
from tests.database.cards.builders import Shop, open_shop

from kado.audit.origin import Origin, coming_from
from kado.cards.ledger import Ledger
from kado.cards.reverse import Reverse
from kado.cards.seal import Sealer
from kado.cards.watch import watch
from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.fraud import rules
from kado.fraud.alert import Alert
from kado.fraud.alerts import list_alerts
from kado.fraud.config import Around, RuleType
from kado.fraud.rule import Rule, RuleAction
from kado.fraud.rules import NewRule, RuleChanges
from kado.ids import new_id
from kado.storage.database import Database

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    opened = await open_shop(database, keyring)
    yield opened
    await opened.ledger.close()


async def a_rule(shop: Shop, *, action: RuleAction = RuleAction.FLAG, **config: Any) -> Rule:
    config = {"scope": "program", "windowMinutes": 60, "maxCount": 3, **config}
    new = NewRule(name="Many", type=RuleType.VELOCITY_LIMIT, config=config, action=action)
    return await rules.create(
        shop.database, shop.program.merchant_id, "operator:test", shop.program_id, new, Around(shop.program.currency)
    )


async def sealed(shop: Shop) -> None:
    await Sealer(shop.database, shop.keyring).run()


async def watched(shop: Shop) -> None:
    await sealed(shop)
    while await watch(shop.database):
        pass


async def alerts(shop: Shop) -> list[Alert]:
    found, _ = await list_alerts(shop.database, shop.program_id, is_test=False, limit=100, offset=0)
    return found


async def counted(superuser: Superuser, rule: Rule) -> dict[str, tuple[int, int]]:
    rows = await superuser.fetch(
        "SELECT subject, sum(count)::int, sum(hits)::int FROM fraud_tally WHERE series_id = $1 GROUP BY 1",
        rule.series_id,
    )
    return {subject: (count, hits) for subject, count, hits in rows}


async def test_an_entry_that_is_sealed_twice_is_counted_once(shop: Shop, superuser: Superuser) -> None:
    rule = await a_rule(shop, scope="card")
    card = await shop.card(5000, -100, -100, 300, -100, -100, -100)
    for _ in range(3):  # each sealer begins with an empty memory, as after a restart
        await watched(shop)
    assert await superuser.fetchval("SELECT count(*) FROM ledger_seal") >= 2
    assert await counted(superuser, rule) == {f"card:{card}": (5, 2)}
    (alert,) = await alerts(shop)
    sales = [entry.id for entry in await shop.entries(card) if entry.type == "REDEMPTION"]
    assert (alert.occurrences, alert.entry_ids) == (2, sales[3:])


@pytest.mark.parametrize("table", ["fraud_alert", "fraud_tally", "fraud_watched_card", "fraud_progress"])
async def test_a_round_that_breaks_off_leaves_nothing_and_is_made_up_for(
    shop: Shop, superuser: Superuser, table: str
) -> None:
    rule = await a_rule(shop)
    card = await shop.card(5000, *[-100] * 5)
    await shop.reload(card, 100, reference_id="R")
    await shop.reload(card, 100, reference_id="R")  # this one is told by the posting machine
    await sealed(shop)
    await superuser.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END';"
        f"CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION broken()"
    )
    for _ in range(2):
        with pytest.raises(asyncpg.RaiseError):
            await watch(shop.database)
    assert await alerts(shop) == []
    await superuser.execute(f"DROP TRIGGER broken ON {table}")
    await watched(shop)
    assert await counted(superuser, rule) == {f"program:{shop.program_id}": (5, 2)}
    assert Counter((alert.pattern_type, alert.occurrences) for alert in await alerts(shop)) == {
        ("VELOCITY_LIMIT", 2): 1,
        ("POSSIBLE_DUPLICATE", 1): 1,
    }
    assert await superuser.fetchval("SELECT count(*) FROM fraud_hit") == 0


async def test_a_watch_whose_connections_are_cut_again_and_again_counts_each_entry_once(
    shop: Shop, superuser: Superuser, database_url: str
) -> None:
    rule = await a_rule(shop, scope="card", maxCount=1)
    cards = [await shop.card(5000, -1, -1) for _ in range(10)]
    chance = random.Random(3)
    for _ in range(3):
        await asyncio.gather(*(shop.redeem(card, 1) for card in cards))
        await sealed(shop)
        for _ in range(6):
            task = asyncio.create_task(_attempt(database_url))
            await superuser.execute("SELECT pg_sleep($1)", chance.random() * 0.05)
            await superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await task
    await watched(shop)
    assert await counted(superuser, rule) == {f"card:{card}": (5, 4) for card in cards}
    assert sorted((alert.subject, alert.occurrences) for alert in await alerts(shop)) == sorted(
        (f"card:{card}", 4) for card in cards
    )


async def _attempt(url: str) -> None:
    """A worker of its own, which may die at any moment."""
    database = await Database.open(url)
    try:
        while await watch(database):
            pass
    except (Unavailable, asyncpg.PostgresError):
        pass
    finally:
        await database.close()


async def test_watches_beside_the_tills_and_beside_each_other_miss_nothing(
    shop: Shop, superuser: Superuser, database_url: str
) -> None:
    rule = await a_rule(shop, scope="card", maxCount=5)
    cards = [await shop.card(50_000) for _ in range(6)]
    others = [await Database.open(database_url) for _ in range(2)]
    selling = True

    async def keep_watching(database: Database) -> None:
        sealer = Sealer(database, shop.keyring)
        while selling:
            await sealer.run()
            await watch(database)

    watches = [asyncio.create_task(keep_watching(database)) for database in others]
    chance = random.Random(5)
    sold: Counter[str] = Counter()
    for _ in range(15):
        wanted = [chance.choice(cards) for _ in range(8)]
        sold.update(wanted)
        await asyncio.gather(*(shop.redeem(card, 1) for card in wanted))
    selling = False
    await asyncio.gather(*watches)
    for database in others:
        await database.close()
    await watched(shop)
    expected = {f"card:{card}": (count, max(0, count - 5)) for card, count in sold.items()}
    assert await counted(superuser, rule) == expected
    told = {alert.subject: alert.occurrences for alert in await alerts(shop)}
    assert told == {subject: hits for subject, (_, hits) in expected.items() if hits}


async def test_an_entry_that_waited_for_its_commit_is_looked_at_too(shop: Shop, superuser: Superuser) -> None:
    rule = await a_rule(shop)
    slow, quick = await shop.card(5000), await shop.card(5000)
    async with superuser.transaction():  # as if another process worked on the card
        await superuser.execute("SELECT FROM card WHERE id = $1 FOR UPDATE", slow)
        waiting = asyncio.create_task(shop.redeem(slow, 1))
        await asyncio.sleep(0.05)
        second = await open_second(shop)
        await second.redeem(quick, 1)
        await watched(shop)
        await watched(shop)
    await waiting
    await second.ledger.close()
    await watched(shop)
    assert await counted(superuser, rule) == {f"program:{shop.program_id}": (2, 0)}


async def open_second(shop: Shop) -> Shop:
    """The same shop through another posting machine."""
    return replace(shop, ledger=Ledger(shop.database, shop.keyring))


async def test_what_happened_before_a_rule_is_not_looked_at(shop: Shop, superuser: Superuser) -> None:
    card = await shop.card(5000, -1, -1, -1)
    first = await a_rule(shop, scope="card", maxCount=1)
    await shop.redeem(card, 1)
    await watched(shop)
    assert await counted(superuser, first) == {f"card:{card}": (1, 0)}
    merchant, program = shop.program.merchant_id, shop.program_id
    around = Around(shop.program.currency)
    await rules.update(
        shop.database, merchant, "operator:test", program, first.id, RuleChanges(is_active=False), around
    )
    await shop.redeem(card, 1)
    await watched(shop)
    await rules.update(shop.database, merchant, "operator:test", program, first.id, RuleChanges(is_active=True), around)
    await shop.redeem(card, 1)
    await watched(shop)
    assert await counted(superuser, first) == {f"card:{card}": (2, 1)}


async def test_who_and_from_where_is_known_afterwards(shop: Shop, superuser: Superuser) -> None:
    by_address, by_actor = await a_rule(shop, scope="address"), await a_rule(shop, scope="actor")
    card = await shop.card(5000)
    with coming_from(Origin("198.51.100.7", "till/1", "r1")):
        await shop.redeem(card, 1)
    with coming_from(Origin("198.51.100.8", "till/1", "r2")):
        await shop.redeem(card, 1)
        await shop.redeem(card, 1)
    await shop.redeem(card, 1)  # nobody outside asked for it
    await watched(shop)
    assert await counted(superuser, by_address) == {"address:198.51.100.7": (1, 0), "address:198.51.100.8": (2, 0)}
    assert await counted(superuser, by_actor) == {"actor:key:test": (4, 1)}


async def test_a_reload_that_is_taken_back_is_no_sale(shop: Shop, superuser: Superuser) -> None:
    rule = await a_rule(shop)
    card = await shop.card(5000, -100)
    await shop.reload(card, 500, reference_id="R-1")
    await shop.post(Reverse, card, kind="reference_id", own_reference="R-1")
    await watched(shop)
    assert await counted(superuser, rule) == {f"program:{shop.program_id}": (1, 0)}


async def test_a_new_alert_is_an_event_where_somebody_listens(shop: Shop, superuser: Superuser) -> None:
    await superuser.execute(
        "INSERT INTO webhook (id, merchant_id, is_test, url, secret, enabled, hears_all)"
        " VALUES ($1, $2, false, 'https://shop.example/', '\\x00', true, true)",
        new_id(),
        shop.program.merchant_id,
    )
    rule = await a_rule(shop)
    card = await shop.card(5000, *[-1] * 6)
    await watched(shop)
    await shop.redeem(card, 1)
    await watched(shop)
    (alert,) = await alerts(shop)
    bodies = await superuser.fetch(
        "SELECT body::jsonb->'data'->'alert' AS alert, card_id FROM gift_card_event WHERE type = 'giftcard.fraud_alert'"
    )
    assert [row["card_id"] for row in bodies] == [card]
    assert bodies[0]["alert"] == (
        f'{{"id": "{alert.id}", "action": "flag", "ruleId": "{rule.id}", "severity": "medium",'
        ' "occurrences": 3, "patternType": "VELOCITY_LIMIT"}'
    )


async def test_a_program_without_rules_is_passed_by(shop: Shop, superuser: Superuser) -> None:
    await shop.card(5000, -1, -1)
    await watched(shop)
    assert await superuser.fetchval("SELECT seal_number FROM fraud_progress") >= 1
    for table in ("fraud_watched_card", "fraud_tally", "fraud_alert", "fraud_hit"):
        assert await superuser.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_an_alert_keeps_the_latest_hundred(shop: Shop) -> None:
    await a_rule(shop, maxCount=1)
    cards = [await shop.card(5000) for _ in range(4)]
    for _ in range(3):
        await asyncio.gather(*(shop.redeem(cards[at % 4], 1) for at in range(36)))
    await watched(shop)
    (alert,) = await alerts(shop)
    assert alert.occurrences == 107
    assert len(alert.entry_ids) == len(set(alert.entry_ids)) == 100
    assert sorted(alert.card_ids) == sorted(cards)
