"""`kado config`: every setting with what it comes to, no secret, nothing made on disk."""

import json
from pathlib import Path

import pytest
from tests.serving.commands import Ran, run, without_settings

from kado.settings.shown import masked
from kado.settings.table import SETTINGS

SECRET = "a-secret-for-the-tests-of-kado-config-0123456789"


def kado_config(data_dir: Path, *arguments: str, **environment: str) -> Ran:
    environment = without_settings() | {"KADO_DATA_DIR": str(data_dir)} | environment
    return run("config", *arguments, environment=environment)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("postgresql://kado:s3cret@db:5432/kado", "postgresql://kado:****@db:5432/kado"),
        ("postgresql://kado@db/kado?password=s3cret&sslmode=require", "postgresql://kado@db/kado?password=****&sslmode=require"),
        ("postgresql://kado:s3cret@n1,n2:5433,[::1]/kado?target_session_attrs=read-write", "postgresql://kado:****@n1,n2:5433,[::1]/kado?target_session_attrs=read-write"),
        ("smtps://a%40b:s%3A3cret@host:465", "smtps://a%40b:****@host:465"),
        ("https://sid:s3cret@api.example/x?from=%2B15550100", "https://sid:****@api.example/x?from=%2B15550100"),
        ("file:///var/lib/kado/mail", "file:///var/lib/kado/mail"),
        ("postgresql://kado:s3cret@[broken/kado", "****"),
    ],
)  # fmt: skip
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_every_setting_is_shown_and_nothing_is_made(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    done = kado_config(data_dir, "--json")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert [setting["name"] for setting in shown["settings"]] == [setting.name for setting in SETTINGS]
    values = {setting["name"]: setting["value"] for setting in shown["settings"]}
    assert values["KADO_DATA_DIR"] == str(data_dir)
    assert values["KADO_SECRET_KEY"] == f"(the first start makes {data_dir / 'secret.key'})"
    assert shown["embedded"]["cluster"] == f"{data_dir / 'postgres'} (not made yet)"
    assert not data_dir.exists()


def test_no_secret_is_shown(tmp_path: Path) -> None:
    urls = {
        "KADO_DATABASE_URL": "postgresql://kado:pass1word@db/kado",
        "KADO_DATABASE_APP_URL": "postgresql://small:pass2word@db/kado",
        "KADO_MAIL_URL": "smtp://me:pass3word@host",
        "KADO_SMS_URL": "https://me:pass4word@host/x",
        "KADO_SECRET_KEY": SECRET,
    }
    for arguments in ([], ["--json"]):
        done = kado_config(tmp_path, *arguments, **urls)
        assert done.code == 0, done.err
        assert not [secret for secret in ("pass1", "pass2", "pass3", "pass4", SECRET) if secret in done.out]
        assert all(setting.name in done.out for setting in SETTINGS)


def test_a_secret_from_the_file_is_said_to_be_from_there(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.touch(mode=0o600)
    file.write_text(SECRET)
    done = kado_config(tmp_path)
    assert f"KADO_SECRET_KEY = **** (from {file})" in done.out
    assert SECRET not in done.out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KADO_PROCESSES", "many"),
        ("KADO_SECRET_KEY", "short"),
        ("KADO_MAIL_URL", "pigeon://roof"),
        ("KADO_CAPTCHA", "x"),
    ],
)
def test_a_bad_setting_is_one_sentence_and_exit_code_1(tmp_path: Path, name: str, value: str) -> None:
    done = kado_config(tmp_path, **{name: value})
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"kado: {name}")
    assert done.err.count("\n") == 1
