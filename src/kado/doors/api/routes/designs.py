"""How a program's cards look: colours and words, pictures, and designs to choose from."""

# ruff: noqa: N803 - parameter names are the names on the wire

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from kado import clock
from kado.designs import pictures, templates, wallet
from kado.designs.decode import UPLOAD_BYTES
from kado.designs.look import designs_of, look_of
from kado.designs.pictures import DESIGN, Picture, Stored
from kado.doors.api import shown
from kado.doors.api.intake import UnsupportedMediaType
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.designs import CardDesignRequest
from kado.doors.api.visit import ProgramId, ReadingProgram, Visit, WritingProgram
from kado.errors import Invalid, NotFound

router = APIRouter(prefix="/v2/loyalty/programs/{programId}", tags=["Programs"], route_class=StrictRoute)

FILE_PATHS: Final = re.compile(
    "/v2/loyalty/programs/[0-9a-f]{24}/(?:icon|card/images/[^/]{1,100}|card/designs/[^/]{1,100})"
)
LARGE_BYTES: Final = UPLOAD_BYTES + 8192
"""A picture and what is around it."""

ImageType = Annotated[str, Path(alias="type", max_length=100)]
Slug = Annotated[str, Path(max_length=100)]

_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "crop": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    },
                }
            }
        },
    }
}


@router.get("/card", name="get_card_design", response_model=None)
async def design(visit: ReadingProgram, programId: ProgramId) -> Response:
    """How the program's cards look: what it says itself, and what follows from it and from the shop's theme."""
    return shown.json_response(await _design(visit))


@router.put("/card", name="update_card_design", response_model=None)
async def change_design(visit: WritingProgram, programId: ProgramId, data: CardDesignRequest) -> Response:
    """Change what was sent and nothing else; null takes a member back."""
    changes = {name: getattr(data, name) for name in wallet.MEMBERS if name in data.model_fields_set}
    await wallet.say(visit.services.database, visit.caller, visit.program.id, changes)
    return shown.json_response(await _design(visit))


@router.get("/card/images", name="list_card_images", response_model=None)
async def images(visit: ReadingProgram, programId: ProgramId) -> Response:
    """The program's own pictures, with their addresses."""
    stored = await pictures.all_of(visit.services.database, visit.program.id)
    return shown.json_response([_stored(visit, one) for one in stored if one.kind != DESIGN])


@router.get("/card/images/{type}", name="get_card_image", response_model=None)
async def image(visit: ReadingProgram, programId: ProgramId, kind: ImageType) -> Response:
    """One of them."""
    found = await pictures.find(visit.services.database, visit.program.id, pictures.known_kind(kind))
    return shown.json_response(_stored(visit, found))


@router.post("/card/images/{type}", name="set_card_image", response_model=None, openapi_extra=_FILE)
async def set_image(request: Request, visit: WritingProgram, programId: ProgramId, kind: ImageType) -> Response:
    """Send a picture (PNG, JPEG, GIF or WebP): it is made smaller and encoded anew, and takes the place of the last."""
    return await _save(request, visit, pictures.known_kind(kind))


@router.delete("/card/images/{type}", name="delete_card_image", response_model=None, status_code=204)
async def remove_image(visit: WritingProgram, programId: ProgramId, kind: ImageType) -> Response:
    """Take a picture away."""
    known = pictures.known_kind(kind)
    await pictures.remove(visit.services.database, visit.caller, visit.program.id, known)
    return Response(status_code=204)


@router.get("/icon", name="get_icon", response_model=None)
async def icon(visit: ReadingProgram, programId: ProgramId) -> Response:
    """The program's icon: the picture of that type."""
    return shown.json_response(_stored(visit, await pictures.find(visit.services.database, visit.program.id, "icon")))


@router.put("/icon", name="update_icon", response_model=None, openapi_extra=_FILE)
async def set_icon(request: Request, visit: WritingProgram, programId: ProgramId) -> Response:
    """Send the icon, as any other picture."""
    return await _save(request, visit, "icon")


