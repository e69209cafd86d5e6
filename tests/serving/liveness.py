"""Asks a server from another process whether it lives, again and again: what a test does meanwhile does not count."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PROBE = """
import http.client, select, sys, time
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    connection.request("GET", "/health/live")
    status = connection.getresponse().status
    connection.close()
    print(time.monotonic() - began if status == 200 else 1000.0)
"""


@contextmanager
def watched(port: int) -> Iterator[list[float]]:
    """How many seconds each answer took, once the block is left. An answer that is not 200 counts a thousand."""
    seconds: list[float] = []
    with subprocess.Popen(
        [sys.executable, "-c", _PROBE, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as probe:
        assert probe.stdout is not None
        probe.stdout.readline()
        try:
            yield seconds
        finally:
            said, _ = probe.communicate("over\n", timeout=60)
            seconds += [float(line) for line in said.split()]
