#!/usr/bin/env bash
# Datagrams are lost at random, on all links and both ways: 5, 20, 40 per cent.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

# All events that say who leads: NS ID WORD, in the order of time.
events() {
    local id
    for id in 1 2 3 4 5; do
        sed -nE "s/^([^ ]+)Z info: (candidate|leading|resigned|following) .*/\
\1 $id \2/p" "$LAB_DIR/$id/log"
    done | sort
}

# Seconds of a day, and what follows.
seconds() {
    sed -E 's/^.*T([0-9]+):([0-9]+):/\1 \2 /' |
        awk '{ $1 = $1 * 3600 + $2 * 60 + $3; $2 = $3 = ""; print }'
}

# led FROM TO: per cent of the time when somebody led, and how many elections
# there were.  A day that ends meanwhile spoils it.
led() {
    events | seconds | awk -v from="$1" -v to="$2" '
        function upto(t) {
            if (t > to) t = to
            if (t > at) { if (leaders) led += t - at; at = t }
        }
        BEGIN { at = from }
        {
            upto($1)
            if ($3 == "candidate" && $1 >= from && $1 <= to) elections++
            if ($3 == "leading" && !leads[$2]) { leads[$2] = 1; leaders++ }
            if ($3 != "leading" && leads[$2]) { leads[$2] = 0; leaders-- }
        }
        END {
            upto(to)
            printf "%d %d\n", 100 * led / (to - from), elections
        }'
}

now() {
    date -u +%Y-%m-%dT%H:%M:%S.%3N | seconds
}

# figures: puts a second of four clients that wait for each answer, and the
# 99th percentile, in milliseconds.
figures() {
    kv --json -t $((20 * SLOW)) bench --clients 4 --seconds $((5 * SLOW)) \
        >"$DIR/bench" 2>/dev/null || return
    echo "$(json_value ops_per_s <"$DIR/bench") puts/s, p99" \
        "$(json_value p99_us <"$DIR/bench") us"
}

for percent in 1 5 20 40; do
    netem all loss $percent
    from=$(now)
    goes_on 100
    figures=$(figures) || fail "$(cat "$DIR/bench")"
    read -r share elections < <(led "$from" "$(now)")
    echo "$percent per cent lost: $figures, led $share per cent of the time," \
        "$elections elections"
    case $percent in
    1 | 5) [ "$elections" -le $((SLOW > 1 ? 2 : 0)) ] || fail "elections" ;;
    20) [ "$share" -ge $((SLOW > 1 ? 50 : 90)) ] || fail "no leader" ;;
    esac
done
end_well
