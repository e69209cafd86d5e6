"""The look-up behind a pass: a signature of exactly this request, or a bearer that may read passes; nothing else."""

from collections.abc import Callable

import httpx2
import pytest
from tests.api.shop import UNKNOWN, Body, Shop, good, pass_path

from kado.access import keys
from kado.access.permissions import Permission, Role
from kado.access.signatures import sign

EIGHT = {"id", "programId", "status", "lastFourDigits", "initialValue", "balance", "expiresAt", "merchantName"}


async def look(shop: Shop, path: str, signature: str | None, *, method: str = "GET") -> httpx2.Response:
    headers = {} if signature is None else {"X-Kado-Signature": signature}
    return await shop.call(method, path, token=None, headers=headers)


def unsigned(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not EIGHT & answer.json().keys()


@pytest.mark.parametrize("status", ["pending", "active", "voided"])
async def test_a_signed_request_sees_exactly_eight_fields(shop: Shop, status: str) -> None:
    card = await shop.card_in(status, customerEmail="ada@example.com", customerName="Ada", customMessage="Hello")
    answer = await look(shop, pass_path(card), await shop.signature(pass_path(card)))
    body = good(answer)
    assert body.keys() == EIGHT
    assert body["status"] == status
    assert answer.headers["cache-control"] == "no-store"
    for secret in (card["cardNumber"], "Ada", "ada@example.com", "Hello"):
        assert secret not in answer.text


async def test_a_signature_proves_the_path_as_it_was_sent(shop: Shop) -> None:
    path = pass_path(await shop.active())
    good(await look(shop, f"/api{path}", await shop.signature(f"/api{path}")))
    good(await look(shop, f"{path}?x=1", await shop.signature(path)))
    unsigned(await look(shop, f"/api{path}", await shop.signature(path)))
    unsigned(await look(shop, path, await shop.signature(f"/api{path}")))
    unsigned(await look(shop, f"{path}?x=1", await shop.signature(f"{path}?x=1")))


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b""), ("HEAD", b""), ("get ", b""), ("GET", b"{}"), ("GET", b"x")]
)
async def test_a_signature_proves_method_and_body(shop: Shop, method: str, body: bytes) -> None:
    services, path = shop.api.services, pass_path(await shop.active())
    key = await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
    now = (await shop.now()).timestamp()
    unsigned(await look(shop, path, sign(key.secret, key.key_id, method, path, body, now)))
    good(await look(shop, path, sign(key.secret, key.key_id, "GET", path, b"", now)))
    # What was signed without a body is not a signature of a request that has one.
    headers = {"X-Kado-Signature": sign(key.secret, key.key_id, "GET", path, b"", now)}
    unsigned(await shop.call("GET", path, token=None, headers=headers, content=b"{}"))


async def test_two_signing_keys_are_good_at_the_same_time(shop: Shop) -> None:
    path = pass_path(await shop.active())
    for signature in [await shop.signature(path) for _ in range(2)]:
        answer = await look(shop, path, signature)
        assert good(answer).keys() == EIGHT


async def test_one_keys_secret_does_not_sign_for_another(shop: Shop) -> None:
    services, path = shop.api.services, pass_path(await shop.active())
    one, other = [
        await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
        for _ in range(2)
    ]
    now = (await shop.now()).timestamp()
    unsigned(await look(shop, path, sign(one.secret, other.key_id, "GET", path, b"", now)))


