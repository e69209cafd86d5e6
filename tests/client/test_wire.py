"""What goes on the wire and what comes off it, without a wire."""

import ast
import inspect
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import kado_client
from kado.access.signatures import sign
from kado.doors.api import multipart
from kado_client import AsyncKado, Kado, Retries, Signer, UnexpectedAnswer, new_key
from kado_client.call import form_data
from kado_client.records.cards import Balance, BulkIssue, Pass
from kado_client.records.people import Token
from kado_client.wire import changes, exact, kado_headers, members, parse, path_of, valid_key

BALANCE = {
    "id": "0" * 24,
    "programId": "1" * 24,
    "cardNumber": "4000123412341234",
    "lastFourDigits": "1234",
    "balance": "25.00",
    "status": "active",
    "expiresAt": "9999-12-31T23:59:59Z",
    "isActive": True,
}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.01"), "0.01"),
        (7, "7"),
        ("12.50", "12.50"),
        ("007.5", "007.5"),
    ],
)
def test_amounts_are_sent_digit_for_digit(amount: Any, text: str) -> None:
    assert exact(amount) == text


@pytest.mark.parametrize("amount", [12.5, True, None, b"1"])
def test_what_is_not_exact_is_no_amount(amount: Any) -> None:
    with pytest.raises(TypeError):
        exact(amount)


@pytest.mark.parametrize("amount", ["", " 1", "1_000", "1e3", "NaN", "١", "1,50", Decimal("NaN"), Decimal("Infinity")])
def test_text_that_is_no_amount_is_not_sent(amount: Any) -> None:
    with pytest.raises(ValueError, match="amount"):
        exact(amount)


def test_bodies_have_the_names_of_the_wire() -> None:
    moment = datetime(2027, 1, 2, tzinfo=UTC)
    assert members(pos_transaction_id="77", description=None, expires_at=moment, rows=[{"customer_name": "Ada"}]) == {
        "posTransactionId": "77",
        "expiresAt": "2027-01-02T00:00:00+00:00",
        "rows": [{"customerName": "Ada"}],
    }
    assert changes({"max_redeem": None, "max_reload": Decimal("5.00")}) == {"maxRedeem": None, "maxReload": "5.00"}


def test_a_time_without_a_zone_and_a_float_are_not_sent() -> None:
    with pytest.raises(ValueError, match="time zone"):
        members(expires_at=datetime(2027, 1, 2))  # noqa: DTZ001 - that is what is refused
    with pytest.raises(TypeError):
        changes({"max_reload": 5.5})


@pytest.mark.parametrize("segment", ["", ".", "..", "a..", ".a", "a/b", "a?b", "a b", "%2e%2e", "é"])
def test_an_id_leads_nowhere_else(segment: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        path_of("cards", segment)


def test_a_pass_type_is_a_part_of_a_path() -> None:
    assert path_of("pass.kado.giftcard", "0" * 56, "url") == f"pass.kado.giftcard/{'0' * 56}/url"


def test_headers_have_the_names_of_the_wire() -> None:
    assert kado_headers(time_zone="Europe/Vienna", receipt_email="ada@example.com", language=None) == {
        "Kado-Time-Zone": "Europe/Vienna",
        "Kado-Receipt-Email": "ada@example.com",
    }
    for value in ("", "a b", "a\r\nX-Injected: 1", "é@example.com"):
        with pytest.raises(ValueError, match="receipt_email") as caught:
            kado_headers(receipt_email=value)
        assert not value or value not in str(caught.value)


def test_a_file_is_sent_as_it_is_whatever_is_in_it() -> None:
    sent = b"\x89PNG\r\n\r\n--\r\n--x--\0"
    body, content_type = form_data("image", sent)
    assert multipart.parse(content_type.encode(), body) == {"image": sent}
    assert form_data("image", sent)[1] != content_type


def test_a_bulk_issue_that_was_complete_at_once_is_known_by_its_link() -> None:
    link = f"https://cards.example/v2/giftcards/programs/{'1' * 24}/cards/bulk/{'2' * 24}/csv/token"
    assert BulkIssue(csv_download_url=link).id == "2" * 24
    assert BulkIssue(task_id="3" * 24, csv_download_url=link).id == "3" * 24
    assert BulkIssue().id is None


def test_keys_are_checked_and_made() -> None:
    assert valid_key("sale-77") == "sale-77"
    assert new_key() != new_key()
    for key in ("", "a b", "é", "a" * 256, "a\n"):
        with pytest.raises(ValueError, match="idempotency key"):
            valid_key(key)


def test_a_record_is_read_exactly_and_keeps_what_it_does_not_know() -> None:
    balance = Balance.of(
        parse(b'{"points": 1.10, ' + str(BALANCE).replace("'", '"').replace("True", "true")[1:].encode())
    )
    assert (balance.balance, balance.expires_at.year) == (Decimal("25.00"), 9999)
    assert str(balance.raw["points"]) == "1.10"
    assert "4000123412341234" not in repr(balance)
    with pytest.raises(AttributeError):
        balance.balance = Decimal(0)  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [{"balance": None}, {"balance": True}, {"balance": "much"}, {"expiresAt": "soon"}, {"isActive": "yes"}, {"id": 5}],
)
def test_a_record_with_another_kind_of_member_is_no_answer(wrong: dict[str, object]) -> None:
    with pytest.raises(UnexpectedAnswer, match="Balance"):
        Balance.of({**BALANCE, **wrong})


