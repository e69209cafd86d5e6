"""Settings: what is accepted, what is refused by name, and the secret that everything else hangs on."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest

from kado import settings as configuration
from kado.crypto import Keyring
from kado.settings import SettingError, Settings
from kado.settings.table import SETTINGS

SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OTHER = "2c26b46b68ffc68ff99b453c1d3041341342d706fd05ea8f2f2f0a3c9d2a1c11"
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def with_settings(**environ: str) -> Settings:
        return configuration.load({"KADO_DATA_DIR": str(tmp_path), "KADO_SECRET_KEY": SECRET} | environ)

    return with_settings


def test_a_server_needs_no_settings_but_a_place(tmp_path: Path) -> None:
    loaded = configuration.load({"KADO_DATA_DIR": str(tmp_path)}, host="0.0.0.0", port=8080)
    assert loaded.data_dir == tmp_path
    assert (loaded.database_url, loaded.database_app_url) == (None, None)
    assert loaded.public_url == "http://127.0.0.1:8080"
    assert (loaded.mail_url, loaded.sms_url) == ((tmp_path / "mail").as_uri(), (tmp_path / "sms").as_uri())
    assert loaded.mail_from == "gift-cards@localhost"
    assert (loaded.processes, loaded.waiting_max, loaded.trusted_proxies) == (1, 200, ())
    assert loaded.seal_seconds == 5
    assert (loaded.captcha.provider, loaded.answer_days, loaded.log_level) == ("none", 35, "info")


def test_every_setting_is_described_once() -> None:
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("KADO_") for name in names)
    assert all(setting.meaning.endswith(".") for setting in SETTINGS)
    secret = {setting.name for setting in SETTINGS if setting.secret}
    assert secret == {
        "KADO_DATABASE_URL", "KADO_DATABASE_APP_URL", "KADO_DATABASE_POOLED_URL", "KADO_DATABASE_READ_URL",
        "KADO_SECRET_KEY", "KADO_MAIL_URL", "KADO_SMS_URL", "KADO_CAPTCHA_SECRET", "KADO_METRICS_TOKEN",
    }  # fmt: skip


def test_a_setting_that_is_empty_or_blank_is_not_set(load: Load) -> None:
    loaded = load(KADO_DATABASE_URL="  ", KADO_PROCESSES="", KADO_CAPTCHA=" altcha ")
    assert (loaded.database_url, loaded.processes, loaded.captcha.provider) == (None, 1, "altcha")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@a,b:5433,c/x",
        "postgresql://u:p@a,b/x?target_session_attrs=read-write",
        "postgresql://u:p@a,b/x?sslmode=require&target_session_attrs=primary",
        "postgresql://u:p,w@a/x?target_session_attrs=any",
    ],
)
def test_a_database_may_be_several_servers_of_which_one_takes_writes(load: Load, url: str) -> None:
    assert load(KADO_DATABASE_URL=url).database_url == url


@pytest.mark.parametrize("target", ["", "&target_session_attrs=standby"])
def test_copies_are_servers_that_take_no_writes(load: Load, target: str) -> None:
    database, copies = "postgresql://u:p@a/x", f"postgresql://u:p@b,c/x?sslmode=require{target}"
    assert load(KADO_DATABASE_URL=database, KADO_DATABASE_READ_URL=copies).database_read_url == copies


@pytest.mark.parametrize("target", ["read-write", "primary", "any", "prefer-standby"])
def test_a_copy_that_may_be_the_database_is_refused(load: Load, target: str) -> None:
    copy = f"postgresql://u:p@b/x?target_session_attrs={target}"
    with pytest.raises(SettingError, match="KADO_DATABASE_READ_URL"):
        load(KADO_DATABASE_URL="postgresql://u:p@a/x", KADO_DATABASE_READ_URL=copy)


def test_as_many_processes_as_processors(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(3)), raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert load(KADO_PROCESSES="auto").processes == 3


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("cards.lan", "http://cards.lan:8000"),
    ],
)
def test_the_public_address_is_where_the_server_listens(tmp_path: Path, host: str, url: str) -> None:
    assert configuration.load({"KADO_DATA_DIR": str(tmp_path)}, host=host).public_url == url


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("https://cards.example.com/", "gift-cards@cards.example.com"),
        ("http://10.0.0.7:8000", "gift-cards@localhost"),
        ("http://[::1]:8000", "gift-cards@localhost"),
    ],
)
def test_mail_comes_from_the_public_address(load: Load, url: str, sender: str) -> None:
    loaded = load(KADO_PUBLIC_URL=url)
    assert loaded.mail_from == sender
    assert not loaded.public_url.endswith("/")
    assert load(KADO_PUBLIC_URL=url, KADO_MAIL_FROM="shop@x.example").mail_from == "shop@x.example"


def test_proxies_are_addresses_or_networks(load: Load) -> None:
    loaded = load(KADO_TRUSTED_PROXIES="127.0.0.1, 10.0.0.7/8,fd00::/8,")
    assert loaded.trusted_proxies == tuple(ip_network(n) for n in ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KADO_DATABASE_URL", "mysql://x"),
        ("KADO_DATABASE_URL", "sqlite:///x"),
        ("KADO_DATABASE_URL", "postgresql:x"),
        ("KADO_DATABASE_URL", "postgresql://[x/y"),
        ("KADO_DATABASE_URL", "postgresql://u:p@a,b/x?target_session_attrs=any"),
        ("KADO_DATABASE_APP_URL", "postgresql://u:p@a,b/x?target_session_attrs=prefer-standby"),
        ("KADO_DATABASE_APP_URL", "localhost"),
        ("KADO_PUBLIC_URL", "cards.example.com"),
        ("KADO_PUBLIC_URL", "ftp://cards.example.com"),
        ("KADO_MAIL_URL", "http://mail"),
        ("KADO_MAIL_URL", "mail.example.com:25"),
        ("KADO_SMS_URL", "smtp://x"),
        ("KADO_DATABASE_CONNECTIONS", "1"),
        ("KADO_DATABASE_POOLED_URL", "postgresql://u:p@pooler/x"),  # of which database?
        ("KADO_DATABASE_READ_URL", "postgresql://u:p@copy/x"),
        ("KADO_DATABASE_READ_WAIT_MS", "4001"),
        ("KADO_WORKER", "yes"),
        ("KADO_PROCESSES", "all"),
        ("KADO_PROCESSES", "0"),
        ("KADO_PROCESSES", "65"),
        ("KADO_PROCESSES", "-1"),
        ("KADO_PROCESSES", "1.5"),
        ("KADO_PROCESSES", "٣"),
        ("KADO_PROCESSES", "1_0"),
        ("KADO_SEAL_SECONDS", "0"),
        ("KADO_SEAL_SECONDS", "3601"),
        ("KADO_ANSWER_DAYS", "29"),
        ("KADO_ANSWER_DAYS", "forever"),
        ("KADO_CAPTCHA", "recaptcha"),
        ("KADO_CAPTCHA", "turnstile"),
        ("KADO_CAPTCHA", "hcaptcha"),
        ("KADO_CAPTCHA_WHEN", "always"),
        ("KADO_CAPTCHA_WHEN", "never"),
        ("KADO_LOG_LEVEL", "loud"),
        ("KADO_METRICS_PORT", "0"),
        ("KADO_METRICS_PORT", "metrics"),
        ("KADO_OTEL_ENDPOINT", "collector:4317"),
        ("KADO_TRUSTED_PROXIES", "everyone"),
        ("KADO_TRUSTED_PROXIES", "10.0.0.0/33"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(load: Load, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        load(**{name: value})


# ── the secret ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "secret",
    [
        "short",
        SECRET[:31],
        "x" * 64,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "changeme" * 8,
        "CHANGE-ME-" * 6,
        "secret-secret-secret-secret-secret-0123456789",
        "password_password_password_password_1234567890",
        "kado kado kado kado kado kado kado kado 0123456789",
        "test" * 12 + "0123456789",
        f"{SECRET},short",
        f"{SECRET},",
        f",{SECRET}",
        ",",
    ],
)
def test_a_short_or_well_known_secret_refuses_to_start_and_is_not_repeated(load: Load, secret: str) -> None:
    with pytest.raises(SettingError, match="KADO_SECRET_KEY") as refusal:
        load(KADO_SECRET_KEY=secret)
    assert secret not in str(refusal.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.10"])
def test_metrics_are_told_on_loopback_without_more(load: Load, address: str) -> None:
    assert load().metrics is None
    told = load(KADO_METRICS_PORT="9464", KADO_METRICS_ADDRESS=address).metrics
    assert told is not None
    assert (told.address, told.port, told.token, told.by_program) == (address, 9464, None, False)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("KADO_METRICS_TOKEN", {"KADO_METRICS_ADDRESS": "0.0.0.0"}),
        ("KADO_METRICS_TOKEN", {"KADO_METRICS_ADDRESS": "10.0.0.5"}),
        ("KADO_METRICS_TOKEN", {"KADO_METRICS_TOKEN": "short"}),
        ("KADO_METRICS_TOKEN", {"KADO_METRICS_TOKEN": "sixteen characters"}),
        ("KADO_METRICS_ADDRESS", {"KADO_METRICS_ADDRESS": "localhost"}),
        ("KADO_METRICS_BY_PROGRAM", {"KADO_METRICS_BY_PROGRAM": "some"}),
    ],
)
def test_metrics_are_told_to_nobody_else_without_a_token(load: Load, name: str, given: dict[str, str]) -> None:
    with pytest.raises(SettingError, match=name) as refusal:
        load(KADO_METRICS_PORT="9464", **given)
    assert "sixteen" not in str(refusal.value)


def test_the_standard_variable_says_where_traces_go_too(load: Load) -> None:
    assert load().otel_endpoint is None
    assert load(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318").otel_endpoint == "http://c:4318"
    ours = load(OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318", KADO_OTEL_ENDPOINT="http://d:4318")
    assert ours.otel_endpoint == "http://d:4318"


def test_a_secret_of_32_characters_will_do(load: Load) -> None:
    assert load(KADO_SECRET_KEY=SECRET[:32]).keyring.versions == Keyring([SECRET[:32]]).versions


def test_a_list_of_secrets_rotates(load: Load) -> None:
    loaded = load(KADO_SECRET_KEY=f"{OTHER} , {SECRET}")
    assert loaded.keyring.versions == Keyring([OTHER, SECRET]).versions
    sealed = load(KADO_SECRET_KEY=SECRET).keyring.encrypt("answer", b"x", b"")
    assert loaded.keyring.decrypt("answer", sealed, b"") == b"x"


def test_settings_do_not_show_their_secret(load: Load) -> None:
    assert SECRET not in repr(load())


def test_the_first_start_makes_a_secret_that_only_its_owner_can_read(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "data"
    first = configuration.load({"KADO_DATA_DIR": str(directory)})
    path = directory / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) == 64
    assert [file.name for file in directory.iterdir()] == ["secret.key"]
    again = configuration.load({"KADO_DATA_DIR": str(directory)}, make_secret=False)
    assert again.keyring.versions == first.keyring.versions == Keyring([path.read_text().strip()]).versions


def test_two_first_starts_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: configuration.load({"KADO_DATA_DIR": str(tmp_path)}), range(16)))
    assert len({loaded.keyring.version for loaded in made}) == 1


def test_no_secret_is_made_where_none_may_be(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="KADO_SECRET_KEY"):
        configuration.load({"KADO_DATA_DIR": str(tmp_path)}, make_secret=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_secret_that_others_can_read_refuses_to_start(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.key"
    path.write_text(SECRET)
    path.chmod(mode)
    with pytest.raises(SettingError, match="can be read by others"):
        configuration.load({"KADO_DATA_DIR": str(tmp_path)})


def test_a_short_secret_in_the_file_refuses_to_start(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.touch(0o600)
    path.write_text("short")
    with pytest.raises(SettingError):
        configuration.load({"KADO_DATA_DIR": str(tmp_path)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another place")
def test_root_keeps_its_data_in_var_lib() -> None:
    assert configuration._default_data_dir({}) == "/var/lib/kado"


def test_everyone_else_keeps_it_in_their_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert configuration._default_data_dir({}) == "~/.local/share/kado"
    assert configuration._default_data_dir({"XDG_DATA_HOME": "/data"}) == "/data/kado"


SERVICE = {"KADO_CAPTCHA": "hcaptcha", "KADO_CAPTCHA_SITE_KEY": "site-key", "KADO_CAPTCHA_SECRET": "0xCAPTCHA"}


def test_a_captcha_of_somebody_else_needs_both_keys_and_tells_neither(load: Load) -> None:
    loaded = load(**SERVICE, KADO_CAPTCHA_WHEN="always")
    assert (loaded.captcha.provider, loaded.captcha.is_always, loaded.captcha.url) == ("hcaptcha", True, "")
    assert "0xCAPTCHA" not in repr(loaded)
    for missing in ("KADO_CAPTCHA_SITE_KEY", "KADO_CAPTCHA_SECRET"):
        with pytest.raises(SettingError, match=missing):
            load(**{name: value for name, value in SERVICE.items() if name != missing})
    with pytest.raises(SettingError, match="KADO_CAPTCHA_URL"):
        load(**SERVICE, KADO_CAPTCHA_URL="http://captcha.example/siteverify")
