"""Tokens that nobody should believe: everything that was ever wrong with a JWT, around claims that are right.

Those that have to be signed are signed with the server's own key, so that nothing but the form can give them away.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kado.crypto import Keyring

HEADER = {"typ": "JWT", "alg": "HS256"}
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
EC = ec.generate_private_key(ec.SECP256R1())


def b64(plain: bytes) -> str:
    """Base64url as tokens have it."""
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def other_spelling(part: str) -> str:
    """The same bytes with other trailing bits: what a lax decoder accepts as equal."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4 != 0, "only then are there bits to spare"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


@dataclass(frozen=True)
class Forger:
    """Someone who knows the server's keys. `said` are the claims of a token that is good."""

    keyring: Keyring
    secret: str
    said: dict[str, Any]
    ahead: int = 6
    """How many seconds in the future is too far."""

    @property
    def staff_id(self) -> str:
        return str(self.said["sub"]).removeprefix("staff:")

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The good ones with these changes; `...` takes one away."""
        return {name: value for name, value in (self.said | changes).items() if value is not ...}

    def signed(self, header: object, payload: object, key: bytes | None = None, digest: str = "sha256") -> str:
        """A token with a right signature around whatever is in it; bytes are taken as they are."""
        parts = [b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload)]
        key = self.keyring.key("jwt") if key is None else key
        return ".".join([*parts, b64(hmac.digest(key, ".".join(parts).encode(), digest))])

    def good(self) -> str:
        """The one that all others start from."""
        return self.signed(HEADER, self.claims())

    def with_header(self, **changes: Any) -> str:
        header = {name: value for name, value in (HEADER | changes).items() if value is not ...}
        return self.signed(header, self.claims())

    def all(self) -> dict[str, str]:
        """Every forgery by its name."""
        return {
            **{f"header: {name}": token for name, token in self.headers().items()},
            **{f"more header: {name}": token for name, token in self.more_headers().items()},
            **{f"spelling: {name}": token for name, token in self.spellings().items()},
            **{f"key: {name}": token for name, token in self.keys().items()},
            **{f"claims: {name}": self._around(payload) for name, payload in self.types().items()},
            **{f"values: {name}": self._around(payload) for name, payload in self.values().items()},
            **{f"payload: {name}": self._around(payload) for name, payload in self.payloads().items()},
        }

    def _around(self, payload: object) -> str:
        return self.signed(HEADER, payload.encode() if isinstance(payload, str) else payload)

    def headers(self) -> dict[str, str]:
        payload = self.good().split(".")[1]
        return {
            "alg none, no signature": f"{b64(json.dumps({'typ': 'JWT', 'alg': 'none'}).encode())}.{payload}.",
            "alg none, signed": self.with_header(alg="none"),
            "alg None": self.with_header(alg="None"),
            "alg NONE": self.with_header(alg="NONE"),
            "alg nOnE": self.with_header(alg="nOnE"),
            "alg lower case": self.with_header(alg="hs256"),
            "alg empty": self.with_header(alg=""),
            "alg null": self.with_header(alg=None),
            "alg absent": self.with_header(alg=...),
            "alg number": self.with_header(alg=256),
            "alg list": self.with_header(alg=["HS256"]),
            "alg object": self.with_header(alg={"HS256": True}),
            "alg HS384": self.signed(HEADER | {"alg": "HS384"}, self.claims(), digest="sha384"),
            "alg HS512": self.signed(HEADER | {"alg": "HS512"}, self.claims(), digest="sha512"),
            "alg RS256": jwt.encode(self.claims(), RSA, algorithm="RS256"),
            "alg PS256": jwt.encode(self.claims(), RSA, algorithm="PS256"),
            "alg ES256": jwt.encode(self.claims(), EC, algorithm="ES256"),
            "alg RS256 signed as HMAC": self.with_header(alg="RS256"),
            "alg with a space": self.with_header(alg="HS256 "),
            "alg with a NUL": self.with_header(alg="HS256\0"),
        }

    def more_headers(self) -> dict[str, str]:
        return {
            "typ absent": self.with_header(typ=...),
            "typ null": self.with_header(typ=None),
            "typ empty": self.with_header(typ=""),
            "typ lower case": self.with_header(typ="jwt"),
            "typ at+jwt": self.with_header(typ="at+jwt"),
            "typ JWE": self.with_header(typ="JWE"),
            "typ number": self.with_header(typ=1),
            "kid": self.with_header(kid="1"),
            "kid path": self.with_header(kid="../../../../dev/null"),
            "kid sql": self.with_header(kid="x' UNION SELECT 'key"),
            "kid null": self.with_header(kid=None),
            "jku": self.with_header(jku="https://evil.example/jwks.json"),
            "jwk": self.with_header(jwk={"kty": "oct", "k": b64(self.keyring.key("jwt"))}),
            "x5u": self.with_header(x5u="https://evil.example/cert.pem"),
            "x5c": self.with_header(x5c=["MIIB"]),
            "x5t": self.with_header(x5t="abc"),
            "crit": self.with_header(crit=["exp"]),
            "crit empty": self.with_header(crit=[]),
            "b64 false": self.with_header(b64=False, crit=["b64"]),
            "b64 true": self.with_header(b64=True),
            "zip": self.with_header(zip="DEF"),
            "cty": self.with_header(cty="JWT"),
            "unknown member": self.with_header(extra=1),
            "header twice alg": self.signed(b'{"typ":"JWT","alg":"none","alg":"HS256"}', self.claims()),
            "header twice typ": self.signed(b'{"typ":"x","typ":"JWT","alg":"HS256"}', self.claims()),
            "header list": self.signed(["JWT", "HS256"], self.claims()),
            "header text": self.signed("HS256", self.claims()),
            "header null": self.signed(None, self.claims()),
            "header empty object": self.signed({}, self.claims()),
            "header not json": self.signed(b"HS256", self.claims()),
            "header not utf-8": self.signed(b'{"typ":"JWT","alg":"HS256\xff"}', self.claims()),
            "header with a BOM": self.signed(b'\xef\xbb\xbf{"typ":"JWT","alg":"HS256"}', self.claims()),
            "header nested deep": self.signed(b"[" * 1500, self.claims()),
        }

    def spellings(self) -> dict[str, str]:
        good = self.good()
        header, payload, signature = good.split(".")
        in_hex = hmac.digest(self.keyring.key("jwt"), f"{header}.{payload}".encode(), "sha256").hex()
        elsewhere = b64(json.dumps(self.claims(role="owner", merchant="cc" * 12)).encode())
        return {
            "empty": "",
            "dots": "..",
            "one part": header,
            "two parts": f"{header}.{payload}",
            "four parts": f"{good}.",
            "five parts": f"{good}.{payload}.{signature}",
            "leading dot": f".{good}",
            "no header": f".{payload}.{signature}",
            "no payload": f"{header}..{signature}",
            "no signature": f"{header}.{payload}.",
            "padded header": f"{header}=.{payload}.{signature}",
            "padded payload": f"{header}.{payload}=.{signature}",
            "padded signature": f"{header}.{payload}.{signature}=",
            "signature's trailing bits": f"{header}.{payload}.{other_spelling(signature)}",
            "signature in standard base64": f"{header}.{payload}.{signature[:-2]}+/",
            "signature cut by one": f"{header}.{payload}.{signature[:-1]}",
            "signature cut by half": f"{header}.{payload}.{signature[:22]}",
            "signature one longer": f"{good}A",
            "signature four longer": f"{good}AAAA",
            "signature in hex": f"{header}.{payload}.{in_hex}",
            "signature of zeros": f"{header}.{payload}.{b64(bytes(32))}",
            "signature edited": f"{header}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
            "signature swapped in case": f"{header}.{payload}.{signature.swapcase()}",
            "payload swapped in": f"{header}.{elsewhere}.{signature}",
            "payload one letter off": f"{header}.{'f' if payload[0] == 'e' else 'e'}{payload[1:]}.{signature}",
            "line feed at the end": f"{good}\n",
            "line feed inside": f"{header}.{payload}\n.{signature}",
            "blank at the start": f" {good}",
            "blank inside": f"{header}. {payload}.{signature}",
            "NUL at the end": f"{good}\0",
            "non-ascii letter": f"{header}.{payload}é.{signature}",
            "lone surrogate": f"{header}.{payload}.{signature}\ud800",
            "full-width letter": f"{header}.{payload}.{signature[:-1]}\uff21",
            "percent-encoded": good.replace(".", "%2E"),
            "json serialization": json.dumps({"protected": header, "payload": payload, "signature": signature}),
        }

    def keys(self) -> dict[str, str]:
        return {
            "empty key": self.signed(HEADER, self.claims(), b""),
            "zero key": self.signed(HEADER, self.claims(), bytes(32)),
            "well-known key": self.signed(HEADER, self.claims(), b"secret"),
            "the operator's secret itself": self.signed(HEADER, self.claims(), self.secret.encode()),
            "key of another purpose": self.signed(HEADER, self.claims(), self.keyring.key("answer")),
            "key of another installation": self.signed(
                HEADER, self.claims(), Keyring(["x" * 20 + "another-secret-altogether"]).key("jwt")
            ),
            "key in hex": self.signed(HEADER, self.claims(), self.keyring.key("jwt").hex().encode()),
            "hash of the key": self.signed(HEADER, self.claims(), hashlib.sha256(self.keyring.key("jwt")).digest()),
            "a public key as secret": self.signed(HEADER, self.claims(), RSA_PUBLIC),
            "an API key": "kado_live_" + "A" * 43,
        }

    def types(self) -> dict[str, object]:
        return {
            **{f"no {name}": self.claims(**{name: ...}) for name in self.claims()},
            **{f"{name} null": self.claims(**{name: None}) for name in self.claims()},
            **{f"{name} list": self.claims(**{name: [self.claims()[name]]}) for name in self.claims()},
            **{f"{name} as text": self.claims(**{name: str(self.claims()[name])}) for name in ("exp", "nbf", "iat")},
            **{f"{name} as float": self.claims(**{name: float(self.claims()[name])}) for name in ("exp", "nbf", "iat")},
            **{f"{name} true": self.claims(**{name: True}) for name in self.claims()},
            **{f"{name} empty": self.claims(**{name: ""}) for name in self.claims()},
        }

    def values(self) -> dict[str, object]:
        now = self.said["iat"]
        return {
            "exp past": self.claims(exp=now - 6, iat=now - 100, nbf=now - 100),
            "exp now less the leeway": self.claims(exp=now - 5, iat=now - 100, nbf=now - 100),
            "exp an hour and a second": self.claims(exp=now + 3601),
            "exp in a year": self.claims(exp=now + 86400 * 365),
            "exp huge": self.claims(exp=10**30),
            "exp infinite": json.dumps(self.claims()).replace(str(now + 3600), "1e999"),
            "exp nan": json.dumps(self.claims()).replace(str(now + 3600), "NaN"),
            "exp negative": self.claims(exp=-1),
            "exp before iat": self.claims(iat=now, exp=now),
            "exp of 5000 digits": json.dumps(self.claims()).replace(str(now + 3600), "9" * 5000),
            "nbf ahead": self.claims(nbf=now + self.ahead),
            "nbf after exp": self.claims(nbf=now + 3601),
            "iat ahead": self.claims(iat=now + self.ahead, exp=now + 3600),
            "iat negative": self.claims(iat=-1),
            "iss other": self.claims(iss="https://kado.example"),
            "iss in capitals": self.claims(iss="KADO"),
            "aud other": self.claims(aud="other-api"),
            "aud among others": self.claims(aud=["kado-api", "other"]),
            "sub a key": self.claims(sub=f"key:{self.staff_id}"),
            "sub without kind": self.claims(sub=self.staff_id),
            "sub in capitals": self.claims(sub=f"staff:{self.staff_id.upper()}"),
            "sub short": self.claims(sub="staff:abc"),
            "sub with a line feed": self.claims(sub=f"staff:{self.staff_id}\n"),
            "sub other digits": self.claims(sub="staff:" + "\u0661" * 24),
            "merchant short": self.claims(merchant="bb"),
            "merchant sql": self.claims(merchant="' OR 1=1 --"),
            "role unknown": self.claims(role="admin"),
            "role in capitals": self.claims(role="OWNER"),
            "role with a blank": self.claims(role="owner "),
            "jti long": self.claims(jti="x" * 129),
        }

    def payloads(self) -> dict[str, object]:
        now = self.said["iat"]
        return {
            "payload a list": [self.claims()],
            "payload a text": '"owner"',
            "payload null": "null",
            "payload a number": "1",
            "payload empty object": {},
            "payload not json": "owner",
            "payload cut": json.dumps(self.claims())[:-1],
            "payload with more behind it": json.dumps(self.claims()) + "{}",
            "payload twice role": json.dumps(self.claims(role="cashier"))[:-1] + ', "role": "owner"}',
            "payload twice exp": json.dumps(self.claims())[:-1] + f', "exp": {now + 3600}}}',
            "payload nested deep": "[" * 100_000,
            "payload not utf-8": b'{"role":"\xff"}',
        }
