"""Keys derive as the standards say; what is hidden opens only with its secret, in its place, unchanged."""

import base64
import hashlib
import hmac
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.database.cards.away import sealed as sealed_by_a_device

from kado.crypto import Keyring, Purpose, Secret, Undecipherable, equal, token_hash

OLD, NEW = "the-old-secret-of-the-operator-0123456789", "the-new-secret-of-the-operator-9876543210"
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def hkdf_sha256(secret: bytes, info: bytes, salt: bytes = bytes(32), length: int = 32) -> bytes:
    """RFC 5869, section 2, written down from the text: extract, then expand."""
    pseudo_random_key = hmac.digest(salt, secret, "sha256")
    block, output = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(pseudo_random_key, block + info + bytes([number]), "sha256")
        output += block
    return output[:length]


def test_the_derivation_beside_which_ours_is_put_is_that_of_rfc_5869() -> None:
    """Appendix A, test cases 1 and 3."""
    secret = bytes.fromhex("0b" * 22)
    first = hkdf_sha256(secret, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), bytes(range(13)), 42)
    assert first.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    third = hkdf_sha256(secret, b"", b"", 42)
    assert third.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_key_is_hkdf_of_the_secret_and_its_purpose(purpose: Purpose) -> None:
    expected = hkdf_sha256(NEW.encode(), f"kado:{purpose}".encode())
    assert Keyring([NEW]).key(purpose) == expected
    assert len(expected) == 32


def test_the_keys_of_one_secret_have_nothing_in_common() -> None:
    keyring = Keyring([OLD, NEW])
    keys = [key for purpose in PURPOSES for key in keyring.keys(purpose)] + keyring.versions
    assert len(set(keys)) == len(keys) == 2 * len(PURPOSES) + 2


def test_the_purposes_are_the_published_ones() -> None:
    assert set(PURPOSES) == {
        "jwt", "card-number", "number-index", "security-code", "seal", "answer", "request-hash", "stored-secret",
        "mail-id", "wallet-token", "staff-pin", "till-allowance", "till-box",
    }  # fmt: skip


def test_a_version_names_a_secret_in_four_bytes() -> None:
    assert Secret(NEW.encode()).version == hkdf_sha256(NEW.encode(), b"kado:version")[:4]
    assert Keyring([NEW, OLD]).versions == [Secret(NEW.encode()).version, Secret(OLD.encode()).version]
    assert Keyring([NEW, OLD]).version == Secret(NEW.encode()).version


# ── rotation ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_old_secret_wrote_is_read_beside_the_new_one_and_not_without_it() -> None:
    sealed = Keyring([OLD]).encrypt("answer", b"25.00", b"here")
    assert Keyring([NEW, OLD]).decrypt("answer", sealed, b"here") == b"25.00"
    assert Keyring([OLD, NEW]).decrypt("answer", sealed, b"here") == b"25.00"
    with pytest.raises(Undecipherable):
        Keyring([NEW]).decrypt("answer", sealed, b"here")


def test_the_first_secret_writes() -> None:
    sealed = Keyring([NEW, OLD]).encrypt("answer", b"25.00", b"here")
    assert Keyring([NEW]).decrypt("answer", sealed, b"here") == b"25.00"


def test_a_look_up_tries_every_secret_the_current_one_first() -> None:
    both = Keyring([NEW, OLD])
    assert both.macs("number-index", b"4000") == [
        Keyring([NEW]).mac("number-index", b"4000"),
        Keyring([OLD]).mac("number-index", b"4000"),
    ]
    assert both.mac("number-index", b"4000", version=both.versions[1]) == Keyring([OLD]).mac("number-index", b"4000")


def test_a_version_that_is_not_configured_opens_nothing() -> None:
    with pytest.raises(Undecipherable):
        Keyring([NEW]).key("seal", Secret(OLD.encode()).version)


