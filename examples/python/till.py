"""A till takes money from a gift card.

    till.py <sale number> <card id> <amount>

The sale's number is the idempotency key: run again with the same number, it never takes the money twice.
Ends with 0 when the money was taken, 1 when it was refused, 75 when nobody knows yet: then run it again.
"""

import os
import sys

from kado_client import ApiError, Kado, OutcomeUnknown


def main() -> int:
    """Redeem, and tell the three endings apart."""
    sale, card_id, amount = sys.argv[1:]
    with Kado(os.environ["KADO_URL"], os.environ["KADO_KEY"]) as kado:
        cards = kado.program(os.environ["KADO_PROGRAM"]).cards
        try:
            # Lost answers, timeouts and a busy server are handled in here: it is sent again under the same key.
            done = cards.redeem(card_id, amount, pos_transaction_id=sale, idempotency_key=sale)
        except OutcomeUnknown as error:
            # No answer within 30 seconds. The money may have been taken: keep the sale open, and ask again later.
            print(f"{sale}: not known yet, run it again ({error})")
            return 75
        except ApiError as no:
            # The server has decided: nothing was taken. `members` has the facts, such as what is on the card.
            print(f"{sale}: refused, {no.code} {dict(no.members)}")
            return 1
    again = " (as told before)" if done.is_replay else ""
    print(f"{sale}: took {done.amount_redeemed}, {done.remaining_balance} left{again}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
