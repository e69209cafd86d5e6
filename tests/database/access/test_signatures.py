"""A signed request is accepted when it is exactly what was signed, lately, with a live key."""

from collections.abc import Callable
from itertools import product

import pytest

from kado.access import keys
from kado.access.keys import NewKey
from kado.access.signatures import Signatures, sign
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Unauthenticated
from kado.storage.database import Database

ACTOR = "operator:test"
PATH = "/v2/giftcards/passes/" + "ab" * 28
BODY = b'{"a": 1}'


@pytest.fixture
async def key(database: Database, keyring: Keyring, merchant: NewMerchant) -> NewKey:
    return await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)


@pytest.fixture
async def now(database: Database) -> float:
    """The database's clock: the one that decides."""
    async with database.read() as connection:
        return float((await connection.fetchval("SELECT clock_timestamp()")).timestamp())


async def refused(signatures: Signatures, header: str | None, path: str = PATH, body: bytes = b"") -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await signatures.verify(header, "GET", path, body)
    assert refusal.value.code == "invalid_signature"


async def test_a_signature_proves_the_merchant(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, now: float
) -> None:
    signatures = Signatures(database, keyring)
    for age, body in product((-50, 0, 290), (b"", BODY, bytes(range(256)))):
        header = sign(key.secret, key.key_id, "GET", PATH, body, now - age)
        assert await signatures.verify(header, "GET", PATH, body) == merchant.merchant_id


async def test_a_signature_too_old_or_too_far_ahead_is_refused(
    database: Database, keyring: Keyring, key: NewKey, now: float
) -> None:
    for age in (-90, 302, 86_400, -86_400):
        await refused(Signatures(database, keyring), sign(key.secret, key.key_id, "GET", PATH, b"", now - age))


async def test_a_remembered_key_ages_by_the_timer_and_is_read_anew_after_thirty_seconds(
    database: Database, keyring: Keyring, key: NewKey, now: float
) -> None:
    passed = 0.0
    signatures = Signatures(database, keyring, timer=lambda: passed)
    assert await signatures.verify(sign(key.secret, key.key_id, "GET", PATH, b"", now), "GET", PATH, b"")
    await keys.revoke(database, key.key_id, ACTOR)
    nearly_old = sign(key.secret, key.key_id, "GET", PATH, b"", now - 280)
    assert await signatures.verify(nearly_old, "GET", PATH, b"")
    passed = 25.0
    await refused(signatures, nearly_old)
    assert await signatures.verify(sign(key.secret, key.key_id, "GET", PATH, b"", now), "GET", PATH, b"")
    passed = 30.0
    await refused(signatures, sign(key.secret, key.key_id, "GET", PATH, b"", now))


async def test_this_machines_clock_decides_nothing(
    database: Database, keyring: Keyring, key: NewKey, now: float
) -> None:
    # A timer that started at any other moment gives the same age: only the database says what time it is.
    for started in (0.0, 1e9, -1e6):
        signatures = Signatures(database, keyring, timer=lambda started=started: started)  # type: ignore[misc]
        assert await signatures.verify(sign(key.secret, key.key_id, "GET", PATH, b"", now), "GET", PATH, b"")
        await refused(signatures, sign(key.secret, key.key_id, "GET", PATH, b"", now - 400))


async def test_a_signature_is_of_one_request(database: Database, keyring: Keyring, key: NewKey, now: float) -> None:
    signatures = Signatures(database, keyring)
    header = sign(key.secret, key.key_id, "GET", PATH, b"", now)
    for path in (PATH[:-1] + "0", PATH + "/", PATH + "?x=1", "/" + PATH, PATH.upper(), PATH + "é", PATH + "\ud800", ""):
        await refused(signatures, header, path=path)
    await refused(signatures, header, body=BODY)
    with pytest.raises(Unauthenticated):
        await signatures.verify(header, "POST", PATH, b"")
    with_body = sign(key.secret, key.key_id, "GET", PATH, BODY, now)
    for body in (b"", BODY + b" ", BODY[:-1]):
        await refused(signatures, with_body, body=body)


