"""A program under attack asks for proof of work; one solution is good for one check."""

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import altcha
import httpx2
import pytest
from tests.api.serving import serving
from tests.api.shop import Body, Shop, Superuser, an_address, good
from tests.api.sign_in import CHECK

from kado.settings import Settings


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_CAPTCHA": "altcha"}


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


async def challenge_of(shop: Shop) -> altcha.Challenge:
    body = good(await shop.get("/v2/giftcards/captcha", token=None))
    return altcha.Challenge.from_dict(body)


async def solution(challenge: altcha.Challenge) -> str:
    solved = await asyncio.to_thread(altcha.solve_challenge, challenge)
    assert solved is not None
    return altcha.Payload(challenge, solved).to_base64()


async def test_a_quiet_program_asks_for_nothing(shop: Shop, thief: Superuser) -> None:
    await attacked(shop, thief)
    card = await shop.active()
    good(await shop.check(card, await shop.code_of(card)))


async def test_failures_just_below_the_alarm_ask_for_nothing(shop: Shop, thief: Superuser) -> None:
    card, code = await attacked(shop, thief)
    await thief.execute("UPDATE check_rate SET failed = 100")
    good(await shop.check(card, code))


async def test_ten_times_the_usual_failures_raise_the_alarm(shop: Shop, thief: Superuser) -> None:
    card, code = await attacked(shop, thief)
    # A busy program: twenty-one a minute lately is no alarm where three a minute are usual.
    await thief.execute(
        "INSERT INTO check_rate (program_id, minute, failed)"
        " SELECT $1, date_trunc('minute', clock_timestamp()) - n * interval '1 minute', 3"
        " FROM generate_series(6, 1439) n",
        card["programId"],
    )
    good(await shop.check(card, code))
    await thief.execute("UPDATE check_rate SET failed = 160 WHERE program_id = $1 AND failed = 101", card["programId"])
    asked(await shop.check(card, code))


async def test_under_attack_a_check_needs_a_solution_and_each_counts_once(shop: Shop, thief: Superuser) -> None:
    card, code = await attacked(shop, thief)
    asked(await shop.check(card, code))
    asked(await shop.check(card, "000000"))
    token = await solution(await challenge_of(shop))
    assert good(await shop.check(card, code, captchaToken=token))["balance"] == "100.00"
    asked(await shop.check(card, code, captchaToken=token))


async def test_one_solution_in_two_processes_at_once_counts_once(
    shop: Shop, thief: Superuser, app_settings: Settings, shared_database_url: str
) -> None:
    card, code = await attacked(shop, thief)
    token = await solution(await challenge_of(shop))
    async with serving(app_settings, shared_database_url) as second:
        both = shop, replace(shop, api=second)
        answers = await asyncio.gather(*(both[at % 2].check(card, code, captchaToken=token) for at in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9


async def test_a_solution_does_not_replace_the_code(shop: Shop, thief: Superuser) -> None:
    card, code = await attacked(shop, thief)
    token = await solution(await challenge_of(shop))
    other = ("1" if code[0] != "1" else "2") + code[1:]
    assert (await shop.check(card, other, captchaToken=token)).status_code == 404


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


async def forgeries(shop: Shop) -> dict[str, str]:
    """Tokens that no solved challenge of ours makes."""
    challenge = await challenge_of(shop)
    good_payload: dict[str, Any] = json.loads(base64.b64decode(await solution(challenge)))
    secret = shop.api.services.keyring.mac("request-hash", b"captcha").hex()
    past = int((await shop.now()).timestamp()) - 60
    late = altcha.create_challenge("PBKDF2/SHA-256", cost=1, hmac_secret=secret, expires_at=past)
    foreign = altcha.create_challenge("PBKDF2/SHA-256", cost=1, hmac_secret="another secret")
    parameters = good_payload["challenge"]["parameters"]

    def with_cost(cost: int) -> dict[str, Any]:
        challenged = good_payload["challenge"] | {"parameters": parameters | {"cost": cost}}
        return good_payload | {"challenge": challenged}

    return {
        "nothing": "",
        "words": "please",
        "not ASCII": "ключ",
        "no JSON": base64.b64encode(b"{").decode(),
        "no UTF-8": base64.b64encode(b"\xff\xfe{}").decode(),
        "a list": encoded([]),
        "a number": encoded(1),
        "no members": encoded({}),
        "wrong types": encoded({"challenge": 1, "solution": None}),
        "no solution": encoded({"challenge": good_payload["challenge"]}),
        "unsolved": encoded(good_payload | {"solution": {"counter": 0, "derivedKey": "00" * 32}}),
        "counter as text": encoded(good_payload | {"solution": {"counter": "0", "derivedKey": "00"}}),
        "counter too large": encoded(good_payload | {"solution": {"counter": 2**40, "derivedKey": "00" * 32}}),
        "cheaper": encoded(with_cost(1)),
        "absurdly dear": encoded(with_cost(2**31 - 1)),
        "no signature": encoded({**good_payload, "challenge": {"parameters": parameters}}),
        "signature as a list": encoded({**good_payload, "challenge": {"parameters": parameters, "signature": []}}),
        "too late": await solution(late),
        "another server's": await solution(foreign),
        "nested deeply": base64.b64encode(b"[" * 3000).decode(),
        "nested objects": base64.b64encode(b'{"challenge":' * 230).decode(),
        "many digits": base64.b64encode(b'{"challenge":' + b"9" * 2900 + b"}").decode(),
    }  # fmt: skip


async def test_nothing_but_a_solution_will_do(shop: Shop, thief: Superuser) -> None:
    card, code = await attacked(shop, thief)
    for name, token in (await forgeries(shop)).items():
        answer = await shop.check(card, code, captchaToken=token)
        assert (answer.status_code, answer.json().get("code")) == (400, "captcha_required"), f"{name}: {answer.text}"


async def test_a_token_that_was_not_asked_for_does_no_harm(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    for name, token in (await forgeries(shop)).items():
        answer = await shop.check(card, code, captchaToken=token)
        assert answer.status_code == 200, f"{name}: {answer.text}"


async def test_a_check_over_all_programs_always_asks(shop: Shop) -> None:
    card = await shop.active()
    body = {"cardNumber": card["cardNumber"], "securityCode": await shop.code_of(card)}
    here = {"token": None, "headers": {"X-Forwarded-For": an_address()}}
    asked(await shop.post(CHECK, body, **here))
    solved = body | {"captchaToken": await solution(await challenge_of(shop))}
    good(await shop.post(CHECK, solved, **here))
    asked(await shop.post(CHECK, solved, **here))
