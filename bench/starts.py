"""How long a start takes, until the first redeem is answered, beside what it cannot do without."""

import compileall
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import kado
from kado.app.measure import scratch
from kado.app.measure.scratch import Scratch
from kado.storage import embedded

_PATIENCE_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.005


def measure(server: Scratch, job: Mapping[str, Any], rounds: int) -> dict[str, list[float]]:
    """Seconds, for each round: of Kado's start, of PostgreSQL's own, and of reading FastAPI. The server is stopped."""
    found: dict[str, list[float]] = {"kado": [], "postgres": [], "fastapi": []}
    # As an installation by pip has it, and as FastAPI is here; a checkout may have none that is fresh.
    compileall.compile_dir(Path(kado.__file__).parent, quiet=1)
    for _ in range(rounds):
        found["postgres"].append(_postgres(server))
        found["fastapi"].append(_fastapi())
        found["kado"].append(_first_redeem(server, job))
    return found


def ratios(found: Mapping[str, list[float]]) -> list[float]:
    """Kado's start as a multiple of the other two together."""
    return [
        kado / (postgres + fastapi)
        for kado, postgres, fastapi in zip(found["kado"], found["postgres"], found["fastapi"], strict=True)
    ]


def first_ever(rounds: int) -> float:
    """Seconds until a server without any data is ready: database, schema and secret are made."""
    took = []
    for _ in range(rounds):
        with scratch.folder(None) as root:
            server = Scratch(root)
            try:
                took.append(server.start())
            finally:
                server.stop()
    return median(took)


def _postgres(server: Scratch) -> float:
    began = time.perf_counter()
    running = embedded.start(server.data_dir, role="server")
    took = time.perf_counter() - began
    running.stop()
    return took


def _fastapi() -> float:
    said = "import time; began = time.perf_counter(); import fastapi; print(time.perf_counter() - began)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _first_redeem(server: Scratch, job: Mapping[str, Any]) -> float:
    """From the start of the process to the answer; the request is sent as soon as somebody listens."""
    body = b'{"amount":"0.01"}'
    path = f"/v2/giftcards/programs/{job['program']}/cards/{job['cards'][0]}/redeem"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: kado\r\nAuthorization: Bearer {job['token']}\r\n"
        f"Idempotency-Key: {secrets.token_hex(8)}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    began = time.perf_counter()
    server.launch()
    try:
        while time.perf_counter() < began + _PATIENCE_SECONDS:
            with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), _PATIENCE_SECONDS) as asked:
                asked.sendall(head.encode() + body)
                answer = asked.recv(4096)
                if answer[9:12] == b"200":
                    return time.perf_counter() - began
            time.sleep(_LOOK_SECONDS)
    finally:
        server.stop()
    raise SystemExit("the server does not answer its first redeem")
