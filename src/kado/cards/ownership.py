"""Which cards are a customer's own: those with the customer's id, or with an email or phone that they proved."""

from kado.access.caller import Customer
from kado.cards.card import Card


def owns(customer: Customer, card: Card) -> bool:
    """Whether the card is the customer's. Email without regard to case; what is not there is nobody's."""
    return (
        card.customer_id == customer.id
        or (customer.email is not None and (card.customer_email or "").lower() == customer.email)
        or (customer.phone is not None and card.customer_phone == customer.phone)
    )


def owned_by(customer: Customer, values: list[object]) -> str:
    """The same as a condition on `card c`, for a statement that names the program as well.

    What it compares with is added to `values`, the arguments of the statement. Each of the three has an index.
    """
    at = len(values)
    values += [customer.id, customer.email, customer.phone]
    return (
        f"(c.customer_id = ${at + 1}::text OR lower(c.customer_email) = ${at + 2}::text"
        f" OR c.customer_phone = ${at + 3}::text)"
    )
