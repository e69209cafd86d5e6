"""The one script that holders' pages have: it solves the balance page's proof of work."""

from typing import Final

from kado.web.asset import asset

PROOF: Final = asset("kado.doors.pages", "proof.js")
