"""Operations on how cards look and on paper, each with a good request."""

from collections.abc import Callable

from tests.api.bulk import bulk_path
from tests.api.operation import Operation, nothing
from tests.api.pictures import MULTIPART, a_body, a_picture
from tests.api.shop import Body, Shop, card_path, good

from kado.access.permissions import Permission
from kado.paper import runs


def _picture() -> bytes:
    """Another one each time."""
    return a_picture(size=(40, 40))


async def _with_task(shop: Shop, _: Body, till: str) -> Body:
    issued = good(await shop.post(bulk_path(shop.program_id), {"initialValue": "5.00", "count": 1}), 201)
    return {"taskId": issued["csvDownloadUrl"].split("/")[-3]}


async def with_run(shop: Shop, card: Body, till: str) -> Body:
    """A print run whose only piece is there; nothing was printed for it."""
    task = await _with_task(shop, card, till)
    good(await shop.post(_paper_of(card | task), {}), 202)
    services = shop.api.services
    async with services.database.transaction() as connection:
        found = await runs.read(connection, shop.program_id, task["taskId"], lock=True)
        assert found is not None
        run, now = found
        run.printed = 1
        run.end(services.keyring, now)
        await runs.write(connection, run)
        sealed = services.keyring.encrypt("stored-secret", b"%PDF-1.4", run.bound("1"))
        await connection.execute(
            "INSERT INTO print_piece (program_id, run_id, number, cards, content) VALUES ($1, $2, 1, 1, $3)",
            run.program_id,
            run.id,
            sealed,
        )
    return task | {"token": run.link_token(services.keyring, now)}


async def with_pictures(shop: Shop, _: Body, till: str) -> Body:
    """A logo, an icon for the wallet and a design of the program's own."""
    for path in ("images/logo", "images/icon", "designs/own"):
        sent = a_body(_picture())
        good(await shop.call("POST", _look({"programId": shop.program_id}, path), content=sent, headers=MULTIPART))
    return {}


def _look(card: Body, rest: str) -> str:
    return f"/v2/loyalty/programs/{card['programId']}/card/{rest}"


def _at(rest: str) -> Callable[[Body], str]:
    return lambda card: _look(card, rest).removesuffix("/")


def _icon(card: Body) -> str:
    return f"/v2/loyalty/programs/{card['programId']}/icon"


def _paper_of(card: Body) -> str:
    return f"{bulk_path(card['programId'], card['taskId'])}/paper"


READ, WRITE = Permission.PROGRAMS_READ, Permission.PROGRAMS_WRITE
LOOKS = {
    "card design": Operation(READ, "GET", _at(""), nothing),
    "change card design": Operation(WRITE, "PUT", _at(""), lambda _: {"logoText": "Flowers"}),
    "card images": Operation(READ, "GET", _at("images"), nothing),
    "card image": Operation(READ, "GET", _at("images/logo"), nothing, prepare=with_pictures),
    "set card image": Operation(WRITE, "POST", _at("images/logo"), nothing, file=_picture),
    "delete card image": Operation(WRITE, "DELETE", _at("images/logo"), nothing, status=204, prepare=with_pictures),
    "icon": Operation(READ, "GET", _icon, nothing, prepare=with_pictures),
    "set icon": Operation(WRITE, "PUT", _icon, nothing, file=_picture),
    "card designs": Operation(READ, "GET", _at("designs"), nothing),
    "one card design": Operation(READ, "GET", _at("designs/birthday"), nothing),
    "set own design": Operation(WRITE, "POST", _at("designs/own"), nothing, file=_picture),
    "delete own design": Operation(WRITE, "DELETE", _at("designs/own"), nothing, status=204, prepare=with_pictures),
    "card preview": Operation(READ, "GET", _at("preview"), nothing),
}

ON_PAPER = {
    "order paper": Operation(Permission.CARDS_BULK, "POST", _paper_of, lambda _: {}, status=202, prepare=_with_task),
    "poll paper": Operation(Permission.CARDS_BULK, "GET", _paper_of, nothing, prepare=with_run),
    "download paper": Operation(
        Permission.CARDS_BULK, "GET", lambda card: f"{_paper_of(card)}/{card['token']}", nothing, prepare=with_run
    ),
}

PAPER = {"paper": Operation(Permission.CARDS_READ, "GET", lambda card: card_path(card, "paper"), nothing)}
