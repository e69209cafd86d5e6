"""A shop sells a gift card and has its code mailed to the customer.

    shop.py <order number> <amount> <email>

Prints the card's id. Run again for the same order, it finds the same card instead of making a second one.
"""

import os
import sys

from kado_client import ApiError, Kado


def main() -> int:
    """Issue once the order is paid, then activate: only then is the card worth anything."""
    order, amount, email = sys.argv[1:]
    with Kado(os.environ["KADO_URL"], os.environ["KADO_KEY"]) as kado:
        program_id = os.environ["KADO_PROGRAM"]
        program = kado.programs.get(program_id)
        cards = kado.program(program_id).cards
        try:
            card = cards.issue(
                amount, merchant_id=program.merchant_id, customer_email=email, idempotency_key=f"{order}-issue"
            )
            # A key means one operation on one card, so each step has its own.
            card = cards.activate(card.id, idempotency_key=f"{order}-activate")
        except ApiError as no:
            print(f"{order}: refused, {no.code or no.detail}")
            return 1
    print(f"{order}: card {card.id} is {card.status} with {card.balance} {program.currency}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
