"""A whole life of cards on a server that logs at DEBUG; then everything secret in it is looked for where it may not be.

In a dump of the database: numbers, codes, tokens, keys, signing secrets, passwords, answers. In what the server and
PostgreSQL wrote: all of that, and people's addresses and phone numbers too. As they are, percent-encoded, in base64, in
hexadecimal, and (numbers) with and without separators.
"""

import asyncio
import base64
import json
import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from tests.secrets.collected import Collected, found_in, readable
from tests.secrets.dump import dump_of
from tests.serving.receiver import Receiver, receiving
from tests.serving.server import Server, serving, until
from tests.serving.till import Till

from kado.access import totp
from kado.access.signatures import HEADER, sign

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

PASSWORD = "plum-Teapot_41 ladder"
LIVES = 8


@pytest.mark.parametrize(
    "line",
    [
        "number 4000176788989069.",
        "path=/x/4000%2017678898-9069 4000 1767 8898 9069",
        '{"a": "%34000 4000-1767-8898-9069"}',
        base64.b64encode(b'{"cardNumber": "4000176788989069"}').decode(),
        base64.urlsafe_b64encode(b'{"cardNumber":  "4000176788989069", "a": 1}').decode(),
        base64.b64encode(b'{"cardNumber":   "4000176788989069"').decode(),
        b"4000176788989069".hex().upper(),
    ],
)
def test_the_search_finds_what_is_there(line: str) -> None:
    assert found_in(line, {"4000176788989069": "card number"})


