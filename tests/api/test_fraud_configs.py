"""What a rule's config may be: what cannot be evaluated is refused with its name, and changes nothing."""

from typing import Any

import pytest
from tests.api.fraud import a_program, a_rule, fraud_path, rules_of, sent_from
from tests.api.shop import Body, Shop, good

VELOCITY = {"scope": "card", "windowMinutes": 60, "maxCount": 3}
LIMIT = {"ruleType": "TRANSACTION_LIMIT", "config": {"maxAmount": "5.00"}}
NIGHT = {"timeZone": "Europe/Berlin", "from": "20:00", "to": "08:00"}

Wrong = tuple[str, Any, tuple[object, ...]]
"""Type of the rule, config, and which member is named."""


def each(kind: str, config: Body, name: str, *values: object) -> list[Wrong]:
    """The config with each of these values of a member, which is named."""
    return [(kind, config | {name: value}, (name,)) for value in values]


def custom(part: object) -> Body:
    """A combination whose second part is this."""
    return {"all": [LIMIT, part]}


def limit(**config: object) -> Body:
    return {"ruleType": "TRANSACTION_LIMIT", "config": config}


OWN = ["203.0.113.7", "198.51.100.0/24"]
AMOUNTS: tuple[object, ...] = ("0", "-1", "1.001", "1e3", "", "x", "٣", "1,00", True, [], {}, "9" * 13, 0, -1)
WRONG: list[Wrong] = [
    ("VELOCITY_LIMIT", {}, ("windowMinutes",)),
    ("VELOCITY_LIMIT", {"windowMinutes": 60}, ("scope",)),
    ("VELOCITY_LIMIT", {"windowMinutes": 60, "scope": "card"}, ("maxCount",)),
    *each("VELOCITY_LIMIT", VELOCITY, "windowMinutes", 0, 10081, "60", 1.5, [], {}),
    *each("VELOCITY_LIMIT", VELOCITY, "maxCount", 0, -1, 1_000_001, "3", 2.5, {}),
    *each("VELOCITY_LIMIT", VELOCITY, "scope", "shop", "", 7, ["card"], {}),
    *each("VELOCITY_LIMIT", VELOCITY, "maxAmount", *AMOUNTS),
    *each("VELOCITY_LIMIT", VELOCITY, "transactionTypes", [], ["VOID"], "RELOAD", [7], {}),
    *each("VELOCITY_LIMIT", VELOCITY, "counts", "logins", 7),
    *each("VELOCITY_LIMIT", VELOCITY, "max", 3),
    *each("VELOCITY_LIMIT", VELOCITY, "severity", "awful", 1),
    *each("VELOCITY_LIMIT", VELOCITY | {"counts": "pending_balance_checks"}, "scope", "cashier", "program"),
    ("VELOCITY_LIMIT", {"counts": "pending_balance_checks", "scope": "card", "windowMinutes": 5}, ("maxCount",)),
    ("VELOCITY_LIMIT", VELOCITY | {"counts": "spend_after_activation"}, ("scope",)),
    ("TRANSACTION_LIMIT", {}, ("maxAmount",)),
    *each("TRANSACTION_LIMIT", {"maxAmount": "1.00"}, "minAmount", "1.01"),
    *each("TRANSACTION_LIMIT", {"maxAmount": "1.00"}, "windowMinutes", 5),
    ("TIME_RESTRICTION", {}, ("timeZone",)),
    ("TIME_RESTRICTION", {"timeZone": "Europe/Berlin"}, ("from",)),
    *each("TIME_RESTRICTION", NIGHT, "timeZone", "Europe/Atlantis", "Europe", "../UTC", "", 1, "x" * 99),
    *each("TIME_RESTRICTION", NIGHT, "from", "24:00", "8:00", "08:60", "08:00:00", 8, ""),
    ("TIME_RESTRICTION", {"timeZone": "UTC", "from": "08:00"}, ("to",)),
    *each("TIME_RESTRICTION", NIGHT, "weekdays", ["someday"], [], "monday"),
    ("IP_BLOCK", {}, ("addresses",)),
    *each("IP_BLOCK", {}, "addresses", [], "203.0.113.7", ["x"], [7], ["0.0.0.0/0"], ["::/0"], ["10.0.0.1"]),
    *each("IP_BLOCK", {}, "addresses", ["127.0.0.1"], ["203.0.113.7"] * 101, OWN),
    ("USER_AGENT_BLOCK", {}, ("contains",)),
    ("USER_AGENT_BLOCK", {"orNone": False}, ("contains",)),
    *each("USER_AGENT_BLOCK", {}, "contains", [], [""], [" "], ["x" * 101], ["a\nb"], "curl", ["x"] * 51),
    *each("USER_AGENT_BLOCK", {}, "orNone", "yes", 1),
    ("GEOGRAPHIC_RESTRICTION", {"allowedCountries": ["DE"]}, ("allowedCountries",)),  # no proxy says where from
    ("CUSTOM", {}, ("all",)),
    *each("CUSTOM", {}, "all", [LIMIT], [LIMIT] * 6, LIMIT),
    ("CUSTOM", custom(7), ("all", 1)),
    ("CUSTOM", custom({"ruleType": "CUSTOM", "config": custom(LIMIT)}), ("all", 1, "ruleType")),
    ("CUSTOM", custom({"config": {}}), ("all", 1, "ruleType")),
    ("CUSTOM", custom({"ruleType": "VELOCITY_LIMIT", "config": VELOCITY}), ("all", 1, "config", "counts")),
    ("CUSTOM", custom(limit(maxAmount="x")), ("all", 1, "config", "maxAmount")),
    ("CUSTOM", custom(limit(maxAmount="1.00", severity="low")), ("all", 1, "config", "severity")),
    ("CUSTOM", custom(LIMIT | {"more": 1}), ("all", 1, "more")),
    ("CUSTOM", custom(limit(maxAmount="1.00", transactionTypes=["REFUND"])), ("all",)),
]


