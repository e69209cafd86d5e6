"""What a browser may do with our pages, page by page. Whoever adds a form or a cookie comes by here."""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

import httpx2
import pytest
from tests.database.cards.builders import Shop
from tests.markup import tags
from tests.pages.visitor import address_of, message_of, send

from kado.doors.pages import FORM_PATHS, GUESSABLE, Rooms, routes
from kado.doors.pages.proof_script import PROOF

# Of a template's source. A form is allowed below, with what belongs to it.
_FORBIDDEN: Final = re.compile(r"<base|style=|javascript:|http-equiv|\son[a-z]+\s*=|formaction|target=", re.IGNORECASE)
_TAKES_FORM: Final = {"card_page.html": 2, "balance_page.html": 1}
_RUNS_SCRIPT: Final = {"balance_page.html": 1}
_BYTES_MAX: Final = 100_000


async def pages(shop: Shop, browser: httpx2.AsyncClient) -> dict[str, httpx2.Response]:
    """Every page in every state that a form or a number makes a difference to."""
    pending, active, stopped = await shop.issue(2500), await shop.card(5000, -100), await shop.card(5000)
    await shop.suspend(stopped)
    told = await message_of(shop, active)
    card, balance = await browser.get(await address_of(shop, active)), await browser.get(f"/balance/{shop.program_id}")
    typed = {"number": told.card_number, "code": told.code}
    return {
        "pending": await browser.get(await address_of(shop, pending)),
        "active": card,
        "suspended": await browser.get(await address_of(shop, stopped)),
        "wrong": await send(browser, card, code="x"),
        "number": await send(browser, card, code=told.code),
        "nothing": await browser.get(f"/cards/{'0' * 56}"),
        "sorry": await browser.post(f"/balance/{shop.program_id}", headers={"Sec-Fetch-Site": "cross-site"}),
        "balance": balance,
        "result": await send(browser, balance, **typed),
        "not found": await send(browser, balance, **typed | {"code": "x"}),
    }


async def test_every_page_says_what_a_browser_may_do_with_it(shop: Shop, browser: httpx2.AsyncClient) -> None:
    for name, page in (await pages(shop, browser)).items():
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        has_form, has_script = "<form" in page.text, "<script" in page.text
        assert policy == {
            "default-src": "'none'",
            "style-src": f"'sha256-{digest}'",
            "img-src": "'self'",
            "script-src": "'self'" if has_script else "'none'",
            "connect-src": "'self'" if has_script else "'none'",
            "base-uri": "'none'",
            "form-action": "'self'" if has_form else "'none'",
            "frame-ancestors": "'none'",
        }, name
        assert has_form is (name not in ("suspended", "number", "nothing", "sorry", "result"))
        assert has_script is (name in ("balance", "not found"))
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        assert page.headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in page.headers["permissions-policy"]
        assert page.headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in page.headers
        assert len(page.content) < _BYTES_MAX / 2, name


async def test_every_form_is_sent_to_us_with_a_token_of_ours(shop: Shop, browser: httpx2.AsyncClient) -> None:
    for name, page in (await pages(shop, browser)).items():
        found = [dict(facts) for _, tag, facts in tags(page.text) if tag == "form"]
        hidden = [dict(facts) for _, tag, facts in tags(page.text) if tag == "input" and dict(facts)["name"] == "form"]
        assert len(hidden) == len(found) <= 1, name
        for form in found:
            assert form["method"] == "post"
            assert form["action"].startswith(FORM_PATHS)
            assert GUESSABLE.fullmatch(form["action"].partition("?")[0]), "guesses wait in the lane"
        sources = [str(value) for _, _, facts in tags(page.text) for key, value in facts if key in ("src", "srcset")]
        assert sources in ([], [PROOF.path])


async def test_what_changes_something_is_sent_by_post_and_nothing_else(
    browser: httpx2.AsyncClient, rooms: Rooms
) -> None:
    """Whoever adds a route adds it here, with what it does; what answers to POST takes a token of our form."""
    assert {(route.path, *sorted(route.methods or ())) for route in routes(rooms)} == {
        ("/cards/{pass_sid}", "GET", "HEAD"),
        ("/cards/{pass_sid}/paper", "GET", "HEAD"),
        ("/cards/{pass_sid}/paper/folded", "GET", "HEAD"),
        ("/cards/{pass_sid}/activate", "GET", "HEAD"),
        ("/cards/{pass_sid}/number", "GET", "HEAD"),
        ("/cards/{pass_sid}/activate", "POST"),
        ("/cards/{pass_sid}/number", "POST"),
        ("/balance/{program_id}", "GET", "HEAD"),
        ("/balance/{program_id}", "POST"),
        ("/balance/{program_id}/challenge", "GET", "HEAD"),
        ("/pictures/{program_id}/{picture_id}", "GET", "HEAD"),
        (PROOF.path, "GET", "HEAD"),
    }
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await browser.request(method, f"/cards/{'0' * 56}")).status_code == 405


def test_templates_run_nothing_and_trust_nothing() -> None:
    for template in (files("kado.doors.pages") / "templates").iterdir():
        source = template.read_text()
        assert _FORBIDDEN.search(source) is None, template.name
        assert [*re.findall(r"\|\s*safe", source)] == (["| safe"] if template.name == "layout.html" else [])
        assert "autoescape" not in source
        assert source.count("<form") == source.count('name="form"') == _TAKES_FORM.get(template.name, 0)
        assert source.count("<form") == source.count('<form method="post" action="{{ address }}')
        assert source.count("<script") == source.count('<script src="{{ script }}" defer></script>')
        assert source.count("<script") == _RUNS_SCRIPT.get(template.name, 0)
        assert "cookie" not in source


def test_a_style_loads_nothing() -> None:
    sheet = (files("kado.doors.pages") / "templates" / "page.css").read_text()
    for loading in ("url(", "@import", "@font-face", "image-set(", "src:"):
        assert loading not in sheet
    assert "<" not in sheet


async def test_the_script_is_known_by_its_content_and_calls_nobody_else(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get(PROOF.path)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert hashlib.sha256(answer.content).hexdigest().startswith(PROOF.path.split(".")[1])
    assert len(answer.content) < 5_000
    for forbidden in ("http:", "https:", "eval", "innerHTML", "document.write", "cookie", "localStorage", "Function("):
        assert forbidden not in answer.text.replace("plain http)", "")


@pytest.mark.parametrize("family", ["Inter, 'Open Sans'", "'broken", 'x"'])
async def test_a_font_of_the_shop_breaks_no_style(family: str) -> None:
    from dataclasses import replace

    from kado.designs.look import Look
    from kado.designs.palette import dark, light
    from kado.doors.pages.style import style_of
    from kado.shops.theme.theme import Theme

    look = Look(
        shop="x",
        program="y",
        light=light(Theme()),
        dark=dark(Theme()),
        font_family=family,
        radius="lg",
        card="#15803d",
        on_card="#ffffff",
        label="#ffffff",
    )
    style = style_of(look)
    assert (family in style) is ("Inter" in family)
    assert style.replace(f"{family}, ", "") == style_of(replace(look, font_family=None))
