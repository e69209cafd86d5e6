#!/bin/sh
# A shop sells a gift card and has its code mailed to the customer.
#
#     sh shop.sh <order number> <amount> <email>
#
# Prints the card's id. Run again for the same order, it finds the same card instead of making a second one.
set -eu
. "$(dirname "$0")/kado.sh"

order=$1 amount=$2 email=$3
wanted() {
    [ "$status" = "$1" ] || {
        echo "$order: refused, status $status $(cat "$answer")"
        exit 1
    }
}

call GET "/v2/loyalty/programs/$KADO_PROGRAM"
wanted 200
merchant=$(field merchantId) currency=$(field currency)

call POST "$cards" "$order-issue" \
    '{"initialValue": "'"$amount"'", "merchantId": "'"$merchant"'", "customerEmail": "'"$email"'"}'
wanted 201
card=$(sed 's/^{"id":"\([0-9a-f]*\)".*/\1/' "$answer")

# Only now is the card worth anything. A key means one operation on one card, so each step has its own.
call POST "$cards/$card/activate" "$order-activate" '{}'
wanted 200
echo "$order: card $card is $(field status) with $(field balance) $currency"
