"""A token is accepted when it is exactly one of ours, and refused in one way for every reason."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kado.access import tokens
from kado.access.permissions import Role
from kado.crypto import Keyring
from kado.errors import Unauthenticated

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
SECRET = "one-secret-of-the-operator-0123456789-abcdef"
KEYRING = Keyring([SECRET])
KEY = KEYRING.key("jwt")
STAFF_ID, MERCHANT_ID = "aa" * 12, "bb" * 12
HEADER = {"typ": "JWT", "alg": "HS256"}


def b64(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "exp": SECONDS + 3600,
        "nbf": SECONDS,
        "iat": SECONDS,
        "iss": "kado",
        "aud": "kado-api",
        "sub": f"staff:{STAFF_ID}",
        "jti": "c0ffee",
        "merchant": MERCHANT_ID,
        "role": "owner",
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def signed(header: object, payload: object, key: bytes = KEY, digest: str = "sha256") -> str:
    """A token with a right signature around whatever is in it; bytes are taken as they are."""
    parts = [b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload)]
    signature = hmac.digest(key, ".".join(parts).encode(), digest)
    return ".".join([*parts, b64(signature)])


def accepted(token: str, keyring: Keyring = KEYRING, now: datetime = NOW) -> tokens.Claims:
    said = tokens.verify(keyring, token)
    said.check_time(now)
    return said


GOOD = signed(HEADER, claims())
H, P, S = GOOD.split(".")
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
EC = ec.generate_private_key(ec.SECP256R1())


def other_spelling(part: str) -> str:
    """The same bytes with other trailing bits: what a lax decoder accepts as equal."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4 != 0, "only then are there bits to spare"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


def with_header(**changes: Any) -> str:
    header = {name: value for name, value in (HEADER | changes).items() if value is not ...}
    return signed(header, claims())


HEADERS: dict[str, str] = {
    "alg none, no signature": f"{b64(json.dumps({'typ': 'JWT', 'alg': 'none'}).encode())}.{P}.",
    "alg none, signed": with_header(alg="none"),
    "alg None": with_header(alg="None"),
    "alg NONE": with_header(alg="NONE"),
    "alg nOnE": with_header(alg="nOnE"),
    "alg lower case": with_header(alg="hs256"),
    "alg empty": with_header(alg=""),
    "alg null": with_header(alg=None),
    "alg absent": with_header(alg=...),
    "alg number": with_header(alg=256),
    "alg list": with_header(alg=["HS256"]),
    "alg object": with_header(alg={"HS256": True}),
    "alg HS384": signed(HEADER | {"alg": "HS384"}, claims(), digest="sha384"),
    "alg HS512": signed(HEADER | {"alg": "HS512"}, claims(), digest="sha512"),
    "alg RS256": jwt.encode(claims(), RSA, algorithm="RS256"),
    "alg PS256": jwt.encode(claims(), RSA, algorithm="PS256"),
    "alg ES256": jwt.encode(claims(), EC, algorithm="ES256"),
    "alg RS256 signed as HMAC": with_header(alg="RS256"),
    "alg with a space": with_header(alg="HS256 "),
    "alg with a NUL": with_header(alg="HS256\0"),
    "typ absent": with_header(typ=...),
    "typ null": with_header(typ=None),
    "typ empty": with_header(typ=""),
    "typ lower case": with_header(typ="jwt"),
    "typ at+jwt": with_header(typ="at+jwt"),
    "typ JWE": with_header(typ="JWE"),
    "typ number": with_header(typ=1),
    "kid": with_header(kid="1"),
    "kid path": with_header(kid="../../../../dev/null"),
    "kid sql": with_header(kid="x' UNION SELECT 'key"),
    "kid null": with_header(kid=None),
    "jku": with_header(jku="https://evil.example/jwks.json"),
    "jwk": with_header(jwk={"kty": "oct", "k": b64(KEY)}),
    "x5u": with_header(x5u="https://evil.example/cert.pem"),
    "x5c": with_header(x5c=["MIIB"]),
    "x5t": with_header(x5t="abc"),
    "crit": with_header(crit=["exp"]),
    "crit empty": with_header(crit=[]),
    "b64 false": with_header(b64=False, crit=["b64"]),
    "b64 true": with_header(b64=True),
    "zip": with_header(zip="DEF"),
    "cty": with_header(cty="JWT"),
    "unknown member": with_header(extra=1),
    "header twice alg": signed(b'{"typ":"JWT","alg":"none","alg":"HS256"}', claims()),
    "header twice typ": signed(b'{"typ":"x","typ":"JWT","alg":"HS256"}', claims()),
    "header list": signed(["JWT", "HS256"], claims()),
    "header text": signed("HS256", claims()),
    "header null": signed(None, claims()),
    "header empty object": signed({}, claims()),
    "header not json": signed(b"HS256", claims()),
    "header not utf-8": signed(b'{"typ":"JWT","alg":"HS256\xff"}', claims()),
    "header with a BOM": signed(b'\xef\xbb\xbf{"typ":"JWT","alg":"HS256"}', claims()),
    "header nested deep": signed(b"[" * 1500, claims()),
}

