"""A shop's theme: its default, what saving it answers, and how a theme that is not saved is refused."""

import asyncio
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.api.shop import Body, Fits, Shop, fingerprint, good
from tests.api.tills import THEME, TOKEN, FrontEnd, a_platform_id, audit_of

DEFAULT = {
    "presetId": "eposn-default",
    "primary": "#15803d",
    "primaryFg": "#ffffff",
    "sidebarBg": "#ffffff",
    "sidebarText": "#4b5563",
    "sidebarActiveBg": "#f0fdf4",
    "sidebarActiveText": "#15803d",
    "sidebarBadge": "#15803d",
    "background": "#f9fafb",
    "foreground": "#111827",
    "surface": "#ffffff",
    "border": "#e5e7eb",
    "muted": "#6b7280",
    "logoUrl": None,
    "logoAlt": None,
    "fontFamily": None,
    "borderRadius": "lg",
}
"""As the contract has them, written out a second time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front_end(shop: Shop) -> FrontEnd:
    return await FrontEnd.of(shop)


@pytest_asyncio.fixture(loop_scope="module")
async def till(front_end: FrontEnd) -> dict[str, str]:
    """The header of an owner's till in a shop of its own."""
    return await front_end.till()


async def put(shop: Shop, till: dict[str, str], body: object, **options: Any) -> httpx2.Response:
    return await shop.call("PUT", THEME, body, headers=till, **options)


async def theme(shop: Shop, till: dict[str, str]) -> Body:
    body: Body = good(await shop.get(THEME, headers=till))
    assert body.keys() == {"theme"}
    saved: Body = body["theme"]
    return saved


async def test_a_shop_begins_with_the_default(shop: Shop, till: dict[str, str], fits: Fits) -> None:
    assert fits("MerchantThemeResponse", good(await shop.get(THEME, headers=till))) == {"theme": DEFAULT}


async def test_a_saved_theme_is_read_by_every_till_of_the_shop_and_of_no_other(
    front_end: FrontEnd, shop: Shop, till: dict[str, str], fits: Fits
) -> None:
    platform_id = a_platform_id()
    office, desk = (
        await front_end.till("manager", merchantId=platform_id),
        await front_end.till("read-only", merchantId=platform_id),
    )
    wanted = {
        "primary": "#1D4ED8", "borderRadius": "full", "fontFamily": "Inter, sans-serif",
        "logoUrl": "https://cdn.example/logo.svg", "logoAlt": "Kew Garden",
    }  # fmt: skip
    saved = fits("SaveMerchantThemeResponse", good(await put(shop, office, wanted)))
    assert saved["theme"] == DEFAULT | wanted
    (unseen,) = saved["validation"].pop("logoUrl")
    assert (unseen["severity"], unseen["code"]) == ("warning", "logo_not_shown")
    assert saved["validation"] == {}
    assert saved["performance"] == {
        "cssVarChanges": 5,
        "hasCustomFont": True,
        "hasLargeLogo": False,
        "issues": [
            {
                "severity": "warning",
                "code": "custom_font",
                "message": "The font is loaded before text shows in it.",
                "estimatedMs": 150,
            },
            {
                "severity": "info",
                "code": "logo",
                "message": "The logo is loaded from its address.",
                "estimatedMs": 50,
            },
        ],
        "score": 80,
    }
    assert await theme(shop, desk) == DEFAULT | wanted
    assert await theme(shop, till) == DEFAULT


async def test_saving_replaces_the_whole_theme(shop: Shop, till: dict[str, str]) -> None:
    good(await put(shop, till, {"primary": "#1d4ed8", "borderRadius": "sm"}))
    good(await put(shop, till, {"muted": "#374151"}))
    assert await theme(shop, till) == DEFAULT | {"muted": "#374151"}
    good(await put(shop, till, {}))
    assert await theme(shop, till) == DEFAULT


async def test_warnings_are_told_by_field_and_the_theme_is_saved(shop: Shop, till: dict[str, str], fits: Fits) -> None:
    wanted = {"presetId": "midnight", "muted": "#888888", "logoUrl": "https://cdn.example/logo.gif"}
    saved = fits("SaveMerchantThemeResponse", good(await put(shop, till, wanted)))
    assert {field: [issue["code"] for issue in issues] for field, issues in saved["validation"].items()} == {
        "presetId": ["unknown_preset"],
        "muted": ["low_contrast", "low_contrast"],
        "logoUrl": ["logo_not_shown"],
        "logoAlt": ["logo_without_alt"],
    }
    assert {issue["severity"] for issues in saved["validation"].values() for issue in issues} == {"warning"}
    assert saved["performance"]["hasLargeLogo"] is True
    assert await theme(shop, till) == DEFAULT | wanted


