"""A new card: for whom, how much, what it looks like; activated at once where it is sold at this moment."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from kado.access.permissions import Permission
from kado.cards.activate import Activate
from kado.cards.issue import Issue
from kado.designs import pictures, templates
from kado.designs.look import designs_of
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


class Choice(NamedTuple):
    """A design to choose: its name, the address of its picture, and whether there are words for the name."""

    slug: str
    art: str
    has_words: bool


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


async def choices_of(visit: Visit) -> list[Choice]:
    """The designs to choose from. One's own come first."""
    found = await designs_of(visit.rooms.database, visit.program)
    pictured = {one.slug: one.picture for one in found.own} | found.usual
    return [
        Choice(slug, pictures.address(visit.program.id, picture), slug in templates.SLUGS)
        for slug, picture in pictured.items()
    ]


async def _form(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
    facts: dict[str, Any] = {
        "typed": fields,
        "problems": problems,
        "designs": await choices_of(visit),
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
        "design": next((one.art for one in await choices_of(visit) if one.slug == posting.design_template), None),
    }
    return shown(visit, "issue_confirm.html", facts, here="issue", areas=_AREAS)