Edit = Callable[[str, str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _, __: "",
    "cut": lambda header, _: header[:-1],
    "longer": lambda header, _: header + "0",
    "edited digest": lambda header, _: header[:-1] + ("0" if header[-1] != "0" else "1"),
    "digest of nothing": lambda header, _: header[:-64] + "0" * 64,
    "capitals": lambda header, _: header.upper(),
    "edited time": lambda header, _: header.replace("t=", "t=1", 1),
    "no time": lambda header, _: ",".join(part for part in header.split(",") if not part.startswith("t=")),
    "no key": lambda header, _: ",".join(header.split(",")[1:]),
    "twice": lambda header, _: f"{header},{header}",
    "unknown key": lambda header, _: f"keyId={UNKNOWN}" + header[header.index(","):],
    "blank behind": lambda header, _: header.replace(",", ", "),
    "only a time": lambda header, _: header.split(",")[1],
    "signed with nothing": lambda header, _: header[:-64] + "e" * 64,
    "time in the future": lambda header, _: header.replace("t=", "t=9", 1),
    "negative time": lambda header, _: header.replace("t=", "t=-", 1),
    "time in other digits": lambda header, _: header.replace("t=", "t=0", 1),
    "more fields": lambda header, _: header + ",v2=00",
    "two digests": lambda header, _: header + "," + header.split(",")[2],
    "another scheme": lambda header, _: header.replace("v1=", "v0="),
    "another pass": lambda _, other: other,
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
async def test_a_signature_that_is_anything_else_is_refused(shop: Shop, name: str) -> None:
    card, other = await shop.active(), await shop.active()
    header = EDITS[name](await shop.signature(pass_path(card)), await shop.signature(pass_path(other)))
    unsigned(await look(shop, pass_path(card), header))


@pytest.mark.parametrize(("age", "accepted"), [(-50, True), (0, True), (290, True), (-70, False), (310, False)])
async def test_a_signature_lasts_five_minutes_and_may_be_one_ahead(shop: Shop, age: int, accepted: bool) -> None:
    path = pass_path(await shop.active())
    answer = await look(shop, path, await shop.signature(path, age=age))
    if accepted:
        good(answer)
    else:
        unsigned(answer)


async def test_without_any_proof_a_pass_shows_nothing(shop: Shop) -> None:
    answer = await look(shop, pass_path(await shop.active()), None)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_wrong_signature_is_not_made_good_by_a_bearer(shop: Shop) -> None:
    path = pass_path(await shop.active())
    unsigned(await shop.get(path, headers={"X-Kado-Signature": "keyId=x,t=1,v1=x"}))


async def test_another_merchants_signature_finds_no_pass(shop: Shop) -> None:
    path = pass_path(await shop.active())
    stranger_id, _ = await shop.stranger()
    answer = await look(shop, path, await shop.signature(path, merchant_id=stranger_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "pass_not_found")


@pytest.mark.parametrize("sid", ["0", "x" * 56, "0" * 56, "F" * 56, "a" * 300, "%2e%2e", "a%2Fb"])
async def test_what_is_no_pass_is_not_found(shop: Shop, sid: str) -> None:
    path = f"/v2/giftcards/passes/{sid}"
    for answer in (await shop.get(path), await look(shop, path, await shop.signature(path))):
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("sid", ["a%00b", "%0a", "%ed%a0%80%07", "a%7f"])
async def test_control_characters_in_a_pass_are_refused_unseen(shop: Shop, sid: str) -> None:
    (error,) = good(await shop.get(f"/v2/giftcards/passes/{sid}"), 422)["detail"]
    assert error["loc"] == ["path", "passSid"]
    assert "input" not in error


async def test_two_signing_keys_live_side_by_side_until_one_is_revoked(shop: Shop) -> None:
    services, path = shop.api.services, pass_path(await shop.active())
    made = [
        await keys.create_signing_key(services.database, services.keyring, shop.merchant_id, "operator:test")
        for _ in range(2)
    ]
    now = (await shop.now()).timestamp()
    headers = [sign(key.secret, key.key_id, "GET", path, b"", now) for key in made]
    await keys.revoke(services.database, made[0].key_id, "operator:test")
    unsigned(await look(shop, path, headers[0]))
    good(await look(shop, path, headers[1]))


async def test_a_bearer_needs_the_right_to_read_passes(shop: Shop) -> None:
    card: Body = await shop.active()
    good(await shop.get(pass_path(card), token=await shop.key(scopes=[Permission.PASSES_READ])))
    for token in (await shop.key(Role.CASHIER), await shop.key(scopes=[Permission.CARDS_READ])):
        answer = await shop.get(pass_path(card), token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, "permission_denied")


async def test_a_pass_is_read_and_nothing_else(shop: Shop) -> None:
    path = pass_path(await shop.active())
    for method in ("POST", "PUT", "DELETE"):
        answer = await look(shop, path, await shop.signature(path), method=method)
        assert answer.status_code == 405


async def test_an_admitted_merchant_reads_no_passes(shop: Shop) -> None:
    card: Body = await shop.active()
    merchant_id, admitted = await shop.admitted()
    answer = await shop.get(pass_path(card), token=admitted)
    assert (answer.status_code, answer.json()["code"]) == (404, "pass_not_found")
    path = pass_path(card)
    answer = await look(shop, path, await shop.signature(path, merchant_id=merchant_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "pass_not_found")
