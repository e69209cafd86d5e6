"""Reports by mail: written down once for each due moment, sent to each address with the file, seen where it fails."""

import asyncio
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pypdfium2
import pytest
from tests.api.shop import Body, Shop, good
from tests.api.test_reports import a_program, analytics, reports
from tests.database.delivery.servers import Listening, MailServer

from kado import clock
from kado.access import keys, staff
from kado.access.permissions import Role
from kado.delivery.mail import Mailer
from kado.reports.post import Postman, rescue_mails, write_due
from kado.storage.outbox import SEND_REPORT

WISH: Body = {
    "name": "Till & books =1+1",
    "frequency": "daily",
    "hourUtc": 6,
    "format": "csv",
    "recipients": ["books@example.com", "owner@example.com"],
}


@pytest.fixture
def mailbox() -> Iterator[MailServer]:
    server = MailServer()
    controller = Listening(server)
    controller.start()
    server.port = controller.port
    yield server
    controller.stop()


async def scheduled(shop: Shop, program_id: str, **more: object) -> Body:
    return good(await shop.post(reports(program_id, "schedule"), WISH | more))


async def is_due(shop: Shop, schedule: Body, at: datetime) -> None:
    await shop.superuser.execute("UPDATE report_schedule SET next_due_at = $2 WHERE id = $1", schedule["id"], at)


def postman(shop: Shop, port: int) -> Postman:
    return Postman(
        shop.api.services.reports, shop.api.services.keyring, Mailer(f"smtp://127.0.0.1:{port}", "k@k.example")
    )


async def deliver(shop: Shop, who: Postman, program_id: str) -> None:
    """What the worker does with the jobs of this program."""
    rows = await shop.rows("SELECT id, payload FROM pgqueuer WHERE entrypoint = $1 ORDER BY id", SEND_REPORT)
    payloads = [json.loads(row["payload"]) for row in rows]
    await shop.superuser.execute("DELETE FROM pgqueuer WHERE entrypoint = $1", SEND_REPORT)
    await asyncio.gather(*(who.send(one) for one in payloads if one["program"] == program_id))


async def mails_of(shop: Shop, schedule: Body) -> list[Body]:
    return await shop.rows("SELECT * FROM report_mail WHERE schedule_id = $1 ORDER BY due_at, place", schedule["id"])


async def test_a_report_is_sent_with_its_file(shop: Shop, mailbox: MailServer) -> None:
    program_id = await a_program(shop, language="de")
    schedule = await scheduled(shop, program_id)
    due = await shop.now() + timedelta(days=1)
    await is_due(shop, schedule, due - timedelta(days=1))
    services = shop.api.services
    # Two workers at once, and then again: a moment has its mails once.
    await asyncio.gather(*(write_due(services.database, services.keyring) for _ in range(3)))
    assert [one["place"] for one in await mails_of(shop, schedule)] == [0, 1]
    who = postman(shop, mailbox.port)
    await deliver(shop, who, program_id)
    assert sorted(str(mail["To"]) for mail in mailbox.received) == ["books@example.com", "owner@example.com"]
    (mail, _) = mailbox.received
    assert "Gutscheinkarten" in mail["Subject"]
    (file,) = mail.iter_attachments()
    assert str(file.get_filename()).startswith("till-books-1-1-20")
    assert file.get_content().splitlines()[0].startswith("from,to,issued_count,issued_amount")
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Bericht" in text.get_content()
    (listed,) = good(await shop.get(reports(program_id, "scheduled")))["items"]
    assert (listed["waiting"], listed["failed"], listed["lastError"]) == (0, 0, None)
    assert listed["lastSentAt"] is not None
    assert listed["recipients"] == WISH["recipients"]
    await rescue_mails(services.database)
    await deliver(shop, who, program_id)
    assert len(mailbox.received) == 2


async def test_moments_that_were_missed_are_made_up_for_once_each(shop: Shop) -> None:
    program_id = await shop.program()
    schedule = await scheduled(shop, program_id, recipients=["books@example.com"])
    first = (await shop.now()).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=3)
    await is_due(shop, schedule, first)
    services = shop.api.services
    while await write_due(services.database, services.keyring):
        pass
    due = [one["due_at"] for one in await mails_of(shop, schedule)]
    assert due == sorted(set(due))
    assert due[:3] == [first + timedelta(days=at) for at in range(3)]
    (listed,) = good(await shop.get(reports(program_id, "scheduled")))["items"]
    assert listed["nextRunAt"] > clock.text(await shop.now())