SPELLINGS: dict[str, str] = {
    "empty": "",
    "dots": "..",
    "one part": H,
    "two parts": f"{H}.{P}",
    "four parts": f"{GOOD}.",
    "five parts": f"{GOOD}.{P}.{S}",
    "leading dot": f".{GOOD}",
    "no header": f".{P}.{S}",
    "no payload": f"{H}..{S}",
    "no signature": f"{H}.{P}.",
    "padded header": f"{H}=.{P}.{S}",
    "padded payload": f"{H}.{P}=.{S}",
    "padded signature": f"{H}.{P}.{S}=",
    "signature's trailing bits": f"{H}.{P}.{other_spelling(S)}",
    "signature in standard base64": f"{H}.{P}.{S[:-2]}+/",
    "signature cut by one": f"{H}.{P}.{S[:-1]}",
    "signature cut by half": f"{H}.{P}.{S[:22]}",
    "signature one longer": f"{GOOD}A",
    "signature four longer": f"{GOOD}AAAA",
    "signature in hex": f"{H}.{P}.{hmac.digest(KEY, f'{H}.{P}'.encode(), 'sha256').hex()}",
    "signature of zeros": f"{H}.{P}.{b64(bytes(32))}",
    "signature edited": f"{H}.{P}.{'B' if S[0] == 'A' else 'A'}{S[1:]}",
    "signature swapped in case": f"{H}.{P}.{S.swapcase()}",
    "payload swapped in": f"{H}.{b64(json.dumps(claims(role='owner', merchant='cc' * 12)).encode())}.{S}",
    "payload one letter off": f"{H}.{'f' if P[0] == 'e' else 'e'}{P[1:]}.{S}",
    "line feed at the end": f"{GOOD}\n",
    "line feed inside": f"{H}.{P}\n.{S}",
    "blank at the start": f" {GOOD}",
    "blank inside": f"{H}. {P}.{S}",
    "NUL at the end": f"{GOOD}\0",
    "non-ascii letter": f"{H}.{P}é.{S}",
    "lone surrogate": f"{H}.{P}.{S}\ud800",
    "full-width letter": f"{H}.{P}.{S[:-1]}\uff21",
    "percent-encoded": GOOD.replace(".", "%2E"),
    "json serialization": json.dumps({"protected": H, "payload": P, "signature": S}),
}

KEYS: dict[str, str] = {
    "empty key": signed(HEADER, claims(), b""),
    "zero key": signed(HEADER, claims(), bytes(32)),
    "well-known key": signed(HEADER, claims(), b"secret"),
    "the operator's secret itself": signed(HEADER, claims(), SECRET.encode()),
    "key of another purpose": signed(HEADER, claims(), KEYRING.key("answer")),
    "key of another installation": signed(
        HEADER, claims(), Keyring(["x" * 20 + "another-secret-altogether"]).key("jwt")
    ),
    "key in hex": signed(HEADER, claims(), KEY.hex().encode()),
    "hash of the key": signed(HEADER, claims(), hashlib.sha256(KEY).digest()),
    "a public key as secret": signed(HEADER, claims(), RSA_PUBLIC),
    "an API key": "kado_live_" + "A" * 43,
}

