#!/usr/bin/env bash
# Multicast does not get through, for one, for two, for all: who does not hear
# it is served by unicast, and the other way round when it is back.  No write
# fails meanwhile.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

# How many pairs of members go by unicast.
unicast_count() {
    kv -t 2 --json status | grep -o '"unicast": *\[[^]]*\]' |
        grep -o '[0-9]*' | wc -l
}
is_unicast() {
    [ "$(unicast_count)" -ge "$1" ]
}
is_multicast() {
    is_led && [ "$(unicast_count)" = 0 ]
}

# within MS COMMAND...: it comes true, and soon.
within() {
    local limit_ms=$(($1 * SLOW)) from took
    shift
    from=$(now_ms)
    until_true $LONG_S "$@" || fail "not $*: $(kv --json status)"
    took=$(($(now_ms) - from))
    echo "$*: after $took ms"
    [ "$took" -le "$limit_ms" ] || fail "not $* for $took ms"
}

until_true $LONG_S is_multicast || fail "$(kv --json status)"
chaos 20
pairs=(8 14 20) # one of 1 and 4 others, both ways; then 2 and 3; then all
for id in 1 2 all; do
    step "no multicast for $id"
    netem mcast-block $id
    within 6000 is_unicast "${pairs[0]}"
    pairs=("${pairs[@]:1}")
    goes_on 50
done

step "it is back"
netem clear
within 30000 is_multicast

step "none of the leader, while another member sleeps"
first=$(leader) || fail "no leader"
second=$(others_than "$first" | head -n 1)
netlab pause "$second" >/dev/null || fail "pause"
netem mcast-block "$first"
goes_on 50
netem clear
netlab resume "$second" >/dev/null || fail "resume"

chaos_end 2000
grep -E '"status":"(void|open)"' "$DIR/history" && fail "it was not done"
goes_on 50
end_well