Edit = Callable[[dict[str, str]], str]
HEADERS: dict[str, Edit] = {
    "empty": lambda f: "",
    "only commas": lambda f: ",,",
    "no key": lambda f: f"t={f['t']},v1={f['v1']}",
    "no time": lambda f: f"keyId={f['keyId']},v1={f['v1']}",
    "no digest": lambda f: f"keyId={f['keyId']},t={f['t']}",
    "empty digest": lambda f: f"keyId={f['keyId']},t={f['t']},v1=",
    "twice the key": lambda f: f"keyId={f['keyId']},keyId={f['keyId']},t={f['t']},v1={f['v1']}",
    "twice the time": lambda f: f"keyId={f['keyId']},t={f['t']},t={f['t']},v1={f['v1']}",
    "twice the digest": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1']},v1={f['v1']}",
    "wrong digest before": lambda f: f"keyId={f['keyId']},t={f['t']},v1={'0' * 64},v1={f['v1']}",
    "unknown field": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1']},v2=x",
    "v0 instead": lambda f: f"keyId={f['keyId']},t={f['t']},v0={f['v1']}",
    "blank after comma": lambda f: f"keyId={f['keyId']}, t={f['t']}, v1={f['v1']}",
    "comma at the end": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1']},",
    "semicolons": lambda f: f"keyId={f['keyId']};t={f['t']};v1={f['v1']}",
    "quoted": lambda f: f'keyId="{f["keyId"]}",t="{f["t"]}",v1="{f["v1"]}"',
    "names in capitals": lambda f: f"KEYID={f['keyId']},T={f['t']},V1={f['v1']}",
    "digest in capitals": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1'].upper()}",
    "digest cut": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1'][:-1]}",
    "digest half": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1'][:32]}",
    "digest longer": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1']}0",
    "digest edited": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1'][:-1]}{'0' if f['v1'][-1] != '0' else '1'}",
    "digest of zeros": lambda f: f"keyId={f['keyId']},t={f['t']},v1={'0' * 64}",
    "digest with a line feed": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1']}\n",
    "digest in base64": lambda f: f"keyId={f['keyId']},t={f['t']},v1=q83v/+A=",
    "key in capitals": lambda f: f"keyId={f['keyId'].upper()},t={f['t']},v1={f['v1']}",
    "key unknown": lambda f: f"keyId={'0' * 24},t={f['t']},v1={f['v1']}",
    "key sql": lambda f: f"keyId=' OR 1=1 --,t={f['t']},v1={f['v1']}",
    "time edited": lambda f: f"keyId={f['keyId']},t={int(f['t']) + 1},v1={f['v1']}",
    "time with a sign": lambda f: f"keyId={f['keyId']},t=+{f['t']},v1={f['v1']}",
    "time with a zero": lambda f: f"keyId={f['keyId']},t=0{f['t']},v1={f['v1']}",
    "time with a point": lambda f: f"keyId={f['keyId']},t={f['t']}.0,v1={f['v1']}",
    "time with underscores": lambda f: f"keyId={f['keyId']},t={f['t'][0]}_{f['t'][1:]},v1={f['v1']}",
    "time in other digits": lambda f: f"keyId={f['keyId']},t={arabic(f['t'])},v1={f['v1']}",
    "time in full-width digits": lambda f: f"keyId={f['keyId']},t={full_width(f['t'])},v1={f['v1']}",
    "time of 5000 digits": lambda f: f"keyId={f['keyId']},t={'9' * 5000},v1={f['v1']}",
    "time nan": lambda f: f"keyId={f['keyId']},t=nan,v1={f['v1']}",
    "time in milliseconds": lambda f: f"keyId={f['keyId']},t={f['t']}000,v1={f['v1']}",
    "surrogates": lambda f: "\ud800" * 30,
    "NUL": lambda f: f"keyId={f['keyId']},t={f['t']},v1={f['v1']}\0",
    "ten kilobytes": lambda f: "a" * 10_000,
}


def arabic(digits: str) -> str:
    return "".join(chr(0x0660 + int(digit)) for digit in digits)


def full_width(digits: str) -> str:
    return "".join(chr(0xFF10 + int(digit)) for digit in digits)


async def test_a_header_in_any_other_form_is_refused(
    database: Database, keyring: Keyring, key: NewKey, now: float, subtests: pytest.Subtests
) -> None:
    header = sign(key.secret, key.key_id, "GET", PATH, b"", now)
    fields = dict(part.split("=", 1) for part in header.split(","))
    with_key_known = Signatures(database, keyring)
    assert await with_key_known.verify(header, "GET", PATH, b"")
    for name, edit in HEADERS.items():
        with subtests.test(name):
            await refused(Signatures(database, keyring), edit(fields))
            await refused(with_key_known, edit(fields))


async def test_no_header_is_refused(database: Database, keyring: Keyring) -> None:
    await refused(Signatures(database, keyring), None)


async def test_the_order_of_the_fields_is_free(database: Database, keyring: Keyring, key: NewKey, now: float) -> None:
    parts = sign(key.secret, key.key_id, "GET", PATH, b"", now).split(",")
    assert await Signatures(database, keyring).verify(",".join(reversed(parts)), "GET", PATH, b"")


async def test_a_signature_with_another_keys_secret_is_refused(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, now: float
) -> None:
    other = await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)
    await refused(Signatures(database, keyring), sign(other.secret, key.key_id, "GET", PATH, b"", now))


async def test_two_keys_live_side_by_side_until_one_is_revoked(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, now: float
) -> None:
    newer = await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)
    headers = [sign(each.secret, each.key_id, "GET", PATH, b"", now) for each in (key, newer)]
    for header in headers:
        assert await Signatures(database, keyring).verify(header, "GET", PATH, b"") == merchant.merchant_id
    await keys.revoke(database, key.key_id, ACTOR)
    signatures = Signatures(database, keyring)
    await refused(signatures, headers[0])
    assert await signatures.verify(headers[1], "GET", PATH, b"")


async def test_an_api_key_signs_nothing(
    database: Database, keyring: Keyring, merchant: NewMerchant, now: float
) -> None:
    api_key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    await refused(Signatures(database, keyring), sign(api_key.secret, api_key.key_id, "GET", PATH, b"", now))


async def test_a_key_under_a_retired_secret_is_refused(
    database: Database, keyring: Keyring, key: NewKey, now: float
) -> None:
    header = sign(key.secret, key.key_id, "GET", PATH, b"", now)
    await refused(Signatures(database, Keyring(["an-entirely-new-secret-0123456789-xyz"])), header)


async def test_a_secret_moved_to_another_key_opens_nothing(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, now: float
) -> None:
    other = await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)
    async with database.read() as connection:
        await connection.execute(
            "UPDATE signing_key SET secret = (SELECT secret FROM signing_key WHERE id = $1) WHERE id = $2",
            key.key_id,
            other.key_id,
        )
    await refused(Signatures(database, keyring), sign(key.secret, other.key_id, "GET", PATH, b"", now))