def test_the_search_tells_a_code_from_a_piece_of_a_number() -> None:
    assert found_in('"code": "807545"', {"807545": "code"})
    assert not found_in('"timestamp": "07:43:41.807545Z", 1807545', {"807545": "code"})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(processes=2, settings={"KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}) as server:
        yield server


async def mail_to(server: Server, recipient: str) -> tuple[str, str]:
    """Card number and code in the latest message to an address or phone number."""
    folders = (server.data_dir / "mail", server.data_dir / "sms")

    def texts() -> list[str]:
        found = (
            file for folder in folders for file in folder.glob("[!.]*.*")
        )  # what is still written begins with a dot
        files = sorted(found, key=lambda file: file.name)
        return [text for file in files if recipient in (text := _text(file))]

    await asyncio.to_thread(until, texts, 20, f"nothing was sent to {recipient}")
    text = texts()[-1]
    number = re.search(r"\b[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b", text)
    code = re.search(r"code[^0-9A-Z]{1,20}([0-9]{6})\b", text, re.IGNORECASE)
    assert code, text
    return (number[0] if number else "", code[1])


def _text(file: Path) -> str:
    if file.suffix != ".eml":
        return file.read_text()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    body = mail.get_body(("plain",))
    return f"{mail['To']}\n{body.get_content() if body else ''}"


async def live(server: Server, till: Till, at: int, collected: Collected) -> None:
    """One card from issue to void, with everything that can go wrong on the way."""
    email = collected.person("email", f"kim.{secrets.token_hex(4)}+gift@mail.example")
    phone = collected.person("phone", f"+4915{secrets.randbelow(9) + 1}{secrets.randbelow(10**7):07}")
    contacts = {"customerEmail": email, "customerPhone": phone} if at % 2 else {"customerPhone": phone}
    keys = [collected.secret("idempotency key", f"key-{secrets.token_hex(10)}") for _ in range(4)]
    issued = collected.answer(await till.issue("50.00", keys[0], **contacts)).json()
    number = collected.secret("card number", issued["cardNumber"])
    _, first_code = await mail_to(server, email if at % 2 else phone)
    collected.secret("security code", first_code)
    collected.answer(await till.activate(issued["id"], keys[1], securityCode=first_code))
    collected.answer(await till.redeem(issued["id"], "1.00", keys[2]))
    collected.answer(await till.redeem(issued["id"], "1.00", keys[2]))
    collected.answer(await till.redeem(issued["id"], "999.00", keys[3]))
    async with Till(server, "kado_live_none", "", address=f"127.0.1.{at + 1}") as guesser:
        guesser.program = till.program
        collected.answer(await guesser.check(number, first_code))
        collected.answer(
            await guesser.http.post(
                "/v2/giftcards/customer/balance-check",
                json={"cardNumber": number, "securityCode": f"{(int(first_code) + 1) % 10**6:06}"},
            )
        )
        for _ in range(2):
            wrong = collected.secret("wrong code", f"{secrets.randbelow(10**6):06}")
            collected.answer(await guesser.check(number, wrong))
    collected.answer(await till.resend(issued["id"]))
    by_number = {"cardNumber": number, "amount": "2.00"}
    collected.answer(await till.post(till.cards_path("reload-by-number"), by_number, keys[0] + "r"))
    await astray(till, number, first_code, email, issued["id"], collected)
    collected.person("pass", issued["card"]["serialNumber"][24:])  # the database finds the card by it
    collected.answer(await till.http.get(f"/v2/giftcards/passes/{issued['card']['serialNumber']}"))
    await moved(till, issued["id"], number, first_code, collected)
    collected.answer(await till.suspend(issued["id"]))
    collected.answer(await till.void(issued["id"]))


async def moved(till: Till, card: str, number: str, code: str, collected: Collected) -> None:
    """What concerns more than one card, with names that are right, wrong, and in the wrong place."""
    owner = collected.person("email", f"ida.{secrets.token_hex(4)}@mail.example")
    other = collected.answer(await till.issue("5.00", customerEmail=owner)).json()
    there = collected.secret("card number", other["cardNumber"])
    program = f"/v2/giftcards/programs/{till.program}"
    sent = {"securityCode": code, "destinationCardNumber": there, "amount": "1.00"}
    for wrong in (
        {},
        {"securityCode": number},
        {"destinationCardNumber": [number]},
        {"destinationCardNumber": number * 3},
    ):
        collected.answer(await till.post(till.cards_path(card, "transfer"), sent | wrong))
    for numbers in ([number, there], [number, number], [[number], code], {number: there}, number):
        wanted = {"cardNumbers": numbers, "merchantId": till.merchant_id}
        collected.answer(await till.post(f"{program}/consolidate", wanted))
    for named in ({"cardNumber": number}, {"cardNumber": number * 3}, {"cardNumber": number, "cardId": number}):
        collected.answer(await till.post(f"{program}/reversals", named | {"posTransactionId": "POS-1"}))
    collected.answer(await till.http.get(f"{program}/transactions?posTransactionId={number}&referenceId={code}"))
    collected.answer(
        await till.post(till.cards_path(card, "holds"), {"amount": number, "orderReference": {number: code}})
    )
    given = {"newOwnerName": [owner], "newOwnerEmail": f"{owner} {number}"}
    collected.answer(await till.post(till.cards_path(card, "transfer-ownership"), given))
    given = {"newOwnerName": "Ida", "newOwnerEmail": owner}
    collected.answer(await till.post(till.cards_path(card, "transfer-ownership"), given))
    replaced = collected.answer(await till.post(till.cards_path(card, "replace"), {"reason": "lost"})).json()
    collected.secret("card number", replaced["newCard"]["cardNumber"])


async def astray(till: Till, number: str, code: str, email: str, card: str, collected: Collected) -> None:
    """Secrets in places where they do not belong."""
    spaced = " ".join(re.findall("....", number))
    check = f"/v2/giftcards/programs/{till.program}/balance-check"
    for body in (
        {"cardNumber": int(number), "securityCode": int(code)},
        {"cardNumber": [number], "securityCode": {code: email}},
        {"cardNumber": number * 3, "securityCode": code * 3},
        {number: code},
        [number, code],
        number,
    ):
        collected.answer(await till.post(check, body))
    for path in (
        f"/v2/giftcards/programs/{till.program}/cards/{number}",
        f"/v2/giftcards/programs/{number}/cards/{card}",
        f"/v2/giftcards/{number}/{code}",
        f"/cards/{spaced}",
        f"/{email}",
        f"/v2/giftcards/programs/{till.program}/cards/{card}/transactions?q={number}&page={code}x",
        f"/v2/giftcards/passes/{number}",
        f"/%00/{number}/%ff",
    ):
        collected.answer(await till.http.get(path))
    redeem = till.cards_path(card, "redeem")
    collected.answer(await till.post(redeem, {"amount": number}))
    collected.answer(await till.post(redeem, {"amount": {"cardNumber": number}}))
    collected.answer(await till.post(redeem, {"amount": "1.00", "terminalId": [number], "cashierId": {"a": email}}))
    collected.answer(await till.post(redeem, {"amount": "1.00"}, f"{number} {code}"))
    broken = f'{{"cardNumber": "{number}", "securityCode": "{code}"'.encode()
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        collected.answer(await till.http.post(check, content=broken, headers={"Content-Type": kind}))
    collected.answer(await till.http.request(code, f"/{number}"))


async def issue_many(till: Till, collected: Collected) -> None:
    """Cards in bulk, and the file with their codes: fetched, and asked for in every wrong way before."""
    key = collected.secret("idempotency key", f"key-{secrets.token_hex(10)}")
    issued = collected.answer(await till.bulk(key, count=3)).json()
    path = urlsplit(issued["csvDownloadUrl"]).path
    collected.secret("link", path.rpartition("/")[2])
    for headers in ({"Authorization": ""}, {"Authorization": f"Bearer kado_live_{secrets.token_urlsafe(32)}"}):
        collected.answer(await till.http.get(path, headers=headers))
    collected.answer(await till.http.get(f"{path}/{issued['cards'][0]['cardNumber']}"))
    collected.answer(await till.http.post(path))
    file = await till.http.get(path)
    rows = [line.split(",") for line in file.text.splitlines()[1:]]
    for number, code, *_ in rows:
        collected.secret("card number", number)
        collected.secret("security code", code)
        collected.answers[f"{number},{code}"] = "line of the file"
    assert len(rows) == 3, file.text
    collected.answer(await till.http.get(path))
    email = collected.person("email", f"kim.{secrets.token_hex(4)}@mail.example")
    collected.answer(await till.bulk(None, recipients=[{"customerEmail": email, "customerPhone": email}]))


async def sign_in(server: Server, till: Till, owner: str, collected: Collected) -> None:
    """Passwords, tokens and keys, right and wrong."""
    form = {"username": owner, "password": PASSWORD}
    answer = await till.http.post("/v2/token", data=form, headers={"Authorization": ""})
    token = collected.secret("token", answer.json()["accessToken"])
    collected.answer(answer)
    forged = [
        collected.secret("forged token", f"{token[:-6]}AAAAAA"),
        collected.secret("unknown key", f"kado_live_{secrets.token_urlsafe(32)}"),
        collected.secret("strange token", f"Zm9v{secrets.token_hex(20)}"),
    ]
    for bearer in (token, *forged):
        for path in ("/v2/token", "/v2/loyalty/programs"):
            collected.answer(await till.http.get(path, headers={"Authorization": f"Bearer {bearer}"}))
    wrong = collected.secret("wrong password", f"wrong-{secrets.token_hex(8)}")
    for body in ({"username": owner, "password": wrong}, {"username": wrong, "password": owner}, {"password": wrong}):
        collected.answer(await till.http.post("/v2/token", data=body, headers={"Authorization": ""}))
    collected.answer(await till.http.post("/v2/token", json=form, headers={"Authorization": ""}))
    collected.answer(await till.http.get(f"/v2/token?password={quote(PASSWORD)}&token={token}"))
    collected.answer(await till.http.get("/v2/loyalty/programs", headers={"X-Eposn-Merchant-Token": token}))


async def guard_a_sign_in(server: Server, till: Till, collected: Collected) -> None:
    """Seeds, recovery codes and pending tokens, right and wrong."""
    email = collected.person("email", f"bo.{secrets.token_hex(4)}@shops.example")
    words = ("staff", "add", email, "--merchant", "Flower Shop", "--password-stdin")
    server.made(*words, said=PASSWORD + "\n")

    async def first_half() -> dict[str, str]:
        answer = await till.http.post("/v2/token", data={"username": email, "password": PASSWORD})
        return dict(collected.answer(answer).json())

    token = collected.secret("token", (await first_half())["accessToken"])
    bearer = {"Authorization": f"Bearer {token}"}
    begun = collected.answer(await till.http.post("/v2/token/mfa/setup", headers=bearer)).json()
    collected.secret("uri of a seed", begun["otpUri"])
    seed = base64.b32decode(collected.secret("seed", begun["secret"]))
    body = {"code": totp.code_of(seed, int(time.time()) // 30), "password": PASSWORD}
    confirmed = collected.answer(await till.http.post("/v2/token/mfa/confirm", json=body, headers=bearer)).json()
    codes = [collected.secret("recovery code", one) for one in confirmed["recoveryCodes"]]
    pending = collected.secret("pending token", (await first_half())["pendingToken"])
    wrong = collected.secret("wrong recovery code", codes[0][::-1])
    for code in (wrong, codes[0]):
        answer = await till.http.post("/v2/token/mfa-verify", json={"pendingToken": pending, "code": code})
        collected.answer(answer)
    assert answer.status_code == 200, answer.text


async def sign_customers_in(server: Server, till: Till, collected: Collected) -> None:
    """One-time passwords and session tokens, right and wrong, and in places where they do not belong."""
    customers = "/v2/giftcards/customers"
    for at, target in enumerate((f"kim.{secrets.token_hex(4)}@mail.example", f"+49151{secrets.randbelow(10**8):08}")):
        collected.person("email" if at == 0 else "phone", target)
        collected.answer(await till.post(f"{customers}/otp/send", {"target": target}))
        _, code = await mail_to(server, target)
        collected.secret("one-time password", code)
        wrong = collected.secret("wrong password", f"{(int(code) + 1) % 10**6:06}")
        collected.answer(await till.post(f"{customers}/otp/verify", {"target": target, "code": wrong}))
        collected.answer(await till.post(f"{customers}/otp/verify", {"target": [target], "code": {code: target}}))
        collected.answer(await till.post(f"{customers}/otp/verify", {"target": code, "code": f"{code}0"}))
        answer = await till.post(f"{customers}/otp/verify", {"target": target, "code": code, "name": "Kim"})
        token = collected.secret("session token", collected.answer(answer).json()["sessionToken"])
        forged = collected.secret("forged session token", f"{token[:-4]}AAAA")
        for one in (token, forged):
            header = {"X-Eposn-Customer-Token": one}
            collected.answer(await till.http.get("/v2/giftcards/customer/reports", headers=header))
            collected.answer(await till.http.get(f"/v2/giftcards/customer/{one}?sessionToken={one}"))
            collected.answer(await till.post(f"{customers}/session", {"sessionToken": one}))
            collected.answer(await till.post(f"{customers}/session", {"sessionToken": [one]}))
            collected.answer(await till.post(f"{customers}/session", {"sessionToken": one * 4}))
        if at:
            collected.answer(await till.post(f"{customers}/logout", {"sessionToken": token}))


async def listen(till: Till, receiver: Receiver, collected: Collected) -> None:
    """Two endpoints, one with a secret of its own; what proves anything about them is collected."""
    own = collected.secret("webhook secret", f"shared-{secrets.token_hex(10)}")
    for given in (own, None):
        made = collected.answer(await till.post("/v2/webhooks", {"url": receiver.url, "sharedSecret": given})).json()
        if given is None:
            collected.secret("webhook secret", made["sharedSecret"].removeprefix("whsec_"))
        collected.answer(await till.post(f"/v2/webhooks/{made['id']}/enable"))
        collected.secret("verification token", receiver.verified[-1].event["data"]["token"])


async def look_at_passes(server: Server, till: Till, signing: Mapping[str, str], collected: Collected) -> None:
    issued = (await till.issue("5.00")).json()
    path = f"/v2/giftcards/passes/{issued['card']['serialNumber']}"
    for secret in (signing["secret"], "x" * 40):
        value = sign(secret, signing["keyId"], "GET", path, b"", time.time())
        collected.secret("signature", value.partition("v1=")[2])
        collected.answer(await till.http.get(path, headers={HEADER: value}))
    collected.secret("card number", issued["cardNumber"])


async def open_a_till(till: Till, signing: Mapping[str, str], collected: Collected) -> None:
    """A merchant session with its two secrets, used well and badly."""

    async def signed(path: str, body: object) -> httpx2.Response:
        content = json.dumps(body).encode()
        value = sign(signing["secret"], signing["keyId"], "POST", path, content, time.time())
        collected.secret("signature", value.partition("v1=")[2])
        headers = {HEADER: value, "Content-Type": "application/json"}
        return collected.answer(await till.http.post(path, content=content, headers=headers))

    folder = "/v2/giftcards/merchants"
    hello = {"appToken": collected.secret("app token", f"app-{secrets.token_hex(16)}"), "merchantId": "shop-1"}
    opened = await signed(f"{folder}/session", {**hello, "role": "owner", "programId": till.program})
    assert opened.status_code == 200, opened.text
    token = collected.secret("session token", opened.json()["sessionToken"])
    for body in ({**hello, "appToken": [hello["appToken"]]}, {**hello, "merchantId": 1}, {**hello, "name": token * 9}):
        await signed(f"{folder}/session", body)
    for path in (f"{folder}/session/validate", f"{folder}/session"):
        for value in (token, [token], {token: token}):
            await signed(path, {"sessionToken": value})
    for header in (token, token[:-1], f"{token}, {token}", f"Bearer {token}", hello["appToken"]):
        headers = {"X-Eposn-Merchant-Token": header}
        collected.answer(await till.http.get(f"{folder}/theme?sessionToken={token}", headers=headers))
        for body in ({"logoAlt": "Kew"}, {"primary": token}, {"logoUrl": f"https://cdn.example/{token} x"}):
            collected.answer(await till.http.put(f"{folder}/theme", json=body, headers=headers))
        collected.answer(await till.http.put(f"{folder}/settings", json={"locationId": token}, headers=headers))
    collected.answer(await till.http.get(f"{folder}/{token}"))


async def test_a_dump_and_the_logs_hold_nothing_that_could_be_used(server: Server) -> None:
    collected = Collected()
    owner = collected.person("email", "ada.owner@shops.example")
    merchant = server.merchant("Flower Shop", owner, collected.secret("password", PASSWORD))
    key = collected.secret("key", server.key("Flower Shop"))
    signing = server.made("key", "create", "--merchant", "Flower Shop", "--signing")
    collected.secret("signing secret", signing["secret"])
    async with Till(server, key, merchant) as till, receiving() as receiver:
        await till.open_program()
        await listen(till, receiver, collected)
        await asyncio.gather(*(live(server, till, at, collected) for at in range(LIVES)))
        for event in await receiver.until(LIVES * 2):
            collected.secret("webhook signature", event.headers["webhook-signature"].removeprefix("v1,"))
            assert found_in(event.body.decode(), collected.secrets | collected.people) == []
        await issue_many(till, collected)
        await sign_in(server, till, owner, collected)
        await guard_a_sign_in(server, till, collected)
        await look_at_passes(server, till, signing, collected)
        await open_a_till(till, signing, collected)
        await sign_customers_in(server, till, collected)
    collected.secret("the secret key", (server.data_dir / "secret.key").read_text().strip())
    collected.secret("the database's password", (server.data_dir / "database.password").read_text().strip())

    dump = readable(dump_of(server))
    assert "kim." in dump, "the dump is not one"
    server.stop()
    logs = server.said() + (server.data_dir / "postgres.log").read_text(errors="replace")
    assert logs.count('"request"') > LIVES * 30, "the log is not one"

    assert len(collected.secrets) > LIVES * 8
    assert found_in(dump, collected.secrets) == []
    assert found_in(dump, collected.answers) == []
    assert found_in(logs, collected.secrets) == []
    assert found_in(logs, collected.people) == []
    assert found_in(logs, collected.answers) == []
