"""A thief with the database: a thousand random edits of single rows, as superuser; `kado verify` must name them all."""

import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from tests.database.cards.thief import Outcome, tamper  # noqa: E402

from drills import alone  # noqa: E402
from kado.storage import embedded  # noqa: E402

EDITS: Final = 1000
GUARANTEE: Final = 11


def drill(tell: Tell, scale: float) -> list[Line]:
    """Edit, verify, undo; a thousand times at full size."""
    edits, seed = max(10, round(EDITS * scale)), secrets.randbelow(2**32)
    tell(f"seed {seed}")
    directory = Path(tempfile.mkdtemp(prefix="kado-tampering-"))
    directory.chmod(0o711)
    server = embedded.start(directory / "data", role="server")
    try:
        outcome = asyncio.run(tamper(server.url, edits, seed, tell))
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for text in (*outcome.missed, *outcome.accused):
        tell(text)
    return lines(outcome)


def lines(outcome: Outcome) -> list[Line]:
    """What was promised, and what came of it."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.kinds.items()))
    accused = len(outcome.accused)
    return [
        Line(
            GUARANTEE,
            "single-row edits by the database's superuser that verify finds and names",
            f"{outcome.named} of {outcome.count} ({kinds})",
            outcome.named == outcome.count > 0,
        ),
        Line(GUARANTEE, "edits after which verify names what nobody touched", str(accused), accused == 0),
    ]


if __name__ == "__main__":
    alone.main(drill, "tampering")
