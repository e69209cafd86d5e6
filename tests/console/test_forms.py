"""What another site, another sign-in or an old page can make the console do: nothing."""

import re
from importlib.resources import files
from typing import Final

from tests.api.shop import Shop
from tests.console.person import Person, forms_of, hired, signed_in
from tests.markup import tags

from kado.access.permissions import Role
from kado.doors.console.respond import ASSETS

OUT: Final = "/console/sign-out"
_FORBIDDEN: Final = re.compile(
    r"<base|\sstyle=|javascript:|http-equiv|\son[a-z]+=|formaction|\starget=|hx-on|hx-vals='js", re.IGNORECASE
)
_BYTES_MAX: Final = 150_000


async def test_what_another_site_sends_is_refused(shop: Shop) -> None:
    person = await signed_in(shop, await hired(shop, Role.CASHIER))
    sent = forms_of(await person.get("/console/account"))[OUT]
    for site in ("cross-site", "same-site"):
        answer = await person.post(OUT, sent, Sec_Fetch_Site=site)
        assert (answer.status_code, "sent by another site" in answer.text) == (403, True)
    assert (await person.post(OUT, sent, Sec_Fetch_Site="same-origin")).status_code == 303


async def test_a_form_belongs_to_one_sign_in_and_one_address(shop: Shop, owner: Person) -> None:
    person = await signed_in(shop, await hired(shop, Role.OWNER))
    others = forms_of(await owner.get("/console/account"))[OUT]
    own = forms_of(await person.get("/console/account"))[OUT]
    for path, fields in ((OUT, others), (OUT, {}), (OUT, {"form": "x"}), ("/console/account/sessions/end", own)):
        answer = await person.post(path, fields)
        assert (answer.status_code, "Nothing was done" in answer.text) == (403, True)
    assert (await person.get("/console/account")).status_code == 200


async def test_nothing_is_done_by_looking(owner: Person) -> None:
    token = owner.token
    for path in (OUT, "/console/account/sessions/end", "/console/account/second-factor/disable"):
        assert (await owner.get(path)).status_code in (403, 404)
    assert (owner.token, (await owner.get("/console/account")).status_code) == (token, 200)


def test_templates_run_nothing_and_trust_nothing() -> None:
    for template in (files("kado.doors.console") / "templates").iterdir():
        source = template.read_text()
        assert _FORBIDDEN.search(source) is None, template.name
        assert re.findall(r"\|\s*safe", source) == [], template.name
        assert "autoescape" not in source
        posts = len(re.findall('<form[^>]* method="post"', source))
        tokens = source.count("{{ form(") + len(re.findall('name="form" value="{{ (?:token|key) }}"', source))
        assert posts == tokens, f"{template.name}: each form that does something has a token"


def test_styles_load_nothing() -> None:
    sheet = (files("kado.doors.console") / "static" / "console.css").read_text()
    for loading in ("url(", "@import", "@font-face", "image-set(", "src:"):
        assert loading not in sheet


async def test_every_page_says_what_a_browser_may_do_with_it(shop: Shop, owner: Person) -> None:
    cards = f"/console/{shop.program_id}/cards"
    for path in (f"/console/{shop.program_id}", cards, "/console/account", "/console/account/second-factor"):
        page = await owner.get(path)
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": "'self'",
            "script-src": "'self'",
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
        sources = [value for _, _, facts in tags(page.text) for name, value in facts if name in ("src", "srcset")]
        assert all(one.startswith("/") and not one.startswith("//") for one in sources)
        assert len(page.content) + sum(len(one.content) for one in ASSETS) < _BYTES_MAX


async def test_the_setup_page_is_for_who_has_the_code_and_for_the_first_one(shop: Shop) -> None:
    """On a server that has a shop it is not there, whatever somebody sends."""
    stranger = Person(shop.api)
    for answer in (await stranger.get("/console/setup"), await stranger.post("/console/setup", {"code": "x"})):
        assert answer.status_code in (303, 403)
        assert answer.headers.get("location") in (None, "/console/sign-in")