def test_a_record_without_a_member_is_no_answer() -> None:
    with pytest.raises(UnexpectedAnswer, match="balance is missing"):
        Balance.of({name: value for name, value in BALANCE.items() if name != "balance"})
    assert Token.of({}).access_token is None


def test_nothing_secret_is_in_a_repr() -> None:
    shown = [
        repr(Kado("https://cards.example", "a-secret-key", signer=Signer("0" * 24, "a-secret"))),
        repr(Signer("0" * 24, "a-secret")),
        repr(Token.of({"accessToken": "a-secret"})),
        repr(Pass.of({"serialNumber": "a-secret", "passTypeIdentifier": "pass.x", "url": "https://a-secret"})),
    ]
    assert [text for text in shown if "secret" in text and "a-secret" in text] == []


def test_an_address_has_a_scheme() -> None:
    for url in ("cards.example", "ftp://cards.example", "https://", ""):
        with pytest.raises(ValueError, match="https"):
            Kado(url)


@pytest.mark.parametrize("kind", [Kado, AsyncKado])
def test_a_key_with_a_line_break_is_noticed_and_not_shown(kind: type[Kado | AsyncKado]) -> None:
    client = kind("https://cards.example")
    with pytest.raises(ValueError, match="line break") as key:
        kind("https://cards.example", "s3cret\n")
    with pytest.raises(ValueError, match="line break") as session:
        client.as_customer("s3cret é")
    assert "s3cret" not in f"{key.value} {session.value}"


def test_a_signature_is_what_the_server_expects() -> None:
    signer = Signer("0" * 24, "a secret")
    for method, path, body in (("GET", "/v2/giftcards/passes/1", b""), ("post", "/api/v2/x", b'{"a":1}')):
        assert signer.header(method, path, body, now=1_800_000_000.9) == sign(
            "a secret", "0" * 24, method, path, body, 1_800_000_000.9
        )


def test_waits_grow_and_are_spread() -> None:
    policy = Retries(first_wait_seconds=1, longest_wait_seconds=4)
    for attempt, longest in ((1, 1), (2, 2), (3, 4), (9, 4)):
        waits = {policy.wait_seconds(attempt) for _ in range(50)}
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(waits) > 40


def test_both_clients_have_the_same_operations_and_explain_each() -> None:
    operations = _operations(AsyncKado)
    assert operations == _operations(Kado)
    assert len(operations) > 80
    assert [name for name, text in operations.items() if not text] == []


def _operations(kind: type) -> dict[str, str | None]:
    """By group and name: the docstring, with the words of waiting left out."""
    client = kind("https://cards.example")
    groups = {"": client, "program": client.program("1"), **vars(client), **vars(client.program("1"))}
    return {
        f"{group}.{name}": inspect.getdoc(method)
        for group, owner in groups.items()
        if type(owner).__module__.startswith("kado_client._")
        for name, method in inspect.getmembers(owner, inspect.ismethod)
        if not name.startswith("_") and name not in ("aclose", "close")
    }


def test_the_client_needs_nothing_but_httpx_and_python() -> None:
    imported = set()
    for file in Path(kado_client.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"httpx", "kado_client"}
