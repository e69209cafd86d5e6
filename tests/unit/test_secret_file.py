"""The secret key's file: several secrets, changed as a whole, readable by its owner alone."""

import os
from pathlib import Path

import pytest

from kado import secret_file
from kado.crypto import Keyring
from kado.secret_file import SecretError
from kado.settings import load

OLD, NEW = "old-secret-of-the-operator-0123456789", "new-secret-of-the-operator-0123456789"


def test_what_is_written_is_read_in_its_order_and_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / secret_file.NAME
    secret_file.write(file, [OLD])
    secret_file.write(file, [NEW, OLD])
    assert secret_file.read(file, make=False) == [NEW, OLD]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [secret_file.NAME]


def test_a_server_takes_all_of_them(tmp_path: Path) -> None:
    secret_file.write(tmp_path / secret_file.NAME, [NEW, OLD])
    keyring = load({"KADO_DATA_DIR": str(tmp_path)}, make_secret=False).keyring
    assert keyring.versions == Keyring([NEW, OLD]).versions
    assert secret_file.name_of(NEW) == keyring.version.hex()


@pytest.mark.parametrize("text", [f"{NEW},{OLD}", f"{NEW}\n{OLD}\n", f" {NEW} ,\t{OLD}\r\n", f"{NEW},{OLD},{NEW}"])
def test_commas_and_line_ends_part_secrets_and_each_counts_once(text: str) -> None:
    assert secret_file.parsed(text) == [NEW, OLD]


@pytest.mark.parametrize(
    "text", ["", f"{NEW},", f"{NEW}\n\n{OLD}", "short", f"{NEW},{'a' * 40}", f"{OLD},changeme" * 5]
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(SecretError):
        secret_file.parsed(text)


def test_a_folder_that_cannot_be_written_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / secret_file.NAME
    secret_file.write(file, [OLD])

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    for name in ("open", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            with pytest.raises(SecretError, match="cannot be changed: Permission denied"):
                secret_file.write(file, [NEW, OLD])
        assert secret_file.read(file, make=False) == [OLD]
        assert [one.name for one in tmp_path.iterdir()] == [secret_file.NAME]


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / secret_file.NAME
    secret_file.write(file, [OLD])
    file.chmod(0o640)
    with pytest.raises(SecretError, match="chmod 600"):
        secret_file.read(file, make=False)
