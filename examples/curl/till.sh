#!/bin/sh
# A till takes money from a gift card.
#
#     sh till.sh <sale number> <card id> <amount>
#
# The sale's number is the idempotency key: run again with the same number, it never takes the money twice.
# Ends with 0 when the money was taken, 1 when it was refused, 75 when nobody knows yet: then run it again.
set -eu
. "$(dirname "$0")/kado.sh"

sale=$1 card=$2 amount=$3
call POST "$cards/$card/redeem" "$sale" '{"amount": "'"$amount"'", "posTransactionId": "'"$sale"'"}'
case $status in
200)
    echo "$sale: took $(field amountRedeemed), $(field remainingBalance) left"
    ;;
400 | 404 | 422)
    # The server has decided: nothing was taken.
    echo "$sale: refused, $(cat "$answer")"
    exit 1
    ;;
*)
    # No answer, or one that tells nothing of an earlier try: keep the sale open, and ask again later.
    echo "$sale: not known yet, run it again (status $status)"
    exit 75
    ;;
esac
