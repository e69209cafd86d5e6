"""What a start reads, and what it leaves for later: told by fresh interpreters, which have read nothing yet."""

import gc
import json
import subprocess
import sys

from kado.app.reading import reading

WEB = {"fastapi", "starlette", "uvicorn"}
WORKER = {"pgqueuer", "aiosmtplib", "kado.app.background", "kado.doors.worker.run"}
ROOMS = {
    "kado.cards.ledger",
    "kado.access.authenticate",
    "kado.delivery.send",
    "jinja2",
    "phonenumbers",
    "jwt",
    "httpx2",
}
DATABASE = {"asyncpg", "kado.storage.migrate", "kado.storage.embedded"}
LOGS = {"structlog", "rich"}


def read_by(code: str) -> set[str]:
    """The modules that an interpreter has read at the end of this code, whatever the code says meanwhile."""
    told = f"import json, sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(json.dumps(sorted(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    return set(json.loads(said.splitlines()[-1]))


def read_by_command(*words: str) -> set[str]:
    return read_by(f"sys.argv = ['kado', *{words!r}]; from kado.app import main; main()")


def test_the_help_reads_no_command() -> None:
    read = read_by_command("--help")
    assert "kado.doors.cli" in read
    assert not read & (WEB | WORKER | ROOMS | DATABASE | LOGS)


def test_a_command_reads_its_own_file_and_nothing_that_answers_requests() -> None:
    read = read_by_command("program", "--help")
    assert "kado.doors.cli.programs" in read
    others = {name for name in read if name.startswith("kado.doors.cli.")}
    assert others == {f"kado.doors.cli.{name}" for name in ("merchants", "nouns", "output", "programs", "session")}
    assert not read & (WEB | WORKER)


def test_what_starts_the_database_is_read_before_what_answers_and_what_works() -> None:
    read = read_by("import kado.app.serve")
    assert read >= DATABASE
    assert not read & (WEB | WORKER | ROOMS)


def test_what_answers_is_read_without_what_only_a_worker_needs() -> None:
    read = read_by("import kado.app.serve, kado.app.http")
    assert read >= WEB
    assert not read & WORKER


def test_what_was_read_is_left_alone_by_the_collector() -> None:
    before = gc.get_freeze_count()
    try:
        with reading():
            assert not gc.isenabled()
            kept: list[object] = []
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        assert not any(one is kept for one in gc.get_objects())
    finally:
        gc.unfreeze()
