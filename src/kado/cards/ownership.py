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


def owned(first: int) -> str:
    """The same as a condition on `card c`, for a statement that names the program as well.

    Its three parameters (`owner`) are numbered from `first`. Each of what it compares has an index.
    """
    return (
        f"(c.customer_id = ${first}::text OR lower(c.customer_email) = ${first + 1}::text"
        f" OR c.customer_phone = ${first + 2}::text)"
    )


def owner(customer: Customer) -> tuple[str, str | None, str | None]:
    """The parameters of `owned`."""
    return customer.id, customer.email, customer.phone


def owned_by(customer: Customer, values: list[object]) -> str:
    """The condition with its parameters added to `values`, the arguments of a statement that is put together."""
    condition = owned(len(values) + 1)
    values += owner(customer)
    return condition
