"""What a program takes for fraud, as its owner says it in these tests."""

from collections.abc import Mapping
from typing import Any

import httpx2
from tests.api.shop import Body, Shop, an_address, good

from kado.cards.seal import Sealer
from kado.cards.watch import watch


def fraud_path(program_id: str, rest: str) -> str:
    return f"/v2/giftcards/programs/{program_id}/fraud/{rest}"


async def a_program(shop: Shop, **rules: object) -> str:
    """A program of its own without any rules."""
    program = await shop.program(**rules)
    await shop.superuser.execute("DELETE FROM fraud_rule WHERE program_id = $1", program)
    await shop.superuser.execute("UPDATE program SET fraud_rules = NULL WHERE id = $1", program)
    return program


async def rules_of(shop: Shop, program: str) -> list[Body]:
    found: list[Body] = good(await shop.get(fraud_path(program, "rules")))["items"]
    return found


async def a_rule(
    shop: Shop, program: str, kind: str, config: Mapping[str, Any], action: str = "block", **more: Any
) -> Body:
    body = {"name": f"{kind} that {action}s", "ruleType": kind, "action": action, "config": config, **more}
    return good(await shop.post(fraud_path(program, "rules"), body), 201)


async def worked(shop: Shop) -> None:
    """The worker has sealed and looked at everything."""
    database = shop.api.services.database
    await Sealer(database, shop.api.services.keyring).run()
    while await watch(database):
        pass


async def alerts(shop: Shop, program: str, query: str = "", *, token: str = "") -> list[Body]:
    """Newest first, when the worker has done its part."""
    await worked(shop)
    answer = await shop.get(fraud_path(program, f"alerts{query}"), token=token)
    found: list[Body] = good(answer)["items"]
    return found


def sent_from(address: str = "", agent: str = "till/1", **more: str) -> dict[str, str]:
    """Headers of a request that comes from this address, by a proxy that is trusted."""
    return {"X-Forwarded-For": address or an_address(), "User-Agent": agent, **more}


def refused(answer: httpx2.Response, code: str = "refused_by_rule") -> Body:
    """The body of a refusal by a rule."""
    body = good(answer, 400)
    assert body["code"] == code, body
    return body
