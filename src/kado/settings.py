"""Every setting, in one place: its name, default, meaning. `kado config` and the reference page print this table."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from kado import secret_file
from kado.crypto import Keyring
from kado.secret_file import SecretError


class SettingError(ValueError):
    """A setting cannot be used; the text names it and says what would do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable, described for people."""

    name: str
    default: str
    meaning: str
    secret: bool = False


SETTINGS: Final = (
    Setting(
        "KADO_DATABASE_URL",
        "",
        "PostgreSQL 15 to 18, as `postgresql://user:password@host:5432/name`. Empty: Kado runs its own PostgreSQL in "
        "the data directory. The user migrates the schema and must be allowed to create a role (see "
        "KADO_DATABASE_APP_URL). Several servers that copy each other, as "
        "`postgresql://user:password@host1,host2:5433,host3/name?target_session_attrs=read-write`: Kado works on the "
        "one that takes writes, and follows when another one does.",
        secret=True,
    ),
    Setting(
        "KADO_DATABASE_APP_URL",
        "",
        "Only where the user of KADO_DATABASE_URL may not create roles: the same database as another, plain user, to "
        "whom each migration grants what a running server needs and no more.",
        secret=True,
    ),
    Setting(
        "KADO_MIGRATE",
        "at-start",
        "`at-start`: a server that starts (or a command) brings the schema to its version. `by-hand`: only "
        "`kado database migrate` does, for several servers on one database that are updated one by one.",
    ),
    Setting(
        "KADO_DATA_DIR",
        "",
        "Where the embedded database, the secret key's file and the mail folder live. Default: /var/lib/kado as root, "
        "otherwise $XDG_DATA_HOME/kado (~/.local/share/kado).",
    ),
    Setting(
        "KADO_SECRET_KEY",
        "",
        "32 characters or more; everything secret in the database derives from it. A comma-separated list rotates: the "
        "first one writes, all read (`kado secret` helps). Empty: the first start makes one in the file `secret.key` "
        "(0600, one a line) in the data directory. Keep a copy apart from the database's backups: without it no card "
        "number can be read again.",
        secret=True,
    ),
    Setting(
        "KADO_PUBLIC_URL",
        "",
        "How people and tills reach this server, e.g. https://cards.example.com. Default: http://HOST:PORT.",
    ),
    Setting(
        "KADO_MAIL_URL",
        "",
        "Where mail goes: `smtp://user:password@host:587` (STARTTLS is required when there is a password), "
        "`smtps://user:password@host:465`, or `file:///directory` (one .eml a message). Default: `mail` in the data "
        "directory.",
        secret=True,
    ),
    Setting("KADO_MAIL_FROM", "", "The sender of mail. Default: gift-cards@ the host of KADO_PUBLIC_URL."),
    Setting(
        "KADO_SMS_URL",
        "",
        "Where text messages go: `https://user:password@provider/path?from=%2B15550100` (a form POST of To, From, Body "
        "with basic authentication, as Twilio takes it) or `file:///directory`. Default: `sms` in the data directory.",
        secret=True,
    ),
    Setting("KADO_PROCESSES", "1", "How many HTTP processes share the port. One serves most shops; two use two cores."),
    Setting(
        "KADO_WAITING_MAX",
        "200",
        "How many requests may wait in each queue of a process: for a connection to the database, for their turn in "
        "the ledger, for a balance check (10 to 10000). Who comes when it is full, and is still behind 0.7 seconds "
        "later, gets 503 with `Retry-After`.",
    ),
    Setting(
        "KADO_TRUSTED_PROXIES",
        "",
        "Addresses or networks (comma-separated) whose X-Forwarded-For is believed. Default: none, not even loopback.",
    ),
    Setting(
        "KADO_COUNTRY_HEADER",
        "",
        "The header in which a trusted proxy says from which country a request comes, in two letters, such as "
        "CF-IPCountry. The proxy must set or remove it on every request. Default: none; rules against fraud cannot "
        "look at countries then.",
    ),
    Setting(
        "KADO_REQUEST_SECONDS",
        "30",
        "Within how many seconds a request must have arrived (3 to 300): its headers in a third of them, its body in "
        "the rest. A client that takes hardly anything of its answer for two thirds of them is cut off.",
    ),
    Setting(
        "KADO_CONNECTIONS",
        "4000",
        "How many connections an HTTP process keeps (8 to 50000), if it may open as many files. When they are all "
        "taken, whoever has been without a request for longest makes room.",
    ),
    Setting(
        "KADO_SEAL_SECONDS", "5", "How long after an entry the head of its card is sealed, at the latest (1 to 3600)."
    ),
    Setting(
        "KADO_CAPTCHA",
        "none",
        "What a balance check must bring when a program is under attack: `altcha` (proof of work, served by Kado "
        "itself, no third party), `turnstile` (Cloudflare) or `hcaptcha`; or `none`: then a program under attack takes "
        "only so many failed checks a minute.",
    ),
    Setting(
        "KADO_CAPTCHA_WHEN",
        "attacked",
        "`attacked`: it is asked for in a program in which far more checks fail than usual. `always`: at every public "
        "balance check. A program can ask for it always by itself (`requireCaptcha`).",
    ),
    Setting("KADO_CAPTCHA_SITE_KEY", "", "For `turnstile` and `hcaptcha`: the site key, which pages show."),
    Setting(
        "KADO_CAPTCHA_SECRET",
        "",
        "For `turnstile` and `hcaptcha`: the secret key that belongs to it.",
        secret=True,
    ),
    Setting(
        "KADO_CAPTCHA_URL",
        "",
        "For `turnstile` and `hcaptcha`: another `https://` address that judges tokens. Default: the provider's own.",
    ),
    Setting(
        "KADO_WEBHOOK_ALLOW",
        "",
        "Addresses or networks (comma-separated) inside your own network that webhooks may call all the same, over "
        "http:// and on any port too. Default: none; webhooks call public addresses over https:// only.",
    ),
    Setting(
        "KADO_BULK_SYNC_MAX",
        "50",
        "Up to how many cards a bulk issue makes at once, in its answer (0 to 500); larger ones become a task for the "
        "worker.",
    ),
    Setting(
        "KADO_MESSAGE_DAYS",
        "90",
        "How long mails and text messages that left, or were given up, are kept with their addresses, in days (7 to "
        "3650).",
    ),
    Setting(
        "KADO_EVENT_DAYS",
        "30",
        "How long events and their deliveries to webhooks are kept, in days (2 to 3650); what still waits to be "
        "delivered stays.",
    ),
    Setting(
        "KADO_AUDIT_ADDRESS_DAYS",
        "365",
        "How long the audit log keeps the internet address and the client's name beside its rows, in days (30 to "
        "3650). The rows themselves stay.",
    ),
    Setting(
        "KADO_PROOF_DAYS",
        "1095",
        "How long after an erasure the proof is kept that somebody had agreed to something, without saying who, in "
        "days (30 to 3650).",
    ),
    Setting("KADO_ANSWER_DAYS", "35", "How long answers to idempotency keys are kept, in days (at least 30)."),
    Setting(
        "KADO_ARCHIVE",
        "",
        "A folder, best on another disk, to which the embedded database's log is copied as it is written, so that "
        "`kado restore --until` can go to any moment since a backup. Empty: none; a restore goes to a backup's moment.",
    ),
    Setting(
        "KADO_ARCHIVE_DAYS",
        "14",
        "How long that is kept, in days (1 to 3650). Make backups more often than that: an older one can only be "
        "restored to its own moment.",
    ),
    Setting(
        "KADO_ARCHIVE_GB",
        "20",
        "How large it may become, in gigabytes (1 to 100000). Beyond that the oldest goes early, with a warning.",
    ),
    Setting("KADO_LOG_LEVEL", "info", "debug, info, warning or error."),
)


@dataclass(frozen=True)
class CaptchaSettings:
    """Which captcha there is, when it is asked for, and what its provider knows us by."""

    provider: str
    is_always: bool
    site_key: str
    secret: str = field(repr=False)
    url: str


@dataclass(frozen=True)
class Settings:
    """The settings of one run, checked."""

    data_dir: Path
    database_url: str | None
    database_app_url: str | None
    migrates_at_start: bool
    public_url: str
    mail_url: str
    mail_from: str
    sms_url: str
    processes: int
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
    log_level: str
    archive: Path | None
    archive_days: int
    archive_gb: int
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
    return Settings(
        data_dir=data_dir,
        database_url=_database_url("KADO_DATABASE_URL", value("KADO_DATABASE_URL")),
        database_app_url=_database_url("KADO_DATABASE_APP_URL", value("KADO_DATABASE_APP_URL")),
        migrates_at_start=_one_of("KADO_MIGRATE", value("KADO_MIGRATE"), ("at-start", "by-hand")) == "at-start",
        public_url=public_url,
        mail_url=mail_url,
        mail_from=value("KADO_MAIL_FROM") or f"gift-cards@{_mail_host(public_url)}",
        sms_url=sms_url,
        processes=_whole("KADO_PROCESSES", value("KADO_PROCESSES"), 1, 64),
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
        log_level=_one_of("KADO_LOG_LEVEL", value("KADO_LOG_LEVEL").lower(), ("debug", "info", "warning", "error")),
        archive=Path(value("KADO_ARCHIVE")).expanduser().absolute() if value("KADO_ARCHIVE") else None,
        archive_days=_whole("KADO_ARCHIVE_DAYS", value("KADO_ARCHIVE_DAYS"), 1, 3650),
        archive_gb=_whole("KADO_ARCHIVE_GB", value("KADO_ARCHIVE_GB"), 1, 100_000),
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


def _database_url(name: str, url: str) -> str | None:
    if not url:
        return None
    _check_url(name, url, ("postgresql", "postgres"))
    try:
        parts, servers = split_address(url)
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from None
    wanted = parse_qs(parts.query).get("target_session_attrs", ["read-write"])[-1]
    if "," in servers and wanted not in ("read-write", "primary"):
        raise SettingError(
            f"{name} names several servers, and Kado writes: target_session_attrs must be read-write, not {wanted}"
        )
    return url


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
