"""Programs: the rules that cards live by."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from starlette.requests import Request

from kado import clock
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.programs import (
    CreateProgramRequest,
    ProgramListItem,
    ProgramResponse,
    UpdateProgramRequest,
)
from kado.doors.api.services import services_of
from kado.doors.api.visit import ProgramId, ReadingProgram, WritingProgram, with_permission
from kado.fraud.defaults import begin_with_usual_rules
from kado.programs import rules
from kado.programs.create import create as create_program
from kado.programs.find import list_reachable
from kado.programs.profile import MEMBERS
from kado.programs.program import (
    DEFAULT_NUMBER_PREFIX,
    DEFAULT_PASS_TYPE,
    UNSET,
    CodeFormat,
    ExpiryRule,
    NewProgram,
    Program,
    ProgramChanges,
    WantedLimits,
)
from kado.programs.update import update as update_program

router = APIRouter(tags=["Programs"], route_class=StrictRoute)

_LIMITS: Final = {
    "minInitialValue": "min_initial_value",
    "maxInitialValue": "max_initial_value",
    "maxBalance": "max_balance",
    "maxReload": "max_reload",
    "maxRedeem": "max_redeem",
    "cashierIssueLimit": "cashier_issue_limit",
    "maxOfflineTake": "max_offline_take",
    "maxOfflineTotal": "max_offline_total",
}


@router.post("/v2/programs", name="create_loyalty_program", response_model=ProgramResponse, status_code=201)
async def create(
    request: Request,
    caller: Annotated[Caller, Depends(with_permission(Permission.PROGRAMS_WRITE))],
    data: CreateProgramRequest,
) -> Response:
    """Open a program. Its currency can never be changed."""
    services = services_of(request)
    rules.check_captcha(is_wanted=data.requireCaptcha, has_captcha=services.captcha.is_on)
    new = NewProgram(
        name=data.name,
        currency=data.currency,
        pass_type_identifier=data.passTypeIdentifier or DEFAULT_PASS_TYPE,
        limits=_limits(data),
        expiry_rule=ExpiryRule(data.expiryRule),
        expiry_months=data.expiryMonths,
        code_format=CodeFormat(data.securityCodeFormat),
        number_prefix=DEFAULT_NUMBER_PREFIX if data.cardNumberPrefix is None else data.cardNumberPrefix,
        requires_key=data.requireIdempotencyKey,
        retention_days=data.retention_period_days,
        captcha_always=data.requireCaptcha,
        reminds_expiry=data.remindExpiry,
        tells_changes=data.tellChanges,
        balance_without_script=data.balancePageWithoutScript,
        offline_hours=data.offlineHours,
        profile={name: getattr(data, name) for name in MEMBERS},
    )
    program = await create_program(services.database, caller.merchant_id, caller.subject, new, begin_with_usual_rules)
    return shown.json_response(_program(program), status=201)


@router.get("/v2/loyalty/programs", name="get_programs", response_model=list[ProgramListItem])
async def list_programs(
    request: Request, caller: Annotated[Caller, Depends(with_permission(Permission.PROGRAMS_READ))]
) -> Response:
    """The programs that the caller's merchant owns or is admitted to, oldest first."""
    programs = await list_reachable(services_of(request).database, caller.merchant_id)
    entered = [one for one in programs if caller.enters(one.id)]
    return shown.json_response([{"id": one.id, "name": one.name, "shareUrl": None} for one in entered])


@router.get("/v2/loyalty/programs/{programId}", name="get_program", response_model=None)
async def details(visit: ReadingProgram, programId: ProgramId) -> Response:
    """A program with all its rules."""
    return shown.json_response(_program(visit.program))


@router.put("/v2/loyalty/programs/{programId}", name="update_program", response_model=None)
async def update(visit: WritingProgram, programId: ProgramId, data: UpdateProgramRequest) -> Response:
    """Change what was sent and nothing else. Cards that exist keep what was copied to them."""
    sent = data.model_fields_set
    rules.check_captcha(is_wanted=data.requireCaptcha, has_captcha=visit.services.captcha.is_on)
    changes = ProgramChanges(
        name=data.name,
        currency=data.currency,
        pass_type_identifier=data.passTypeIdentifier,
        limits=_limits(data),
        expiry_rule=None if data.expiryRule is None else ExpiryRule(data.expiryRule),
        expiry_months=data.expiryMonths,
        code_format=None if data.securityCodeFormat is None else CodeFormat(data.securityCodeFormat),
        number_prefix=data.cardNumberPrefix,
        requires_key=data.requireIdempotencyKey,
        retention_days=data.retention_period_days if "retention_period_days" in sent else UNSET,
        captcha_always=data.requireCaptcha,
        reminds_expiry=data.remindExpiry,
        tells_changes=data.tellChanges,
        balance_without_script=data.balancePageWithoutScript,
        offline_hours=data.offlineHours,
        profile={name: getattr(data, name) for name in MEMBERS if name in sent},
    )
    services = visit.services
    program = await update_program(
        services.database,
        services.reaches,
        visit.caller.merchant_id,
        visit.caller.subject,
        visit.program.id,
        changes,
    )
    return shown.json_response(_program(program))


def _limits(data: CreateProgramRequest | UpdateProgramRequest) -> WantedLimits:
    return WantedLimits(
        **{name: getattr(data, wire) for wire, name in _LIMITS.items() if wire in data.model_fields_set}
    )


def _program(program: Program) -> dict[str, Any]:
    text = program.currency.text
    return {
        "id": program.id,
        "merchantId": program.merchant_id,
        "name": program.name,
        "programType": "giftcard",
        "passTypeIdentifier": program.pass_type_identifier,
        "currency": program.currency.code,
        **{wire: None if (minor := getattr(program, name)) is None else text(minor) for wire, name in _LIMITS.items()},
        "expiryMonths": program.expiry_months,
        "expiryRule": program.expiry_rule.value,
        "securityCodeFormat": program.code_format.value,
        "requireIdempotencyKey": program.requires_key,
        "requireCaptcha": program.captcha_always,
        "remindExpiry": program.reminds_expiry,
        "tellChanges": program.tells_changes,
        "balancePageWithoutScript": program.balance_without_script,
        "offlineHours": program.offline_hours,
        "cardNumberPrefix": program.number_prefix,
        **{name: program.profile.get(name) for name in MEMBERS},
        "retention_period_days": program.retention_days,
        "createdAt": clock.text(program.created_at),
        "updatedAt": clock.text_or_none(program.updated_at),
        "shareUrl": None,
    }