CLAIMS: dict[str, object] = {
    **{f"no {name}": claims(**{name: ...}) for name in claims()},
    **{f"{name} null": claims(**{name: None}) for name in claims()},
    **{f"{name} list": claims(**{name: [claims()[name]]}) for name in claims()},
    **{f"{name} as text": claims(**{name: str(claims()[name])}) for name in ("exp", "nbf", "iat")},
    **{f"{name} as float": claims(**{name: float(claims()[name])}) for name in ("exp", "nbf", "iat")},
    **{f"{name} true": claims(**{name: True}) for name in claims()},
    **{f"{name} empty": claims(**{name: ""}) for name in claims()},
    "exp past": claims(exp=SECONDS - 6, iat=SECONDS - 100, nbf=SECONDS - 100),
    "exp now less the leeway": claims(exp=SECONDS - 5, iat=SECONDS - 100, nbf=SECONDS - 100),
    "exp an hour and a second": claims(exp=SECONDS + 3601),
    "exp in a year": claims(exp=SECONDS + 86400 * 365),
    "exp huge": claims(exp=10**30),
    "exp infinite": json.dumps(claims()).replace(str(SECONDS + 3600), "1e999"),
    "exp nan": json.dumps(claims()).replace(str(SECONDS + 3600), "NaN"),
    "exp negative": claims(exp=-1),
    "exp before iat": claims(iat=SECONDS, exp=SECONDS),
    "exp of 5000 digits": json.dumps(claims()).replace(str(SECONDS + 3600), "9" * 5000),
    "nbf ahead": claims(nbf=SECONDS + 6),
    "nbf after exp": claims(nbf=SECONDS + 3601),
    "iat ahead": claims(iat=SECONDS + 6, exp=SECONDS + 3600),
    "iat negative": claims(iat=-1),
    "iss other": claims(iss="https://kado.example"),
    "iss in capitals": claims(iss="KADO"),
    "aud other": claims(aud="other-api"),
    "aud among others": claims(aud=["kado-api", "other"]),
    "sub a key": claims(sub=f"key:{STAFF_ID}"),
    "sub without kind": claims(sub=STAFF_ID),
    "sub in capitals": claims(sub=f"staff:{STAFF_ID.upper()}"),
    "sub short": claims(sub="staff:abc"),
    "sub with a line feed": claims(sub=f"staff:{STAFF_ID}\n"),
    "sub other digits": claims(sub="staff:" + "\u0661" * 24),
    "merchant short": claims(merchant="bb"),
    "merchant sql": claims(merchant="' OR 1=1 --"),
    "role unknown": claims(role="admin"),
    "role in capitals": claims(role="OWNER"),
    "role with a blank": claims(role="owner "),
    "jti long": claims(jti="x" * 129),
    "payload a list": [claims()],
    "payload a text": '"owner"',
    "payload null": "null",
    "payload a number": "1",
    "payload empty object": {},
    "payload not json": "owner",
    "payload cut": json.dumps(claims())[:-1],
    "payload with more behind it": json.dumps(claims()) + "{}",
    "payload twice role": json.dumps(claims(role="cashier"))[:-1] + ', "role": "owner"}',
    "payload twice exp": json.dumps(claims())[:-1] + f', "exp": {SECONDS + 3600}}}',
    "payload nested deep": "[" * 100_000,
    "payload not utf-8": b'{"role":"\xff"}',
}


def payload_bytes(payload: object) -> object:
    return payload.encode() if isinstance(payload, str) else payload


FORGED = {
    **{f"header: {name}": token for name, token in HEADERS.items()},
    **{f"spelling: {name}": token for name, token in SPELLINGS.items()},
    **{f"key: {name}": token for name, token in KEYS.items()},
    **{f"claims: {name}": signed(HEADER, payload_bytes(payload)) for name, payload in CLAIMS.items()},
}


def test_the_list_of_forged_tokens_is_long_enough() -> None:
    assert len(FORGED) >= 90
    assert GOOD not in FORGED.values()


@pytest.mark.parametrize("token", FORGED.values(), ids=[ascii(name) for name in FORGED])
def test_forged_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        accepted(token)
    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"
    assert refusal.value.code in {"invalid_token", "token_expired"}


def test_the_token_that_the_forgeries_start_from_is_accepted() -> None:
    said = accepted(GOOD)
    assert (said.staff_id, said.merchant_id, said.role) == (STAFF_ID, MERCHANT_ID, Role.OWNER)


def test_an_issued_token_is_accepted_and_says_what_it_was_issued_for() -> None:
    token = tokens.issue(KEYRING, staff_id=STAFF_ID, merchant_id=MERCHANT_ID, role=Role.CASHIER, now=NOW)
    said = accepted(token)
    assert (said.staff_id, said.merchant_id, said.role) == (STAFF_ID, MERCHANT_ID, Role.CASHIER)
    assert said.expires_at - said.issued_at == 3600
    assert jwt.get_unverified_header(token) == HEADER
    assert "=" not in token


def test_two_tokens_of_the_same_moment_differ() -> None:
    issue: Callable[[], str] = lambda: tokens.issue(  # noqa: E731 - called twice below
        KEYRING, staff_id=STAFF_ID, merchant_id=MERCHANT_ID, role=Role.OWNER, now=NOW
    )
    assert issue() != issue()


@pytest.mark.parametrize(
    ("seconds", "is_valid"), [(-6, False), (-5, True), (0, True), (3600, True), (3604, True), (3605, False)]
)
def test_a_token_lives_an_hour_give_or_take_five_seconds(seconds: int, is_valid: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    if is_valid:
        accepted(GOOD, now=now)
    else:
        with pytest.raises(Unauthenticated):
            accepted(GOOD, now=now)


def test_every_live_secret_is_tried_and_a_retired_one_is_not() -> None:
    newer = "a-newer-secret-of-the-operator-9876543210"
    assert accepted(GOOD, Keyring([newer, SECRET])).staff_id == STAFF_ID
    with pytest.raises(Unauthenticated):
        accepted(GOOD, Keyring([newer]))


def test_a_token_of_the_second_in_which_others_were_taken_back_is_dated_after_it() -> None:
    taken_back = NOW + timedelta(milliseconds=300)
    token = tokens.issue(
        KEYRING,
        staff_id=STAFF_ID,
        merchant_id=MERCHANT_ID,
        role=Role.OWNER,
        now=NOW + timedelta(milliseconds=400),
        valid_from=taken_back,
    )
    assert accepted(token).issued_at >= taken_back.timestamp()
