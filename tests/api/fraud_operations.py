"""Operations on a program's rules, alerts and blocked addresses, each with a good request."""

from collections.abc import Callable

from tests.api.operation import Operation, nothing
from tests.api.shop import Body, Shop, good

from kado.access.permissions import Permission
from kado.ids import new_id

RULE = {"name": "Much", "ruleType": "TRANSACTION_LIMIT", "action": "flag", "config": {"maxAmount": "9.00"}}


def _fraud(rest: str) -> Callable[[Body], str]:
    return lambda card: f"/v2/giftcards/programs/{card['programId']}/fraud/{rest}"


def _rule(card: Body) -> str:
    return _fraud(f"rules/{card['ruleId']}")(card)


def _alert(card: Body) -> str:
    return _fraud(f"alerts/{card['fraudAlertId']}/acknowledge")(card)


async def _with_rule(shop: Shop, card: Body, till: str) -> Body:
    return {"ruleId": good(await shop.get(_fraud("rules")(card)))["items"][0]["id"]}


async def _with_alert(shop: Shop, card: Body, till: str) -> Body:
    return {"fraudAlertId": await an_alert_about(shop, card)}


async def _with_block(shop: Shop, card: Body, till: str) -> Body:
    good(await shop.post(_fraud("block-ip")(card), {"ipAddress": "203.0.113.7"}), 201)
    return {}


async def an_alert_about(shop: Shop, card: Body) -> str:
    """An alert about the card, as if a rule had found something; its id."""
    is_test = await shop.superuser.fetchval("SELECT is_test FROM card WHERE id = $1", card["id"])
    return str(
        await shop.superuser.fetchval(
            "INSERT INTO fraud_alert (program_id, id, action, pattern_type, severity, status, subject, card_ids,"
            " entry_ids, is_test, occurrences, facts, detected_at, last_at) VALUES ($1, $2, 'flag', 'CUSTOM', 'low',"
            " 'open', $3, ARRAY[$4], '{}', $5, 1, '{}', now(), now()) RETURNING id",
            card["programId"],
            new_id(),
            f"card:{card['id']}",
            card["id"],
            is_test,
        )
    )


READ, WRITE = Permission.FRAUD_READ, Permission.FRAUD_WRITE
FRAUD = {
    "fraud metrics": Operation(READ, "GET", _fraud("metrics"), nothing),
    "fraud patterns": Operation(READ, "GET", _fraud("patterns"), nothing),
    "velocity checks": Operation(READ, "GET", _fraud("velocity-checks"), nothing),
    "fraud alerts": Operation(READ, "GET", _fraud("alerts"), nothing),
    "acknowledge fraud": Operation(WRITE, "POST", _alert, lambda _: {"notes": "seen"}, prepare=_with_alert),
    "blocked ips": Operation(READ, "GET", _fraud("blocked-ips"), nothing),
    "block ip": Operation(WRITE, "POST", _fraud("block-ip"), lambda _: {"ipAddress": "203.0.113.8"}, status=201),
    "unblock ip": Operation(WRITE, "DELETE", _fraud("block-ip/203.0.113.7"), nothing, prepare=_with_block),
    "fraud rules": Operation(READ, "GET", _fraud("rules"), nothing),
    "create fraud rule": Operation(WRITE, "POST", _fraud("rules"), lambda _: RULE, status=201),
    "update fraud rule": Operation(WRITE, "PUT", _rule, lambda _: {"description": "as usual"}, prepare=_with_rule),
    "delete fraud rule": Operation(WRITE, "DELETE", _rule, nothing, prepare=_with_rule),
}
"""They name a program, and no card."""
