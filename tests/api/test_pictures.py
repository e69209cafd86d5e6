"""A program's pictures and card design over the API: good files are kept and served, hostile ones change nothing."""

import io
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from PIL import Image
from tests.api.pictures import MULTIPART, a_body, a_picture, hostile
from tests.api.shop import UNKNOWN, Body, Shop, good

from kado.access.permissions import Role
from kado.designs import pictures


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _none_yet(shop: Shop) -> None:
    """The tests of this file share a program."""
    await shop.superuser.execute("DELETE FROM picture")


def path(shop: Shop, rest: str = "card/images/logo") -> str:
    return f"/v2/loyalty/programs/{shop.program_id}/{rest}"


async def send(shop: Shop, content: bytes, rest: str = "card/images/logo", **options: Any) -> httpx2.Response:
    method = "PUT" if rest == "icon" else "POST"
    headers = {**MULTIPART, **options.pop("headers", {})}
    return await shop.call(method, path(shop, rest), content=a_body(content), headers=headers, **options)


async def served(shop: Shop, url: str) -> httpx2.Response:
    return await shop.api.client.get(url[url.index("/pictures/") :])


async def kept(shop: Shop) -> list[Any]:
    return [tuple(row) for row in await shop.superuser.fetch("SELECT * FROM picture ORDER BY program_id, id")]


async def test_a_logo_is_kept_encoded_anew_and_served_for_ever(shop: Shop) -> None:
    said = good(await send(shop, a_picture(size=(2000, 1000), mode="RGB")))
    assert said | {"url": "", "bytes": 0, "updatedAt": ""} == {
        "type": "logo", "url": "", "width": 640, "height": 320, "contentType": said["contentType"], "bytes": 0,
        "updatedAt": "",
    }  # fmt: skip
    assert good(await shop.get(path(shop))) == said
    assert (await shop.get(path(shop, "card/images"))).json() == [said]
    answer = await served(shop, said["url"])
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == (640, 320)
    assert len(answer.content) == said["bytes"]
    assert answer.headers["content-type"] == said["contentType"]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_new_picture_has_a_new_address_and_the_old_one_leads_nowhere(shop: Shop) -> None:
    first = good(await send(shop, a_picture(size=(64, 64))))
    same = good(await send(shop, a_picture("PNG", (64, 64), "L"), "card/images/icon"))
    second = good(await send(shop, a_picture(size=(80, 64))))
    assert len({first["url"], second["url"], same["url"]}) == 3
    assert (await served(shop, first["url"])).status_code == 404
    assert (await served(shop, second["url"])).status_code == 200
    assert (await shop.call("DELETE", path(shop))).status_code == 204
    assert (await served(shop, second["url"])).status_code == 404
    assert (await shop.call("DELETE", path(shop))).status_code == 404
    actions = await shop.superuser.fetch(
        "SELECT action, details->>'type' AS type FROM audit_log WHERE program_id = $1 AND action LIKE 'picture:%'"
        " ORDER BY at DESC LIMIT 4",
        shop.program_id,
    )
    assert [tuple(row) for row in reversed(actions)] == [
        ("picture:saved", "logo"),
        ("picture:saved", "icon"),
        ("picture:saved", "logo"),
        ("picture:removed", "logo"),
    ]


async def test_the_same_picture_again_changes_nothing(shop: Shop) -> None:
    picture = a_picture(size=(64, 64))
    first = good(await send(shop, picture))
    assert good(await send(shop, picture)) == first


