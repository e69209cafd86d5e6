"""The forms by which the run's logs are watched: they find what is there, and let pass what logs are made of."""

import base64
from urllib.parse import quote

import pytest
from tests.secrets.forms import found_by_form
from tests.secrets.watch import leaks

SECRETS = {
    "email": "kim.quorn+gift@mail.example",
    "phone": "+4915112345678",
    "card number": "4000176788989069",
    "key": "kado_" + "live_Me0dqFkuISZjwDa6Ihs9fSd6aRoBKz32x3mNSOpw0Ow",
    "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzdGFmZiJ9.abc",
}

ID = "3962ad97e30b6bf7b39e735f"
PATH = f"/v2/giftcards/programs/6b0841c6a6e1a273fa0152bd/cards/{ID}/redeem"
NAME = "redeem_with_a_name_that_is_long_enough_to_be_taken_for_a_token"


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_however_it_is_written(kind: str) -> None:
    value = SECRETS[kind]
    ways = [value, quote(value, safe=""), value.encode().hex(), value.encode().hex().upper()]
    for before in (b"", b" ", b' "', b'{"x": "'):
        ways += [base64.b64encode(before + value.encode() + b'", ...').decode()]
        ways += [base64.urlsafe_b64encode(before + value.encode()).decode()]
    for way in ways:
        assert any(hit.startswith(kind) for hit in found_by_form(f"path=/x/{way} status=404")), way
        assert found_by_form(f'{{"said": "{way}"}}'), way


@pytest.mark.parametrize(
    "line",
    [
        "v1=" + "0123456789abcdef" * 4,
        "number 4000-1767-8898-9069.",
        "sid " + "0123456789abcdef01234567" + "89abcdef" * 4,
        "secret kAdo0Live1Me0dqFkuISZjwDa6Ihs9fSd6aRoBKz32x",
    ],
)
def test_other_forms_are_found_too(line: str) -> None:
    assert found_by_form(line)


@pytest.mark.parametrize(
    "line",
    [
        f"2026-11-26 14:27:20 [debug    ] request  milliseconds=1209.68 path={PATH} request_id={ID} status=200",
        f'{{"event": "fault", "at": ["/srv/kado/money.py:12 {NAME}"], "timestamp": "2026-11-26T14:27:20.123456Z"}}',
        "2026-11-26 14:27:20.123 UTC [4711] LOG:  database system was shut down at 2026-11-26 14:27:20 UTC",
        "",
    ],
)
def test_what_logs_are_made_of_is_none_of_them(line: str) -> None:
    assert found_by_form(line) == []


def test_only_lines_of_a_log_are_looked_at() -> None:
    line = "2026-11-26 14:27:18 [debug    ] request    method=POST path=/kim@mail.example status=404"
    assert len(leaks(f"printed kim@mail.example\n{line}\n")) == 1
    # Twelve characters in hexadecimal digits are as long as an id.
    assert leaks(line.replace("kim@mail.example", b"kim@mail.exa".hex()))
    assert leaks('{"event": "request", "path": "/kim@mail.example"}')
