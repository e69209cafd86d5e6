"""A balance check with a captcha of somebody else: asked for under attack, always, or by one program."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx2
import pytest
import pytest_asyncio
from tests.api.serving import serving
from tests.api.shop import Body, Shop, Superuser, an_address, good
from tests.api.sign_in import CHECK
from tests.database.delivery.servers import Certificate, self_signed
from tests.serving.captcha_service import DROP, HANG, SECRET, SITE_KEY, Service, judging


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificate]:
    """Trusted by this process as the machine's own authorities are."""
    made = self_signed(tmp_path_factory.mktemp("tls"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(made.file))
        assert ssl.get_default_verify_paths().cafile == str(made.file)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(certificate: Certificate) -> AsyncIterator[Service]:
    async with judging(certificate.context) as service:
        yield service


@pytest.fixture(scope="module")
def environment(service: Service) -> dict[str, str]:
    return {
        "KADO_TRUSTED_PROXIES": "127.0.0.1",
        "KADO_CAPTCHA": "turnstile",
        "KADO_CAPTCHA_SITE_KEY": SITE_KEY,
        "KADO_CAPTCHA_SECRET": SECRET,
        "KADO_CAPTCHA_URL": service.url,
    }


async def attacked(shop: Shop, thief: Superuser) -> tuple[Body, str]:
    """A card and its code, in a program of its own that is being guessed at from everywhere."""
    card = await shop.active(program_id=await shop.program())
    await thief.execute(
        "INSERT INTO check_rate (program_id, minute, failed) VALUES ($1, date_trunc('minute', clock_timestamp()), 101)",
        card["programId"],
    )
    return card, await shop.code_of(card)


def asked(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, "captcha_required")


async def test_the_challenge_says_whose_widget_and_never_the_secret(shop: Shop) -> None:
    answer = await shop.get("/v2/giftcards/captcha", token=None)
    assert good(answer) == {"provider": "turnstile", "siteKey": SITE_KEY}
    assert SECRET not in repr(shop.api.services.settings)


async def test_under_attack_a_token_lets_in_once(shop: Shop, thief: Superuser) -> None:
    card, code = await attacked(shop, thief)
    asked(await shop.check(card, code))
    asked(await shop.check(card, code, captchaToken="bad"))
    asked(await shop.check(card, code, captchaToken=""))
    assert good(await shop.check(card, code, captchaToken="good 1"))["balance"] == "100.00"
    asked(await shop.check(card, code, captchaToken="good 1"))
    assert (await shop.check(card, "1" * 6, captchaToken="good 2")).status_code in (404, 200)


async def test_nobody_is_asked_about_a_token_that_was_not_asked_for(
    shop: Shop, thief: Superuser, service: Service
) -> None:
    before = len(service.forms)
    card = await shop.active()
    good(await shop.check(card, await shop.code_of(card), captchaToken="good 3"))
    # An address or a number at its limit is refused before anybody is asked.
    hunted, code = await attacked(shop, thief)
    number = {**hunted, "cardNumber": "9000000000000001"}
    for at in range(5):
        assert (await shop.check(number, code, captchaToken=f"good locked {at}")).status_code == 404
    asked_for = len(service.forms)
    assert asked_for == before + 5
    assert (await shop.check(number, code, captchaToken="good locked 6")).json()["code"] == "card_locked"
    assert len(service.forms) == asked_for


async def test_while_the_service_is_away_a_check_is_refused_and_says_when_to_come_back(
    shop: Shop, thief: Superuser, service: Service
) -> None:
    card, code = await attacked(shop, thief)
    service.answers.append(DROP)
    answer = await shop.check(card, code, captchaToken="good 4")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "captcha_unavailable",
        "5",
    )
    assert good(await shop.check(card, code, captchaToken="good 4"))["balance"] == "100.00"
    good(await shop.redeem(card, "1.00"))


