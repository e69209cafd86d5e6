"""`kado key`: make, list and revoke the keys of a merchant."""

from datetime import timedelta
from typing import Annotated, Final

import typer

from kado import clock
from kado.access import keys
from kado.access.keys import Key, NewKey
from kado.access.permissions import Permission, Role
from kado.doors.cli.merchants import named
from kado.doors.cli.output import AsJson, example, print_json, print_table, shown, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.programs.reach import Reaches

app: Final = typer.Typer(
    name="key", help="Keys: how tills, sites and front ends call.", no_args_is_help=True, rich_markup_mode=None
)

MerchantName = Annotated[str, typer.Option("--merchant", help="Whose keys: the merchant's name.")]


@app.command("create", epilog=example('kado key create --merchant "Flower Shop" --role cashier --name "till 2"'))
def create(
    merchant: MerchantName,
    test: Annotated[bool, typer.Option("--test", help="A test key: its cards are test cards.")] = False,
    role: Annotated[Role | None, typer.Option(help="What the key may do; owner if left out.")] = None,
    scope: Annotated[
        list[Permission] | None, typer.Option(help="Only this of what the role may do; can be repeated.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A note, such as where the key is used.")] = None,
    expires: Annotated[
        int | None, typer.Option(min=1, max=keys.LIFE_MAX.days, help="In how many days it ends; never if left out.")
    ] = None,
    program: Annotated[
        list[str] | None, typer.Option(help="Only this program (its id); can be repeated. All if left out.")
    ] = None,
    signing: Annotated[
        bool, typer.Option("--signing", help="A key to sign requests with, instead of one to send.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a key and show its secret, this once."""
    if signing and (test or role or scope or name or expires or program):
        raise wrong_usage("A signing key has no --test, --role, --scope, --name, --expires or --program.")
    if signing:
        _create_signing(merchant, json)
    else:
        life = None if expires is None else timedelta(days=expires)
        _create(merchant, test, role or Role.OWNER, scope or [], name, life, program, json)


@app.command("list", epilog=example('kado key list --merchant "Flower Shop"'))
@command
async def list_(merchant: MerchantName, json: AsJson = False) -> None:
    """List a merchant's keys, revoked ones too. Secrets are not kept and cannot be shown."""
    async with session() as (database, _):
        found = await keys.list_keys(database, (await named(database, merchant)).id)
    if json:
        print_json([_facts(key) for key in found])
        return
    titles = ("ID", "KIND", "ROLE", "SCOPES", "NAME", "CREATED", "ENDS", "REVOKED")
    print_table(
        titles,
        [
            (
                key.id,
                key.kind,
                key.role or "-",
                ",".join(key.scopes) or "-",
                key.name or "-",
                shown(key.created_at),
                shown(key.expires_at),
                shown(key.revoked_at),
            )
            for key in found
        ],
    )


@app.command("revoke", epilog=example("kado key revoke 6710c5f2a94be10c77de3a51"))
@command
async def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, as `kado key list` shows it.")]) -> None:
    """Revoke a key of either sort. Running servers refuse it within 30 seconds."""
    async with session() as (database, _):
        await keys.revoke(database, key_id, ACTOR)
    print(f"Key {key_id} is revoked.")


@command
async def _create(
    merchant: str,
    is_test: bool,
    role: Role,
    scopes: list[Permission],
    name: str | None,
    life: timedelta | None,
    programs: list[str] | None,
    as_json: bool,
) -> None:
    async with session() as (database, _):
        merchant_id = (await named(database, merchant)).id
        for program_id in programs or ():
            await Reaches(database).reach(program_id, merchant_id)
        key = await keys.create_key(
            database,
            merchant_id,
            ACTOR,
            is_test=is_test,
            role=role,
            scopes=scopes,
            name=name,
            life=life,
            programs=programs or None,
        )
    _show(key, merchant, as_json)


@command
async def _create_signing(merchant: str, as_json: bool) -> None:
    async with session() as (database, settings):
        merchant_id = (await named(database, merchant)).id
        key = await keys.create_signing_key(database, settings.keyring, merchant_id, ACTOR)
    _show(key, merchant, as_json)


def _show(key: NewKey, merchant: str, as_json: bool) -> None:
    if as_json:
        print_json({"keyId": key.key_id, "secret": key.secret})
        return
    print(f"Key {key.key_id} of {merchant!r}. Keep its secret now; it cannot be shown again:\n\n    {key.secret}\n")


def _facts(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "kind": key.kind,
        "role": key.role,
        "scopes": key.scopes,
        "name": key.name,
        "createdAt": clock.text(key.created_at),
        "revokedAt": clock.text_or_none(key.revoked_at),
        "expiresAt": clock.text_or_none(key.expires_at),
        "programs": key.programs,
    }
