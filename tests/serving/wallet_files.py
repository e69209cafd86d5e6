"""What Apple Wallet needs on a server, to develop with."""

from pathlib import Path

from kado.passes import development


def apple_settings(folder: Path) -> dict[str, str]:
    """Make a development certificate in this folder; the settings that name it."""
    development.make(folder)
    return {
        "KADO_APPLE_CERTIFICATE": str(folder / development.CERTIFICATE),
        "KADO_APPLE_KEY": str(folder / development.KEY),
        "KADO_APPLE_WWDR": str(folder / development.AUTHORITY),
        "KADO_APPLE_CERTIFICATE_KIND": "development",
    }
