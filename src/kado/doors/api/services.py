"""What the routes work with, put together once by the composition root."""

from dataclasses import dataclass

from fastapi import Request

from kado.access.authenticate import Access
from kado.access.captcha import Captcha
from kado.access.customer_sessions import CustomerSessions
from kado.access.merchant_sessions import MerchantSessions
from kado.access.signatures import Signatures
from kado.anomalies.counts import RequestCounts
from kado.audit.looks import Looks
from kado.cards.balance_check import BalanceChecks
from kado.cards.glances import Glances
from kado.cards.ledger import Ledger
from kado.crypto import Keyring
from kado.fraud.blocked import Blocks
from kado.passes.wallets import Wallets
from kado.programs.reach import Reaches
from kado.reports.source import Source
from kado.settings import Settings
from kado.storage.copies import Reader
from kado.storage.database import Database
from kado.webhooks.post import Poster


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms that the API opens on."""

    settings: Settings
    keyring: Keyring
    database: Database
    reader: Reader
    """For lists and figures that people look at, perhaps from a copy."""
    access: Access
    merchant_sessions: MerchantSessions
    customers: CustomerSessions
    reaches: Reaches
    signatures: Signatures
    captcha: Captcha
    ledger: Ledger
    glances: Glances
    checks: BalanceChecks
    blocks: Blocks
    poster: Poster
    looks: Looks
    counts: RequestCounts
    wallets: Wallets
    reports: Source
    """From where reports read."""


def services_of(request: Request) -> Services:
    """The services of the app that received this request."""
    services: Services = request.app.state.services
    return services
