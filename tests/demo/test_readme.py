"""The first five minutes of the README, run as they stand there."""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving.commands import without_settings

ROOT = Path(__file__).parents[2]
KADO = str(Path(sys.executable).with_name("kado"))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the README uses curl")


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="kado-readme-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_the_first_five_minutes_work_as_they_are_written(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = without_settings() | {"KADO_DATA_DIR": str(home / "data"), "KADO_LOG_LEVEL": "error"}
    server = subprocess.Popen([KADO, "serve", "--port", str(port)], env=environment)
    try:
        _wait_until_ready(port, server)
        text = (ROOT / "README.md").read_text()
        script = "\n".join(re.findall(r"^```sh quick-start\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
        script = script.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace(".venv/bin/kado", KADO)
        done = subprocess.run(
            ["sh", "-eu", "-c", script], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
    finally:
        server.terminate()
        assert server.wait(20) == 0
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count('"remainingBalance":"12.50"') == 2
    assert done.stdout.lower().count("idempotent-replayed: true") == 1
    assert done.stdout.count('"transactionType":"REDEMPTION"') == 1


def _wait_until_ready(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
