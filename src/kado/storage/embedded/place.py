"""Which file and folder of the embedded database lies where, with which owner and mode."""

import os
import pwd
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kado.storage.embedded.account import Account, account_for
from kado.storage.embedded.errors import EmbeddedError

CLUSTERS = Path("/var/lib/kado/clusters")
SOCKET_PREFIX = "kado-socket-"
# The second is short and open to everybody, whatever TMPDIR says.
TEMPORARY = (tempfile.gettempdir(), "/tmp")  # noqa: S108 - only through mkdtemp
# The kernel takes 108 bytes (104 on macOS) for the whole name, and PostgreSQL adds "/.s.PGSQL.5432".
_SOCKET_DIRECTORY_BYTES_MAX = 89


@dataclass(frozen=True)
class Place:
    """The folders of one embedded database. `cluster` is where `data_dir/postgres` really is."""

    data_dir: Path
    cluster: Path
    account: Account

    @property
    def home(self) -> Path:
        """The folder that the cluster lies in, with what belongs beside it."""
        return self.cluster.parent

    @property
    def password(self) -> Path:
        """The file with the password of the role `kado`."""
        return self.data_dir / "database.password"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.data_dir / "postgres.log"

    @property
    def version(self) -> int | None:
        """The major version of PostgreSQL that made the cluster; None when there is none yet."""
        try:
            return int((self.cluster / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None


def lock_file(data_dir: Path) -> Path:
    """The file whose lock makes its holder the supervisor."""
    return data_dir / "lock"


def connection_file(data_dir: Path) -> Path:
    """The file that says where the running database is."""
    return data_dir / "database.json"


def prepare_data_dir(data_dir: Path) -> Path:
    """Make the data directory, or put its mode right: 0700, and 0711 for root. Its parents are left as they are."""
    data_dir = data_dir.expanduser().resolve()
    _refuse_shared(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    found = data_dir.stat()
    wanted = 0o711 if os.geteuid() == 0 else 0o700
    # A directory that root works in for another user stays as that user wants it.
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != wanted:
        data_dir.chmod(wanted)
    return data_dir


def _refuse_shared(data_dir: Path) -> None:
    home_of_root = Path(pwd.getpwuid(0).pw_dir)
    if data_dir in (Path("/"), home_of_root) or (data_dir.is_dir() and data_dir.stat().st_mode & stat.S_IWOTH):
        raise EmbeddedError(
            f"{data_dir} is used by others too and cannot be the data directory. "
            "Choose a directory that is Kado's alone, for instance one inside it."
        )


def look(data_dir: Path) -> Place:
    """Where the database is or would be, without making anything."""
    cluster = Path(os.path.realpath(data_dir / "postgres"))
    return Place(data_dir, cluster, account_for(cluster))


def settle(data_dir: Path) -> Place:
    """Where the database is; for a new one, where its user can reach it. Call with the lock held."""
    link = data_dir / "postgres"
    if not os.path.lexists(link):
        return _choose(data_dir, link)
    place = look(data_dir)
    if not place.home.is_dir():
        raise EmbeddedError(
            f"{link} points to {place.cluster}, which is not there. Bring that folder back, "
            f"or remove {link} and restore a backup."
        )
    if place.account.is_other and not place.account.can_enter(place.home):
        raise EmbeddedError(
            f"User {place.account.name}, who runs PostgreSQL, cannot enter {place.home}. "
            "Give that folder and those above it the right to be passed through (chmod o+x)."
        )
    return place


def _choose(data_dir: Path, link: Path) -> Place:
    account = account_for(link)
    if not account.is_other or account.can_enter(data_dir):
        return Place(data_dir, link, account)
    home = CLUSTERS / secrets.token_hex(8)
    _make_passable(home)
    if not account.can_enter(home):
        home.rmdir()
        raise EmbeddedError(
            f"User {account.name}, who runs PostgreSQL, can enter neither {data_dir} nor {CLUSTERS}. "
            "Choose a data directory that other users can reach, such as one in /srv."
        )
    # The link comes before the cluster: a start that is killed in between is taken up again at the same place.
    link.symlink_to(home / "postgres")
    return Place(data_dir, home / "postgres", account)


def _make_passable(directory: Path) -> None:
    # The modes are set afterwards, since the caller's umask may forbid more. What exists is left as it is.
    for folder in reversed([directory, *directory.parents]):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o711 if folder == directory else 0o755)


def choose_socket(place: Place) -> Path:
    """A folder for the socket, short enough for the kernel and reachable for the user that runs PostgreSQL."""
    beside = place.home / "socket"
    if _fits(beside):
        return beside
    for temporary in TEMPORARY:
        if _fits(Path(temporary) / f"{SOCKET_PREFIX}12345678") and place.account.can_enter(Path(temporary)):
            return Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=temporary))
    raise EmbeddedError(f"The name of the temporary folder {tempfile.gettempdir()} is too long. Set TMPDIR to /tmp.")


def _fits(directory: Path) -> bool:
    # A comma would part one folder into two, for PostgreSQL and for its clients.
    return len(os.fsencode(directory)) <= _SOCKET_DIRECTORY_BYTES_MAX and not set(str(directory)) & set(',"\\')


def private_directory(directory: Path, account: Account) -> None:
    """Make `directory` or make sure of it: a real folder, 0700, owned by `account`."""
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), account.uid):
        raise EmbeddedError(f"{directory} is not a folder of ours. Remove it and start again.")
    account.own(directory)
    directory.chmod(0o700)


def write_private(file: Path, text: str) -> None:
    """Write `file` whole or not at all, readable for the owner of the data directory only."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with open(fresh, "x", opener=_open_private) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            belong_to_folder(stream.fileno(), file.parent)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    sync_directory(file.parent)


def belong_to_folder(descriptor: int, folder: Path) -> None:
    """Give a file that root made in another user's data directory to that user, who must be able to go on with it."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