# ── hiding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hidden_text_differs_each_time_and_opens_each_time() -> None:
    keyring = Keyring([NEW])
    sealed = {keyring.encrypt("card-number", b"4000123412341234", b"card") for _ in range(1000)}
    assert len(sealed) == 1000
    assert {keyring.decrypt("card-number", one, b"card") for one in sealed} == {b"4000123412341234"}
    assert not any(b"4000" in one for one in sealed)


def test_a_hidden_text_opens_only_in_its_place_and_for_its_purpose() -> None:
    keyring = Keyring([NEW])
    sealed = keyring.encrypt("card-number", b"4000", b"card-1")
    for purpose, bound_to in (("card-number", b"card-2"), ("card-number", b""), ("answer", b"card-1")):
        with pytest.raises(Undecipherable):
            keyring.decrypt(purpose, sealed, bound_to)  # type: ignore[arg-type]


def test_a_hidden_text_with_one_bit_changed_does_not_open() -> None:
    keyring = Keyring([NEW])
    sealed = keyring.encrypt("answer", b"25.00", b"here")
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Undecipherable):
            keyring.decrypt("answer", bytes(changed), b"here")


def test_what_is_cut_does_not_open() -> None:
    keyring = Keyring([NEW])
    sealed = keyring.encrypt("answer", b"25.00", b"here")
    for length in range(len(sealed)):
        with pytest.raises(Undecipherable):
            keyring.decrypt("answer", sealed[:length], b"here")


# ── hashing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mac_is_hmac_sha256_over_parts_with_their_lengths() -> None:
    keyring = Keyring([NEW])
    message = b"\0\0\0\2ab" + b"\0\0\0\0" + b"\0\0\0\1c"
    assert keyring.mac("seal", b"ab", b"", b"c") == hmac.new(keyring.key("seal"), message, hashlib.sha256).digest()


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_different_parts_never_have_the_same_mac(one: list[bytes], other: list[bytes]) -> None:
    keyring = Keyring([NEW])
    assert (keyring.mac("seal", *one) == keyring.mac("seal", *other)) is (one == other)


def test_the_sealing_key_is_ed25519_from_the_seal_key() -> None:
    both = Keyring([NEW, OLD])
    assert both.signer().private_bytes_raw() == both.key("seal")
    assert both.signer(both.versions[1]).private_bytes_raw() == Keyring([OLD]).key("seal")
    signature = both.signer().sign(b"head")
    both.signer().public_key().verify(signature, b"head")


def test_a_token_is_kept_as_sha256() -> None:
    assert base64.b16encode(token_hash("abc")).lower() == (
        b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_equality_is_equality() -> None:
    values = [b"", b"a", b"b", b"aa"]
    assert all(equal(value, bytes(value)) for value in values)
    assert not any(equal(one, other) for one, other in pairwise(values))


# ── what a device encrypts for us ──────────────────────────────────────────────────────────────────────────────────


def test_what_a_device_encrypted_opens_with_the_secret_that_it_was_given_for_and_beside_what_it_is_bound_to() -> None:
    old, both = Keyring([OLD]), Keyring([NEW, OLD])
    assert old.box_key() == old.box_key() != both.box_key()
    hidden = base64.b64decode(sealed_by_a_device(base64.b64encode(old.box_key()).decode(), "4000", b"take 1"))
    assert both.open_box(hidden, b"take 1", old.version) == b"4000"
    for keyring, beside, version in (
        (both, b"take 2", old.version),
        (both, b"take 1", both.version),
        (Keyring([NEW]), b"take 1", old.version),
    ):
        with pytest.raises(Undecipherable):
            keyring.open_box(hidden, beside, version)


def test_what_a_device_encrypted_opens_neither_changed_nor_cut() -> None:
    keyring = Keyring([NEW])
    hidden = base64.b64decode(sealed_by_a_device(base64.b64encode(keyring.box_key()).decode(), "4000", b"take 1"))
    for at in range(len(hidden)):
        changed = bytearray(hidden)
        changed[at] ^= 1
        for wrong in (bytes(changed), hidden[:at]):
            with pytest.raises(Undecipherable):
                keyring.open_box(wrong, b"take 1", keyring.version)
