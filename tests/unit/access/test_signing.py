"""What a signature is made over, against a second implementation written from the published formula."""

import hashlib
import hmac

import pytest

from kado.access.signatures import sign

KEY_ID = "ab" * 12
SECRET = "kado_sign_" + "0f" * 32


def by_the_formula(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("method", "path", "body", "signed"),
    [
        ("GET", "/v2/giftcards/passes/1", b"", "1777896000.GET./v2/giftcards/passes/1"),
        ("get", "/v2/giftcards/passes/1", b"", "1777896000.GET./v2/giftcards/passes/1"),
        ("GET", "/v2/a%20b", b"", "1777896000.GET./v2/a%20b"),
        ("POST", "/v2/x", b"{}", f"1777896000.POST./v2/x.{hashlib.sha256(b'{}').hexdigest()}"),
        ("POST", "/v2/x", b"\x00\xff", f"1777896000.POST./v2/x.{hashlib.sha256(bytes([0, 255])).hexdigest()}"),
    ],
)
def test_header_follows_the_formula(method: str, path: str, body: bytes, signed: str) -> None:
    assert sign(SECRET, KEY_ID, method, path, body, 1777896000.9) == (
        f"keyId={KEY_ID},t=1777896000,v1={by_the_formula(signed)}"
    )


def test_a_known_signature_never_changes() -> None:
    # The value was computed once by `openssl dgst -sha256 -hmac`; front ends in the field depend on it.
    value = sign("kado_sign_" + "00" * 32, "0" * 24, "GET", "/v2/giftcards/passes/x", b"", 1_700_000_000)
    digest = "71871d31bb668abb48037cad5766c19a39d9d922ff110560db18c8970a5045ea"
    assert value == f"keyId=000000000000000000000000,t=1700000000,v1={digest}"
