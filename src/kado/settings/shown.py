"""What each setting comes to, fit to be shown: without passwords, keys and tokens."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlunsplit

from kado.settings import MetricsSettings, Settings, split_address
from kado.settings.wallets import WalletSettings

HIDDEN: Final = "****"


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
        "KADO_CAPTCHA_SECRET": HIDDEN if settings.captcha.secret else "",
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
        "KADO_METRICS_TOKEN": HIDDEN if metrics.token else "",
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
        return HIDDEN
    hidden = [
        (key, HIDDEN if re.search("pass|secret|token|key", key, re.IGNORECASE) else value) for key, value in pairs
    ]
    return urlunsplit(
        parts._replace(
            netloc=f"{name}{colon and ':' + HIDDEN}{at}{servers}",
            query=urlencode(hidden, quote_via=quote, safe="*/") if hidden != pairs else parts.query,
        )
    )
