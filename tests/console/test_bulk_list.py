"""Cards for everybody on a list: all of it is right and seen before anything is issued, or each wrong line is named."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from tests.api.shop import Shop
from tests.console.person import Person, hired, signed_in

from kado.access.permissions import Role
from kado.cards.bulk.draft import forget_lists
from kado.cards.bulk.work import issue_next_batch

LATER = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d} 08:30"
DOTTED = f"{datetime.now(UTC) + timedelta(days=40):%d.%m.%Y} 08:30"


def written(*rows: tuple[str, ...], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


async def cards_of(shop: Shop, program_id: str) -> list[dict[str, object]]:
    rows = await shop.superuser.fetch(
        "SELECT initial_value, customer_email, customer_name, customer_phone, language, custom_message, deliver_at"
        f" FROM card WHERE program_id = '{program_id}' ORDER BY initial_value"
    )
    return [dict(row) for row in rows]


async def test_a_list_is_read_shown_ordered_once_and_worked_off(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/bulk/list"
    sent = written(
        ("Value", "E-Mail", "nom", "Message", "language", "deliver_at"),
        ("25", "Ada@Mail.example", "Ada", "Two\nlines", "Deutsch", ""),
        ("30.50", "emilie@mail.example", "Émilie", "", "fr", LATER),
        ("", "", "", "", "", ""),
        ("40", "grace@mail.example", "=2+2", "'=2+2", "", DOTTED),
    )
    answer = await owner.upload(here, sent, isPhysical="yes")
    page = await owner.follow(answer)
    at = answer.headers["location"]
    for said in ("3 cards for the people", "US$95.50", "US$25.00 to US$40.00", "Deutsch", "=2+2", "Two\nlines"):
        assert said in page.text, said
    assert await cards_of(shop, program_id) == []
    assert (await shop.superuser.fetchval("SELECT position('mail.example'::bytea IN content) FROM bulk_list")) == 0
    again = await owner.get(at)  # in another window
    answers = [await owner.send(one, at) for one in (page, again, page)]
    tasks = {one.headers["location"] for one in answers}
    assert len(tasks) == 1
    (task,) = tasks
    assert (await owner.get(at)).headers["location"] == task
    done = await owner.get(task)
    assert ("3 of 3 are made" in done.text, "3 cards of a list, US$95.50 together" in done.text) == (True, True)
    ada, emilie, grace = await cards_of(shop, program_id)
    assert (ada["customer_email"], ada["language"], ada["custom_message"]) == ("Ada@mail.example", "de", "Two\nlines")
    assert (emilie["initial_value"], emilie["customer_name"], emilie["language"]) == (3050, "Émilie", "fr")
    assert (grace["customer_name"], grace["custom_message"], grace["deliver_at"]) == (
        "=2+2",
        "=2+2",
        emilie["deliver_at"],
    )
    waiting = await shop.superuser.fetchval(
        f"SELECT count(*) FROM message WHERE program_id = '{program_id}'"
        " AND next_attempt_at > now() + interval '30 days'"
    )
    assert waiting == 2
    file = await owner.send(done, f"{task}/codes")
    assert [row["value"] for row in csv.DictReader(io.StringIO(file.text))] == ["25.00", "30.50", "40.00"]
    assert task in (await owner.get(f"/console/{program_id}/bulk")).text


async def test_a_long_list_is_a_task_whose_cards_keep_what_is_theirs(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    rows = [(str(10 + at % 5), f"p{at}@mail.example", "nl" if at % 2 else "") for at in range(120)]
    here = f"/console/{program_id}/bulk/list"
    answer = await owner.upload(here, written(("Wert", "E-Mail", "Sprache"), *rows, delimiter=";"))
    at = answer.headers["location"]
    task = (await owner.fill(at)).headers["location"]
    assert "0 of 120 are made" in (await owner.get(task)).text
    services = shop.api.services
    while await issue_next_batch(services.database, services.keyring):
        pass
    made = await cards_of(shop, program_id)
    assert sum(int(str(one["initial_value"])) for one in made) == sum(int(row[0]) * 100 for row in rows)
    assert sum(one["language"] == "nl" for one in made) == 60


WRONG = (
    ("Value", "Email", "Phone", "Language", "Deliver at", "Message"),
    ("25", "ada@mail.example", "", "", "", ""),
    ("x", "nobody", "12", "xx", "2020-01-01", "a\x07b"),
    ("1000000", "b@mail.example", "", "", "", ""),
    ("20", "", "", "", "", ""),
    ("20", "c@mail.example", "", "", "", "", "more"),
    ("", "d@mail.example", "", "", "", ""),
)


async def test_each_wrong_line_is_named_and_nothing_is_issued(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    page = await owner.upload(f"/console/{program_id}/bulk/list", written(*WRONG))
    assert (page.status_code, "5 lines are wrong" in page.text) == (422, True)
    lines = re.findall(r'<th scope="row" class="digits">.*?</span>(\d+)</th><td[^>]*>([^<]*)<', page.text)
    assert [(int(line), column) for line, column in lines] == [
        *((3, column) for column in ("Value", "Email", "Phone", "Message", "Language", "Deliver at")),
        (4, "Value"),
        (5, "Email"),
        (6, "–"),
        (7, "Value"),
    ]
    assert await cards_of(shop, program_id) == []
    assert await shop.superuser.fetchval(f"SELECT count(*) FROM bulk_list WHERE program_id = '{program_id}'") == 0


async def test_a_card_that_ends_before_it_leaves_or_in_the_past_is_refused(owner: Person, shop: Shop) -> None:
    here = f"/console/{shop.program_id}/bulk/list"
    sent = written(("Value", "Email", "Deliver at"), ("25", "a@mail.example", LATER))
    soon = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
    for ends, problem in ((soon, "The card expires before that."), ("2020-01-01", 'id="expiresAt-problem"')):
        page = await owner.upload(here, sent, expiresAt=ends)
        assert (page.status_code, problem in page.text) == (422, True), ends
    assert (await owner.upload(here, sent)).status_code == 303


ODD = {
    "nothing": b"",
    "a workbook": b"PK\x03\x04" + bytes(100),
    "no text": b"\x00\x81\x8d\xff\x00",
    "an open quote": b'Value,Email\n25,"ada',
    "an unknown column": b"Value,Email,Shoe size\n25,ada@mail.example,42",
    "a column twice": b"Value,Email,E-mail\n25,ada@mail.example,ada@mail.example",
    "no value": b"Email\nada@mail.example",
    "nobody": b"Value,Email\n,\n",
    "a script": b"<script>alert(1)</script>\n1",
    "too many": b"Value,Email\n" + b"25,a@mail.example\n" * 10_001,
}


@pytest.mark.parametrize("what", ODD)
async def test_what_is_no_list_is_refused_in_words(owner: Person, shop: Shop, what: str) -> None:
    page = await owner.upload(f"/console/{shop.program_id}/bulk/list", ODD[what])
    problem = re.search(r'id="file-problem">([^<]+)<', page.text)
    assert (page.status_code, problem is not None, "<script>alert" in page.text) == (422, True, False)


@pytest.mark.parametrize(("encoding", "is_guessed"), [("utf-8-sig", False), ("utf-16", False), ("cp1252", True)])
async def test_names_are_read_however_a_spreadsheet_wrote_them(
    owner: Person, shop: Shop, encoding: str, is_guessed: bool
) -> None:
    text = "Valeur\tTéléphone\tNom\r\n25\t+33 1 99 00 12 34\tZoë Müller\r\n"
    answer = await owner.upload(f"/console/{shop.program_id}/bulk/list", text.encode(encoding))
    page = await owner.follow(answer)
    assert ("Zoë Müller" in page.text, "does not say in which characters" in page.text) == (True, is_guessed)


async def test_the_example_can_be_sent_as_it_is_in_every_language(owner: Person, shop: Shop) -> None:
    here = f"/console/{shop.program_id}/bulk/list"
    for language in ("en", "de", "fr", "es", "nl"):
        file = await owner.get(f"{here}/example?lang={language}")
        assert file.headers["content-type"].startswith("text/csv")
        assert (await owner.upload(here, file.content)).status_code == 303, language
    await owner.get(f"{here}?lang=en")


async def test_a_list_is_its_senders_for_an_hour(owner: Person, shop: Shop) -> None:
    here = f"/console/{shop.program_id}/bulk/list"
    at = (await owner.upload(here, written(("Value", "Email"), ("25", "a@mail.example")))).headers["location"]
    other = await signed_in(shop, await hired(shop, Role.MANAGER))
    assert (await owner.get(at)).status_code == 200
    assert (await other.get(at)).status_code == 404
    await shop.superuser.execute("UPDATE bulk_list SET expires_at = now() - interval '1 second'")
    assert (await owner.get(at)).status_code == 404
    await forget_lists(shop.api.services.database)
    assert await shop.superuser.fetchval("SELECT count(*) FROM bulk_list") == 0