async def test_a_theme_with_errors_is_not_saved(shop: Shop, till: dict[str, str], fits: Fits) -> None:
    good(await put(shop, till, {"border": "#000000"}))
    before = await fingerprint(shop.superuser)
    refused = good(await put(shop, till, {"primary": "#fff", "logoUrl": "http://cdn.example/x", "border": "red"}), 422)
    assert refused.keys() == {"error", "issues", "warnings"}
    assert [(issue["field"], issue["code"]) for issue in refused["issues"]] == [
        ("border", "invalid_color"), ("primaryFg", "low_contrast"), ("logoUrl", "logo_not_https"),
    ]  # fmt: skip
    assert [(issue["field"], issue["code"]) for issue in refused["warnings"]] == [("logoAlt", "logo_without_alt")]
    for issue in refused["issues"] + refused["warnings"]:
        fits("ThemeValidationIssue", issue)
    assert await fingerprint(shop.superuser) == before
    assert (await theme(shop, till))["border"] == "#000000"


async def refused_for(shop: Shop, fits: Fits, till: dict[str, str], body: object) -> set[str]:
    """The fields that the refusal of this body names."""
    refused = good(await put(shop, till, body), 422)
    assert refused.keys() == {"error", "issues", "warnings"}
    assert all(fits("ThemeValidationIssue", issue)["severity"] == "error" for issue in refused["issues"])
    assert refused["warnings"] == []
    return {issue["field"] for issue in refused["issues"]}


@pytest.mark.parametrize("name", DEFAULT)
async def test_a_member_out_of_bounds_is_named_in_a_themes_words(
    shop: Shop, till: dict[str, str], fits: Fits, name: str
) -> None:
    for value in (7, [], {}, True, "x" * 3000, "a\u007fb", *(() if DEFAULT[name] is None else (None, ""))):
        assert await refused_for(shop, fits, till, {name: value}) == {name}, value
    assert await theme(shop, till) == DEFAULT


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"presetId": "x" * 101}, "presetId"),
        ({"primary": "#1234567"}, "primary"),
        ({"logoAlt": "x" * 256}, "logoAlt"),
        ({"logoAlt": "line\nfeed"}, "logoAlt"),
        ({"logoUrl": "https://cdn.example/" + "x" * 2029}, "logoUrl"),
        ({"fontFamily": "Inter; color: red"}, "fontFamily"),
        ({"fontFamily": "Inter\n"}, "fontFamily"),
        ({"fontFamily": ""}, "fontFamily"),
        ({"borderRadius": "LG"}, "borderRadius"),
        ([], "body"),
        ("x", "body"),
        (None, "body"),
    ],
)
async def test_what_is_no_theme_is_refused_in_a_themes_words(
    shop: Shop, till: dict[str, str], fits: Fits, body: object, field: str
) -> None:
    assert await refused_for(shop, fits, till, body) == {field}


async def test_a_body_that_is_no_json_is_refused_before_it_can_be_a_theme(shop: Shop, till: dict[str, str]) -> None:
    answer = await shop.call("PUT", THEME, content=b'{"primary": "#000", "primary": "#fff"}', headers=till)
    assert good(answer, 422)["detail"][0]["loc"] == ["body", "primary"]


async def test_a_change_is_audited_with_what_was_there_before(front_end: FrontEnd, shop: Shop) -> None:
    opened = await front_end.session(role="owner")
    till = {TOKEN: opened["sessionToken"]}
    for body in ({"muted": "#374151"}, {"muted": "#374151"}, {"muted": "#1f2937", "borderRadius": "sm"}):
        good(await put(shop, till, body))
    rows = [row for row in await audit_of(shop, opened["id"]) if row["action"] == "shop:theme-changed"]
    assert [(row["before"], row["after"]) for row in rows] == [
        ({"muted": "#6b7280"}, {"muted": "#374151"}),
        ({"muted": "#374151", "borderRadius": "lg"}, {"muted": "#1f2937", "borderRadius": "sm"}),
    ]
    assert {row["actor"].partition(":")[0] for row in rows} == {"key"}
    assert len({row["details"]["session"] for row in rows}) == 1


async def test_themes_saved_at_once_leave_one_of_them_whole(shop: Shop, till: dict[str, str]) -> None:
    wanted = [{"border": f"#{at}{at}{at}", "sidebarBadge": f"#{at}{at}{at}"} for at in range(10)]
    for answer in await asyncio.gather(*(put(shop, till, body) for body in wanted)):
        good(answer)
    saved = await theme(shop, till)
    assert {"border": saved["border"], "sidebarBadge": saved["sidebarBadge"]} in wanted


async def test_the_document_says_how_a_theme_is_refused(shop: Shop) -> None:
    document = good(await shop.get("/openapi.json"))
    refused = document["paths"][THEME]["put"]["responses"]["422"]
    schema = refused["content"]["application/json"]["schema"]
    assert schema["properties"].keys() == {"error", "issues", "warnings"}
    assert "required" not in schema
    body = document["components"]["schemas"]["GiftCardMerchantTheme"]
    assert "required" not in body
    assert {name: facts.get("default") for name, facts in body["properties"].items()} == DEFAULT
    assert body["properties"]["borderRadius"]["enum"] == ["none", "sm", "md", "lg", "full"]
    assert body["properties"]["fontFamily"]["anyOf"][0]["pattern"] == r"^[A-Za-z0-9 ,'\"._\-]+$"
