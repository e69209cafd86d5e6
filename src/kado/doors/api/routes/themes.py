"""How a shop looks."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError

from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.merchants import GiftCardMerchantTheme, MerchantThemeResponse, SaveMerchantThemeResponse
from kado.doors.api.services import services_of
from kado.doors.api.visit import MERCHANT_HEADER, AtTill, at_till
from kado.shops.save_theme import BadTheme, save_theme, theme_of_shop
from kado.shops.theme.check import Issue
from kado.shops.theme.performance import report
from kado.shops.theme.theme import Theme, members, theme_of

_ISSUES: Final = {"type": "array", "items": {"$ref": "#/components/schemas/ThemeValidationIssue"}}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    422: {
        "description": "The theme was not saved",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "error": {"type": "string", "title": "Error"},
                        "issues": {**_ISSUES, "title": "Issues"},
                        "warnings": {**_ISSUES, "title": "Warnings"},
                    },
                }
            }
        },
    }
}
_ISSUES_MAX: Final = 50
_NOT_A_THEME: Final = "The body is not a theme."


class ThemeRoute(StrictRoute):
    """A route that says in a theme's own words what is wrong with one, be it found by the schema or by the rules."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of every strict route, with other words for a 422."""
        handle = super().get_route_handler()

        async def handle_theme(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return _refused(_NOT_A_THEME, islice(map(_misfit, error.errors()), _ISSUES_MAX))
            except BadTheme as refusal:
                return _refused(refusal.detail, refusal.issues)

        return handle_theme


router = APIRouter(
    prefix="/v2/giftcards/merchants",
    tags=["Gift Card Merchants"],
    route_class=ThemeRoute,
    dependencies=MERCHANT_HEADER,
)


@router.get("/theme", name="getMerchantTheme", response_model=MerchantThemeResponse)
async def get_theme(request: Request, till: Annotated[AtTill, Depends(at_till(Permission.SELF_READ))]) -> Response:
    """The theme of the session's shop; the default until one was saved."""
    return shown.json_response({"theme": members(await theme_of_shop(services_of(request).database, till.session))})


@router.put("/theme", name="saveMerchantTheme", response_model=SaveMerchantThemeResponse, responses=_REFUSED)
async def put_theme(
    request: Request,
    till: Annotated[AtTill, Depends(at_till(Permission.MERCHANT_SETTINGS))],
    data: GiftCardMerchantTheme,
) -> Response:
    """Save the theme of the session's shop, unless something in it is wrong. What is not sent gets its default."""
    theme = theme_of(data.model_dump())
    warnings = await save_theme(services_of(request).database, till.caller, till.session, theme)
    by_field: dict[str, list[dict[str, str]]] = {}
    for warning in warnings:
        by_field.setdefault(warning.field, []).append(_issue(warning))
    return shown.json_response({"theme": members(theme), "validation": by_field, "performance": _performance(theme)})


def _performance(theme: Theme) -> dict[str, Any]:
    found = report(theme)
    return {
        "cssVarChanges": found.changed,
        "hasCustomFont": found.has_custom_font,
        "hasLargeLogo": found.has_large_logo,
        "issues": [
            {
                "severity": cost.severity,
                "code": cost.code,
                "message": cost.message,
                "estimatedMs": cost.estimated_ms,
            }
            for cost in found.costs
        ],
        "score": found.score,
    }


def _refused(error: str, issues: Iterable[Issue]) -> Response:
    found = list(issues)
    body = {
        "error": error,
        "issues": [_issue(issue) for issue in found if issue.severity == "error"],
        "warnings": [_issue(issue) for issue in found if issue.severity == "warning"],
    }
    return shown.json_response(body, status=422)


def _issue(issue: Issue) -> dict[str, str]:
    return {"field": issue.field, "severity": issue.severity, "code": issue.code, "message": issue.message}


def _misfit(error: Mapping[str, Any]) -> Issue:
    """What the schema found, in a theme's words."""
    _, *inside = error["loc"]
    return Issue(str(inside[0]) if inside else "body", "error", error["type"], error["msg"])
