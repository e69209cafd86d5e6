"""While the database is away nobody knows what became of a form: sent again, it still does one thing."""

from tests.api.shop import Shop
from tests.console.person import Person, forms_of


async def test_a_redemption_without_an_answer_keeps_its_key(shop: Shop, owner: Person) -> None:
    card = await shop.active()
    path = f"/console/{shop.program_id}/cards/{card['id']}/redeem"
    asked = await owner.fill(path, amount="10.00")
    async with shop.superuser.transaction():
        await shop.superuser.execute("SELECT FROM card WHERE id = $1 FOR UPDATE", card["id"])
        unknown = await owner.send(asked, path)
    assert unknown.status_code == 503
    assert forms_of(unknown)[path]["form"] == forms_of(asked)[path]["form"]
    again = await owner.send(unknown, path)
    assert again.status_code == 303, again.text
    # It was heard in the end: what is sent by the page of then does nothing a second time, and nothing else.
    for amount, status in (("10.00", 303), ("20.00", 422)):
        late = await owner.send(unknown, path, amount=amount)
        assert late.status_code == status
    assert (await shop.look(card))["balance"] == "90.00"


async def test_a_sale_without_an_answer_keeps_its_key(shop: Shop, owner: Person) -> None:
    for name, sure in (("issue", {"sure": "yes"}), ("first-card", {})):
        path = f"/console/{shop.program_id}/{name}"
        form = await owner.get(path)
        said = {"initialValue": "25.00", "customerName": f"Kim {name}", **sure}
        async with shop.superuser.transaction():
            await shop.superuser.execute("LOCK TABLE card IN SHARE MODE")
            unknown = await owner.send(form, path, **said)
        assert unknown.status_code == 503
        assert forms_of(unknown)[path]["form"] == forms_of(form)[path]["form"]
        first, second = [await owner.send(unknown, path, **said) for _ in range(2)]
        assert (first.status_code, first.headers["location"]) == (303, second.headers["location"])
        made = await shop.rows("SELECT id FROM card WHERE customer_name = $1", said["customerName"])
        assert len(made) == 1


async def test_a_refusal_gives_the_form_a_key_of_its_own(shop: Shop, owner: Person) -> None:
    """What was refused was not done: the same form may try something else."""
    card = await shop.active("5.00")
    path = f"/console/{shop.program_id}/cards/{card['id']}/redeem"
    refused = await owner.send(await owner.fill(path, amount="10.00"), path)
    assert refused.status_code in (400, 409, 422)
    done = await owner.send(await owner.send(refused, path, amount="4.00"), path)
    assert done.status_code == 303, done.text