async def test_what_fails_is_tried_again_and_is_seen(shop: Shop, mailbox: MailServer) -> None:
    program_id = await shop.program()
    schedule = await scheduled(shop, program_id, recipients=["books@example.com"], format="json")
    await is_due(shop, schedule, await shop.now())
    services, who = shop.api.services, postman(shop, mailbox.port)
    while await write_due(services.database, services.keyring):
        pass
    mailbox.answers = ["451 later"]
    await deliver(shop, who, program_id)
    (row,) = await mails_of(shop, schedule)
    assert (row["state"], row["attempts"]) == ("queued", 1)
    (listed,) = good(await shop.get(reports(program_id, "scheduled")))["items"]
    assert "451" in listed["lastError"]
    assert listed["waiting"] == 1
    await shop.superuser.execute("UPDATE report_mail SET next_attempt_at = now() - interval '2 minutes'")
    await deliver(shop, who, program_id)
    await rescue_mails(services.database)
    await deliver(shop, who, program_id)
    assert len(mailbox.received) == 1
    mailbox.answers = ["550 never"]
    await is_due(shop, schedule, await shop.now())
    while await write_due(services.database, services.keyring):
        pass
    await deliver(shop, who, program_id)
    (listed,) = good(await shop.get(reports(program_id, "scheduled")))["items"]
    assert (listed["failed"], "550" in listed["lastError"]) == (1, True)


async def test_addresses_stand_nowhere_in_clear(shop: Shop) -> None:
    program_id = await shop.program()
    schedule = await scheduled(shop, program_id, recipients=["hidden.books@example.com"])
    await is_due(shop, schedule, await shop.now())
    await write_due(shop.api.services.database, shop.api.services.keyring)
    for table in ("report_schedule", "report_mail", "audit_log", "pgqueuer"):
        assert not await shop.rows(f"SELECT 1 FROM {table} t WHERE t::text LIKE '%hidden.books%'")


async def test_a_schedule_is_listed_fetched_and_ended(shop: Shop) -> None:
    program_id = await a_program(shop)
    made = [await scheduled(shop, program_id, name=f"number {at}") for at in range(3)]
    first = good(await shop.get(reports(program_id, "scheduled?pageSize=2")))
    assert [one["name"] for one in first["items"]] == ["number 2", "number 1"]
    assert (first["total"], first["pages"]) == (3, 2)
    path = reports(program_id, f"scheduled/{made[0]['id']}")
    answer = await shop.get(f"{path}/download")
    assert answer.status_code == 200
    assert 'filename="number-0-20' in answer.headers["content-disposition"]
    assert len(answer.text.splitlines()) == 31
    assert good(await shop.call("DELETE", path)) == {"success": True}
    assert (await shop.call("DELETE", path)).status_code == 404
    assert (await shop.get(f"{path}/download")).status_code == 404
    assert (await shop.get(reports(program_id, "scheduled/not-an-id/download"))).status_code == 404


@pytest.mark.parametrize(
    ("frequency", "more", "now", "following"),
    [
        ("daily", {"hour_utc": 6}, "2026-03-01T05:59:00", "2026-03-01T06:00:00"),
        ("daily", {"hour_utc": 6}, "2026-03-01T06:00:00", "2026-03-02T06:00:00"),
        ("weekly", {"day_of_week": 0}, "2026-03-01T10:00:00", "2026-03-02T00:00:00"),
        ("weekly", {"day_of_week": 6, "hour_utc": 9}, "2026-03-01T10:00:00", "2026-03-08T09:00:00"),
        ("monthly", {"day_of_month": 28}, "2026-02-28T00:00:00", "2026-03-28T00:00:00"),
        ("monthly", {}, "2026-12-31T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_when_it_is_due(frequency: Any, more: Any, now: str, following: str) -> None:
    from kado.reports.schedules import Wish

    wish = Wish(name="x", frequency=frequency, format="csv", recipients=[], **more)
    assert clock.text(wish.next_after(datetime.fromisoformat(f"{now}+00:00"))) == f"{following}Z"


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"recipients": []}, "recipients"),
        ({"recipients": ["no address"]}, "recipients"),
        ({"recipients": ["a@example.com"] * 21}, "recipients"),
        ({"frequency": "hourly"}, "frequency"),
        ({"dayOfWeek": 7, "frequency": "weekly"}, "dayOfWeek"),
        ({"dayOfWeek": 1}, "dayOfWeek"),
        ({"dayOfMonth": 29, "frequency": "monthly"}, "dayOfMonth"),
        ({"dayOfMonth": 1}, "dayOfMonth"),
        ({"hourUtc": 24}, "hourUtc"),
        ({"format": "xml"}, "format"),
        ({"name": ""}, "name"),
        ({"name": "a\r\nBcc: x"}, "name"),
        ({"metrics": ["gossip"]}, "metrics"),
    ],
)
async def test_a_schedule_that_makes_no_sense_is_refused(shop: Shop, change: Body, loc: str) -> None:
    answer = await shop.post(reports(shop.program_id, "schedule"), WISH | change)
    assert answer.status_code == 422, answer.text
    assert loc in [part for one in answer.json()["detail"] for part in one["loc"]]


