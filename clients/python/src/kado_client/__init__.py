"""Client for Kado, the self-hosted gift card server: `Kado` blocks, `AsyncKado` is awaited; all else is the same."""

from kado_client._async.client import AsyncKado
from kado_client._sync.client import Kado
from kado_client.call import Page, new_key
from kado_client.errors import (
    ApiError,
    FieldError,
    KadoError,
    NetworkError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotGenuine,
    NotValid,
    OutcomeUnknown,
    Refused,
    ServerFault,
    TooManyRequests,
    UnexpectedAnswer,
)
from kado_client.records.cards import CardStatus, TransactionType
from kado_client.retries import Retries
from kado_client.signing import Signer
from kado_client.version import __version__
from kado_client.webhooks import Event, verify_webhook
from kado_client.wire import Amount

__all__ = [
    "Amount",
    "ApiError",
    "AsyncKado",
    "CardStatus",
    "Event",
    "FieldError",
    "Kado",
    "KadoError",
    "NetworkError",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotGenuine",
    "NotValid",
    "OutcomeUnknown",
    "Page",
    "Refused",
    "Retries",
    "ServerFault",
    "Signer",
    "TooManyRequests",
    "TransactionType",
    "UnexpectedAnswer",
    "__version__",
    "new_key",
    "verify_webhook",
]