async def test_who_waits_for_the_service_keeps_nobody_from_checking(
    shop: Shop, thief: Superuser, service: Service
) -> None:
    """While tills are busy one check is inside at a time; those that wait for somebody else are outside."""
    card, code = await attacked(shop, thief)
    other = await shop.active()
    other_code = await shop.code_of(other)
    service.answers.extend([HANG] * 3)
    before = len(service.forms)
    waiting = [asyncio.create_task(shop.check(card, code, captchaToken=f"good h{at}")) for at in range(3)]
    while len(service.forms) < before + 3:
        good(await shop.redeem(other, "0.01"))  # the lane is narrow
    assert good(await shop.check(other, other_code))["id"] == other["id"]
    assert not any(task.done() for task in waiting)
    service.hanging.set()
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {503}
    service.hanging.clear()


async def test_a_check_over_all_programs_always_asks(shop: Shop) -> None:
    card = await shop.active()
    body = {"cardNumber": card["cardNumber"], "securityCode": await shop.code_of(card)}
    headers = {"X-Forwarded-For": an_address()}
    asked(await shop.post(CHECK, body, token=None, headers=headers))
    good(await shop.post(CHECK, body | {"captchaToken": "good 5"}, token=None, headers=headers))


async def test_a_program_can_ask_for_it_always(shop: Shop) -> None:
    program = await shop.program(requireCaptcha=True)
    card = await shop.active(program_id=program)
    code = await shop.code_of(card)
    asked(await shop.check(card, code))
    good(await shop.check(card, code, captchaToken="good 6"))
    path = f"/v2/loyalty/programs/{program}"
    assert good(await shop.call("PUT", path, {"requireCaptcha": False}))["requireCaptcha"] is False
    good(await shop.check(card, code))
    assert good(await shop.call("PUT", path, {"requireCaptcha": True}))["requireCaptcha"] is True
    asked(await shop.check(card, code))
    # Whoever brings the merchant's token has proved enough.
    good(await shop.redeem(card, "1.00"))
    to = await shop.active(program_id=program)
    good(await shop.transfer(card, to, code=code))


@pytest.mark.parametrize("provider", ["hcaptcha", "altcha"])
async def test_a_server_can_ask_for_it_always(
    shop: Shop, service: Service, shared_database_url: str, provider: str
) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    captcha = replace(shop.api.services.settings.captcha, provider=provider, is_always=True)
    async with serving(replace(shop.api.services.settings, captcha=captcha), shared_database_url) as served:
        always = replace(shop, api=served)
        asked(await always.check(card, code))
        asked(await always.check(card, code, captchaToken="bad"))
        if provider == "hcaptcha":
            good(await always.check(card, code, captchaToken="good hcaptcha"))
            assert service.forms[-1]["sitekey"] == SITE_KEY
    good(await shop.check(card, code))


async def test_where_there_is_none_no_program_can_ask_for_it(shop: Shop, shared_database_url: str) -> None:
    program = await shop.program(requireCaptcha=True)
    card = await shop.active(program_id=program)
    code = await shop.code_of(card)
    captcha = replace(shop.api.services.settings.captcha, provider="none")
    async with serving(replace(shop.api.services.settings, captcha=captcha), shared_database_url) as served:
        bare = replace(shop, api=served)
        refused = good(await bare.post("/v2/programs", {"name": "Captchas", "requireCaptcha": True}), 422)
        assert (refused["code"], refused["detail"][0]["loc"]) == ("captcha_off", ["body", "requireCaptcha"])
        # One that asked for it while there was one is not let through silently.
        asked(await bare.check(card, code))
        asked(await bare.check(card, code, captchaToken="good 7"))
        body = {"cardNumber": card["cardNumber"], "securityCode": code}
        here = {"token": None, "headers": {"X-Forwarded-For": an_address()}}
        assert (await bare.post(CHECK, body, **here)).json()["code"] == "card_not_found"
        open_to_all = await shop.active()
        body = {"cardNumber": open_to_all["cardNumber"], "securityCode": await shop.code_of(open_to_all)}
        good(await bare.post(CHECK, body, **here))