async def test_who_may_have_reports_sent(shop: Shop) -> None:
    path = reports(shop.program_id, "schedule")
    for role, status in ((Role.MANAGER, 200), (Role.READ_ONLY, 403), (Role.CASHIER, 403)):
        assert (await shop.post(path, WISH, token=await shop.key(role))).status_code == status, role


async def ordered_by(shop: Shop, program_id: str, token: str, **more: object) -> Body:
    return good(await shop.post(reports(program_id, "schedule"), WISH | more, token=token))


async def id_of(shop: Shop, email: str) -> str:
    return (await staff.find_by_email(shop.api.services.database, email)).id


async def places_due(shop: Shop, schedule: Body) -> list[int]:
    """Which of its recipients get a mail of a moment that is due now."""
    services = shop.api.services
    await shop.superuser.execute("DELETE FROM report_mail WHERE schedule_id = $1", schedule["id"])
    await is_due(shop, schedule, await shop.now())
    while await write_due(services.database, services.keyring):
        pass
    return [one["place"] for one in await mails_of(shop, schedule)]


async def test_reports_stop_when_who_ordered_them_has_no_access_any_more(shop: Shop, mailbox: MailServer) -> None:
    program_id = await a_program(shop)
    email, token = await shop.somebody(Role.MANAGER)
    staff_id = await id_of(shop, email)
    schedule = await ordered_by(shop, program_id, token)
    assert await places_due(shop, schedule) == [0, 1]
    owner = await shop.person(Role.OWNER)
    path = f"/v2/staff/{staff_id}"
    assert (await shop.call("PUT", path, {"active": False}, token=owner)).status_code == 200
    # What was written down before does not leave either.
    await deliver(shop, postman(shop, mailbox.port), program_id)
    assert mailbox.received == []
    assert await places_due(shop, schedule) == []
    (listed,) = good(await shop.get(reports(program_id, "scheduled")))["items"]
    assert "no access" in listed["lastError"]
    await shop.superuser.execute("UPDATE staff SET active = true WHERE id = $1", staff_id)
    assert await places_due(shop, schedule) == [0, 1]
    assert (await shop.call("PUT", path, {"role": "cashier"}, token=owner)).status_code == 200
    assert await places_due(shop, schedule) == []


async def test_reports_stop_with_the_key_that_ordered_them(shop: Shop) -> None:
    program_id = await a_program(shop)
    services = shop.api.services
    made = await keys.create_key(services.database, shop.merchant_id, "operator:test", role=Role.MANAGER)
    schedule = await ordered_by(shop, program_id, made.secret)
    assert await places_due(shop, schedule) == [0, 1]
    await shop.superuser.execute("UPDATE api_key SET expires_at = now() WHERE id = $1", made.key_id)
    assert await places_due(shop, schedule) == []


async def test_somebody_of_the_shop_without_access_gets_no_report(shop: Shop, mailbox: MailServer) -> None:
    """Whoever ordered it; an address that belongs to nobody who works there is the owner's to choose."""
    program_id = await a_program(shop)
    email, _ = await shop.somebody(Role.MANAGER)
    staff_id = await id_of(shop, email)
    schedule = await scheduled(shop, program_id, recipients=["books@example.com", email.upper()])
    assert await places_due(shop, schedule) == [0, 1]
    owner = await shop.person(Role.OWNER)
    assert (await shop.call("PUT", f"/v2/staff/{staff_id}", {"active": False}, token=owner)).status_code == 200
    await deliver(shop, postman(shop, mailbox.port), program_id)
    assert [mail["To"] for mail in mailbox.received] == ["books@example.com"]
    assert await places_due(shop, schedule) == [0]


