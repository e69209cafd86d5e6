"""Verification in a process of its own: minutes of Python for a large ledger, beside which tills go on.

Where the database is and which secrets there are comes in on its standard input, and stands in no argument, file or
environment. What leaves on its standard output are lines of JSON: how far it is, and at the end what it found.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec

from kado.crypto import Keyring
from kado.storage.database import Database

_NICE: Final = 10
_LINE_MAX: Final = 16 * 1024 * 1024
_Order = tuple[tuple[str, bool], list[str], str, int]


class CheckFailed(Exception):
    """It could not be found out. The text says why, and holds nothing that is secret."""


async def verify_apart(
    database: Database,
    keyring: Keyring,
    program_id: str,
    findings_max: int,
    tell: Callable[[int, int], None],
) -> dict[str, Any]:
    """What `kado verify` says of the program: `cards`, `entries`, `seals`, `found`, and the first `findings`.

    `tell` is told how many entries have been looked at, and of how many. The process ends with whoever waits for it.
    Raises `CheckFailed`.
    """
    order = msgspec.msgpack.encode((database.opening, keyring.values, program_id, findings_max))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=_LINE_MAX
    )
    assert process.stdin is not None, "a pipe"
    assert process.stdout is not None, "a pipe"
    try:
        with suppress(ConnectionError):
            process.stdin.write(order)
            await process.stdin.drain()
            process.stdin.close()
        async for line in process.stdout:
            said = json.loads(line)
            if "done" in said:
                tell(said["done"], said["total"])
            elif "error" in said:
                raise CheckFailed(said["error"])
            else:
                return dict(said)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
    raise CheckFailed(f"the process ended with {process.returncode}")


def main() -> None:
    """Read an order, say how far it is, say what was found."""
    os.nice(_NICE)
    (url, as_app), secrets, program_id, findings_max = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Order)
    try:
        said = asyncio.run(_verified(url, as_app, Keyring(secrets), program_id, findings_max))
    except Exception as error:  # noqa: BLE001 - its text could hold the database's address
        said = {"error": f"an error in the program ({type(error).__name__})"}
    _say(said)


async def _verified(url: str, as_app: bool, keyring: Keyring, program_id: str, findings_max: int) -> dict[str, Any]:
    from kado.cards.verify import verify  # noqa: PLC0415 - whoever orders needs none of it
    from kado.errors import Unavailable  # noqa: PLC0415

    database = await Database.open(url, as_app=as_app, size=1)
    try:
        report = await verify(
            database, keyring, program_id=program_id, progress=lambda done, total: _say({"done": done, "total": total})
        )
    except Unavailable:
        return {"error": "the database was away"}
    finally:
        await database.close()
    return {
        "cards": report.cards,
        "entries": report.entries,
        "seals": report.seals,
        "found": len(report.findings),
        "findings": [(one.card_id, one.reason_code.value, one.explanation) for one in report.findings[:findings_max]],
    }


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
