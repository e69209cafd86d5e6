"""The table of rights, cell by cell over HTTP: every route for every sort of caller, and what a cell says is so."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest
import pytest_asyncio
from tests.api.shop import UNKNOWN, Shop
from tests.api.sign_in import signed_in
from tests.api.tills import FrontEnd

from kado.access.permissions import Role
from kado.access.signatures import HEADER
from kado.doors.api import rights_table
from kado.doors.api.rights import CALLERS, Row

CUSTOMER: Final = "X-Eposn-Customer-Token"
ROWS: Final = rights_table()


@dataclass
class Everybody:
    """One of each sort of caller."""

    shop: Shop
    front_end: FrontEnd
    admitted_id: str
    program_id: str
    customer: str | None = None
    """The token of a customer's session, while it lasts."""

    async def headers(self, who: str, row: Row, path: str, content: bytes) -> dict[str, str]:
        """What this caller shows there."""
        if who == "nobody":
            return {}
        if who == "front end":
            return {HEADER: self.front_end.header(content, path, method=row.method)}
        if who == "customer":
            session = self.customer or str((await signed_in(self.shop))["sessionToken"])
            self.customer = None if self._may_end(row) else session
            return {"Authorization": f"Bearer {self.shop.owner}", CUSTOMER: session}
        if who == "admitted":
            return {"Authorization": f"Bearer {await self.shop.person(merchant_id=self.admitted_id)}"}
        shown = {"Authorization": f"Bearer {await self.shop.person(Role(who))}"}
        if row.rule is not None and row.rule.at_till:
            shown |= await self.front_end.till()
        return shown

    @staticmethod
    def _may_end(row: Row) -> bool:
        """Whether the session is over afterwards, or the customer is forgotten."""
        return row.method == "DELETE" or row.path.endswith(("/logout", "/erasure"))

    async def ask(self, who: str, row: Row) -> httpx2.Response:
        """A request that means nothing: who may come in is decided before anything of it is looked at."""
        path = row.path.replace("{programId}", self.program_id)
        path = re.sub(r"\{[A-Za-z_]+\}", UNKNOWN, path)
        content = b"" if row.method == "GET" else b"{}"
        headers = await self.headers(who, row, path, content)
        return await self.shop.call(row.method, path, token=None, headers=headers, content=content)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everybody(shop: Shop) -> Everybody:
    program_id = await shop.program()
    admitted_id, _ = await shop.admitted(program_id)
    return Everybody(shop, await FrontEnd.of(shop), admitted_id, program_id)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
async def test_every_cell_of_the_row_is_so(everybody: Everybody, row: Row) -> None:
    for who, cell in row.cells().items():
        answer = await everybody.ask(who, row)
        said = f"{who}: {cell}, and {answer.status_code} {answer.text[:200]}"
        if cell == "no":
            assert answer.status_code in (401, 403), said
            assert answer.json()["code"] in REFUSED, said
            assert answer.status_code == 403 or answer.headers["www-authenticate"] == "Bearer"
        elif who != "admitted" or cell != "own":
            assert answer.status_code not in (401, 403, 500), said


REFUSED: Final = {
    "unauthenticated",
    "permission_denied",
    "customer_session_required",
    "merchant_session_required",
    "not_a_person",
}
"""How somebody is kept out who may not come in. Nothing of what they asked about is in it."""


@pytest.mark.parametrize("row", [row for row in ROWS if row.rule and row.rule.person], ids=lambda row: row.path)
async def test_a_key_is_no_person_anywhere(everybody: Everybody, row: Row) -> None:
    shop = everybody.shop
    path = re.sub(r"\{[A-Za-z_]+\}", UNKNOWN, row.path)
    answer = await shop.call(row.method, path, token=shop.owner, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_a_person")


def test_the_table_is_not_empty() -> None:
    cells = Counter(cell for row in ROWS for cell in row.cells().values())
    print(f"\nrights: {len(ROWS)} routes × {len(CALLERS)} callers = {sum(cells.values())} cells: {json.dumps(cells)}")
    assert cells["no"] > 300
    assert {row.method for row in ROWS} == {"GET", "POST", "PUT", "PATCH", "DELETE"}
