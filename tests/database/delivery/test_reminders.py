"""Who is told that money expires: 30 and 7 days before, each once, and nobody for whom it would not be true."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer
from tests.database.delivery.shop import ADDRESS, ACard, Shop

from kado.delivery.reminders import BATCH, remind

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
async def reminding(shop: Shop) -> Shop:
    """A shop that reminds, and has been at it since a moment ago."""
    async with shop.database.transaction() as connection:
        await connection.execute("UPDATE program SET reminds_expiry = true WHERE id = $1", shop.program_id)
    await remind(shop.database)
    return shop


async def card(shop: Shop, expires_in: timedelta, **facts: Any) -> ACard:
    usual = {"status": "active", "activated_at": await shop.now(), "balance": 1250}
    return await shop.card(**(usual | {"expires_at": await shop.now() + expires_in} | facts))


async def later(shop: Shop, by: timedelta) -> None:
    """Let the sweep believe that it was here before: the same as if so much time had gone by since."""
    async with shop.database.transaction() as connection:
        await connection.execute(
            "UPDATE reminder_progress SET until = until - $2::interval WHERE program_id = $1", shop.program_id, by
        )


async def move(shop: Shop, of: ACard, expires_at: datetime) -> None:
    async with shop.database.transaction() as connection:
        await connection.execute(
            "UPDATE card SET expires_at = $3 WHERE program_id = $1 AND id = $2", of.program_id, of.id, expires_at
        )


async def reminders(shop: Shop) -> list[Any]:
    async with shop.database.read() as connection:
        return list(
            await connection.fetch(
                "SELECT id, card_id, channel, recipient FROM message WHERE program_id = $1 AND kind = 'expiry_reminder'"
                " ORDER BY created_at, id",
                shop.program_id,
            )
        )


async def test_a_card_hears_of_its_end_twice_and_once_each(reminding: Shop) -> None:
    month, week = await card(reminding, 30 * DAY - HOUR), await card(reminding, 7 * DAY - HOUR)
    await card(reminding, 30 * DAY + HOUR)
    await card(reminding, 20 * DAY)
    await later(reminding, 2 * HOUR)
    for _ in range(3):
        await remind(reminding.database)
    assert sorted(row["card_id"] for row in await reminders(reminding)) == sorted([month.id, week.id])


async def test_a_program_that_begins_leaves_alone_who_is_past(shop: Shop, reminding: Shop) -> None:
    await card(reminding, 29 * DAY)
    await card(reminding, 6 * DAY)
    await remind(reminding.database)
    assert await reminders(reminding) == []


async def test_a_program_that_does_not_want_it_sends_none_and_forgets_how_far_it_was(reminding: Shop) -> None:
    async with reminding.database.transaction() as connection:
        await connection.execute("UPDATE program SET reminds_expiry = false WHERE id = $1", reminding.program_id)
    await card(reminding, 30 * DAY - HOUR)
    await later(reminding, 2 * HOUR)
    await remind(reminding.database)
    async with reminding.database.transaction() as connection:
        await connection.execute("UPDATE program SET reminds_expiry = true WHERE id = $1", reminding.program_id)
    for _ in range(2):
        await remind(reminding.database)
    assert await reminders(reminding) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"balance": 0, "status": "depleted"},
        {"activated_at": None, "status": "pending", "balance": 0},
        {"is_test": True},
        {"customer_email": None},
        {"suspended_at": "now", "status": "suspended"},
        {"voided_at": "now", "status": "voided", "balance": 0},
    ],
    ids=["spent", "not activated", "test", "nobody's", "suspended", "voided"],
)
async def test_nobody_is_reminded_of_a_card(reminding: Shop, facts: dict[str, Any]) -> None:
    now = await reminding.now()
    await card(reminding, 30 * DAY - HOUR, **{name: now if value == "now" else value for name, value in facts.items()})
    await later(reminding, 2 * HOUR)
    await remind(reminding.database)
    assert await reminders(reminding) == []


async def test_a_suspension_that_is_over_is_none(reminding: Shop) -> None:
    now = await reminding.now()
    over = {"status": "suspended", "suspended_at": now - 2 * DAY, "suspended_until": now - DAY}
    one = await card(reminding, 30 * DAY - HOUR, **over)
    await later(reminding, 2 * HOUR)
    await remind(reminding.database)
    assert [row["card_id"] for row in await reminders(reminding)] == [one.id]


async def test_an_end_that_is_moved_away_counts_anew(reminding: Shop) -> None:
    one = await card(reminding, 30 * DAY - 2 * HOUR)
    await later(reminding, 3 * HOUR)
    await remind(reminding.database)
    await move(reminding, one, await reminding.now() + 30 * DAY + HOUR)
    await remind(reminding.database)
    assert len(await reminders(reminding)) == 1
    await move(reminding, one, await reminding.now() + 30 * DAY - timedelta(minutes=1))
    await later(reminding, timedelta(minutes=2))
    await remind(reminding.database)
    assert len(await reminders(reminding)) == 2


async def test_many_cards_with_one_end_are_all_reminded(reminding: Shop) -> None:
    end = await reminding.now() + 30 * DAY - HOUR
    first = await card(reminding, HOUR, expires_at=end)
    async with reminding.database.transaction() as connection:
        names = [
            row["name"]
            for row in await connection.fetch(
                "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'card'::regclass AND attnum > 0"
                " AND NOT attisdropped AND attgenerated = ''"
            )
        ]
        own = {
            "id": "lpad(to_hex(n), 24, '0')",
            "number_index": "decode(lpad(to_hex(n), 64, '0'), 'hex')",
            "pass_sid": "substr(c.pass_sid, 1, 24) || lpad(to_hex(n), 32, '0')",
        }
        await connection.execute(
            f"INSERT INTO card ({', '.join(names)}) SELECT {', '.join(own.get(name, f'c.{name}') for name in names)}"
            " FROM card c, generate_series(1, $3::int) n WHERE c.program_id = $1 AND c.id = $2",
            first.program_id,
            first.id,
            BATCH + 20,
        )
    await later(reminding, 2 * HOUR)
    assert await remind(reminding.database) == BATCH + 21
    assert await remind(reminding.database) == 0


async def test_the_sweep_follows_the_index_of_ends(reminding: Shop) -> None:
    from kado.delivery.reminders import _NEXT

    now = await reminding.now()
    async with reminding.database.read() as connection:
        await connection.execute("SET enable_seqscan = off")
        rows = await connection.fetch(f"EXPLAIN {_NEXT}", reminding.program_id, now, "", now + DAY)
        await connection.execute("RESET enable_seqscan")
    assert any("card_expiring" in row[0] for row in rows)


# ── on their way ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reminder_says_how_much_and_until_when_and_no_code(
    reminding: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    one = await card(reminding, 30 * DAY - HOUR, language="de-AT", time_zone="Europe/Vienna")
    await later(reminding, 2 * HOUR)
    await remind(reminding.database)
    (row,) = await reminders(reminding)
    await make_sender(mail_server.url).send(reminding.program_id, row["id"])
    (mail,) = mail_server.received
    assert mail["To"] == ADDRESS
    assert "läuft bald ab" in mail["Subject"]
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert "12,50\u00a0€" in text
    assert f"endet auf {one.number[-4:]}" in text
    assert one.number not in text.replace(" ", "")
    assert (await reminding.card_row(one))["code_hash"] is None


async def test_a_phone_is_reminded_by_a_text_message(reminding: Shop, make_sender: MakeSender, tmp_path: Any) -> None:
    await card(reminding, 7 * DAY - HOUR, customer_email=None, customer_phone="+4930901820")
    await later(reminding, 2 * HOUR)
    await remind(reminding.database)
    (row,) = await reminders(reminding)
    await make_sender().send(reminding.program_id, row["id"])
    (file,) = (tmp_path / "sms").iterdir()
    assert "there is still €12.50 on your gift card" in file.read_text()


@pytest.mark.parametrize(
    "change",
    ["status = 'suspended', suspended_at = now()", "expires_at = expires_at + interval '60 days'"],
    ids=["suspended", "moved"],
)
async def test_what_is_not_true_any_more_is_not_sent(
    reminding: Shop, make_sender: MakeSender, mail_server: MailServer, change: str
) -> None:
    one = await card(reminding, 30 * DAY - HOUR)
    await later(reminding, 2 * HOUR)
    await remind(reminding.database)
    (row,) = await reminders(reminding)
    async with reminding.database.transaction() as connection:
        await connection.execute(f"UPDATE card SET {change} WHERE program_id = $1 AND id = $2", one.program_id, one.id)
    await make_sender(mail_server.url).send(reminding.program_id, row["id"])
    assert mail_server.received == []
    async with reminding.database.read() as connection:
        state = await connection.fetchval("SELECT state FROM message WHERE id = $1", row["id"])
    assert state == "superseded"