@router.get("/card/designs", name="list_card_designs", response_model=None)
async def designs(visit: ReadingProgram, programId: ProgramId) -> Response:
    """What `designTemplate` of a card can name: the designs that come along, in the card's colour, and one's own."""
    found = await designs_of(visit.services.database, visit.program)
    usual = [_drawn(visit, slug, picture) for slug, picture in found.usual.items()]
    return shown.json_response(sorted([*usual, *(_stored(visit, one) for one in found.own)], key=_by_name))


@router.get("/card/designs/{slug}", name="get_card_design_art", response_model=None)
async def one_design(visit: ReadingProgram, programId: ProgramId, slug: Slug) -> Response:
    """One of them, by its name."""
    services = visit.services
    try:
        found = await pictures.find(services.database, visit.program.id, DESIGN, slug)
    except NotFound:
        if slug not in templates.SLUGS:
            raise
        look = await look_of(services.database, visit.program)
        return shown.json_response(_drawn(visit, slug, pictures.drawn(slug, look.card)))
    return shown.json_response(_stored(visit, found))


@router.post("/card/designs/{slug}", name="set_card_design_art", response_model=None, openapi_extra=_FILE)
async def set_design(request: Request, visit: WritingProgram, programId: ProgramId, slug: Slug) -> Response:
    """Send the art of cards of this name. One that comes along under the same name is replaced by it."""
    return await _save(request, visit, DESIGN, pictures.known_slug(slug))


@router.delete("/card/designs/{slug}", name="delete_card_design_art", response_model=None, status_code=204)
async def remove_design(visit: WritingProgram, programId: ProgramId, slug: Slug) -> Response:
    """Take one's own art away; cards of this name show the design that comes along, or the plain one."""
    await pictures.remove(visit.services.database, visit.caller, visit.program.id, DESIGN, slug)
    return Response(status_code=204)


async def _save(request: Request, visit: Visit, kind: str, slug: str = "") -> Response:
    parts = request.scope["state"]["json"]
    if parts is None and await request.body():
        raise UnsupportedMediaType("A file is expected here: multipart/form-data.")
    sent = parts.get("image") if isinstance(parts, dict) else None
    if not sent:
        raise Invalid(("body", "image"), "A picture is sent as the part `image` of multipart/form-data.", "missing")
    stored = await pictures.save(visit.services.database, visit.caller, visit.program.id, kind, slug, sent)
    return shown.json_response(_stored(visit, stored))


async def _design(visit: Visit) -> dict[str, Any]:
    services = visit.services
    said = await wallet.said_of(services.database, visit.program.id)
    look = await look_of(services.database, visit.program)
    return {
        **{name: said.get(name) for name in wallet.MEMBERS},
        "shown": {
            "backgroundColor": look.card,
            "foregroundColor": look.on_card,
            "logoUrl": None if look.logo is None else _address(visit, look.logo),
        },
    }


def _stored(visit: Visit, one: Stored) -> dict[str, Any]:
    picture = one.picture
    return {
        **({"slug": one.slug, "own": True} if one.kind == DESIGN else {"type": one.kind}),
        "url": _address(visit, picture),
        "width": picture.width,
        "height": picture.height,
        "contentType": picture.media_type,
        "bytes": one.size,
        "updatedAt": clock.text(one.created_at),
    }


def _drawn(visit: Visit, slug: str, picture: Picture) -> dict[str, Any]:
    return {
        "slug": slug,
        "own": False,
        "url": _address(visit, picture),
        "width": picture.width,
        "height": picture.height,
        "contentType": picture.media_type,
        "bytes": None,
        "updatedAt": None,
    }


def _by_name(one: dict[str, Any]) -> str:
    return str(one["slug"])


def _address(visit: Visit, picture: Picture) -> str:
    return f"{visit.services.settings.public_url}{pictures.address(visit.program.id, picture)}"
