"""nginx before a server, set up as `docs/operate.md` says."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.serving.server import free_port, listens, until

PROGRAM: Final = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/bin")
_OPERATE: Final = Path(__file__).resolve().parent.parent / "docs" / "operate.md"
_START_SECONDS: Final = 10.0

_AROUND: Final = """
daemon off; worker_processes 1; worker_rlimit_nofile 8192; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {block}
}}
"""


@contextmanager
def before(port: int) -> Iterator[int]:
    """The port on which nginx passes on to this one."""
    assert PROGRAM is not None, "nginx is not installed"
    folder, own_port = Path(tempfile.mkdtemp(prefix="kado-nginx-")), free_port()
    folder.chmod(0o777)  # for the user that nginx works under
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, block=_documented(port, own_port)))
    process = subprocess.Popen([PROGRAM, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"])
    try:
        until(lambda: listens(own_port), _START_SECONDS, "nginx does not start")
        yield own_port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _documented(port: int, own_port: int) -> str:
    found = re.search(r"```nginx\n(.*?)```", _OPERATE.read_text(), re.DOTALL)
    assert found is not None, "docs/operate.md has no settings for nginx any more"
    return (
        found[1].replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("listen 80 ", f"listen 127.0.0.1:{own_port} ")
    )
