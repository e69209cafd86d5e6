"""What phones show of a card in their wallets: words, the colour of labels, icon and strip."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.designs import pictures, wallet
from kado.designs.look import look_of
from kado.designs.palette import contrast_text, readable
from kado.designs.theme import theme_of_program
from kado.doors.console.look.drawing import AREAS, drawing, written
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, NotFound, Refusal
from kado.web import typed
from kado.web.typed import Fields

PICTURES: Final = {"icon": (87, 87), "strip": (1125, 432)}
"""What can be sent here, and how large a wallet shows it at most, in pixels."""
_ASKED: Final = {"labelColor": "", "logoText": "", "description": "", "image": ""}


async def show(visit: Visit) -> Response:
    """What is said of passes; what stands in the address is only tried on."""
    fields = visit.request.query_params
    return await _page(visit, fields if any(name in fields for name in _ASKED) else {}, {})


async def save(visit: Visit) -> Response:
    """Keep words and colour, or show what they would look like where that was pressed."""
    fields = visit.fields
    if fields.get("try"):
        return await _page(visit, fields, {})
    try:
        await wallet.say(visit.rooms.database, visit.caller, visit.program.id, _said(fields))
    except Refusal as refusal:
        return await _page(visit, fields, problem_of(refusal, visit.language, _ASKED), refusal.status)
    return to(f"{visit.home}/look/wallet?done=saved")


async def send(visit: Visit) -> Response:
    """Keep a picture as icon or strip, in the place of what was there."""
    kind = _kind(visit)
    try:
        if not visit.file:
            raise Invalid(("body", "image"), "A picture is needed.", "missing")
        await pictures.save(visit.rooms.database, visit.caller, visit.program.id, kind, "", visit.file)
    except Refusal as refusal:
        problems = {f"{kind}-{name}": why for name, why in problem_of(refusal, visit.language, _ASKED).items()}
        return await _page(visit, {}, problems, refusal.status)
    return to(f"{visit.home}/look/wallet?done={kind}")


async def remove(visit: Visit) -> Response:
    """Do without it; ours takes its place."""
    await pictures.remove(visit.rooms.database, visit.caller, visit.program.id, _kind(visit))
    return to(f"{visit.home}/look/wallet?done=removed")


def _said(fields: Fields) -> dict[str, str | None]:
    """What was typed. Raises `Invalid`, which names the field."""
    colour = typed.said(fields, "labelColor")
    return {
        "labelColor": wallet.colour_of("labelColor", colour) if typed.is_ticked(fields, "ownLabel") else None,
        **{name: typed.line(fields, name, longest) for name, longest in wallet.WORDS.items()},
    }


def _kind(visit: Visit) -> str:
    """Which picture the address names. Raises `NotFound`."""
    kind = str(visit.request.path_params["kind"])
    if kind not in PICTURES:
        raise NotFound("page_not_found", "There is no such page.")
    return kind


async def _page(visit: Visit, fields: Fields, problems: Mapping[str, str], status: int = 200) -> Response:
    database, program = visit.rooms.database, visit.program
    look = await look_of(database, program)
    said: dict[str, str | None] = {**await wallet.said_of(database, program.id)}
    if fields:
        try:
            said |= _said(fields)
        except Invalid as refusal:
            problems = problems or problem_of(refusal, visit.language, _ASKED)
    label = readable(said.get("labelColor") or look.on_card, look.card)
    sent = {one.kind: one for one in await pictures.all_of(database, program.id)}
    own = {kind: pictures.address(program.id, sent[kind].picture) for kind in PICTURES if kind in sent}
    theme = (await theme_of_program(database, program)).theme
    facts: dict[str, Any] = {
        "said": said,
        "typed": fields,
        "problems": problems,
        "card": look.card,
        "label": label,
        "contrast": written(contrast_text(label, look.card), visit.language),
        "is_moved": (said.get("labelColor") or label) != label,
        "own": own,
        "sizes": PICTURES,
        "longest": wallet.WORDS,
        "drawn": drawing(
            visit,
            look,
            theme,
            label=label,
            logo_text=said.get("logoText") or look.program,
            strip=own.get("strip"),
        ),
        "has_apple": bool(visit.rooms.wallets.certificates),
        "has_google": visit.rooms.wallets.google is not None,
        "done": visit.asked_among("done", ("saved", "removed", *PICTURES)),
        "here": f"{visit.home}/look/wallet",
    }
    return shown(visit, "look_wallet.html", facts, here="look", areas=AREAS, status=status)
