"""After a rotation nothing that is said to be moved is under the old secret, and everything works without it."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.database.rotation.conftest import AFTER, BEFORE, BOTH, KNOWN, NEW, OLD, Change

from kado.access import keys, second_factor, staff
from kado.access.permissions import Role
from kado.access.signatures import Signatures, sign
from kado.cards import rekey
from kado.cards.bulk.task import TASK_COLUMNS, Task
from kado.cards.find import card_by_number
from kado.cards.hold import PlaceHold
from kado.cards.proof import card_proof, export
from kado.cards.proof.handovers import own_keys
from kado.cards.reverse import Reverse
from kado.cards.seal import Sealer
from kado.cards.verify import Reason, verify
from kado.crypto import VERSION_BYTES, Keyring
from kado.errors import NotFound, Refusal
from kado.ids import new_id
from kado.passes.registrations import Device, register
from kado.people.answers import take_people_out
from kado.reports import schedules
from kado.reports.post import write_due
from kado.reports.schedules import Wish
from kado.rotation import stored
from kado.rotation.columns import COLUMNS, Fate
from kado.rotation.needs import Needs, needs
from kado.storage.backup.make import _KEYS_IN_USE
from kado.webhooks.endpoints import secrets_of
from kado.webhooks.store import find as find_webhook

ACTOR = "operator:test"


async def needed(change: Change, keyring: Keyring = BOTH) -> Needs:
    return await needs(change.database, keyring, 35)


async def a_life(change: Change) -> list[str]:
    """Cards with everything beside them that is made under a secret."""
    shop = change.shop
    cards = [await shop.card(5000, -100, 200) for _ in range(3)]
    held = await shop.card(4000)
    await shop.hold(held, 1000)
    await shop.void(await shop.card(100))
    await shop.redeem(held, 100, pos_transaction_id="POS-1")
    await shop.post(Reverse, held, kind="pos_transaction_id", own_reference="POS-1")
    await Sealer(change.database, BEFORE).run()
    return [*cards, held, await shop.issue(700)]


async def an_endpoint(change: Change, keyring: Keyring) -> str:
    """A webhook with a secret, and one before it."""
    webhook_id = new_id()
    sealed = [keyring.encrypt("stored-secret", text, webhook_id.encode()) for text in (b"present", b"previous")]
    await change.thief.execute(
        "INSERT INTO webhook (id, merchant_id, is_test, url, secret, hears_all, previous_secret, previous_until)"
        " VALUES ($1, $2, false, 'https://hooks.example', $3, true, $4, clock_timestamp() + interval '1 hour')",
        webhook_id,
        change.shop.program.merchant_id,
        *sealed,
    )
    return webhook_id


async def about_somebody(change: Change, keyring: Keyring) -> None:
    """Somebody who may be downloaded, and who is being forgotten."""
    for table, more in (
        ("person_export", ", format, expires_at) VALUES ($1, $2, false, $3, $4, 'csv', now() + interval '1 hour')"),
        ("person_erasure", ") VALUES ($1, $2, false, $3, $4)"),
    ):
        row_id = new_id()
        await change.thief.execute(
            f"INSERT INTO {table} (id, merchant_id, is_test, person, actor{more}",
            row_id,
            change.shop.program.merchant_id,
            keyring.encrypt("stored-secret", b"eva@example.com", row_id.encode()),
            ACTOR,
        )


async def a_task(change: Change, keyring: Keyring) -> tuple[Task, str]:
    """A bulk issue whose file waits to be fetched, and the token of its link."""
    now = await change.thief.fetchval("SELECT clock_timestamp()")
    facts: dict[str, Any] = dict.fromkeys(Task.__dataclass_fields__)
    facts |= {"program_id": change.shop.program_id, "id": new_id(), "merchant_id": change.shop.program.merchant_id}
    facts |= {"actor": ACTOR, "is_test": False, "total": 1, "issued": 1, "initial_value": 1, "is_physical": True}
    facts |= {"key_hash": bytes(32), "has_file": True, "state": "completed", "created_at": now, "touched_at": now}
    task = Task(**facts)
    token, _ = task.make_link(keyring, now)
    names = list(facts)
    places = ", ".join(f"${at}" for at in range(1, len(names) + 1))
    await change.thief.execute(
        f"INSERT INTO bulk_task ({', '.join(names)}) VALUES ({places})", *(getattr(task, name) for name in names)
    )
    return task, token


async def test_everything_is_found_and_proved_under_the_new_secret_alone(change: Change, tmp_path: Any) -> None:
    cards = await a_life(change)
    numbers = {card: await change.number(card) for card in cards}
    copy = tmp_path / "seals.jsonl"
    await export.export(change.database, BEFORE, copy, lambda _: None)
    proof = await card_proof.prove(change.database, BEFORE, cards[0], None)

    done = await change.rotate()
    assert (done.cards, done.cards_left, done.secrets_left) == (len(cards) + 1, [], 0)
    shop = change.under(AFTER)
    for card in cards:
        found = await card_by_number(change.database, AFTER, shop.program_id, numbers[card], is_test=False)
        assert found.card.id == card
        assert await change.number(card, AFTER) == numbers[card]
    await shop.redeem(cards[0], 1)
    await shop.redeem(cards[3], 3000)
    await Sealer(change.database, AFTER).run()
    report = await verify(change.database, AFTER)
    assert report.is_clean, report.findings
    await shop.ledger.close()

    # Whoever trusts the old public key may trust the new one, and what was proved before is proved still.
    await export.export(change.database, AFTER, copy, lambda _: None)
    assert export.check(copy, own_keys(BEFORE)).findings == []
    assert (await verify(change.database, AFTER, exported=copy)).is_clean
    assert card_proof.check(json.dumps(proof).encode(), own_keys(BEFORE)).faults == []
    later = await card_proof.prove(change.database, AFTER, cards[0], None)
    assert card_proof.check(json.dumps(later).encode(), own_keys(BEFORE)).faults == []


async def test_stored_secrets_are_encrypted_anew(change: Change) -> None:
    merchant_id = change.shop.program.merchant_id
    signing = await keys.create_signing_key(change.database, BEFORE, merchant_id, ACTOR)
    webhook_id = await an_endpoint(change, BEFORE)
    task, token = await a_task(change, BEFORE)
    assert (await needed(change)).is_needed(BEFORE.version.hex())
    assert (await change.rotate()).secrets == 4

    header = sign(signing.secret, signing.key_id, "GET", "/x", b"", await _unix_now(change))
    assert await Signatures(change.database, AFTER).verify(header, "GET", "/x", b"") == merchant_id
    async with change.database.read() as connection:
        webhook = await find_webhook(connection, webhook_id)
        row = await connection.fetchrow(f"SELECT {TASK_COLUMNS} FROM bulk_task WHERE program_id = $1", task.program_id)
    assert webhook is not None
    assert row is not None
    assert secrets_of(AFTER, webhook) == ["present", "previous"]
    assert Task(*tuple(row)).link_token(AFTER, task.created_at) == token
    assert (await change.rotate()).secrets == 0


async def test_a_code_is_good_under_its_own_secret_and_can_be_sent_anew_under_the_new_one(change: Change) -> None:
    card, number = await change.shop.card(1000, customer_email="eva@example.com"), ""
    code, number = await change.code(card), await change.number(card)
    await change.rotate()
    place = (change.shop.program_id, number, code)
    assert (await change.checks(BOTH).check(*place, address="192.0.2.1")).card.id == card
    with pytest.raises(NotFound):
        await change.checks(AFTER).check(*place, address="192.0.2.1")
    old = BEFORE.version.hex()
    assert [(one.what, one.count, one.how) for one in (await needed(change)).of(old) if one.how == "codes"] == [
        ("security codes of cards that can be used", 1, "codes")
    ]
    fresh = await change.code(card, BOTH)
    assert (await change.checks(AFTER).check(*place[:2], fresh, address="192.0.2.1")).card.id == card
    assert not [one for one in (await needed(change)).of(old) if one.how == "codes"]


async def test_an_old_idempotency_key_still_answers_and_moves_nothing(change: Change) -> None:
    card = await change.shop.card(1000)
    first = await change.shop.redeem(card, 100, key="sale-1")
    issued = await change.shop.issue(500, key="issue-1")
    await change.rotate()
    shop = change.under(BOTH)
    again = await shop.redeem(card, 100, key="sale-1")
    assert (again.body, again.headers) == (first.body, {"Idempotent-Replayed": "true"})
    assert await shop.issue(500, key="issue-1") == issued
    with pytest.raises(Refusal, match="another request"):
        await shop.redeem(card, 101, key="sale-1")
    # Once the answer is gone, the entry still knows the key, as long as its secret is configured.
    await change.thief.execute("DELETE FROM idempotency_key")
    with pytest.raises(Refusal, match="long ago"):
        await shop.redeem(card, 100, key="sale-1")
    assert (await shop.look(card)).balance == 900
    await shop.ledger.close()


async def a_schedule(change: Change, keyring: Keyring) -> None:
    """A report that is due, and its mail."""
    # A report is sent for as long as who ordered it may have it sent: of an operator that is not asked.
    program, caller = change.shop.program, replace(change.shop.caller, subject=ACTOR)
    wish = Wish(name="Books", frequency="daily", format="csv", recipients=["books@flowers.example"])
    made = await schedules.create(change.database, keyring, program, caller, wish)
    async with change.database.transaction() as connection:
        await connection.execute(
            "UPDATE report_schedule SET next_due_at = now() WHERE program_id = $1 AND id = $2", program.id, made.id
        )
    await write_due(change.database, keyring)


async def test_no_column_that_is_said_to_be_moved_names_the_old_secret(change: Change) -> None:
    cards = await a_life(change)
    for _ in range(2):
        with pytest.raises(NotFound):
            await change.checks(BEFORE).check(
                change.shop.program_id, await change.number(cards[0]), "000000x", address="192.0.2.1"
            )
        with pytest.raises(NotFound):
            await change.checks(BEFORE).check_anywhere(await change.number(cards[0]), "000000x", address="192.0.2.1")
    await keys.create_signing_key(change.database, BEFORE, change.shop.program.merchant_id, ACTOR)
    await an_endpoint(change, BEFORE)
    await a_task(change, BEFORE)
    await about_somebody(change, BEFORE)
    await a_schedule(change, BEFORE)
    device = Device("a device that is made up", "ab" * 32)
    await register(change.database, BEFORE, await change.shop.look(cards[0]), "pass.x", device, "a token")
    merchant_id, email = change.shop.program.merchant_id, "bo@flowers.example"
    await staff.add(change.database, merchant_id, email, "correct horse battery", Role.CASHIER, None, ACTOR)
    await second_factor.set_up(change.database, BEFORE, await staff.find_by_email(change.database, email))
    moved = [name for name, column in COLUMNS.items() if column.fate is Fate.MOVED]
    before = {name: await _values(change, name) for name in moved}
    assert not [name for name, values in before.items() if not values], "columns that this test does not fill"
    await change.rotate()
    for name in moved:
        after = await _values(change, name)
        assert len(after) == len(before[name])
        assert not after & before[name], name
        assert not [value for value in after if value.startswith(BEFORE.version)], name
    assert not [need for need in (await needed(change)).of(BEFORE.version.hex()) if need.how == "rotate"]


async def test_what_was_broken_stays_broken(change: Change) -> None:
    edited, held, _ = [await change.shop.card(1000) for _ in range(3)]
    await change.shop.hold(held, 100)
    await Sealer(change.database, BEFORE).run()
    await change.thief.execute("UPDATE card SET expires_at = expires_at + interval '1 year' WHERE id = $1", edited)
    await change.thief.execute("UPDATE hold SET order_reference = 'another' WHERE card_id = $1", held)
    done = await change.rotate()
    assert done.cards == 1
    assert {card for _, card in done.cards_left} == {edited, held}
    for keyring in (BOTH, AFTER):
        found = {(one.card_id, one.reason_code) for one in (await verify(change.database, keyring)).findings}
        assert found == {(edited, Reason.STATE_CHANGED), (held, Reason.ROWS_CHANGED)}


async def test_two_copies_and_a_third_that_was_interrupted_do_it_once(change: Change) -> None:
    cards = [await change.shop.issue(100) for _ in range(250)]
    interrupted = asyncio.create_task(change.rotate())
    while not await change.thief.fetchval("SELECT count(*) FROM card WHERE key_version = $1", BOTH.version):
        await asyncio.sleep(0.005)
    interrupted.cancel()
    await asyncio.gather(interrupted, return_exceptions=True)
    begun = await change.thief.fetchval("SELECT count(*) FROM card WHERE key_version = $1", BOTH.version)
    assert 0 < begun < len(cards)
    first, second = await asyncio.gather(change.rotate(), change.rotate())
    assert begun + first.cards + second.cards == len(cards)
    assert (await verify(change.database, AFTER)).is_clean
    audited = await change.thief.fetchval(
        "SELECT sum((details->>'cards')::int) FROM audit_log WHERE action = 'secret:cards-moved'"
    )
    assert audited == len(cards)


async def test_tills_sell_while_cards_are_moved(change: Change) -> None:
    cards = [await change.shop.card(1000) for _ in range(20)]
    shops = [change.under(KNOWN), change.under(BOTH)]

    async def sell(at: int) -> None:
        answer = await shops[at % 2].redeem(cards[at % len(cards)], 10, key=f"sale-{at}")
        assert answer.status == 200

    await asyncio.gather(*(sell(at) for at in range(100)), *(change.rotate() for _ in range(3)))
    await change.rotate()
    assert [(await change.shop.look(card)).balance for card in cards] == [950] * len(cards)
    assert (await verify(change.database, AFTER)).is_clean
    for shop in shops:
        await shop.ledger.close()


async def test_what_is_left_is_over_when_it_is_said_to_be(change: Change) -> None:
    await change.shop.redeem(await change.shop.card(1000), 1, key="sale-1")
    await change.rotate()
    old = BEFORE.version.hex()
    found = {need.what: need for need in (await needed(change)).of(old)}
    assert set(found) == {"answers to idempotency keys", "tokens, and failed tries that still count"}
    newest = await change.thief.fetchval("SELECT max(created_at) FROM idempotency_key")
    assert found["answers to idempotency keys"].until == newest + timedelta(days=35)
    await change.thief.execute("DELETE FROM idempotency_key")
    await change.thief.execute("UPDATE seal_succession SET written_at = written_at - interval '1 day'")
    assert not (await needed(change)).is_needed(old)


async def test_places_of_sign_ins_are_said_for_as_long_as_they_count(change: Change) -> None:
    await change.shop.card(1000)
    staff_id, merchant = new_id(), change.shop.program.merchant_id
    await change.thief.execute(
        "INSERT INTO staff (id, merchant_id, email, password_hash, role) VALUES ($1, $2, 'a@b.example', 'x', 'owner')",
        staff_id,
        merchant,
    )
    for days, place in ((10, b"p" * 32), (91, b"q" * 32)):
        await change.thief.execute(
            "INSERT INTO staff_place (staff_id, place, seen_at) VALUES ($1, $2, now() - make_interval(days => $3))",
            staff_id,
            place,
            days,
        )
    await change.rotate()
    await change.thief.execute("UPDATE seal_succession SET written_at = written_at - interval '1 day'")
    found = {need.what: need for need in (await needed(change)).of(BEFORE.version.hex())}
    places = found.pop("places from which people signed in")
    seen = await change.thief.fetchval("SELECT max(seen_at) FROM staff_place")
    assert (places.count, places.how, places.until) == (1, "spare", seen + timedelta(days=90))
    await change.thief.execute("UPDATE staff_place SET seen_at = now()")
    assert {need.what for need in (await needed(change)).of(BEFORE.version.hex())} == set(found)


async def test_an_answer_that_nobody_can_open_is_emptied_and_its_key_stays_used(change: Change) -> None:
    card = await change.shop.card(1000)
    wish = {"amount": 100, "order_reference": "order-1", "key": "hold-1"}
    assert (await change.shop.post(PlaceHold, card, **wish)).status == 200
    async with change.database.transaction() as connection:
        assert (
            await take_people_out(connection, AFTER, change.shop.program_id, [card]) == 3
        )  # it was issued, activated, held
        assert await take_people_out(connection, AFTER, change.shop.program_id, [card]) == 0
    with pytest.raises(Refusal) as told:
        await change.shop.post(PlaceHold, card, **wish)
    assert told.value.code == "idempotency_key_expired"
    assert (await change.shop.look(card)).held == 100
    assert await _named_by_a_backup(change) == {BEFORE.version}
    assert (await needed(change, AFTER)).missing == [BEFORE.version.hex()]


async def test_a_backup_names_the_secrets_that_are_needed_and_no_others(change: Change) -> None:
    card = await change.shop.card(1000)
    ended = await change.shop.card(1000)
    for one in (card, ended):
        await change.code(one)
    await change.shop.void(ended)
    assert await _named_by_a_backup(change) == {BEFORE.version}
    await change.rotate()
    assert await _named_by_a_backup(change) == {BEFORE.version, BOTH.version}
    await change.thief.execute("DELETE FROM idempotency_key")
    assert await _named_by_a_backup(change) == {BEFORE.version, BOTH.version}, "a code that is good"
    await change.code(card, BOTH)
    assert await _named_by_a_backup(change) == {BOTH.version}
    assert {one.how for one in (await needed(change)).of(BEFORE.version.hex())} == {"spare", "wait"}


async def _named_by_a_backup(change: Change) -> set[bytes]:
    return {row["key"] for row in await change.thief.fetch(_KEYS_IN_USE)}


async def test_what_no_configured_secret_opens_is_said_and_left(change: Change) -> None:
    card = await change.shop.card(1000)
    await keys.create_signing_key(change.database, BEFORE, change.shop.program.merchant_id, ACTOR)
    stranger = Keyring([NEW])
    assert (await needed(change, stranger)).missing == [BEFORE.version.hex()]
    done = await change.rotate(stranger)
    assert (done.cards, done.secrets) == (0, 0)
    assert (done.cards_left, done.secrets_left) == ([(change.shop.program_id, card)], 1)
    assert (await change.rotate(Keyring([NEW, OLD]))).cards == 1


async def test_a_backup_names_the_secret_of_a_second_factor(change: Change) -> None:
    other = Keyring(["a-third-secret-of-the-operator-0123456789"])
    merchant_id = change.shop.program.merchant_id
    staff_id = await staff.add(
        change.database, merchant_id, "bo@flowers.example", "correct horse", Role.CASHIER, None, ACTOR
    )
    person = await staff.find(change.database, staff_id)
    assert person is not None
    await second_factor.set_up(change.database, other, person)
    assert other.version in await _named_by_a_backup(change)


@pytest.mark.parametrize("one", stored.STORED, ids=lambda one: f"{one.table}.{one.column}")
def test_a_backup_names_the_secret_of_everything_that_is_stored_encrypted(one: stored.Stored) -> None:
    assert re.search(rf"SELECT substr\({one.column}, 1, {VERSION_BYTES}\) FROM {one.table}\b", _KEYS_IN_USE)


def test_every_stored_secret_is_in_the_table() -> None:
    assert all(COLUMNS[f"{one.table}.{one.column}"].fate is Fate.MOVED for one in stored.STORED)
    assert rekey.MARKS.count("substr") == 3


async def _values(change: Change, name: str) -> set[bytes]:
    table, _, column = name.partition(".")
    return {row[0] for row in await change.thief.fetch(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")}


async def _unix_now(change: Change) -> float:
    moment: float = await change.thief.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return moment
