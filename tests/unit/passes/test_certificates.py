"""Files that the operator names: what is wrong with one is said, takes its wallet away, and stops nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from kado import settings as configuration
from kado.crypto import Keyring
from kado.passes import development
from kado.passes.certificates import CertificateError, read
from kado.passes.wallets import wallets
from kado.settings import SettingError
from kado.settings.wallets import AppleSettings, GoogleSettings, WalletSettings

NOTHING = GoogleSettings("", None, "", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    development.make(made)
    development.make(made / "other", "pass.other", days=20)
    return made


@pytest.fixture
def apple(folder: Path) -> AppleSettings:
    names = (development.CERTIFICATE, development.KEY, development.AUTHORITY)
    certificate, key, authority = (folder / name for name in names)
    return AppleSettings((certificate,), (key,), None, (authority,), allows_development=True, push_url="")


def test_pass_type_and_team_are_read_from_the_certificate(apple: AppleSettings) -> None:
    [(pass_type, certificate)] = read(apple).items()
    assert (pass_type, certificate.team, certificate.is_development) == ("pass.kado.giftcard", "DEVELOPMENT", True)
    now = datetime.now(UTC)
    assert certificate.is_valid_at(now)
    assert not certificate.is_valid_at(now + timedelta(days=400))
    assert "PRIVATE" not in repr(certificate)


def test_several_files_are_told_apart_by_their_keys(apple: AppleSettings, folder: Path) -> None:
    other = folder / "other"
    both = replace(
        apple,
        certificates=(*apple.certificates, other / development.CERTIFICATE),
        keys=(other / development.KEY, *apple.keys),
        authorities=(other / development.AUTHORITY, *apple.authorities),
    )
    assert read(both).keys() == {"pass.kado.giftcard", "pass.other"}
    left = wallets(WalletSettings(both, NOTHING), Keyring(["x" * 32]), "https://kado.test").seconds_left()
    assert left is not None
    assert timedelta(days=19) < timedelta(seconds=left) <= timedelta(days=20)


def test_a_key_may_have_a_password(apple: AppleSettings, folder: Path, tmp_path: Path) -> None:
    key = load_pem_private_key((folder / development.KEY).read_bytes(), None)
    hidden, password = tmp_path / "hidden.key", tmp_path / "password"
    hidden.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")))
    password.write_text("open sesame\n")
    certificate = read(replace(apple, keys=(hidden,), key_password_file=password))["pass.kado.giftcard"]
    assert "sesame" not in repr(certificate)
    password.write_text("wrong")
    with pytest.raises(CertificateError, match="holds no private key in PEM that can be read") as error:
        read(replace(apple, keys=(hidden,), key_password_file=password))
    assert "wrong" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one, place: replace(one, keys=(place / development.AUTHORITY,)), "holds no private key in PEM"),
        (lambda one, place: replace(one, keys=(place / "none",)), "cannot be read: No such file"),
        (lambda one, place: replace(one, keys=(place / "other" / development.KEY,)), "There is no private key for"),
        (lambda one, _: replace(one, authorities=()), "KADO_APPLE_WWDR holds no certificate that issued"),
        (
            lambda one, place: replace(one, authorities=(place / "other" / development.AUTHORITY,)),
            "KADO_APPLE_WWDR holds no certificate that issued",
        ),
        (lambda one, _: replace(one, certificates=one.authorities), "is not a pass type certificate"),
        (lambda one, _: replace(one, certificates=one.keys), "openssl x509 -inform der"),
        (lambda one, _: replace(one, certificates=one.certificates * 2), "are both for the pass type"),
        (lambda one, _: replace(one, allows_development=False), "is a development certificate"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_offered(
    apple: AppleSettings, folder: Path, change: Callable[[AppleSettings, Path], AppleSettings], said: str
) -> None:
    made = wallets(WalletSettings(change(apple, folder), NOTHING), Keyring(["x" * 32]), "https://kado.test")
    assert made.certificates == {}
    [complaint] = made.complaints
    assert said in complaint
    assert "PRIVATE" not in complaint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("x", "is not the JSON file"),
        ("{}", "lacks client_email"),
        ('{"client_email": "a", "token_uri": "https://b", "private_key": "c"}', "holds no RSA private key"),
        ('{"client_email": "a", "token_uri": "http://b.example", "private_key": "c"}', "that is not https"),
    ],
)
def test_a_service_account_that_is_none_is_named(tmp_path: Path, content: Any, said: str) -> None:
    file = tmp_path / "account.json"
    if content is not None:
        file.write_text(content)
    none = AppleSettings((), (), None, (), allows_development=False, push_url="")
    there = WalletSettings(none, GoogleSettings("3388", file, "", ""))
    [complaint] = wallets(there, Keyring(["x" * 32]), "https://kado.test").complaints
    assert said in complaint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KADO_APPLE_CERTIFICATE_KIND", "unreal"),
        ("KADO_GOOGLE_ISSUER", "mine"),
        ("KADO_APPLE_PUSH_URL", "ftp://x"),
        ("KADO_GOOGLE_SERVICE_ACCOUNT", "a.json,b.json"),
    ],
)
def test_settings_are_checked(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        configuration.load({"KADO_DATA_DIR": str(tmp_path), "KADO_SECRET_KEY": "x" * 32, name: value})
