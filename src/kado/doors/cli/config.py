"""`kado config`: what this server is set to and where its data is. Makes and changes nothing."""

import json
import os
import secrets
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from kado import settings as configuration
from kado.doors.cli.output import example
from kado.doors.cli.session import command
from kado.settings import SettingError, Settings
from kado.settings.shown import HIDDEN, effective
from kado.settings.table import SETTINGS, Setting
from kado.storage import embedded

EXAMPLE: Final = example("kado config --json")

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


def _load(environ: Mapping[str, str]) -> tuple[Settings, str]:
    """The settings, and what may be said of the secret key; one that the first start would make is not missed."""
    given = environ.get("KADO_SECRET_KEY", "").strip()
    if given:
        count = given.count(",") + 1
        return configuration.load(environ, make_secret=False), f"{HIDDEN} ({count} given)"
    stand_in = {"KADO_SECRET_KEY": secrets.token_hex(32)}
    settings = configuration.load({**environ, **stand_in}, make_secret=False)
    file = settings.data_dir / "secret.key"
    if not _exists(file):
        return settings, f"(the first start makes {file})"
    return configuration.load(environ, make_secret=False), f"{HIDDEN} (from {file})"


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