@pytest.mark.parametrize("name", hostile())
async def test_hostile_files_change_nothing(shop: Shop, name: str) -> None:
    good(await send(shop, a_picture(size=(64, 64))))
    before = await kept(shop)
    answer = await send(shop, hostile()[name])
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body", "image"]
    assert error["type"] == answer.json()["code"]
    assert await kept(shop) == before


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n--y--", 422),
        ("multipart/form-data", a_body(b"x"), 422),
        ("multipart/form-data; boundary=kado-test-7f3a", b"", 422),
        ("multipart/form-data; boundary=kado-test-7f3a", a_body(a_picture(), "picture"), 422),
        ("multipart/form-data; boundary=kado-test-7f3a", a_body(a_picture(), "image", a_body(b"x")[:-18]), 422),
        ("multipart/form-data; boundary=kado-test-7f3a", a_body(a_picture())[:-2], 422),
        ("multipart/form-data; boundary=kado-test-7f3a", b"--kado-test-7f3a\r\n" * 5000, 422),
        ("application/json", b'{"image": "x"}', 415),
        ("image/png", a_picture(), 415),
        ("application/x-www-form-urlencoded", b"image=x", 415),
    ],
)
async def test_bodies_that_are_no_file_are_refused(shop: Shop, content_type: str, body: bytes, status: int) -> None:
    answer = await shop.call("POST", path(shop), content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert await kept(shop) == []


async def test_a_body_that_is_too_large_is_turned_away_unread(shop: Shop) -> None:
    answer = await send(shop, b"\xff" * 7 * 1024 * 1024)
    assert answer.status_code == 413
    assert await kept(shop) == []


async def test_elsewhere_a_file_is_no_body(shop: Shop) -> None:
    answer = await shop.call("PUT", path(shop, "card"), content=a_body(a_picture()), headers=MULTIPART)
    assert answer.status_code == 415


async def test_the_icon_has_an_address_of_its_own(shop: Shop) -> None:
    said = good(await send(shop, a_picture(size=(900, 900)), "icon"))
    assert (said["type"], said["width"]) == ("icon", 512)
    assert good(await shop.get(path(shop, "icon"))) == said


async def test_unknown_sorts_of_pictures_are_nowhere(shop: Shop) -> None:
    for method in ("GET", "DELETE"):
        assert (await shop.call(method, path(shop, "card/images/poster"))).status_code == 404
    assert (await send(shop, a_picture(), "card/images/poster")).status_code == 404
    assert (await shop.get(path(shop, "icon"))).status_code == 404
    for address in (f"/pictures/{UNKNOWN}/{'0' * 32}", f"/pictures/{shop.program_id}/plain-zzzzzz", "/pictures/x/y"):
        assert (await shop.api.client.get(address)).status_code == 404


async def test_designs_come_along_and_a_program_may_have_its_own(shop: Shop) -> None:
    usual = (await shop.get(path(shop, "card/designs"))).json()
    assert {one["slug"] for one in usual} == {
        "birthday", "celebration", "love", "plain", "summer", "thanks", "winter",
    }  # fmt: skip
    drawn = await served(shop, next(one["url"] for one in usual if one["slug"] == "birthday"))
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in drawn.headers["content-security-policy"]
    assert drawn.text.startswith("<svg ")
    own = good(await send(shop, a_picture(size=(856, 540)), "card/designs/birthday"))
    assert own["own"] is True
    assert good(await shop.get(path(shop, "card/designs/birthday"))) == own
    assert len((await shop.get(path(shop, "card/designs"))).json()) == len(usual)
    assert (await shop.call("DELETE", path(shop, "card/designs/birthday"))).status_code == 204
    assert good(await shop.get(path(shop, "card/designs/birthday")))["own"] is False
    assert (await send(shop, a_picture(), "card/designs/No%20Such")).status_code == 422


async def test_a_program_has_so_many_designs_and_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "DESIGNS_MAX", 2)
    for slug in ("a", "b"):
        good(await send(shop, a_picture(), f"card/designs/{slug}"))
    refused = await send(shop, a_picture(), "card/designs/c")
    assert (refused.status_code, refused.json()["code"]) == (400, "too_many_pictures")
    good(await send(shop, a_picture(size=(70, 70)), "card/designs/b"))


async def test_a_program_says_how_its_cards_look(shop: Shop) -> None:
    before = good(await shop.get(path(shop, "card")))
    assert before["backgroundColor"] is None
    assert before["shown"] == {"backgroundColor": "#15803d", "foregroundColor": "#ffffff", "logoUrl": None}
    said: Body = {"backgroundColor": "rgb(250, 204, 21)", "foregroundColor": "#fff", "logoText": "Flowers"}
    after = good(await shop.call("PUT", path(shop, "card"), said))
    assert after["backgroundColor"] == "#facc15"
    assert after["logoText"] == "Flowers"
    assert after["shown"]["foregroundColor"] != "#ffffff", "white on yellow cannot be read"
    good(await shop.call("PUT", path(shop, "card"), {"logoText": None, "unknown": 1}))
    again = good(await shop.get(path(shop, "card")))
    assert (again["backgroundColor"], again["logoText"]) == ("#facc15", None)


@pytest.mark.parametrize("colour", ["red", "#12345", "rgb(256,0,0)", "url(x)", "rgb(1,2)"])
async def test_a_colour_that_is_none_is_refused_by_its_field(shop: Shop, colour: str) -> None:
    answer = await shop.call("PUT", path(shop, "card"), {"labelColor": colour})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "labelColor"]


async def test_only_the_owner_sends_pictures(shop: Shop) -> None:
    _, cashier = await shop.somebody(Role.CASHIER)
    assert (await send(shop, a_picture(), token=cashier)).status_code == 403
    assert (await send(shop, a_picture(), token=None)).status_code == 401
    assert await kept(shop) == []
    assert (await shop.get(path(shop, "card/designs"), token=cashier)).status_code == 200
