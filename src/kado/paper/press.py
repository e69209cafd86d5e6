"""Paper for many cards is made in a process of its own: it takes seconds of Python, in which no till should wait.

Each piece has a fresh one, which gives its memory back when it ends. What it prints comes in on its standard input and
leaves on its standard output: no number and no code is in its arguments, its environment or a file.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from kado.paper.card import Brand, PaperCard, Sheet

_SECONDS: Final = 100
"""Half a minute is much for 500 pages; whoever takes longer than its claim lasts works for nothing."""
_NICE: Final = 10

_Order = tuple[list[PaperCard], Brand, Sheet]


class PressFailed(Exception):
    """The process ended without a PDF, or took too long."""


async def press(cards: Sequence[PaperCard], brand: Brand, sheet: Sheet) -> bytes:
    """The PDF, made beside everything else. Raises `PressFailed`."""
    order = msgspec.msgpack.encode((list(cards), brand, sheet))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        made, _ = await asyncio.wait_for(process.communicate(order), _SECONDS)
    except TimeoutError:
        raise PressFailed("it took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not made.startswith(b"%PDF-"):
        raise PressFailed(f"the process ended with {process.returncode}")
    return made


def main() -> None:
    """Read an order, write the PDF."""
    from kado.paper.document import pdf  # noqa: PLC0415 - whoever orders needs none of it

    os.nice(_NICE)
    cards, brand, sheet = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Order)
    sys.stdout.buffer.write(pdf(cards, brand, sheet))


if __name__ == "__main__":
    main()
