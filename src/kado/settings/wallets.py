"""What the operator says of wallets: where certificates are, whose issuer it is, and whom to speak to."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

APPLE_PUSH_URL: Final = "https://api.push.apple.com"
GOOGLE_URL: Final = "https://walletobjects.googleapis.com/walletobjects/v1"
GOOGLE_SAVE_URL: Final = "https://pay.google.com/gp/v/save"


@dataclass(frozen=True)
class AppleSettings:
    """Files for Apple Wallet, each PEM; no certificate means no passes."""

    certificates: tuple[Path, ...]
    keys: tuple[Path, ...]
    """Empty where the certificates' files hold them too."""
    key_password_file: Path | None
    authorities: tuple[Path, ...]
    allows_development: bool
    """Whether passes that no phone accepts are offered: for whoever develops."""
    push_url: str


@dataclass(frozen=True)
class GoogleSettings:
    """Google Wallet: the issuer's id and the file of the service account; without them there are no passes."""

    issuer: str
    service_account: Path | None
    url: str
    save_url: str


@dataclass(frozen=True)
class WalletSettings:
    """Both wallets."""

    apple: AppleSettings
    google: GoogleSettings


def wallets(value: Callable[[str], str], url_of: Callable[[str], str]) -> WalletSettings:
    """From the settings' values, and a check of addresses. Raises `ValueError` with what is wrong."""

    def files(name: str) -> tuple[Path, ...]:
        return tuple(Path(one.strip()).expanduser().absolute() for one in value(name).split(",") if one.strip())

    def file(name: str) -> Path | None:
        found = files(name)
        if len(found) > 1:
            raise ValueError(f"{name} names one file")
        return found[0] if found else None

    kind = value("KADO_APPLE_CERTIFICATE_KIND")
    if kind not in ("real", "development"):
        raise ValueError(f"KADO_APPLE_CERTIFICATE_KIND must be one of real, development, not {kind!r}")
    issuer = value("KADO_GOOGLE_ISSUER")
    if not re.fullmatch(r"[0-9]{0,30}", issuer, re.ASCII):
        raise ValueError("KADO_GOOGLE_ISSUER is the issuer's number, as the Google Pay & Wallet Console shows it")
    return WalletSettings(
        AppleSettings(
            certificates=files("KADO_APPLE_CERTIFICATE"),
            keys=files("KADO_APPLE_KEY"),
            key_password_file=file("KADO_APPLE_KEY_PASSWORD_FILE"),
            authorities=files("KADO_APPLE_WWDR"),
            allows_development=kind == "development",
            push_url=url_of("KADO_APPLE_PUSH_URL") or APPLE_PUSH_URL,
        ),
        GoogleSettings(
            issuer=issuer,
            service_account=file("KADO_GOOGLE_SERVICE_ACCOUNT"),
            url=url_of("KADO_GOOGLE_URL") or GOOGLE_URL,
            save_url=GOOGLE_SAVE_URL,
        ),
    )
