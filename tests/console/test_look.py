"""The look of a program: what is chosen is seen and told before it is kept, and what is refused changes nothing."""

import io
import re

import pytest
from PIL import Image
from tests.api.shop import Shop
from tests.console.person import Person

from kado.designs.look import look_of
from kado.designs.pictures import all_of
from kado.doors.console.look.designs import name_of
from kado.programs.find import get

RIGHT = {"primary": "#7c2d12", "primaryFg": "#ffffff", "background": "#fff7ed", "surface": "#ffffff"}
RIGHT |= {"foreground": "#1c1917", "muted": "#57534e", "border": "#e7e5e4", "fontFamily": "Georgia, serif"}
RIGHT |= {"borderRadius": "sm"}


def picture(width: int = 200, height: int = 120, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#7c2d12").save(out, form)
    return out.getvalue()


async def look(shop: Shop, program_id: str) -> tuple[str, str, str | None, str]:
    program = await get(shop.api.services.database, program_id)
    assert program is not None
    found = await look_of(shop.api.services.database, program)
    return found.light.button, found.light.background, found.font_family, found.radius


async def test_colours_are_told_before_they_are_kept_and_seen_everywhere_afterwards(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/look/theme"
    before = await look(shop, program_id)
    tried = await owner.fill(here, **RIGHT, **{"try": "1"})
    assert (tried.status_code, "nothing is saved yet" in tried.text, "#fff7ed" in tried.text) == (200, True, True)
    assert "reads well (9.3 to 1)" in tried.text
    assert "fff7ed" in (await owner.get(f"{here}?background=%23fff7ed&fontFamily=&borderRadius=sm")).text
    assert await look(shop, program_id) == before
    assert (await owner.fill(here, **RIGHT)).headers["location"] == f"{here}?saved=own"
    assert await look(shop, program_id) == ("#7c2d12", "#fff7ed", "Georgia, serif", "sm")
    assert "#fff7ed" in (await shop.api.client.get(f"/balance/{program_id}")).text
    back = await owner.fill(here, f"{here}/shops")
    assert (back.status_code, await look(shop, program_id)) == (303, before)


@pytest.mark.parametrize(
    ("wrong", "field", "why"),
    [
        ({"muted": "#f5f5f4"}, "muted", "can hardly be read"),
        ({"primaryFg": "red"}, "primaryFg", "A colour is # and six characters"),
        ({"fontFamily": "url(x)"}, "fontFamily", "This cannot be chosen"),
        ({"borderRadius": "9px"}, "borderRadius", "This cannot be chosen"),
    ],
)
async def test_what_cannot_be_read_names_its_field_and_changes_nothing(
    owner: Person, shop: Shop, wrong: dict[str, str], field: str, why: str
) -> None:
    before = await look(shop, shop.program_id)
    answer = await owner.fill(f"/console/{shop.program_id}/look/theme", **{**RIGHT, **wrong})
    problem = re.search(rf'id="{field}-problem">([^<]*)<', answer.text)
    assert (answer.status_code, problem is not None and why in problem[1]) == (422, True)
    assert await look(shop, shop.program_id) == before


async def test_a_design_of_ones_own_is_chosen_for_a_card_and_taken_away(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/look/designs"
    answer = await owner.upload(here, picture(), slug="Fête des Mères")
    page = await owner.follow(answer)
    assert ("fete-des-meres" in page.text, "1 / 40" in page.text) == (True, True)
    assert 'value="fete-des-meres"' in (await owner.get(f"/console/{program_id}/issue")).text
    paper = await owner.get(f"/console/{program_id}/look/paper?design=fete-des-meres")
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    gone = await owner.fill(here, f"{here}/fete-des-meres/remove")
    assert "fete-des-meres" not in (await owner.follow(gone)).text


WRONG = {
    "a drawing that runs": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "a page": b"<html><script>alert(1)</script>",
    "no picture": b"%PDF-1.7",
    "half a picture": picture(400, 300, "JPEG")[:300],
    "a speck": picture(8, 8),
    "nothing": b"",
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_file_that_is_no_picture_is_refused_plainly_and_changes_nothing(
    owner: Person, shop: Shop, what: str
) -> None:
    program_id = await shop.program()
    for path, action, name in (
        ("designs", "designs", "image"),
        ("wallet", "wallet/icon", "icon"),
        ("wallet", "wallet/strip", "strip"),
    ):
        at = f"/console/{program_id}/look"
        answer = await owner.upload(f"{at}/{path}", WRONG[what], action=f"{at}/{action}", slug="spring")
        assert (answer.status_code, "-problem" in answer.text, "alert(1)" in answer.text) == (422, True, False), name
    if what != "nothing":
        answer = await owner.upload(f"/console/{program_id}/look", WRONG[what], name_="", backgroundColor="#123456")
        assert answer.status_code == 422
    assert await all_of(shop.api.services.database, program_id) == []


async def test_a_file_that_is_far_too_large_is_turned_away_in_words(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/look/designs"
    answer = await owner.upload(here, picture() + bytes(7 * 1024 * 1024), slug="spring")
    assert (answer.status_code, "This is larger than what can be sent here" in answer.text) == (413, True)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert await all_of(shop.api.services.database, program_id) == []


async def test_passes_get_words_a_colour_and_pictures(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/look/wallet"
    typed = {"logoText": "Flowers & Co", "description": "A gift card", "ownLabel": "yes", "labelColor": "#fde68a"}
    tried = await owner.fill(here, **typed, **{"try": "1"})
    assert ("Flowers &amp; Co" in tried.text, "nothing is saved yet" in tried.text) == (True, True)
    assert (await owner.fill(here, **typed)).status_code == 303
    said = (await shop.call("GET", f"/v2/loyalty/programs/{program_id}/card")).json()
    assert {name: said[name] for name in ("logoText", "description", "labelColor")} == {
        "logoText": "Flowers & Co",
        "description": "A gift card",
        "labelColor": "#fde68a",
    }
    for kind in ("icon", "strip"):
        assert (await owner.upload(here, picture(), action=f"{here}/{kind}")).status_code == 303
    assert {one.kind for one in await all_of(shop.api.services.database, program_id)} == {"icon", "strip"}
    assert (await owner.fill(here, f"{here}/icon/remove")).status_code == 303
    assert (await owner.fill(here, logoText="x" * 101, ownLabel="", labelColor="#ffffff")).status_code == 422
    bare = await owner.fill(here, logoText="", description="", labelColor="#ffffff")
    said = (await shop.call("GET", f"/v2/loyalty/programs/{program_id}/card")).json()
    assert (bare.status_code, said["logoText"], said["labelColor"]) == (303, None, None)


def test_what_people_call_a_design_becomes_a_name() -> None:
    assert [name_of(one) for one in ("Mother’s Day 2027!", "  Straße ", "Cœur", "✨", "父の日")] == [
        "mother-s-day-2027",
        "strasse",
        "coeur",
        "",
        "",
    ]
