"""The demo as people have it: a process in a terminal, and the commands that it prints, pasted into a shell."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.serving.commands import without_settings

from kado.app.demo import use_own_environment

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the commands that are printed use curl")

READY_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Demo:
    process: "subprocess.Popen[str]"
    text: str
    seconds: float

    @property
    def curls(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith("curl ")]

    @property
    def cards(self) -> dict[str, tuple[str, str, str]]:
        """By title: status, balance, id."""
        rows = re.findall(r"^  (\S.*?) {2,}([a-z]+) +([0-9.]+)  [0-9 ]{19}  ([0-9a-f]{24})$", self.text, re.MULTILINE)
        return {title: (status, balance, card_id) for title, status, balance, card_id in rows}

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    return without_settings() | {"KADO_DATA_DIR": str(data_dir)} | more


def start(data_dir: Path, port: int, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "kado", "demo", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data_dir, **more),
    )


@contextmanager
def running(data_dir: Path, port: int) -> Iterator[Demo]:
    began = time.monotonic()
    process = start(data_dir, port)
    watchdog = threading.Timer(READY_SECONDS, process.kill)
    watchdog.start()
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip().endswith(" verify"):
                break
        else:
            raise AssertionError(f"the demo did not get ready: {''.join(lines)}{process.stderr.read()}")
        watchdog.cancel()
        yield Demo(process, "".join(lines), time.monotonic() - began)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_SECONDS)
        process.stdout.close()
        process.stderr.close()


def paste(line: str) -> Answer:
    """What a shell makes of one printed line, alone."""
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, timeout=30)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *rest = head.decode().splitlines()
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    return Answer(int(first.split()[1]), headers, body)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_processes(data_dir: Path) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(data_dir) in line and "postgres" in line]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="kado-demo-test-"))
    home.chmod(0o711)
    yield home / "data"
    shutil.rmtree(home, ignore_errors=True)


def test_every_printed_command_works_and_ctrl_c_ends_everything(data_dir: Path) -> None:
    with running(data_dir, free_port()) as demo:
        _check_look(demo)
        sign_in, issue, activate, redeem, again, reload, check, reverse, hold, find, resend = demo.curls

        token = paste(sign_in)
        assert (token.status, token.json["tokenType"]) == (200, "bearer")
        card = paste(issue)
        assert (card.status, card.headers["idempotent-replayed"], card.json["status"]) == (201, "true", "pending")
        active = paste(activate)
        assert (active.status, active.json["id"], active.json["balance"]) == (200, card.json["id"], "60.00")
        sold = paste(redeem)
        assert (sold.status, sold.json["remainingBalance"]) == (200, "47.50")
        assert "idempotent-replayed" not in sold.headers
        assert again == redeem
        repeated = paste(again)
        assert (repeated.status, repeated.body, repeated.headers["idempotent-replayed"]) == (200, sold.body, "true")
        reloaded = paste(reload)
        assert (reloaded.status, reloaded.json["balance"]) == (200, "57.50")
        checked = paste(check)
        assert (checked.status, checked.json["balance"], checked.json["isActive"]) == (200, "57.50", True)
        taken_back = paste(reverse)
        assert (taken_back.status, taken_back.json["found"], taken_back.json["balance"]) == (200, True, "70.00")
        held = paste(hold)
        assert (held.status, held.json["status"], held.json["availableBalance"]) == (201, "open", "50.00")
        found = paste(find)
        assert (found.status, [one["id"] for one in found.json]) == (200, [card.json["id"]])
        resent = paste(resend)
        assert (resent.status, resent.json["success"]) == (200, True)
        assert paste(check).status == 404

        verify = demo.text.rstrip().splitlines()[-1]
        done = subprocess.run(["/bin/sh", "-c", verify], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("All is well: 9 cards")

        assert postgres_processes(data_dir)
        assert demo.stop() == 0
        assert demo.process.stderr is not None
        assert demo.process.stderr.read() == ""
        assert postgres_processes(data_dir) == []


def _check_look(demo: Demo) -> None:
    lines = demo.text.splitlines()
    assert demo.seconds < READY_SECONDS
    assert len(lines) <= 63
    assert [line for line in lines if len(line) > 100 and not line.startswith("curl ") and "verify" not in line] == []
    assert "\033" not in demo.text
    assert {title: (status, balance) for title, (status, balance, _) in demo.cards.items()} == {
        "not yet activated": ("pending", "0.00"),
        "ready to spend": ("active", "50.00"),
        "partly spent": ("active", "52.50"),
        "spent to zero": ("depleted", "0.00"),
        "held for an order": ("active", "60.00"),
        "stopped for a while": ("suspended", "40.00"),
        "expires soon": ("active", "30.00"),
        "ended for good": ("voided", "0.00"),
    }


def test_a_second_run_goes_on_with_the_same_data_and_new_secrets(data_dir: Path) -> None:
    with running(data_dir, free_port()) as first:
        ids = {title: card_id for title, (_, _, card_id) in first.cards.items()}
        old_activate = first.curls[2]
        assert first.stop() == 0
    port = free_port()
    with running(data_dir, port) as second:
        assert {title: card_id for title, (_, _, card_id) in second.cards.items()} == ids
        assert paste(second.curls[0]).status == 200
        assert paste(second.curls[2]).json["balance"] == "60.00"
        # The key of the first run, at the address of the second one.
        assert paste(re.sub(r"127\.0\.0\.1:[0-9]+", f"127.0.0.1:{port}", old_activate)).status == 401


def test_a_port_that_is_taken_is_named(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(data_dir, port)
        _, err = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 1
    assert f"127.0.0.1:{port} cannot be used" in err
    assert "--port" in err
    assert err.count("\n") == 1


def test_a_data_directory_with_real_merchants_is_left_alone(data_dir: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "kado", "merchant", "create", "Real Shop", "--owner", "a@b.example", "--password-stdin"],
        input="correct horse battery\n",
        text=True,
        capture_output=True,
        check=False,
        env=environment(data_dir),
    )
    assert made.returncode == 0, made.stderr
    process = start(data_dir, free_port())
    _, err = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 1
    assert "holds real merchants" in err
    assert postgres_processes(data_dir) == []


def test_settings_of_another_server_are_not_used() -> None:
    environ = {"KADO_DATABASE_URL": "postgresql://real", "KADO_MAIL_URL": "smtp://real", "HOME": "/home/anna"}
    assert use_own_environment(environ) == ["KADO_DATABASE_URL", "KADO_MAIL_URL"]
    assert environ["KADO_DATA_DIR"].endswith("kado-demo")
    assert not {"KADO_DATABASE_URL", "KADO_MAIL_URL"} & environ.keys()
