"""The pages of the look."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.look import basics, designs, paper, theme, wallet
from kado.doors.console.page import IN_PROGRAM, Page, does, shows, takes

_PROGRAM: Final = "/v2/loyalty/programs/{programId}"
_CARD: Final = f"PUT {_PROGRAM}/card"
_LOOK: Final = f"{IN_PROGRAM}/look"
_WRITE: Final = Permission.PROGRAMS_WRITE

PAGES: Final[tuple[Page, ...]] = (
    shows(_LOOK, _WRITE, basics.show, _CARD),
    takes(_LOOK, _WRITE, basics.save, _CARD, f"POST {_PROGRAM}/card/images/{{type}}", f"PUT {_PROGRAM}"),
    shows(f"{_LOOK}/theme", _WRITE, theme.show, _CARD),
    does(f"{_LOOK}/theme", _WRITE, theme.save, _CARD),
    does(f"{_LOOK}/theme/shops", _WRITE, theme.give_back, _CARD),
    shows(f"{_LOOK}/designs", _WRITE, designs.show, f"POST {_PROGRAM}/card/designs/{{slug}}"),
    takes(f"{_LOOK}/designs", _WRITE, designs.add, f"POST {_PROGRAM}/card/designs/{{slug}}"),
    does(f"{_LOOK}/designs/{{slug}}/remove", _WRITE, designs.remove, f"DELETE {_PROGRAM}/card/designs/{{slug}}"),
    shows(f"{_LOOK}/wallet", _WRITE, wallet.show, _CARD),
    does(f"{_LOOK}/wallet", _WRITE, wallet.save, _CARD),
    takes(f"{_LOOK}/wallet/{{kind}}", _WRITE, wallet.send, f"POST {_PROGRAM}/card/images/{{type}}"),
    does(f"{_LOOK}/wallet/{{kind}}/remove", _WRITE, wallet.remove, f"DELETE {_PROGRAM}/card/images/{{type}}"),
    shows(f"{_LOOK}/paper", Permission.PROGRAMS_READ, paper.show, f"GET {_PROGRAM}/card/preview"),
)
