"""What may be wrong with a theme, field by field, and what it costs a visitor."""

from dataclasses import replace
from typing import Any

import pytest

from kado.shops.theme.check import READABLE, check
from kado.shops.theme.performance import report
from kado.shops.theme.theme import COLOURS, PRESETS, Theme, members, theme_of, wire_name

LOGO = "https://cdn.example/logo.svg"


def issues(**changes: Any) -> list[tuple[str, str, str]]:
    return [(issue.field, issue.severity, issue.code) for issue in check(replace(Theme(), **changes))]


def test_the_default_and_every_preset_are_without_fault() -> None:
    assert issues() == []
    assert {preset_id: check(theme) for preset_id, theme in PRESETS.items()} == {name: [] for name in PRESETS}
    assert all(theme.preset_id == name for name, theme in PRESETS.items())


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_is_a_colour(name: str) -> None:
    assert (wire_name(name), "error", "invalid_color") in issues(**{name: "green"})


def test_every_member_that_should_be_a_colour_is_checked_as_one() -> None:
    assert {name for name, value in members(Theme()).items() if str(value).startswith("#")} == {
        wire_name(name) for name in COLOURS
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"primary_fg": "{}", "primary": "#fff"}, "primaryFg"),
        ({"sidebar_text": "{}", "sidebar_bg": "#fff"}, "sidebarText"),
        ({"sidebar_active_text": "{}", "sidebar_active_bg": "#fff"}, "sidebarActiveText"),
        ({"foreground": "{}", "background": "#fff", "surface": "#000", "muted": "#777"}, "foreground"),
        ({"muted": "{}", "background": "#000", "foreground": "#000", "surface": "#fff"}, "muted"),
    ],
)
@pytest.mark.parametrize(
    ("text", "severity"),
    [("#767676", None), ("#777777", "warning"), ("#949494", "warning"), ("#959595", "error"), ("#ffffff", "error")],
)
def test_text_can_be_read_on_what_it_stands_on(
    changes: dict[str, str], field: str, text: str, severity: str | None
) -> None:
    wanted: dict[str, Any] = {name: value.format(text) for name, value in changes.items()}
    theme = replace(Theme(), **wanted)
    found = [issue for issue in check(theme) if issue.field == field and issue.code == "low_contrast"]
    on_white = [issue for issue in found if _ground_of(issue.message, theme) == "#fff"]
    assert [issue.severity for issue in on_white] == ([severity] if severity else [])


def _ground_of(message: str, theme: Theme) -> str:
    ground = message.partition(" and ")[2].partition(" ")[0]
    return str(members(theme)[ground])


def test_a_ratio_just_below_the_bound_is_not_rounded_up_to_it() -> None:
    (issue,) = check(replace(Theme(), primary="#777777"))
    assert "is 4.47, below 4.5" in issue.message
    assert READABLE == 4.5


def test_a_pair_with_something_that_is_no_colour_is_judged_once() -> None:
    assert issues(primary="#zzz") == [("primary", "error", "invalid_color")]


def test_a_preset_that_nobody_knows_is_a_warning() -> None:
    assert issues(preset_id="midnight") == [("presetId", "warning", "unknown_preset")]


@pytest.mark.parametrize("alt", [None, "", "  "])
def test_a_logo_without_words_is_a_warning(alt: str | None) -> None:
    unseen = ("logoUrl", "warning", "logo_not_shown")
    assert issues(logo_url=LOGO, logo_alt=alt) == [unseen, ("logoAlt", "warning", "logo_without_alt")]
    assert issues(logo_url=LOGO, logo_alt="Kew Garden") == [unseen]
    assert issues(logo_alt=alt) == []


def test_a_logo_from_nowhere_is_an_error() -> None:
    assert issues(logo_url="javascript:alert(1)", logo_alt="x") == [("logoUrl", "error", "logo_not_https")]
    assert issues(logo_url="", logo_alt="x") == [("logoUrl", "error", "logo_url_invalid")]


@pytest.mark.parametrize(
    "family",
    ["sans-serif", "Inter, sans-serif", '"Source Sans 3", Arial, sans-serif', "'EB Garamond',serif", "A.b_c-d, serif"],
)
def test_a_list_of_families_is_a_font(family: str) -> None:
    assert issues(font_family=family) == []


@pytest.mark.parametrize(
    "family",
    ["", " ", ",", "Inter,", ",Inter", '"Inter', "Inter'", "'Inter\"", '"a"b"', "3D, serif", "Inter; color: red",
     "url(x)", "a}b", "Ìnter, serif", "Inter\n, serif", '""', "a, , serif"],
)  # fmt: skip
def test_anything_else_is_no_font(family: str) -> None:
    assert issues(font_family=family) == [("fontFamily", "error", "invalid_font_family")]


def test_a_font_without_a_fallback_is_a_warning() -> None:
    assert issues(font_family="Inter") == [("fontFamily", "warning", "font_without_fallback")]


def test_members_and_back() -> None:
    theme = Theme(primary="#000", logo_alt="x", sidebar_active_bg="#fff", border_radius="full")
    assert theme_of(members(theme)) == theme
    assert theme_of({}) == theme_of({"unknown": 1}) == Theme()
    assert members(theme)["sidebarActiveBg"] == "#fff"


# ── performance ────────────────────────────────────────────────────────────────────────────────────────────────────


def costs(**changes: Any) -> tuple[int, bool, bool, list[str], int]:
    found = report(replace(Theme(), **changes))
    codes = [cost.code for cost in found.costs]
    return found.changed, found.has_custom_font, found.has_large_logo, codes, found.score


def test_the_preset_costs_nothing() -> None:
    assert costs() == (0, False, False, [], 100)


def test_values_that_differ_from_the_preset_are_counted() -> None:
    assert costs(primary="#000", border_radius="none")[0] == 2
    assert costs(preset_id="midnight")[0] == 0
    every = dict.fromkeys(COLOURS, "#123456")
    assert costs(**every) == (12, False, False, ["many_changes"], 100)


@pytest.mark.parametrize(
    ("family", "custom"),
    [("Inter, sans-serif", True), ('"Inter", Arial', True), ("Arial", False), ("'Times New Roman', serif", False),
     ("SYSTEM-UI", False)],
)  # fmt: skip
def test_a_font_that_must_be_loaded_is_custom(family: str, custom: bool) -> None:
    assert costs(font_family=family) == (1, custom, False, ["custom_font"] if custom else [], 85 if custom else 100)


@pytest.mark.parametrize(
    ("path", "large"),
    [("logo.svg", False), ("logo.gif", True), ("LOGO.BMP", True), ("logo.tiff?v=1", True), ("x.gif/logo.png", False)],
)
def test_a_logo_is_large_by_its_format(path: str, large: bool) -> None:
    code, score = ("large_logo", 70) if large else ("logo", 95)
    assert costs(logo_url=f"https://cdn.example/{path}") == (1, False, large, [code], score)
