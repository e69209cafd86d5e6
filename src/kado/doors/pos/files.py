"""The files that go with the till's pages."""

from typing import Final

from kado.web.asset import asset, named

STYLES: Final = (asset("kado.web", "base.css"), asset("kado.doors.pos", "till.css"))
SCRIPTS: Final = tuple(asset("kado.doors.pos", name) for name in ("away.js", "till.js"))
ICONS: Final = {size: asset("kado.doors.pos", f"icon-{size}.png") for size in (192, 512)}
WORKER: Final = asset("kado.doors.pos", "worker.js")

ALL: Final = (*STYLES, *SCRIPTS, *ICONS.values())

__all__ = ["ALL", "ICONS", "SCRIPTS", "STYLES", "WORKER", "named"]
