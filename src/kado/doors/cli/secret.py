"""`kado secret`: change the operator's secret key while the servers work. (`kado key` is about merchants' keys.)"""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from kado import audit, clock, secret_file
from kado import settings as configuration
from kado.cards import renew_codes
from kado.cards.renew_codes import Way
from kado.doors.cli.output import AsJson, example, fail, print_json, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.programs import find
from kado.rotation.needs import Need, Needs, needs
from kado.rotation.rotate import Rotated, rotate
from kado.settings import Settings
from kado.storage import servers
from kado.storage.database import Database
from kado.storage.embedded.place import look

app: Final = typer.Typer(
    name="secret",
    help="The operator's secret key: change it while the servers work.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_INTERRUPTED: Final = 130

Name = Annotated[str, typer.Argument(help="The secret's name, as `kado secret status` shows it: 8 characters.")]


@app.command("new", epilog=example("kado secret new"))
@command
async def new() -> None:
    """Make a new secret key, which is read from the next start on and not written under yet.

    Without KADO_SECRET_KEY it is added at the end of `secret.key` in the data directory. With it, it is printed.
    """
    if _is_given():
        value = secret_file.fresh()
        print(f"{value}\n")
        print(
            f"Its name is {secret_file.name_of(value)}. Add it at the END of KADO_SECRET_KEY on every server, after a"
        )
        print("comma, and restart the servers, one after the other.")
        return
    file, values = _file()
    if len(values) > 1:
        fail(f"{file} has {len(values)} secrets already; finish that change first (`kado secret status`).")
    fresh = secret_file.fresh()
    name = secret_file.name_of(fresh)
    if _has_database():
        async with session(make_secret=False) as (database, _):
            await _write(database, file, [*values, fresh], "secret:made", name)
    else:
        secret_file.write(file, [*values, fresh])
    print(f"{file} has a second secret now, {name}. KEEP A COPY of the file, apart from the database's backups.")
    print(f"Restart the server, so that it can read what is written under it; then `kado secret use {name}`.")


@app.command("use", epilog=example("kado secret use 6710c5f2"))
@command
async def use(name: Name) -> None:
    """Write under this secret from the next start on. Every running server must know it already."""
    file, values = _file_to_change()
    chosen = _named(values, name)
    async with session(make_secret=False) as (database, _):
        if any(name not in known for known in await servers.list_servers(database)):
            fail(f"A server runs that does not know {name} yet. Restart it first; nothing was changed.")
        others = [value for value in values if value != chosen]
        await _write(database, file, [chosen, *others], "secret:put-first", name)
    print(f"{name} comes first in {file}. Restart the server; then `kado secret rotate`.")


@app.command("rotate", epilog=example("kado secret rotate"))
def rotate_(
    status: Annotated[bool, typer.Option("--status", help="Only count, as `kado secret status`.")] = False,
    json: AsJson = False,
) -> None:
    """Bring everything in the database under the first secret, while the servers work.

    It can be interrupted and run again, and ends by saying whether the other secrets are still needed, by what and
    until when. Exit code 0: all that can be moved is moved. 1: something could not be, and what that is is said.
    """
    if status:
        _status(json)
        return
    try:
        _rotate(json)
    except KeyboardInterrupt:
        fail("Interrupted. What is done is done; run it again for the rest.", _INTERRUPTED)


@app.command("status", epilog=example("kado secret status"))
def status_(json: AsJson = False) -> None:
    """Say what still needs which secret, and until when. Changes nothing."""
    _status(json)


@app.command("renew-codes", epilog=example("kado secret renew-codes --send"))
@command
async def renew(
    send: Annotated[bool, typer.Option("--send", help="Send the holders new codes.")] = False,
    void: Annotated[bool, typer.Option("--void", help="Make the codes void; a new one can be asked for.")] = False,
) -> None:
    """Replace security codes that were made under an older secret, which nobody can bring under the current one.

    With --send, cards without an email or phone keep theirs. Codes that are printed on plastic are lost with --void.
    """
    if send == void:
        raise wrong_usage("Either --send or --void.")
    way: Way = "send" if send else "void"
    done = without = 0
    async with session(make_secret=False) as (database, settings):
        await _refuse_unready(database, settings)
        for program in await find.list_all(database):
            after = ""
            while (found := await renew_codes.next_older(database, settings.keyring, program.id, after)) is not None:
                after = found.last
                for batch in found.batches():
                    one = await renew_codes.renew(database, settings.keyring, program.id, batch, way, actor=ACTOR)
                    done, without = done + one.done, without + one.without_recipient
    print(f"{done:,} codes {'are sent anew' if send else 'are void'}.")
    if without:
        print(f"{without:,} cards have no email or phone and keep theirs.")


@app.command("drop", epilog=example("kado secret drop 1f0c77aa"))
@command
async def drop(
    name: Name,
    anyway: Annotated[bool, typer.Option("--anyway", help="Even though something still needs it.")] = False,
) -> None:
    """Take a secret out of the file in the data directory, once nothing needs it any more."""
    file, values = _file_to_change()
    chosen = _named(values, name)
    if chosen == values[0]:
        fail(f"{name} is the one that is written under; `kado secret use` another one first.")
    async with session(make_secret=False) as (database, settings):
        await _refuse_unready(database, settings)
        found = await needs(database, settings.keyring, settings.answer_days)
        if found.is_needed(name) and not anyway:
            _print_needs(found, [name])
            fail(f"{name} is still needed; nothing was changed.")
        left = [value for value in values if value != chosen]
        await _write(database, file, left, "secret:dropped", name, needed=found.is_needed(name))
    print(f"{name} is out of {file}. Restart the server. Backups that were made before need it still.")


@command
async def _rotate(json: bool) -> None:
    is_watched = sys.stderr.isatty()
    async with session(make_secret=False) as (database, settings):
        await _refuse_unready(database, settings)
        before = await needs(database, settings.keyring, settings.answer_days)
        total = sum(need.count or 0 for need in before.found if need.how == "rotate")

        def tell(so_far: Rotated) -> None:
            if is_watched:
                moved = so_far.cards + so_far.secrets
                print(f"\r{moved:,} of about {total:,}", end="", file=sys.stderr, flush=True)

        try:
            done = await rotate(database, settings.keyring, actor=ACTOR, tell=tell)
        finally:
            if is_watched:
                print("\r\033[K", end="", file=sys.stderr, flush=True)
        found = await needs(database, settings.keyring, settings.answer_days)
    left = len(done.cards_left) + done.secrets_left
    if json:
        print_json({"cards": done.cards, "secrets": done.secrets, "left": left, **_members(found)})
    else:
        print(f"{done.cards:,} cards and {done.secrets:,} other secrets came under {found.current}.")
        for program_id, card_id in done.cards_left[:20]:
            print(f"Card {card_id} of program {program_id} is not what Kado wrote; `kado verify` says more.")
        if left:
            print(f"{left:,} could not be moved: changed past Kado, or under a secret that is not configured.")
        _print_needs(found, found.others)
    if left:
        raise typer.Exit(1)


@command
async def _status(json: bool) -> None:
    async with session(make_secret=False) as (database, settings):
        found = await needs(database, settings.keyring, settings.answer_days)
        running = await servers.list_servers(database)
    if json:
        print_json({**_members(found), "servers": [{"secrets": known} for known in running]})
        return
    print(f"{found.current} is written under.")
    for known in running:
        print(f"A server runs that knows {', '.join(known) or 'nobody knows which: it is of an earlier version'}.")
    _print_needs(found, found.others)


async def _refuse_unready(database: Database, settings: Settings) -> None:
    """A server that writes under another secret would make new work all the time, or meet what it cannot read."""
    current = settings.keyring.version.hex()
    if any(known[:1] != [current] for known in await servers.list_servers(database)):
        fail(f"A server runs that does not write under {current} yet. Restart it first; nothing was changed.")


def _print_needs(found: Needs, names: list[str]) -> None:
    for name in found.missing:
        print(f"{name} is NOT CONFIGURED, and is needed by:")
        _print_lines(found.of(name))
    for name in names:
        print(f"{name} is still needed." if found.is_needed(name) else f"Nothing needs {name}.")
        _print_lines(found.of(name))


def _print_lines(found: list[Need]) -> None:
    hints = {
        "rotate": "`kado secret rotate` moves them",
        "codes": "until then, or until `kado secret renew-codes`",
        "wait": "over by themselves",
        "spare": "nothing is lost without it",
    }
    for need in found:
        count = "" if need.count is None else f"{need.count:,} "
        print(f"  {count}{need.what}{_until(need.until)}; {hints[need.how]}")


def _until(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return " that never end" if moment >= clock.NEVER else f", the last until {shown(moment)}"


def _members(found: Needs) -> dict[str, object]:
    return {
        "current": found.current,
        "others": [{"name": name, "needed": found.is_needed(name)} for name in found.others],
        "missing": found.missing,
        "needs": [
            {
                "secret": need.version,
                "what": need.what,
                "count": need.count,
                "how": need.how,
                "until": clock.text_or_none(need.until),
            }
            for need in found.found
        ],
    }


async def _write(database: Database, file: Path, values: list[str], action: str, name: str, **facts: object) -> None:
    """Change the file, with its row in the audit log or not at all."""
    async with database.transaction() as connection:
        await audit.record(connection, actor=ACTOR, action=action, subject=name, details=facts)
        secret_file.write(file, values)


def _has_database() -> bool:
    """Whether there is one: a secret may be there before it."""
    settings = configuration.load(make_secret=False)
    return settings.database_url is not None or look(settings.data_dir).version is not None


def _is_given() -> bool:
    return bool(os.environ.get("KADO_SECRET_KEY", "").strip())


def _file() -> tuple[Path, list[str]]:
    """The secret's file and what is in it. Raises `SecretError`."""
    file = configuration.load(make_secret=False).data_dir.joinpath(secret_file.NAME)
    return file, secret_file.read(file, make=False)


def _file_to_change() -> tuple[Path, list[str]]:
    if _is_given():
        fail("The secrets stand in KADO_SECRET_KEY: change their order there, on every server. Nothing was changed.")
    return _file()


def _named(values: list[str], name: str) -> str:
    by_name = {secret_file.name_of(value): value for value in values}
    if name not in by_name:
        fail(f"There is no secret {name}; there are {', '.join(by_name)}.")
    return by_name[name]
