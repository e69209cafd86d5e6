"""Seals cover every entry soon, whatever is under way, and are what they say they are."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.database.cards.builders import Shop, open_shop

from kado.cards import seal
from kado.cards.seal import HEAD_BYTES, Sealer, seal_hash
from kado.crypto import Keyring
from kado.storage.database import Database
from kado.storage.riding import Ride


async def heads_of(superuser: Any, shop: Shop) -> dict[str, list[tuple[int, bytes]]]:
    """For each card, what the seals say, oldest first."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    query = "SELECT heads FROM ledger_seal WHERE program_id = $1 ORDER BY number"
    for row in await superuser.fetch(query, shop.program_id):
        heads = row["heads"]
        ids = [heads[at : at + 12].hex() for at in range(0, len(heads), HEAD_BYTES)]
        assert ids == sorted(set(ids)), "sorted by card, each card once"
        for at, card_id in zip(range(0, len(heads), HEAD_BYTES), ids, strict=True):
            seq = int.from_bytes(heads[at + 12 : at + 20], "big")
            found.setdefault(card_id, []).append((seq, heads[at + 20 : at + HEAD_BYTES]))
    return found


async def head_of(superuser: Any, shop: Shop, card_id: str) -> tuple[int, bytes]:
    row = await superuser.fetchrow(
        "SELECT seq, head_hash FROM card WHERE program_id = $1 AND id = $2", shop.program_id, card_id
    )
    return row["seq"], row["head_hash"]


async def sealed_until(superuser: Any) -> Any:
    return await superuser.fetchval("SELECT greatest(sealed_until, '0001-01-01 00:00:00+00') FROM seal_progress")


async def test_nothing_to_seal(sealer: Sealer, superuser: Any) -> None:
    assert await sealer.run() == 0
    assert await superuser.fetchval("SELECT count(*) FROM ledger_seal") == 0


