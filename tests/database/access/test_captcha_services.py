"""Captchas that somebody else judges, over real HTTPS: what is asked, what an answer means, and when there is none."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from tests.database.delivery.servers import Certificate, self_signed
from tests.serving.captcha_service import DROP, ENDLESS, HANG, SECRET, SITE_KEY, Service, judging

from kado.access import captcha_services
from kado.access.captcha_services import CONNECTIONS_MAX, SERVICES, ServiceCaptcha
from kado.errors import Unavailable
from kado.storage.database import Database


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path)


@pytest.fixture
async def service(certificate: Certificate) -> AsyncIterator[Service]:
    async with judging(certificate.context) as service:
        yield service


def a_captcha(
    database: Database, service: Service, certificate: Certificate, provider: str = "turnstile", **more: object
) -> ServiceCaptcha:
    given = {"site_key": SITE_KEY, "secret": SECRET, "url": service.url, "seconds": 3.0, **more}
    trusted = ssl.create_default_context(cafile=certificate.file)
    return ServiceCaptcha(database, provider, trusted=trusted, **given)  # type: ignore[arg-type]


@pytest.fixture
async def captcha(database: Database, service: Service, certificate: Certificate) -> AsyncIterator[ServiceCaptcha]:
    captcha = a_captcha(database, service, certificate)
    yield captcha
    await captcha.close()


def test_the_services_judge_where_their_documents_say() -> None:
    assert SERVICES == {
        "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        "hcaptcha": "https://api.hcaptcha.com/siteverify",
    }


async def test_turnstile_is_asked_with_secret_and_token_and_nothing_else(
    captcha: ServiceCaptcha, service: Service
) -> None:
    assert await captcha.solved("good one") is True
    assert service.forms == [{"secret": SECRET, "response": "good one"}]
    (head,) = service.heads
    assert head.startswith("POST /turnstile/v0/siteverify HTTP/1.1\r\n")
    assert "\r\ncontent-type: application/x-www-form-urlencoded\r\n" in head.lower()
    assert SECRET not in head


async def test_hcaptcha_is_told_the_site_key_too(
    database: Database, service: Service, certificate: Certificate
) -> None:
    captcha = a_captcha(database, service, certificate, "hcaptcha")
    assert await captcha.solved("good") is True
    assert service.forms == [{"secret": SECRET, "response": "good", "sitekey": SITE_KEY}]
    await captcha.close()


async def test_a_token_that_is_not_good_is_no_solution(captcha: ServiceCaptcha, service: Service) -> None:
    assert [await captcha.solved(token) for token in ("bad", "", " ", "x" * 4096)] == [False] * 4
    assert len(service.forms) == 2  # nobody is asked about nothing


async def test_a_token_counts_once_even_where_the_service_takes_it_twice(
    database: Database, certificate: Certificate
) -> None:
    async with judging(certificate.context, accepts=100) as service:
        both = a_captcha(database, service, certificate), a_captcha(database, service, certificate)
        answers = await asyncio.gather(*(both[at % 2].solved("good") for at in range(20)))
        assert sorted(answers) == [False] * 19 + [True]
        assert await both[0].solved("good") is False
        for captcha in both:
            await captcha.close()


NOT_JUDGED: dict[str, tuple[int, bytes] | str] = {
    "no answer": HANG,
    "a broken connection": DROP,
    "an answer without end": ENDLESS,
    "no JSON": (200, b"<html>good</html>"),
    "nothing": (200, b""),
    "a list": (200, b"[]"),
    "no verdict": (200, b"{}"),
    "a verdict that is a text": (200, b'{"success": "true"}'),
    "a verdict that is a number": (200, b'{"success": 1}'),
    "a fault": (500, b'{"success": true}'),
    "busy": (503, b'{"success": false}'),
    "elsewhere": (302, b'{"success": true}'),
    "a refusal that accepts": (403, b'{"success": true}'),
    "nested deeply": (200, b"[" * 20_000),
    "another secret": (200, b'{"success": false, "error-codes": ["invalid-input-secret"]}'),
    "no secret": (400, b'{"success": false, "error-codes": ["missing-input-secret"]}'),
    "another site": (200, b'{"success": false, "error-codes": ["sitekey-secret-mismatch"]}'),
    "a fault of its own": (200, b'{"success": false, "error-codes": ["internal-error"]}'),
    "too much": (200, b'{"success": true, "x": "' + b"x" * captcha_services.ANSWER_MAX + b'"}'),
}


@pytest.mark.parametrize("name", NOT_JUDGED)
async def test_what_is_not_judged_is_never_let_through(
    database: Database, service: Service, certificate: Certificate, name: str
) -> None:
    captcha = a_captcha(database, service, certificate, seconds=0.3 if NOT_JUDGED[name] == HANG else 3.0)
    service.answers.append(NOT_JUDGED[name])
    with structlog.testing.capture_logs() as logs, pytest.raises(Unavailable) as refused:
        await captcha.solved("good")
    assert (refused.value.code, refused.value.headers) == ("captcha_unavailable", {"Retry-After": "5"})
    (line,) = logs
    assert (line["log_level"], line["event"], line["provider"]) == ("warning", "captcha.unavailable", "turnstile")
    assert SECRET not in json.dumps(logs)
    service.hanging.set()
    # It was not judged, so it is not spent.
    assert await captcha.solved("good") is True
    await captcha.close()


async def test_a_service_that_is_not_there_or_not_trusted_judges_nothing(
    database: Database, service: Service, certificate: Certificate
) -> None:
    elsewhere = a_captcha(database, service, certificate, url="https://127.0.0.1:1/siteverify")
    untrusted = ServiceCaptcha(database, "turnstile", site_key=SITE_KEY, secret=SECRET, url=service.url)
    for captcha in (elsewhere, untrusted):
        with pytest.raises(Unavailable):
            await captcha.solved("good")
        await captcha.close()
    assert service.forms == []  # the secret was told to nobody


async def test_a_crowd_opens_only_so_many_connections(captcha: ServiceCaptcha, service: Service) -> None:
    answers = await asyncio.gather(*(captcha.solved(f"good {at}") for at in range(60)))
    assert answers == [True] * 60
    assert service.open_most <= CONNECTIONS_MAX
    assert service.asked_at_once_most <= CONNECTIONS_MAX


async def test_beyond_a_crowd_whoever_comes_is_told_to_come_back(
    captcha: ServiceCaptcha, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captcha_services, "_WAITING_MAX", 3)
    answers = await asyncio.gather(*(captcha.solved(f"good {at}") for at in range(10)), return_exceptions=True)
    assert [answer is True for answer in answers] == [True] * 3 + [False] * 7
    assert {type(answer) for answer in answers[3:]} == {Unavailable}