async def test_a_program_has_so_many_schedules_at_most(shop: Shop) -> None:
    program_id = await shop.program()
    for _ in range(50):
        await scheduled(shop, program_id)
    answer = await shop.post(reports(program_id, "schedule"), WISH)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_schedules")


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def exported(shop: Shop, program_id: str, **wish: object) -> Any:
    """The file, by the address in the answer."""
    body = good(await shop.post(analytics(program_id, "export"), wish))
    path = body["downloadUrl"].removeprefix(shop.api.services.settings.public_url)
    answer = await shop.get(path)
    assert answer.status_code == 200, answer.text
    assert body["fileName"] in answer.headers["content-disposition"]
    assert (await shop.get(path)).content == answer.content or wish["format"] in ("json", "pdf", "excel")
    assert (await shop.get(path, token=(await shop.stranger())[1])).status_code == 403
    other = path.replace(program_id, await shop.program())
    assert (await shop.get(other)).status_code == 404
    return answer


async def test_figures_as_csv(shop: Shop) -> None:
    program_id = await a_program(shop)
    answer = await exported(shop, program_id, format="csv", period="7d", metrics=["sold", "redeemed", "liability"])
    head, *lines = answer.text.splitlines()
    assert head == "from,to,sold_count,sold_amount,redeemed_count,redeemed_amount,liability"
    assert len(lines) == 7
    assert lines[-1].split(",")[2:] == ["4", "177.00", "1", "30.05", "106.95"]


async def test_figures_as_json(shop: Shop) -> None:
    program_id = await a_program(shop)
    body = (await exported(shop, program_id, format="json", period="90d", includePrivacyNotice=True)).json()
    assert body["total"]["sold"] == {"count": 4, "amount": "177.00"}
    assert sum(Decimal(one["sold"]["amount"]) for one in body["lines"]) == 177
    assert body["lines"][-1]["liability"] == "106.95"
    assert body["privacyNotice"]


async def test_figures_as_a_spreadsheet_that_calculates_nothing(shop: Shop) -> None:
    program_id = await a_program(shop, name='=HYPERLINK("https://evil.example","click")')
    answer = await exported(shop, program_id, format="excel", period="12m")
    (page,) = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets
    cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
    assert [cell for cell in cells if cell.data_type == "f"] == []
    assert any(str(cell.value).startswith("'=HYPERLINK") for cell in cells)
    last = [cell.value for cell in list(page.iter_rows())[-1]]
    assert last[0] == "Total"
    assert 177 in last
    assert "106.95" in [str(one) for one in last]


async def test_figures_as_pdf(shop: Shop) -> None:
    program_id = await a_program(shop, language="fr", name="Cartes de Noël")
    answer = await exported(shop, program_id, format="pdf", period="90d", includePrivacyNotice=True)
    document = pypdfium2.PdfDocument(answer.content)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    assert len(document) > 1
    for words in ("Cartes de Noël", "177.00", "106.95", "Protection des données"):
        assert words in text


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"format": "xml"}, "format"),
        ({"period": "8d"}, "period"),
        ({"period": "custom"}, "from"),
        ({"from": "noon"}, "from"),
        ({"metrics": ["gossip"]}, "metrics"),
        ({"metrics": "sold"}, "metrics"),
    ],
)
async def test_an_export_that_makes_no_sense_is_refused(shop: Shop, change: Body, loc: str) -> None:
    answer = await shop.post(analytics(shop.program_id, "export"), change)
    assert answer.status_code == 422, answer.text
    assert loc in [part for one in answer.json()["detail"] for part in one["loc"]]


async def test_a_file_is_there_for_an_hour(shop: Shop) -> None:
    body = good(await shop.post(analytics(shop.program_id, "export"), {}))
    path = analytics(shop.program_id, f"export/{body['exportId']}")
    assert (await shop.get(path)).status_code == 200
    await shop.superuser.execute("UPDATE report_export SET expires_at = now() WHERE id = $1", body["exportId"])
    assert (await shop.get(path)).status_code == 404
