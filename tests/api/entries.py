"""What the entries of a card say."""

from tests.api.shop import Body, Fits, Shop


async def newest(shop: Shop, fits: Fits, card: Body) -> Body:
    listed = await shop.entries(card)
    return fits("TransactionResponse", listed[0])


def entry(**members: object) -> Body:
    """What an entry says beside its id and its times."""
    return {
        "amount": "0.00",
        "balanceBefore": "0.00",
        "balanceAfter": "0.00",
        "referenceId": None,
        "description": None,
        "posTransactionId": None,
        "cashierId": None,
        "terminalId": None,
    } | members


def said(listed: Body) -> Body:
    return {
        name: value for name, value in listed.items() if name not in ("id", "createdAt", "processedAt", "merchantId")
    }
