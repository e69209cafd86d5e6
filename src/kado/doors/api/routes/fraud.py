"""Fraud: a program's rules, the alerts that they raise, blocked addresses, and figures."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, WithJsonSchema

from kado import clock
from kado.access.address import Network
from kado.cards.acknowledge_alert import REASON, Suspension, acknowledge_alert
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.fraud import (
    AcknowledgeAlertRequest,
    BlockedAddressList,
    BlockedAddressResponse,
    BlockIPRequest,
    CreateFraudRuleRequest,
    DeletedFraudRule,
    FraudAlertPage,
    FraudAlertResponse,
    FraudMetricsResponse,
    FraudPatternList,
    FraudRuleList,
    FraudRuleResponse,
    Moment,
    UpdateFraudRuleRequest,
    VelocityCheckList,
)
from kado.doors.api.types import Line
from kado.doors.api.visit import (
    SESSION_HEADERS,
    ProgramId,
    ReadingFraud,
    StrayCardId,
    Visit,
    WritingFraud,
    came_from,
)
from kado.errors import Invalid
from kado.fraud import blocked, figures, rules
from kado.fraud.alert import PATTERNS, Alert, AlertStatus, Judgement
from kado.fraud.alerts import list_alerts
from kado.fraud.config import Around, RuleType, Severity
from kado.fraud.rule import Rule, RuleAction
from kado.money import Currency

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/fraud",
    tags=["fraud"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

# The contract calls them texts; what none of them can be is refused all the same.
_texts: Final = WithJsonSchema({"type": "array", "items": {"type": "string"}})
Severities = Annotated[list[Severity], Field(max_length=20), _texts]
Statuses = Annotated[list[AlertStatus], Field(max_length=20), _texts]
Patterns = Annotated[list[str], Field(max_length=20), _texts]
AlertId = Annotated[Line, Path()]
RuleId = Annotated[Line, Path()]


@router.get("/metrics", name="get_fraud_metrics", response_model=FraudMetricsResponse)
async def read_metrics(visit: ReadingFraud, programId: ProgramId, cardId: StrayCardId = None) -> Response:
    """The program at a glance: alerts, refusals, rules, blocked addresses."""
    found = await figures.metrics(visit.services.reader, visit.program.id, is_test=visit.caller.is_test)
    return shown.json_response(
        {
            "programId": visit.program.id,
            "alerts": {
                "open": found.by_status[AlertStatus.OPEN],
                "acknowledged": found.by_status[AlertStatus.ACKNOWLEDGED],
                "falsePositive": found.by_status[AlertStatus.FALSE_POSITIVE],
                "openBySeverity": dict(found.open_by_severity),
                "last24Hours": found.alerts_day,
                "last30Days": found.alerts_month,
                "occurrencesLast30Days": found.occurrences_month,
            },
            "refusalsLast30Days": found.refusals_month,
            "rules": {"active": found.active_rules, "refusing": found.refusing_rules},
            "blockedAddresses": found.blocked_addresses,
            "clearedCards": found.cleared_cards,
        }
    )


@router.get("/alerts", name="get_fraud_alerts", response_model=FraudAlertPage)
async def read_alerts(
    visit: ReadingFraud,
    programId: ProgramId,
    severity: Annotated[Severities | None, Query()] = None,
    status: Annotated[Statuses | None, Query()] = None,
    patternType: Annotated[Patterns | None, Query()] = None,
    from_: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
    page: Annotated[int, Query(ge=1)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cardId: StrayCardId = None,
) -> Response:
    """The program's alerts, newest first: of live cards, or of test cards with a test key."""
    if unknown := [one for one in patternType or () if one not in PATTERNS]:
        raise Invalid(("query", "patternType"), f"Input should be one of {', '.join(PATTERNS)}, not {unknown[0]!r}.")
    found, total = await list_alerts(
        visit.services.reader,
        visit.program.id,
        is_test=visit.caller.is_test,
        severities=severity,
        statuses=status,
        patterns=patternType,
        since=from_,
        until=to,
        limit=limit,
        offset=min((page - 1) * limit, _OFFSET_MAX),
    )
    return shown.json_response(
        {
            "items": [_alert(alert) for alert in found],
            "total": total,
            "page": page,
            "pages": -(-total // limit),
            "limit": limit,
        }
    )


@router.post("/alerts/{alert_id}/acknowledge", name="acknowledge_fraud_alert", response_model=FraudAlertResponse)
async def acknowledge(
    visit: WritingFraud,
    programId: ProgramId,
    alert_id: AlertId,
    data: AcknowledgeAlertRequest,
    cardId: StrayCardId = None,
) -> Response:
    """Say that somebody has looked; with `suspendCard` the alert's card is suspended together with it, or neither."""
    suspension = Suspension(data.suspendReason or REASON, data.suspendExpiresAt) if data.suspendCard else None
    alert = await acknowledge_alert(
        visit.services.database,
        visit.services.ledger,
        visit.caller,
        visit.program,
        alert_id,
        Judgement(by=visit.caller.subject, notes=data.notes, is_false_positive=bool(data.isFalsePositive)),
        suspension,
    )
    return shown.json_response(_alert(alert))


@router.get("/patterns", name="get_fraud_patterns", response_model=FraudPatternList)
async def read_patterns(visit: ReadingFraud, programId: ProgramId, cardId: StrayCardId = None) -> Response:
    """What the alerts of the last 30 days look like, the most frequent first."""
    found = await figures.patterns(visit.services.reader, visit.program.id, is_test=visit.caller.is_test)
    items = [
        {
            "patternType": one.type,
            "alerts": one.alerts,
            "open": one.open,
            "falsePositives": one.false_positives,
            "occurrences": one.occurrences,
            "cards": one.cards,
            "lastDetectedAt": clock.text_or_none(one.last_at),
        }
        for one in found
    ]
    return shown.json_response({"days": figures.PATTERN_DAYS, "items": items, "total": len(items)})


@router.get("/velocity-checks", name="get_velocity_checks", response_model=VelocityCheckList)
async def read_velocity_checks(
    visit: ReadingFraud,
    programId: ProgramId,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cardId: StrayCardId = None,
) -> Response:
    """What velocity limits have counted lately, by rule and subject, the latest first."""
    found = await figures.latest_tallies(
        visit.services.reader, visit.program.id, is_test=visit.caller.is_test, limit=limit
    )
    items = [_tallied(one, visit.program.currency) for one in found]
    return shown.json_response({"items": items, "total": len(items)})


# ── blocked addresses ──────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/blocked-ips", name="get_blocked_ips", response_model=BlockedAddressList)
async def read_blocked(visit: ReadingFraud, programId: ProgramId, cardId: StrayCardId = None) -> Response:
    """The program's blocks that are in force, newest first."""
    found = await blocked.list_blocks(visit.services.database, visit.program.id)
    return shown.json_response({"items": [blocked.shown(one) for one in found], "total": len(found)})


@router.post("/block-ip", name="block_ip", response_model=BlockedAddressResponse, status_code=201)
async def block(
    request: Request, visit: WritingFraud, programId: ProgramId, data: BlockIPRequest, cardId: StrayCardId = None
) -> Response:
    """Block an address, or a range: balance checks and calls from there are refused within 30 seconds everywhere."""
    wanted = blocked.Wanted(
        address=data.ipAddress,
        cidr_range=data.cidrRange,
        reason=data.reason if data.reason.strip() else "Manual block",
        is_permanent=bool(data.isPermanent),
        expires_at=data.expiresAt,
    )
    try:
        made = await blocked.block(
            visit.services.database,
            visit.program.merchant_id,
            visit.caller.subject,
            visit.program.id,
            wanted,
            _own_networks(request, visit),
        )
    finally:
        visit.services.blocks.forget(visit.program.id)
    return shown.json_response(blocked.shown(made), status=201)


@router.delete("/block-ip/{ip}", name="unblock_ip", response_model=BlockedAddressResponse)
async def unblock(
    visit: WritingFraud, programId: ProgramId, ip: Annotated[Line, Path()], cardId: StrayCardId = None
) -> Response:
    """Lift the block that was made for this address, with its whole range."""
    try:
        lifted = await blocked.unblock(
            visit.services.database, visit.program.merchant_id, visit.caller.subject, visit.program.id, ip
        )
    finally:
        visit.services.blocks.forget(visit.program.id)
    return shown.json_response(blocked.shown(lifted))


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/rules", name="get_fraud_rules", response_model=FraudRuleList)
async def read_rules(visit: ReadingFraud, programId: ProgramId, cardId: StrayCardId = None) -> Response:
    """The program's rules, oldest first."""
    found = await rules.list_rules(visit.services.database, visit.program.id)
    return shown.json_response({"items": [_rule(rule) for rule in found], "total": len(found)})


@router.post("/rules", name="create_fraud_rule", response_model=FraudRuleResponse, status_code=201)
async def create_rule(
    request: Request,
    visit: WritingFraud,
    programId: ProgramId,
    data: CreateFraudRuleRequest,
    cardId: StrayCardId = None,
) -> Response:
    """Make a rule, in force from this moment."""
    new = rules.NewRule(
        name=data.name,
        type=RuleType(data.ruleType),
        config=data.config,
        description=data.description,
        action=RuleAction(data.action),
        expires_at=data.expiresAt,
    )
    rule = await rules.create(
        visit.services.database,
        visit.program.merchant_id,
        visit.caller.subject,
        visit.program.id,
        new,
        _around(request, visit),
    )
    return shown.json_response(_rule(rule), status=201)


@router.put("/rules/{rule_id}", name="update_fraud_rule", response_model=FraudRuleResponse)
async def update_rule(
    request: Request,
    visit: WritingFraud,
    programId: ProgramId,
    rule_id: RuleId,
    data: UpdateFraudRuleRequest,
    cardId: StrayCardId = None,
) -> Response:
    """Change what was sent and nothing else. With another config the rule counts anew."""
    changes = rules.RuleChanges(
        name=data.name,
        description=data.description,
        action=None if data.action is None else RuleAction(data.action),
        is_active=data.isActive,
        config=data.config,
        expires_at=data.expiresAt,
    )
    rule = await rules.update(
        visit.services.database,
        visit.program.merchant_id,
        visit.caller.subject,
        visit.program.id,
        rule_id,
        changes,
        _around(request, visit),
    )
    return shown.json_response(_rule(rule))


@router.delete("/rules/{rule_id}", name="delete_fraud_rule", response_model=DeletedFraudRule)
async def delete_rule(
    visit: WritingFraud, programId: ProgramId, rule_id: RuleId, cardId: StrayCardId = None
) -> Response:
    """Delete a rule. Its alerts stay."""
    rule = await rules.delete(
        visit.services.database, visit.program.merchant_id, visit.caller.subject, visit.program.id, rule_id
    )
    return shown.json_response({"success": True, "id": rule.id})


# ── how they look ──────────────────────────────────────────────────────────────────────────────────────────────────

_OFFSET_MAX: Final = 2**31


def _around(request: Request, visit: Visit) -> Around:
    header = visit.services.settings.country_header
    return Around(visit.program.currency, header is not None, _own_networks(request, visit))


def _own_networks(request: Request, visit: Visit) -> tuple[Network, ...]:
    """What may not be blocked: where the proxies are, and where this request comes from."""
    return blocked.own_networks(visit.services.settings.trusted_proxies, came_from())


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "programId": rule.program_id,
        **rules.shown(rule),
        "severity": rule.severity.value,
        "countsSince": clock.text(rule.since),
        "createdAt": clock.text(rule.created_at),
        "updatedAt": clock.text_or_none(rule.updated_at),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "programId": alert.program_id,
        "patternType": alert.pattern_type,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "action": alert.action.value,
        "ruleId": alert.rule_id,
        "ruleName": alert.rule_name,
        "subject": alert.subject,
        "cardId": alert.card_id,
        "cardIds": alert.card_ids,
        "transactionIds": alert.entry_ids,
        "occurrences": alert.occurrences,
        "details": dict(alert.facts),
        "detectedAt": clock.text(alert.detected_at),
        "lastDetectedAt": clock.text(alert.last_at),
        "isFalsePositive": alert.status is AlertStatus.FALSE_POSITIVE,
        "cardSuspended": alert.has_suspended,
        "notes": alert.notes,
        "acknowledgedBy": alert.acknowledged_by,
        "acknowledgedAt": clock.text_or_none(alert.acknowledged_at),
    }


def _tallied(one: figures.Tallied, currency: Currency) -> dict[str, Any]:
    config = one.rule.config
    return {
        "ruleId": one.rule.id,
        "ruleName": one.rule.name,
        "action": one.rule.action.value,
        "subject": one.subject,
        "count": one.count,
        "amount": currency.text(one.amount),
        "maxCount": config.get("maxCount"),
        "maxAmount": config.get("maxAmount"),
        "windowMinutes": config["windowMinutes"],
        "hits": one.hits,
        "checkedAt": clock.text(one.touched_at),
    }
