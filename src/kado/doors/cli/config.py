"""`kado config`: what this server is set to and where its data is. Makes and changes nothing."""

import json
import os
import re
import secrets
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qsl, quote, urlencode, urlunsplit

import typer

from kado import settings as configuration
from kado.doors.cli.output import example
from kado.doors.cli.session import command
from kado.settings import MetricsSettings, SettingError, Settings, split_address
from kado.settings.table import SETTINGS, Setting
from kado.settings.wallets import WalletSettings
from kado.storage import embedded

EXAMPLE: Final = example("kado config --json")

_HIDDEN: Final = "****"
_WIDTH: Final = 96


def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show every setting with its value and meaning, and where the data is. Secrets are masked."""
    _config(as_json)


@command
async def _config(as_json: bool) -> None:
    settings, secret_note = _load(os.environ)
    values = effective(settings, secret_note)
    database = {} if settings.database_url else embedded.describe(settings.data_dir)
    if as_json:
        shown = [_facts(setting, values[setting.name]) for setting in SETTINGS]
        print(json.dumps({"settings": shown, "embedded": database or None}, indent=2))
    else:
        _print(values, database)


def effective(settings: Settings, secret_note: str) -> dict[str, str]:
    """What each setting comes to, fit to be shown to anyone: by name, as text."""
    return {
        "KADO_DATABASE_URL": masked(settings.database_url or ""),
        "KADO_DATABASE_APP_URL": masked(settings.database_app_url or ""),
        "KADO_DATABASE_POOLED_URL": masked(settings.database_pooled_url or ""),
        "KADO_DATABASE_READ_URL": masked(settings.database_read_url or ""),
        "KADO_DATABASE_READ_WAIT_MS": f"{settings.database_read_wait_seconds * 1000:g}",
        "KADO_DATABASE_CONNECTIONS": str(settings.database_connections),
        "KADO_MIGRATE": "at-start" if settings.migrates_at_start else "by-hand",
        "KADO_DATA_DIR": str(settings.data_dir),
        "KADO_SECRET_KEY": secret_note,
        "KADO_PUBLIC_URL": settings.public_url,
        "KADO_MAIL_URL": masked(settings.mail_url),
        "KADO_MAIL_FROM": settings.mail_from,
        "KADO_SMS_URL": masked(settings.sms_url),
        "KADO_PROCESSES": str(settings.processes),
        "KADO_WORKER": "on" if settings.has_worker else "off",
        "KADO_FAST_LANE": "on" if settings.fast_lane else "off",
        "KADO_TRUSTED_PROXIES": ", ".join(str(network) for network in settings.trusted_proxies),
        "KADO_COUNTRY_HEADER": settings.country_header or "",
        "KADO_SEAL_SECONDS": f"{settings.seal_seconds:g}",
        "KADO_CAPTCHA": settings.captcha.provider,
        "KADO_CAPTCHA_WHEN": "always" if settings.captcha.is_always else "attacked",
        "KADO_CAPTCHA_SITE_KEY": settings.captcha.site_key,
        "KADO_CAPTCHA_SECRET": _HIDDEN if settings.captcha.secret else "",
        "KADO_CAPTCHA_URL": settings.captcha.url,
        "KADO_WEBHOOK_ALLOW": ", ".join(str(network) for network in settings.webhook_allow),
        "KADO_BULK_SYNC_MAX": str(settings.bulk_sync_max),
        "KADO_MESSAGE_DAYS": str(settings.message_days),
        "KADO_EVENT_DAYS": str(settings.event_days),
        "KADO_AUDIT_ADDRESS_DAYS": str(settings.audit_address_days),
        "KADO_PROOF_DAYS": str(settings.proof_days),
        "KADO_ANSWER_DAYS": str(settings.answer_days),
        "KADO_WAITING_MAX": str(settings.waiting_max),
        "KADO_REQUEST_SECONDS": f"{settings.request_seconds:g}",
        "KADO_CONNECTIONS": str(settings.connections),
        "KADO_ARCHIVE": str(settings.archive or ""),
        "KADO_ARCHIVE_DAYS": str(settings.archive_days),
        "KADO_ARCHIVE_GB": str(settings.archive_gb),
        **_wallets(settings.wallets),
        **_metrics(settings.metrics),
        "KADO_OTEL_ENDPOINT": masked(settings.otel_endpoint or ""),
        "KADO_LOG_LEVEL": settings.log_level,
    }


def _wallets(wallets: WalletSettings) -> dict[str, str]:
    def files(*named: Path | None) -> str:
        return ", ".join(str(file) for file in named if file is not None)

    apple, google = wallets.apple, wallets.google
    return {
        "KADO_APPLE_CERTIFICATE": files(*apple.certificates),
        "KADO_APPLE_KEY": files(*apple.keys),
        "KADO_APPLE_KEY_PASSWORD_FILE": files(apple.key_password_file),
        "KADO_APPLE_WWDR": files(*apple.authorities),
        "KADO_APPLE_CERTIFICATE_KIND": "development" if apple.allows_development else "real",
        "KADO_APPLE_PUSH_URL": masked(apple.push_url),
        "KADO_GOOGLE_ISSUER": google.issuer,
        "KADO_GOOGLE_SERVICE_ACCOUNT": files(google.service_account),
        "KADO_GOOGLE_URL": masked(google.url),
    }


def _metrics(metrics: MetricsSettings | None) -> dict[str, str]:
    if metrics is None:
        return dict.fromkeys(
            ("KADO_METRICS_PORT", "KADO_METRICS_ADDRESS", "KADO_METRICS_TOKEN", "KADO_METRICS_BY_PROGRAM"), ""
        )
    return {
        "KADO_METRICS_PORT": str(metrics.port),
        "KADO_METRICS_ADDRESS": metrics.address,
        "KADO_METRICS_TOKEN": _HIDDEN if metrics.token else "",
        "KADO_METRICS_BY_PROGRAM": "yes" if metrics.by_program else "no",
    }


def masked(url: str) -> str:
    """The URL without its password, wherever it stands. Nothing of a URL that cannot be taken apart is shown."""
    try:
        parts, servers = split_address(url)
        user, at, _ = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return _HIDDEN
    hidden = [
        (key, _HIDDEN if re.search("pass|secret|token|key", key, re.IGNORECASE) else value) for key, value in pairs
    ]
    return urlunsplit(
        parts._replace(
            netloc=f"{name}{colon and ':' + _HIDDEN}{at}{servers}",
            query=urlencode(hidden, quote_via=quote, safe="*/") if hidden != pairs else parts.query,
        )
    )


def _load(environ: Mapping[str, str]) -> tuple[Settings, str]:
    """The settings, and what may be said of the secret key; one that the first start would make is not missed."""
    given = environ.get("KADO_SECRET_KEY", "").strip()
    if given:
        count = given.count(",") + 1
        return configuration.load(environ, make_secret=False), f"{_HIDDEN} ({count} given)"
    stand_in = {"KADO_SECRET_KEY": secrets.token_hex(32)}
    settings = configuration.load({**environ, **stand_in}, make_secret=False)
    file = settings.data_dir / "secret.key"
    if not _exists(file):
        return settings, f"(the first start makes {file})"
    return configuration.load(environ, make_secret=False), f"{_HIDDEN} (from {file})"


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        raise SettingError(f"{file.parent} cannot be read: {error.strerror}") from None


def _facts(setting: Setting, value: str) -> dict[str, object]:
    return {
        "name": setting.name,
        "value": value,
        "isSet": _is_set(setting),
        "default": setting.default,
        "meaning": setting.meaning,
    }


def _is_set(setting: Setting) -> bool:
    return bool(os.environ.get(setting.name, "").strip())


def _print(values: Mapping[str, str], database: Mapping[str, str]) -> None:
    for setting in SETTINGS:
        origin = "set" if _is_set(setting) else "default"
        print(f"{setting.name} = {values[setting.name] or '(empty)'}   [{origin}]")
        if _is_set(setting) and setting.default:
            print(f"    Default: {setting.default}")
        print(textwrap.indent(textwrap.fill(setting.meaning, _WIDTH, break_on_hyphens=False), "    "))
    print()
    if not database:
        print("The database is the server that KADO_DATABASE_URL names.")
        return
    print("The embedded database")
    for name, value in database.items():
        print(f"    {name + ':':<17} {value}")
