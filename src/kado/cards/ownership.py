"""Whose a card is, for a customer who is signed in: bound to their id, or bearing a contact that they have proved."""

from kado.access.caller import Customer
from kado.cards.card import Card


def owns(customer: Customer, card: Card) -> bool:
    """Whether the card is this customer's own."""
    if card.customer_id is not None and card.customer_id == customer.id:
        return True
    if customer.email is not None and card.customer_email is not None and card.customer_email.lower() == customer.email:
        return True
    return customer.phone is not None and card.customer_phone == customer.phone


def owned(first: int) -> str:
    """The same as a condition on the card `c`; its three parameters (`owner`) are numbered from `first`."""
    return (
        f"(c.customer_id = ${first}::text OR lower(c.customer_email) = ${first + 1}::text"
        f" OR c.customer_phone = ${first + 2}::text)"
    )


def owner(customer: Customer) -> tuple[str, str | None, str | None]:
    """The parameters of `owned`."""
    return customer.id, customer.email, customer.phone
