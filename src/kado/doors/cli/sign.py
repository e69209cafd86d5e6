"""`kado sign`: the signature of one request, to try one out or to compare one's own code with. Needs no database."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from kado.access import signatures
from kado.doors.cli.output import example, fail, wrong_usage
from kado.ids import is_id

EXAMPLE: Final = example("kado sign --key-id 6710c5f2a94be10c77de3a51 --secret-stdin GET /v2/giftcards/passes/SID")


def sign(
    method: Annotated[str, typer.Argument(help="The request's method, such as GET.")],
    path: Annotated[str, typer.Argument(help="The request's path as sent; a query is left out of the signature.")],
    key_id: Annotated[str, typer.Option(help="The signing key's id.")],
    secret: Annotated[
        str | None,
        typer.Option(envvar="KADO_SIGNING_SECRET", show_envvar=True, help="Its secret. Others can see it in `ps`."),
    ] = None,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the secret from the first line of standard input.")
    ] = False,
    body_file: Annotated[Path | None, typer.Option(help="The request's body, byte for byte.")] = None,
) -> None:
    """Print the header line that signs a request. It is good for five minutes."""
    if secret_stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise wrong_usage("Give the secret: --secret-stdin, KADO_SIGNING_SECRET or --secret.")
    if not is_id(key_id):
        raise wrong_usage("--key-id is the 24 characters that `kado key create --signing` printed.")
    if not path.startswith("/"):
        raise wrong_usage("PATH begins with a slash, such as /v2/giftcards/passes/SID.")
    body = b"" if body_file is None else _read(body_file)
    value = signatures.sign(secret, key_id, method, path.partition("?")[0], body, time.time())
    print(f"{signatures.HEADER}: {value}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.")
