"""Who reads a page: in which language, and whether they chose it themselves."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from kado.languages.choose import Language, spoken, wanted

LANGUAGES: Final = {
    Language.ENGLISH: "English",
    Language.GERMAN: "Deutsch",
    Language.FRENCH: "Français",
    Language.SPANISH: "Español",
    Language.DUTCH: "Nederlands",
}
"""Each in its own words."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A reader."""

    language: Language
    has_chosen: bool

    @property
    def query(self) -> str:
        """What their choice adds to an address."""
        return f"?lang={self.language}" if self.has_chosen else ""


def visitor_of(request: Request, usual: Language = Language.ENGLISH) -> Visitor:
    """As the address says, else as the browser does, else as is usual here."""
    chosen = spoken(request.query_params.get("lang"))
    return Visitor(chosen or wanted(request.headers.get("accept-language", ""), usual), chosen is not None)
