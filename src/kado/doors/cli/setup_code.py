"""`kado setup-code`: what opens the setup page of a server that has no shop yet."""

from typing import Final

from kado.access import first_setup
from kado.doors.cli.output import example, fail
from kado.doors.cli.session import command, session

EXAMPLE: Final = example("kado setup-code")


@command
async def setup_code() -> None:
    """Show the code for the setup page in a browser. It opens nothing once there is a merchant."""
    async with session() as (database, settings):
        if not await first_setup.is_open(database):
            fail("This server has a merchant already. `kado merchant create` makes another one.")
        print(f"{first_setup.code_of(settings.keyring)}  for {settings.public_url}/console/setup")
