# To be sourced. Calls Kado with curl, again where that is safe.
#
#     call METHOD PATH [KEY BODY]     the status is in $status afterwards, the body in the file $answer
#     field NAME                      a member of the body that is a string

: "${KADO_URL:?is not set}" "${KADO_KEY:?is not set}" "${KADO_PROGRAM:?is not set}"
cards=/v2/giftcards/programs/$KADO_PROGRAM/cards
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Lost answers, timeouts and a busy server (408, 429, 5xx; Retry-After is kept to) are tried again for 30 seconds, under
# the same idempotency key. Statuses are no errors for curl here, so a 4xx is not repeated. The key of the API goes in by
# standard input: arguments can be seen by every user of the machine.
call() {
    set -- "$1" "$2" "${3:-}" "${4:-}"
    status=$(
        {
            printf 'header = "Authorization: Bearer %s"\n' "$KADO_KEY"
            [ -z "$3" ] || printf 'header = "Idempotency-Key: %s"\n' "$3"
        } | curl --config - --silent --show-error --output "$answer" --write-out '%{http_code}' \
            --request "$1" "$KADO_URL$2" ${4:+--header 'Content-Type: application/json' --data "$4"} \
            --connect-timeout 5 --max-time 10 --retry 5 --retry-max-time 30 --retry-all-errors
    ) || status=000
}

field() {
    sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p' "$answer"
}
