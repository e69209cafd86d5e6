"""The way in for wallets: Apple's web service, and the two addresses at which people take a card into their wallet."""

from starlette.routing import Route

from kado.doors.wallet import apple, take
from kado.doors.wallet.rates import Rates
from kado.fraud.blocked import Blocks
from kado.passes.apple import WEB_SERVICE
from kado.passes.wallets import Wallets
from kado.storage.database import Database

_OF_DEVICE = WEB_SERVICE + "/v1/devices/{device}/registrations/{pass_type}"


def routes(database: Database, blocks: Blocks, wallets: Wallets) -> list[Route]:
    """Every address. They come before the pages', whose `/cards/…` is shorter."""
    service = apple.Service(database, wallets, Rates())
    taking = take.Taking(database, blocks, wallets, Rates())
    return [
        Route("/cards/{pass_sid}/apple.pkpass", taking.apple, methods=["GET"], name="apple_pass"),
        Route("/cards/{pass_sid}/google-wallet", taking.google, methods=["GET"], name="google_wallet"),
        Route(_OF_DEVICE + "/{serial}", service.register, methods=["POST"], name="apple_register"),
        Route(_OF_DEVICE + "/{serial}", service.unregister, methods=["DELETE"], name="apple_unregister"),
        Route(_OF_DEVICE, service.changed, methods=["GET"], name="apple_changed"),
        Route(WEB_SERVICE + "/v1/passes/{pass_type}/{serial}", service.latest, methods=["GET"], name="apple_latest"),
        Route(WEB_SERVICE + "/v1/log", service.log, methods=["POST"], name="apple_log"),
    ]
