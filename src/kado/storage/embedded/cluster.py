"""Making a cluster: whole or not at all, with the role and the database `kado` in it."""

import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kado.storage.embedded.binaries import Binaries
from kado.storage.embedded.errors import EmbeddedError
from kado.storage.embedded.place import Place, private_directory, sync_directory, write_private
from kado.storage.embedded.processes import end_stragglers

OWNER = "kado"
DATABASE = "kado"
_UNFINISHED = "postgres.new-"


def ensure_cluster(place: Place, binaries: Binaries) -> None:
    """Make the cluster if there is none. Raises `EmbeddedError` with what PostgreSQL said when it cannot be made."""
    for unfinished in place.home.glob(f"{_UNFINISHED}*"):
        _remove(unfinished)
    if place.version is None:
        _refuse_foreign(place.cluster)
        _initialise(place, binaries)
    else:
        ensure_password(place, binaries)


def read_password(place: Place) -> str:
    """The password of the role `kado`."""
    return place.password.read_text().strip()


def _refuse_foreign(cluster: Path) -> None:
    if not cluster.exists():
        return
    try:
        cluster.rmdir()
    except OSError:
        raise EmbeddedError(
            f"{cluster} is there but holds no PostgreSQL cluster. Move it away, or restore it from a backup."
        ) from None


def _initialise(place: Place, binaries: Binaries) -> None:
    # Made in a sibling and renamed: what a killed or failed start leaves behind can never pass for a cluster.
    with workshop(place) as folder:
        fresh = folder / "postgres"
        run_initdb(place, binaries, fresh, password_copy(place, folder))
        _single_user(place, binaries, fresh, f"CREATE DATABASE {DATABASE};\n")
        fresh.rename(place.cluster)
        sync_directory(place.home)


@contextmanager
def workshop(place: Place) -> Iterator[Path]:
    """A folder beside the cluster in which another one may be made, removed at the end or by the next start."""
    folder = place.home / f"{_UNFINISHED}{secrets.token_hex(4)}"
    try:
        private_directory(folder, place.account)
        yield folder
    finally:
        _remove(folder)


def _remove(workshop: Path) -> None:
    # When initdb was killed, the postgres that it had started may still be writing.
    deadline = time.monotonic() + 5
    while workshop.exists() and time.monotonic() < deadline:
        end_stragglers(workshop / "postgres", signal.SIGKILL)
        shutil.rmtree(workshop, ignore_errors=True)


def password_copy(place: Place, workshop: Path) -> Path:
    """The password, made if there is none, in a file that the user who runs PostgreSQL can read."""
    if not place.password.exists():
        write_private(place.password, _new_password() + "\n")
    # The original belongs to the caller, and the user that runs PostgreSQL cannot read it.
    copy = workshop / "password"
    copy.touch(mode=0o600)
    place.account.own(copy)
    copy.write_text(read_password(place))
    return copy


def _new_password() -> str:
    return secrets.token_urlsafe(32)


def run_initdb(place: Place, binaries: Binaries, target: Path, password: Path) -> None:
    """Make an empty cluster in `target`."""
    locale = ["--locale=C.UTF-8"]
    if binaries.major >= 17:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    status, said = place.account.run(
        [
            binaries.program("initdb"),
            f"--pgdata={target}",
            f"--username={OWNER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-instructions",
            *locale,
        ]
    )
    if status != 0:
        raise _failed(place, said)


def _single_user(place: Place, binaries: Binaries, cluster: Path, statement: str) -> None:
    command = [binaries.program("postgres"), "--single", "-D", str(cluster), "-c", "exit_on_error=on", "template1"]
    status, said = place.account.run(command, statement)
    if status != 0:
        raise _failed(place, said)


def ensure_password(place: Place, binaries: Binaries) -> None:
    """Give the role `kado` a new password if nobody knows the old one: a cluster that was restored, or moved here."""
    if place.password.exists():
        return
    password = _new_password()
    _single_user(place, binaries, place.cluster, f"ALTER ROLE {OWNER} PASSWORD '{password}';\n")
    write_private(place.password, password + "\n")


def _failed(place: Place, said: str) -> EmbeddedError:
    return EmbeddedError(f"PostgreSQL could not make its files in {place.home}: {cause_in(said)}.{advice_for(place)}")


def cause_in(said: str) -> str:
    """The line of PostgreSQL's output that tells why it gave up."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "ERROR:", "error:"))]
    chosen = (telling or lines or ["it said nothing"])[-1]
    for word in ("FATAL:", "PANIC:", "ERROR:", "error:"):
        chosen = chosen.split(word)[-1]
    return chosen.strip().rstrip(".")


def advice_for(place: Place) -> str:
    """A further sentence, when the disk is what is lacking."""
    free = shutil.disk_usage(place.home).free
    return f" Only {free // 2**20} MB are free on that disk: make room and start again." if free < 64 * 2**20 else ""
