"""The settings of one run: read from the environment by the names of `table.py`, and checked."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from kado import secret_file
from kado.crypto import Keyring
from kado.secret_file import SecretError
from kado.settings.table import SETTINGS
from kado.settings.wallets import WalletSettings, wallets

_PROCESSES_MAX: Final = 64
_WRITES: Final = ("read-write", "primary")


class SettingError(ValueError):
    """A setting cannot be used; the text names it and says what would do."""


@dataclass(frozen=True)
class CaptchaSettings:
    """Which captcha there is, when it is asked for, and what its provider knows us by."""

    provider: str
    is_always: bool
    site_key: str
    secret: str = field(repr=False)
    url: str


@dataclass(frozen=True)
class MetricsSettings:
    """Where what is counted can be asked for, and with which token; None for no token."""

    address: str
    port: int
    token: str | None = field(repr=False)
    by_program: bool


@dataclass(frozen=True)
class Settings:
    """The settings of one run, checked."""

    data_dir: Path
    database_url: str | None
    database_app_url: str | None
    database_pooled_url: str | None
    database_read_url: str | None
    database_read_wait_seconds: float
    database_connections: int
    migrates_at_start: bool
    public_url: str
    mail_url: str
    mail_from: str
    sms_url: str
    processes: int
    has_worker: bool
    fast_lane: bool
    waiting_max: int
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    country_header: str | None
    request_seconds: float
    connections: int
    seal_seconds: float
    captcha: "CaptchaSettings"
    webhook_allow: tuple[IPv4Network | IPv6Network, ...]
    bulk_sync_max: int
    answer_days: int
    message_days: int
    event_days: int
    audit_address_days: int
    proof_days: int
    metrics: MetricsSettings | None
    otel_endpoint: str | None
    log_level: str
    archive: Path | None
    archive_days: int
    archive_gb: int
    wallets: WalletSettings
    keyring: Keyring = field(repr=False)


def load(
    environ: Mapping[str, str] = os.environ, *, host: str = "127.0.0.1", port: int = 8000, make_secret: bool = True
) -> Settings:
    """The settings of this environment; `host` and `port` only form the default public address.

    Makes the data directory and, where no secret is configured and `make_secret` allows it, the secret's file.
    Raises `SettingError`.
    """

    def value(name: str) -> str:
        return environ.get(name, "").strip() or next(s.default for s in SETTINGS if s.name == name)

    data_dir = Path(value("KADO_DATA_DIR") or _default_data_dir(environ)).expanduser().absolute()
    public_url = (value("KADO_PUBLIC_URL") or f"http://{_shown_host(host)}:{port}").rstrip("/")
    _check_url("KADO_PUBLIC_URL", public_url, ("http", "https"))
    mail_url = value("KADO_MAIL_URL") or (data_dir / "mail").as_uri()
    _check_url("KADO_MAIL_URL", mail_url, ("file", "smtp", "smtps"))
    sms_url = value("KADO_SMS_URL") or (data_dir / "sms").as_uri()
    _check_url("KADO_SMS_URL", sms_url, ("file", "http", "https"))
    database_url = _database_url("KADO_DATABASE_URL", value("KADO_DATABASE_URL"))
    has_worker = _one_of("KADO_WORKER", value("KADO_WORKER"), ("on", "off")) == "on"
    if not has_worker and database_url is None:
        raise SettingError("KADO_WORKER is off, and no other server can work on the embedded database")
    for name in ("KADO_DATABASE_POOLED_URL", "KADO_DATABASE_READ_URL"):
        if value(name) and database_url is None:
            raise SettingError(f"{name} is set, and KADO_DATABASE_URL, whose database it leads to, is not")
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        database_app_url=_database_url("KADO_DATABASE_APP_URL", value("KADO_DATABASE_APP_URL")),
        database_pooled_url=_database_url("KADO_DATABASE_POOLED_URL", value("KADO_DATABASE_POOLED_URL")),
        database_read_url=_database_url("KADO_DATABASE_READ_URL", value("KADO_DATABASE_READ_URL"), ("standby",)),
        database_read_wait_seconds=_whole("KADO_DATABASE_READ_WAIT_MS", value("KADO_DATABASE_READ_WAIT_MS"), 0, 4000)
        / 1000,
        database_connections=_whole("KADO_DATABASE_CONNECTIONS", value("KADO_DATABASE_CONNECTIONS"), 2, 100),
        migrates_at_start=_one_of("KADO_MIGRATE", value("KADO_MIGRATE"), ("at-start", "by-hand")) == "at-start",
        public_url=public_url,
        mail_url=mail_url,
        mail_from=value("KADO_MAIL_FROM") or f"gift-cards@{_mail_host(public_url)}",
        sms_url=sms_url,
        processes=_processes(value("KADO_PROCESSES")),
        has_worker=has_worker,
        fast_lane=_one_of("KADO_FAST_LANE", value("KADO_FAST_LANE"), ("on", "off")) == "on",
        waiting_max=_whole("KADO_WAITING_MAX", value("KADO_WAITING_MAX"), 10, 10_000),
        trusted_proxies=_networks("KADO_TRUSTED_PROXIES", value("KADO_TRUSTED_PROXIES")),
        country_header=_header_name("KADO_COUNTRY_HEADER", value("KADO_COUNTRY_HEADER")),
        request_seconds=_whole("KADO_REQUEST_SECONDS", value("KADO_REQUEST_SECONDS"), 3, 300),
        connections=_whole("KADO_CONNECTIONS", value("KADO_CONNECTIONS"), 8, 50_000),
        seal_seconds=_whole("KADO_SEAL_SECONDS", value("KADO_SEAL_SECONDS"), 1, 3600),
        captcha=_captcha(value),
        webhook_allow=_networks("KADO_WEBHOOK_ALLOW", value("KADO_WEBHOOK_ALLOW")),
        bulk_sync_max=_whole("KADO_BULK_SYNC_MAX", value("KADO_BULK_SYNC_MAX"), 0, 500),
        answer_days=_whole("KADO_ANSWER_DAYS", value("KADO_ANSWER_DAYS"), 30, 3650),
        message_days=_whole("KADO_MESSAGE_DAYS", value("KADO_MESSAGE_DAYS"), 7, 3650),
        event_days=_whole("KADO_EVENT_DAYS", value("KADO_EVENT_DAYS"), 2, 3650),
        audit_address_days=_whole("KADO_AUDIT_ADDRESS_DAYS", value("KADO_AUDIT_ADDRESS_DAYS"), 30, 3650),
        proof_days=_whole("KADO_PROOF_DAYS", value("KADO_PROOF_DAYS"), 30, 3650),
        metrics=_metrics(value),
        otel_endpoint=_otel_endpoint(value("KADO_OTEL_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")),
        log_level=_one_of("KADO_LOG_LEVEL", value("KADO_LOG_LEVEL").lower(), ("debug", "info", "warning", "error")),
        archive=Path(value("KADO_ARCHIVE")).expanduser().absolute() if value("KADO_ARCHIVE") else None,
        archive_days=_whole("KADO_ARCHIVE_DAYS", value("KADO_ARCHIVE_DAYS"), 1, 3650),
        archive_gb=_whole("KADO_ARCHIVE_GB", value("KADO_ARCHIVE_GB"), 1, 100_000),
        wallets=_wallets(value),
        keyring=Keyring(_secret_values(value("KADO_SECRET_KEY"), data_dir, make_secret)),
    )


def _captcha(value: Callable[[str], str]) -> CaptchaSettings:
    provider = _one_of("KADO_CAPTCHA", value("KADO_CAPTCHA"), ("none", "altcha", "turnstile", "hcaptcha"))
    when = _one_of("KADO_CAPTCHA_WHEN", value("KADO_CAPTCHA_WHEN"), ("attacked", "always"))
    made = CaptchaSettings(
        provider=provider,
        is_always=when == "always",
        site_key=value("KADO_CAPTCHA_SITE_KEY"),
        secret=value("KADO_CAPTCHA_SECRET"),
        url=value("KADO_CAPTCHA_URL"),
    )
    if provider == "none" and made.is_always:
        raise SettingError("KADO_CAPTCHA_WHEN is always, but KADO_CAPTCHA is none")
    if provider in ("turnstile", "hcaptcha"):
        for name, given in (("KADO_CAPTCHA_SITE_KEY", made.site_key), ("KADO_CAPTCHA_SECRET", made.secret)):
            if not given:
                raise SettingError(f"KADO_CAPTCHA is {provider}, and {name} is not set")
        if made.url:
            _check_url("KADO_CAPTCHA_URL", made.url, ("https",))
    return made


def _metrics(value: Callable[[str], str]) -> MetricsSettings | None:
    if not value("KADO_METRICS_PORT"):
        return None
    made = MetricsSettings(
        address=value("KADO_METRICS_ADDRESS"),
        port=_whole("KADO_METRICS_PORT", value("KADO_METRICS_PORT"), 1, 65_535),
        token=value("KADO_METRICS_TOKEN") or None,
        by_program=_one_of("KADO_METRICS_BY_PROGRAM", value("KADO_METRICS_BY_PROGRAM"), ("no", "yes")) == "yes",
    )
    try:
        is_here = ip_address(made.address).is_loopback
    except ValueError:
        raise SettingError(f"KADO_METRICS_ADDRESS must be an IP address, not {made.address!r}") from None
    if made.token is None and not is_here:
        raise SettingError(f"others can reach KADO_METRICS_ADDRESS {made.address}, and KADO_METRICS_TOKEN is not set")
    if made.token is not None and not re.fullmatch(r"[!-~]{16,512}", made.token):
        raise SettingError("KADO_METRICS_TOKEN must be 16 to 512 visible ASCII characters without spaces")
    return made


def _wallets(value: Callable[[str], str]) -> WalletSettings:
    def url_of(name: str) -> str:
        url = value(name).rstrip("/")
        if url:
            _check_url(name, url, ("https", "http"))
        return url

    try:
        return wallets(value, url_of)
    except SettingError:
        raise
    except ValueError as error:
        raise SettingError(str(error)) from None


def _otel_endpoint(url: str) -> str | None:
    if not url:
        return None
    _check_url("KADO_OTEL_ENDPOINT", url, ("http", "https"))
    return url


def _default_data_dir(environ: Mapping[str, str]) -> str:
    if os.geteuid() == 0:
        return "/var/lib/kado"
    return str(Path(environ.get("XDG_DATA_HOME") or "~/.local/share") / "kado")


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _mail_host(public_url: str) -> str:
    host = urlsplit(public_url).hostname or "localhost"
    return "localhost" if host.replace(".", "").isdigit() or ":" in host else host


def _database_url(name: str, url: str, targets: tuple[str, ...] = _WRITES) -> str | None:
    if not url:
        return None
    _check_url(name, url, ("postgresql", "postgres"))
    try:
        parts, servers = split_address(url)
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from None
    wanted = parse_qs(parts.query).get("target_session_attrs", [targets[0]])[-1]
    if wanted not in targets and ("," in servers or targets is not _WRITES):
        does = "writes" if targets is _WRITES else "reads there what others write"
        raise SettingError(f"{name}: Kado {does}, so target_session_attrs must be {targets[0]}, not {wanted}")
    return url


def _processes(text: str) -> int:
    if text == "auto":
        return min(_PROCESSES_MAX, len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    return _whole("KADO_PROCESSES", text, 1, _PROCESSES_MAX)


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    scheme = url.split(":", 1)[0].lower()
    if scheme not in schemes or "://" not in url:
        raise SettingError(f"{name} must begin with {' or '.join(s + '://' for s in schemes)}")


def _whole(name: str, text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
        raise SettingError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise SettingError(f"{name} must be one of {', '.join(choices)}, not {text!r}")
    return text


def _header_name(name: str, text: str) -> str | None:
    if text and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", text):
        raise SettingError(f"{name} must be the name of a header, not {text!r}")
    return text or None


def _networks(name: str, text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from None


def _secret_values(text: str, data_dir: Path, make_secret: bool) -> list[str]:
    try:
        return secret_file.parsed(text) if text else secret_file.read(data_dir / secret_file.NAME, make=make_secret)
    except SecretError as error:
        raise SettingError(str(error)) from None


def split_address(url: str) -> tuple[SplitResult, str]:
    """A database's URL without its servers, and these as they were named, with commas between them.

    Python takes no URL apart that names several servers with an IPv6 address among them. Raises `ValueError`.
    """
    scheme, colon, rest = url.partition("://")
    end = min((rest.index(mark) for mark in "/?#" if mark in rest), default=len(rest))
    user, at, servers = rest[:end].rpartition("@")
    for server in servers.split(","):
        urlsplit(f"//{server}")
    return urlsplit(f"{scheme}{colon}{user}{at}{rest[end:]}"), servers
