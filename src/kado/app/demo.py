"""`kado demo`: a server with a merchant, cards in every state and commands to paste, on data of its own."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import httpx2

from kado import audit
from kado.access import keys, passwords, pins, staff, store, terminals
from kado.access.store import Merchant
from kado.access.till_store import Place
from kado.app.demo_cards import Api, DemoError, show_cards, take_tour
from kado.app.demo_page import AtTill, Login, page
from kado.app.serve import serve
from kado.errors import Invalid, Refusal
from kado.settings import Settings
from kado.storage.database import Database

MERCHANT: Final = "Demo Shop"
OWNER: Final = "owner@demo.example"
_KEY_NAME: Final = "kado demo"
_ACTOR: Final = "operator:demo"
_HOST: Final = "127.0.0.1"
_KEPT: Final = ("KADO_DATA_DIR", "KADO_LOG_LEVEL")


def demo(port: int) -> None:
    """Run the demo in the foreground until Ctrl-C or SIGTERM; what it made is there again at the next start."""
    cleared = use_own_environment(os.environ)
    troubles: list[str] = []

    def prepare(settings: Settings, url: str, at_port: int) -> None:
        try:
            _say(_prepare(settings, url, at_port, cleared))
        except httpx2.TransportError:
            return  # the server stops before we are done; it says itself why, if there is anything to say
        except (DemoError, Refusal, OSError, asyncpg.PostgresError) as error:
            troubles.append(str(error))
            os.kill(os.getpid(), signal.SIGINT)

    _say("Kado demo: starting PostgreSQL and the server ...\n")
    with suppress(KeyboardInterrupt):  # while the database was starting; it has been stopped on the way here
        serve(_HOST, port, when_ready=prepare)
    if troubles:
        print(f"kado: {troubles[0]}", file=sys.stderr)  # noqa: T201 - for the person who started it
        raise SystemExit(1)
    _say("Stopped. The next start goes on with the same cards.\n")


def use_own_environment(environ: MutableMapping[str, str]) -> list[str]:
    """Make sure that the demo touches nothing but its own data; returns which settings were taken away for that."""
    cleared = [name for name in environ if name.startswith("KADO_") and name not in _KEPT]
    for name in cleared:
        del environ[name]
    if not environ.get("KADO_DATA_DIR"):
        environ["KADO_DATA_DIR"] = _data_dir(environ)
    environ.setdefault("KADO_LOG_LEVEL", "warning")
    return sorted(cleared)


def _data_dir(environ: MutableMapping[str, str]) -> str:
    if os.geteuid() == 0:
        return "/var/lib/kado-demo"  # where the user that runs PostgreSQL for root can reach it
    return str(Path(environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "kado-demo")


def _prepare(settings: Settings, url: str, port: int, cleared: list[str]) -> str:
    login = asyncio.run(_sign_up(settings, url))
    with Api(f"http://{_HOST}:{port}", login.key) as api:
        program = api.program()
        return page(
            settings=settings,
            base=api.base,
            login=login,
            till=asyncio.run(_set_up_till(settings, url, login, program["id"])),
            program=program,
            shown=show_cards(api, program, login.merchant_id, settings.data_dir),
            tour=take_tour(api, program, login.merchant_id, settings.data_dir / "mail"),
            cleared=cleared,
        )


async def _sign_up(settings: Settings, url: str) -> Login:
    """The demo's merchant, made if new, with a new password for its owner and a new key.

    The password is made anew at each start, so that it is known here and stands nowhere in clear.
    """
    database = await Database.open(url, as_app=settings.database_app_url is None, size=2)
    try:
        password = secrets.token_urlsafe(12)
        merchant = await staff.find_merchant(database, MERCHANT)
        if merchant is None:
            merchant_id = await _new_merchant(database, password, settings.data_dir)
        else:
            merchant_id = merchant.id
            await _new_password(database, merchant, password)
        return Login(OWNER, password, merchant_id, MERCHANT, await _new_key(database, merchant_id))
    finally:
        await database.close()


async def _set_up_till(settings: Settings, url: str, login: Login, program_id: str) -> AtTill:
    """What makes a browser a till of the shop, and a PIN for its owner to sign in with there; both for this start."""
    database = await Database.open(url, as_app=settings.database_app_url is None, size=2)
    try:
        async with database.read() as connection:
            known = await store.find_password(connection, OWNER)
        assert known is not None, "the owner's password was just made"
        pin = await _new_pin(database, settings, login.merchant_id, known[0])
        place = Place(program_id, "Demo till", "Demo counter", terminals.IDLE_MINUTES)
        made = await terminals.make_code(database, login.merchant_id, place, _ACTOR)
        return AtTill(made.code, pin)
    finally:
        await database.close()


async def _new_pin(database: Database, settings: Settings, merchant_id: str, staff_id: str) -> str:
    while True:
        pin = f"{secrets.randbelow(10**6):06}"
        try:
            await pins.set_pin(database, settings.keyring, merchant_id, staff_id, pin, _ACTOR)
        except Invalid:
            continue  # one that anybody would try first
        return pin


async def _new_merchant(database: Database, password: str, data_dir: Path) -> str:
    if await staff.list_merchants(database):
        raise DemoError(f"{data_dir} holds real merchants; name another directory in KADO_DATA_DIR for the demo.")
    return (await staff.create_merchant(database, MERCHANT, OWNER, password, _ACTOR)).merchant_id


async def _new_password(database: Database, merchant: Merchant, password: str) -> None:
    fresh = await passwords.hashed(password)
    async with database.transaction() as connection:
        known = await store.find_password(connection, OWNER)
        if known is None:
            raise DemoError(f"{OWNER} is no longer an active member of {MERCHANT}; remove the demo's data directory.")
        staff_id, old = known
        await store.update_password(connection, staff_id, old, fresh)
        await audit.record(
            connection, actor=_ACTOR, action="staff:password-reset", merchant_id=merchant.id, subject=staff_id
        )


async def _new_key(database: Database, merchant_id: str) -> str:
    for key in await keys.list_keys(database, merchant_id):
        if key.name == _KEY_NAME and key.revoked_at is None:
            await keys.revoke(database, key.id, _ACTOR)
    return (await keys.create_key(database, merchant_id, _ACTOR, name=_KEY_NAME)).secret


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