@pytest.mark.parametrize(("kind", "config", "named"), WRONG)
async def test_what_cannot_be_evaluated_is_named(shop: Shop, kind: str, config: Any, named: tuple[object, ...]) -> None:
    before = await rules_of(shop, shop.program_id)
    body = {"name": "x", "ruleType": kind, "config": config}
    answer = await shop.post(fraud_path(shop.program_id, "rules"), body, headers=sent_from("198.51.100.9"))
    assert good(answer, 422)["detail"][0]["loc"] == ["body", "config", *named], answer.text
    assert await rules_of(shop, shop.program_id) == before


@pytest.mark.parametrize(
    ("kind", "config", "kept"),
    [
        ("VELOCITY_LIMIT", VELOCITY | {"maxAmount": 7, "maxCount": None},
         {"counts": "transactions", "windowMinutes": 60, "scope": "card", "maxAmount": "7.00"}),
        ("VELOCITY_LIMIT", {"counts": "spend_after_activation", "windowMinutes": 3},
         {"counts": "spend_after_activation", "windowMinutes": 3}),
        ("TIME_RESTRICTION", NIGHT | {"weekdays": ["sunday", "monday"]}, NIGHT | {"weekdays": ["monday", "sunday"]}),
        ("TIME_RESTRICTION", {"timeZone": "UTC", "weekdays": ["friday"]},
         {"timeZone": "UTC", "weekdays": ["friday"], "from": "00:00", "to": "00:00"}),
        ("IP_BLOCK", {"addresses": ["203.0.113.7", "203.0.113.9/24", "2001:db8::1", "203.0.113.7"]},
         {"addresses": ["203.0.113.7/32", "203.0.113.0/24", "2001:db8::/64"]}),
        ("USER_AGENT_BLOCK", {"contains": ["cURL"], "orNone": True}, {"contains": ["cURL"], "orNone": True}),
        ("CUSTOM", {"all": [LIMIT, {"ruleType": "TIME_RESTRICTION", "config": NIGHT}], "severity": "low"}, None),
    ],
)  # fmt: skip
async def test_what_was_said_is_kept_in_full(shop: Shop, kind: str, config: Body, kept: Body | None) -> None:
    program = await a_program(shop)
    rule = await a_rule(shop, program, kind, config)
    if kept is not None:
        assert rule["config"] == kept | {"transactionTypes": ["REDEMPTION", "TRANSFER_OUT"]}
    path = fraud_path(program, f"rules/{rule['id']}")
    assert good(await shop.call("PUT", path, {"config": rule["config"]})) == rule
    wrong = good(await shop.call("PUT", path, {"config": {"maxAmount": []}}), 422)
    assert wrong["detail"][0]["loc"][:2] == ["body", "config"]


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb"])
async def test_a_rule_has_a_name(shop: Shop, name: str) -> None:
    body = {"name": name, **LIMIT}
    answer = await shop.post(fraud_path(shop.program_id, "rules"), body)
    assert good(answer, 422)["detail"][0]["loc"] == ["body", "name"]


async def test_a_rule_does_not_end_before_it_begins(shop: Shop) -> None:
    body = {"name": "x", "expiresAt": "2001-01-01T00:00:00Z", **LIMIT}
    answer = await shop.post(fraud_path(shop.program_id, "rules"), body)
    assert good(answer, 422)["detail"][0]["loc"] == ["body", "expiresAt"]


async def test_a_rule_and_an_alert_of_another_program_are_unknown(shop: Shop) -> None:
    mine, other = await a_program(shop), await a_program(shop)
    rule = await a_rule(shop, mine, "TRANSACTION_LIMIT", {"maxAmount": "5.00"})
    path = fraud_path(other, f"rules/{rule['id']}")
    assert good(await shop.call("PUT", path, {"name": "x"}), 404)["code"] == "rule_not_found"
    assert good(await shop.call("DELETE", path), 404)["code"] == "rule_not_found"
    assert await rules_of(shop, mine) == [rule]


async def test_every_change_is_in_the_audit_log_with_before_and_after(shop: Shop) -> None:
    program = await a_program(shop)
    rule = await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"})
    path = fraud_path(program, f"rules/{rule['id']}")
    good(await shop.call("PUT", path, {"isActive": False}))
    good(await shop.call("DELETE", path))
    good(await shop.post(fraud_path(program, "block-ip"), {"ipAddress": "203.0.113.7"}), 201)
    good(await shop.call("DELETE", fraud_path(program, "block-ip/203.0.113.7")))
    rows = await shop.rows(
        "SELECT action, before->>'isActive' AS was, after->>'isActive' AS is, before->>'ipAddress' AS unblocked,"
        " after->>'ipAddress' AS blocked, actor FROM audit_log WHERE program_id = $1 AND merchant_id = $2"
        " AND action ~ '^(fraud-rule|address):' ORDER BY at",
        program,
        shop.merchant_id,
    )
    assert {row.pop("actor").split(":")[0] for row in rows} == {"key"}
    assert [tuple(row.values()) for row in rows] == [
        ("fraud-rule:created", None, "true", None, None),
        ("fraud-rule:updated", "true", "false", None, None),
        ("fraud-rule:deleted", "false", None, None, None),
        ("address:blocked", None, None, None, "203.0.113.7"),
        ("address:unblocked", None, None, "203.0.113.7", None),
    ]
