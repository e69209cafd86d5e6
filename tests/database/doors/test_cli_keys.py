"""`kado key` and `kado sign`."""

import hashlib
from pathlib import Path

import pytest
from tests.database.doors.conftest import SECRET_KEY, Kado

from kado.access.authenticate import Access
from kado.access.permissions import Permission, Role
from kado.access.signatures import Signatures
from kado.crypto import Keyring
from kado.errors import Unauthenticated
from kado.ids import is_id
from kado.storage.database import Database

SHOP = ("--merchant", "Flower Shop")
PATH = "/v2/giftcards/passes/" + "ab" * 28


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([SECRET_KEY])


async def test_a_key_works_until_it_is_revoked(
    kado: Kado, database: Database, keyring: Keyring, flower_shop: dict[str, str]
) -> None:
    key = (await kado("key", "create", *SHOP, "--json")).json
    assert key.keys() == {"keyId", "secret"}
    assert is_id(key["keyId"])
    caller = await Access(database, keyring).authenticate(f"Bearer {key['secret']}")
    assert (caller.merchant_id, caller.role, caller.is_test) == (flower_shop["merchantId"], Role.OWNER, False)
    ran = await kado("key", "revoke", key["keyId"])
    assert (ran.code, ran.err) == (0, "")
    with pytest.raises(Unauthenticated):
        await Access(database, keyring).authenticate(f"Bearer {key['secret']}")


async def test_options_shape_the_key_and_the_list_shows_them_without_the_secret(
    kado: Kado, database: Database, keyring: Keyring, flower_shop: dict[str, str]
) -> None:
    ran = await kado(
        "key", "create", *SHOP, "--test", "--role", "cashier", "--scope", "cards:redeem", "--scope", "cards:read",
        "--name", "till 2",
    )  # fmt: skip
    assert ran.code == 0
    secret = next(word for word in ran.out.split() if word.startswith("kado_test_"))
    caller = await Access(database, keyring).authenticate(f"Bearer {secret}")
    assert (caller.role, caller.is_test) == (Role.CASHIER, True)
    assert caller.permissions == {Permission.CARDS_REDEEM, Permission.CARDS_READ}
    listed = await kado("key", "list", *SHOP)
    assert "  test  cashier  cards:read,cards:redeem  till 2  " in listed.out.splitlines()[1]
    assert listed.out.rstrip().endswith("  -")
    assert secret not in listed.out
    (facts,) = (await kado("key", "list", *SHOP, "--json")).json
    assert facts | {"createdAt": None} == {
        "id": facts["id"], "kind": "test", "role": "cashier", "scopes": ["cards:read", "cards:redeem"],
        "name": "till 2", "createdAt": None, "revokedAt": None,
        "expiresAt": None, "programs": None,
    }  # fmt: skip


async def test_a_signing_key_signs_what_the_server_verifies(
    kado: Kado, database: Database, keyring: Keyring, flower_shop: dict[str, str], tmp_path: Path
) -> None:
    key = (await kado("key", "create", *SHOP, "--signing", "--json")).json
    body = tmp_path / "body"
    body.write_bytes(b'{"a": 1}\n')
    signatures = Signatures(database, keyring)
    sign = ("sign", "--key-id", key["keyId"])
    for ran, sent in (
        (await kado(*sign, "--secret", key["secret"], "GET", PATH), b""),
        (await kado(*sign, "--secret-stdin", "get", PATH + "?x=1", stdin=key["secret"] + "\n"), b""),
        (await kado(*sign, "GET", PATH, "--body-file", str(body), KADO_SIGNING_SECRET=key["secret"]), b'{"a": 1}\n'),
    ):
        assert (ran.code, ran.err) == (0, "")
        name, value = ran.out.rstrip("\n").split(": ")
        assert name == "X-Kado-Signature"
        assert await signatures.verify(value, "GET", PATH, sent) == flower_shop["merchantId"]


async def test_sign_needs_no_database_and_no_settings(tmp_path: Path) -> None:
    nothing = Kado({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "KADO_SECRET_KEY": "short"})
    ran = await nothing("sign", "--key-id", "ab" * 12, "--secret", "s", "GET", "/x")
    assert ran.code == 0
    assert ran.out.startswith(f"X-Kado-Signature: keyId={'ab' * 12},t=")
    assert len(ran.out.rstrip().rsplit("v1=", 1)[1]) == hashlib.sha256().digest_size * 2
    assert list(tmp_path.iterdir()) == []


async def test_what_is_refused_is_said_on_stderr_with_exit_code_1(
    kado: Kado, flower_shop: dict[str, str], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for arguments, message in (
        (("key", "create", "--merchant", "Nobody"), "There is no merchant named 'Nobody'; `kado merchant list`"),
        (("key", "list", "--merchant", "Nobody"), "There is no merchant named 'Nobody'"),
        (("key", "create", *SHOP, "--role", "cashier", "--scope", "cards:void"), "The role cashier does not include"),
        (("key", "revoke", "0" * 24), "There is no such key."),
        (("key", "revoke", "nonsense"), "There is no such key."),
        (
            ("sign", "--key-id", "ab" * 12, "--secret", "s", "GET", "/x", "--body-file", f"{tmp_path}/none"),
            f"{tmp_path}/none cannot be read",
        ),
    ):
        with subtests.test(arguments=arguments):
            ran = await kado(*arguments)
            assert (ran.code, ran.out) == (1, "")
            assert ran.err.startswith(f"kado: {message}")


async def test_wrong_usage_is_exit_code_2(kado: Kado, subtests: pytest.Subtests) -> None:
    sign = ("sign", "--key-id", "ab" * 12)
    for arguments in (
        ("key", "create"),
        ("key", "create", *SHOP, "--role", "king"),
        ("key", "create", *SHOP, "--scope", "cards:teleport"),
        ("key", "create", *SHOP, "--signing", "--test"),
        ("key", "create", *SHOP, "--signing", "--role", "cashier"),
        ("key", "revoke"),
        (*sign, "GET", "/x"),
        (*sign, "--secret", "", "GET", "/x"),
        (*sign, "--secret", "s", "GET", "x"),
        ("sign", "--key-id", "short", "--secret", "s", "GET", "/x"),
        ("sign", "--secret", "s", "GET", "/x"),
    ):
        with subtests.test(arguments=arguments):
            ran = await kado(*arguments)
            assert (ran.code, ran.out) == (2, "")
            assert "Error: " in ran.err