async def test_each_card_is_sealed_with_its_newest_entry(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    cards = [await shop.card(5000, -100, -200), await shop.issue(), await shop.card(2000)]
    assert await sealer.run() == 3
    found = await heads_of(superuser, shop)
    assert found == {card_id: [await head_of(superuser, shop, card_id)] for card_id in cards}


async def test_only_what_is_new_is_sealed_again(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    moving, resting = await shop.card(), await shop.card()
    await sealer.run()
    assert await sealer.run() == 0
    await shop.redeem(moving, 100)
    assert await sealer.run() == 1
    found = await heads_of(superuser, shop)
    assert [seq for seq, _ in found[moving]] == [2, 3]
    assert [seq for seq, _ in found[resting]] == [2]


async def test_a_second_sealer_may_repeat_heads_but_misses_none(
    shop: Shop, sealer: Sealer, superuser: Any, database: Database, keyring: Keyring
) -> None:
    card_id = await shop.card()
    await sealer.run()
    await shop.redeem(card_id, 100)
    await Sealer(database, keyring).run()
    found = await heads_of(superuser, shop)
    assert found[card_id][-1] == await head_of(superuser, shop, card_id)


async def test_test_cards_are_sealed_as_well(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    card_id = await shop.issue(caller=replace(shop.caller, is_test=True))
    assert await sealer.run() == 1
    assert card_id in await heads_of(superuser, shop)


async def test_a_seal_can_be_checked_by_anyone(
    shop: Shop, sealer: Sealer, superuser: Any, keyring: Keyring, database: Database
) -> None:
    other = await open_shop(database, keyring)
    card_id = await shop.card()
    await other.card()
    for amount in (100, 200, 300):
        await sealer.run()
        await shop.redeem(card_id, amount)
    await sealer.run()
    for program_id, count in ((shop.program_id, 4), (other.program_id, 1)):
        rows = await superuser.fetch("SELECT * FROM ledger_seal WHERE program_id = $1 ORDER BY number", program_id)
        assert [row["number"] for row in rows] == list(range(1, count + 1))
        previous = bytes(32)
        for row in rows:
            assert row["previous_hash"] == previous
            previous = seal_hash(program_id, row["number"], row["sealed_at"], previous, row["heads"])
            assert row["hash"] == previous
            assert row["public_key"] == keyring.signer().public_key().public_bytes_raw()
            Ed25519PublicKey.from_public_bytes(row["public_key"]).verify(row["signature"], row["hash"])
    await other.ledger.close()


async def test_the_bytes_under_the_hash_are_fixed() -> None:
    digest = seal_hash("00112233445566778899aabb", 7, datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), b"p" * 32, b"heads")
    signed = "00112233445566778899aabb00000000000000070006475ef6574f35" + "70" * 32 + "6865616473"
    assert digest == hashlib.sha256(bytes.fromhex(signed)).digest()


async def test_many_cards_become_several_seals(
    shop: Shop, sealer: Sealer, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "HEADS_MAX", 3)
    cards = [await shop.issue() for _ in range(7)]
    assert await sealer.run() == 7
    rows = await superuser.fetch("SELECT length(heads) AS n FROM ledger_seal ORDER BY number")
    assert [row["n"] // HEAD_BYTES for row in rows] == [3, 3, 1]
    assert sorted(await heads_of(superuser, shop)) == sorted(cards)


async def test_one_sealer_at_a_time(shop: Shop, database: Database, keyring: Keyring, superuser: Any) -> None:
    for _ in range(5):
        await asyncio.gather(*(shop.card() for _ in range(4)))
        await asyncio.gather(*(Sealer(database, keyring).run() for _ in range(5)))
    numbers = [row["number"] for row in await superuser.fetch("SELECT number FROM ledger_seal ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_an_entry_committed_late_is_sealed_too(
    shop: Shop, sealer: Sealer, superuser: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "_MARGIN", timedelta(0))
    slow, quick = await shop.card(), await shop.card()
    await sealer.run()
    before = await sealed_until(superuser)
    commit = asyncio.Event()
    done = await _redeem_and_hold(shop, slow, commit)
    for _ in range(3):
        await shop.redeem(quick, 1)
        assert await sealer.run() == 1
    assert await sealed_until(superuser) >= before
    commit.set()
    await done
    created_at = await superuser.fetchval("SELECT max(created_at) FROM card_transaction WHERE card_id = $1", slow)
    assert await sealed_until(superuser) <= created_at, "it could still appear"
    assert await sealer.run() == 1
    assert (await heads_of(superuser, shop))[slow][-1] == await head_of(superuser, shop, slow)
    await shop.redeem(quick, 1)
    await sealer.run()
    assert await sealed_until(superuser) > created_at


async def _redeem_and_hold(shop: Shop, card_id: str, commit: asyncio.Event) -> "asyncio.Task[Any]":
    """A redemption by another process that is written and not committed yet."""
    other = await open_shop(shop.database, shop.keyring)
    other.program, other.caller = shop.program, shop.caller
    written = asyncio.Event()
    run = other.ledger._run

    async def held(ride: Ride, *arguments: Any, **options: Any) -> Any:
        results, last = await run(ride, *arguments, **options)
        assert last is not None, "a redemption writes"
        await ride.last(*last)
        written.set()
        await commit.wait()
        return results, None

    other.ledger._run = held  # type: ignore[method-assign]

    async def redeem() -> Any:
        answer = await other.redeem(card_id, 5)
        await other.ledger.close()
        return answer

    task = asyncio.create_task(redeem())
    await written.wait()
    return task


async def test_a_long_reader_does_not_hold_sealing_up_for_ever(
    shop: Shop, sealer: Sealer, superuser: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "_MARGIN", timedelta(0))
    reader = await asyncpg.connect(database_url)
    async with reader.transaction(isolation="repeatable_read", readonly=True):
        await reader.fetch("SELECT count(*) FROM program, card, card_transaction")
        card_id = await shop.card()
        await sealer.run()
        first = await sealed_until(superuser)
        await shop.redeem(card_id, 1)
        assert await sealer.run() == 1
        assert await sealed_until(superuser) == first
        monkeypatch.setattr(seal, "_READERS_PATIENCE", timedelta(0))
        await shop.redeem(card_id, 1)
        assert await sealer.run() == 1
        assert await sealed_until(superuser) > first
    await reader.close()


async def test_a_clock_that_was_set_back_hides_nothing(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    card_id = await shop.card()
    await sealer.run()
    await superuser.execute("UPDATE seal_progress SET sealed_until = clock_timestamp() + interval '1 hour'")
    await shop.redeem(card_id, 1)
    assert await sealer.run() == 1
    now = await superuser.fetchval("SELECT clock_timestamp()")
    assert await sealed_until(superuser) < now


async def test_rows_that_no_seal_can_hold_do_not_stop_sealing(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    card_id, broken = await shop.card(), await shop.card()
    await superuser.execute("SET session_replication_role = replica")
    await superuser.execute("ALTER DOMAIN kado_id DROP CONSTRAINT kado_id_check")
    await superuser.execute("UPDATE card_transaction SET card_id = 'x' WHERE card_id = $1 AND seq = 2", broken)
    await superuser.execute(
        "UPDATE card_transaction SET program_id = repeat('0', 24) WHERE card_id = $1 AND seq = 1", broken
    )
    assert await sealer.run() == 1
    assert list(await heads_of(superuser, shop)) == [card_id]


async def test_an_idle_server_writes_nothing(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    await shop.card()
    await sealer.run()
    version = await superuser.fetchval("SELECT xmin::text FROM seal_progress")
    for _ in range(3):
        assert await sealer.run() == 0
    assert await superuser.fetchval("SELECT xmin::text FROM seal_progress") == version
