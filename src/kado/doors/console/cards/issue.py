"""A new card: for whom, how much, what it looks like; activated at once where it is sold at this moment."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.access.permissions import Permission
from kado.cards.activate import Activate
from kado.cards.issue import Issue
from kado.designs import pictures, templates
from kado.designs.look import look_of
from kado.designs.pictures import DESIGN
from kado.doors.console.cards import outcome
from kado.doors.console.respond import again, problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Refusal, Unavailable
from kado.languages.choose import spoken
from kado.web import typed

_AREAS: Final = ("console_cards", "console_actions")
FIELDS: Final = (
    "initialValue",
    "customerName",
    "customerEmail",
    "customerPhone",
    "senderName",
    "customMessage",
    "designTemplate",
    "expiresAt",
    "deliverAt",
    "language",
    "receiptEmail",
    "isPhysical",
    "activate",
)


async def show(visit: Visit) -> Response:
    """The empty form."""
    begin = {"activate": "yes"} if visit.may(Permission.CARDS_ACTIVATE) else {}
    return await _form(visit, begin, {})


async def do(visit: Visit) -> Response:
    """What will happen, and then the card."""
    try:
        posting = await issue_of(visit)
        if not visit.fields.get("sure"):
            return await _confirm(visit, posting)
        return await sold(visit, posting)
    except Unavailable as refusal:
        return again(visit, refusal)
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(FIELDS, ""))
        return await _form(visit, visit.fields, problems, refusal.status)


async def issue_of(visit: Visit) -> Issue:
    """The posting that the form asks for. Raises `Invalid`."""
    fields, program, caller = visit.fields, visit.program, visit.caller
    return Issue(
        program_id=program.id,
        caller=caller,
        key=visit.key,
        render=outcome.render,
        merchant_id=caller.merchant_id,
        merchant_name=await visit.rooms.reaches.merchant_name(program.id, caller.merchant_id),
        initial_value=typed.positive(fields, "initialValue", program.currency),
        expires_at=typed.end_of_day(fields, "expiresAt", program.zone),
        customer_email=typed.email(fields, "customerEmail"),
        customer_phone=typed.phone(fields, "customerPhone"),
        customer_name=typed.line(fields, "customerName", typed.NAME_MAX),
        sender_name=typed.line(fields, "senderName", typed.NAME_MAX),
        custom_message=typed.words(fields, "customMessage", typed.WORDS_MAX),
        design_template=typed.line(fields, "designTemplate", typed.REFERENCE_MAX),
        is_physical=typed.is_ticked(fields, "isPhysical"),
        deliver_at=typed.moment(fields, "deliverAt"),
        language=spoken(fields.get("language")),
        receipt_email=typed.email(fields, "receiptEmail"),
    )


async def sold(visit: Visit, posting: Issue) -> Response:
    """Issue the card and, where that is ticked, put its value on it; then to the card. Raises why it is not issued.

    A card that was issued and could not be activated is there and waits, and its page says so: the same form once more
    would make another one.
    """
    activates = typed.is_ticked(visit.fields, "activate")
    if activates:
        visit.caller.require(Permission.CARDS_ACTIVATE)
    done = outcome.read(await visit.rooms.ledger.post(posting))
    told = "issue"
    if activates:
        activation = Activate(
            program_id=visit.program.id,
            card_id=done.card_id,
            caller=visit.caller,
            key=f"{visit.key}.activate",
            render=outcome.render,
        )
        try:
            outcome.read(await visit.rooms.ledger.post(activation))
        except Unavailable:
            raise
        except Refusal:
            told = "issue_waits"
    return to(f"{visit.home}/cards/{done.card_id}?done={told}")


async def designs_of(visit: Visit) -> list[tuple[str, str]]:
    """The designs to choose from: name and address of the picture. One's own come first."""
    database, program = visit.rooms.database, visit.program
    look = await look_of(database, program)
    own = [one for one in await pictures.all_of(database, program.id) if one.kind == DESIGN]
    taken = {one.slug for one in own}
    usual = [(slug, pictures.address(program.id, pictures.drawn(slug, look.card))) for slug in templates.SLUGS]
    return [(one.slug, pictures.address(program.id, one.picture)) for one in own] + [
        (slug, address) for slug, address in usual if slug not in taken
    ]


async def _form(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
    facts: dict[str, Any] = {
        "typed": fields,
        "problems": problems,
        "designs": await designs_of(visit),
        "least": visit.program.min_initial_value,
        "most": visit.program.max_initial_value,
        "here": f"{visit.home}/issue",
    }
    return shown(visit, "issue.html", facts, here="issue", areas=_AREAS, status=status)


async def _confirm(visit: Visit, posting: Issue) -> Response:
    facts: dict[str, Any] = {
        "posting": posting,
        "hidden": {name: visit.fields[name] for name in FIELDS if visit.fields.get(name)},
        "key": visit.fields["form"],
        "activates": typed.is_ticked(visit.fields, "activate"),
        "leaves_to": posting.customer_email or posting.customer_phone,
        "here": f"{visit.home}/issue",
        "design": next((art for slug, art in await designs_of(visit) if slug == posting.design_template), None),
    }
    return shown(visit, "issue_confirm.html", facts, here="issue", areas=_AREAS)
