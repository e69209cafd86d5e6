"""What axe finds on a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""WCAG 2.0 to 2.2, A and AA, and what axe recommends besides."""


def faults(page: Page, kind: str, *names: str) -> list[str]:
    """What it finds by these rules or tags, as a list of rules with what breaks them."""
    found: dict[str, Any] = Axe().run(page, options={"runOnly": {"type": kind, "values": list(names)}}).response
    assert found["passes"], "it looked at nothing"
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in found["violations"]]
