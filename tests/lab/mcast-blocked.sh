#!/usr/bin/env bash
# Multicast does not get through, for one, for two, for all: who does not hear
# it is served by unicast, and the other way round when it is back.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

# How many pairs of members go by unicast.
unicast_count() {
    kv -t 2 --json status | grep -o '"unicast": *\[[^]]*\]' |
        grep -o '[0-9]' | wc -l
}
is_unicast() {
    [ "$(unicast_count)" -ge "$1" ]
}
is_multicast() {
    is_led && [ "$(unicast_count)" = 0 ]
}

until_true $LONG_S is_multicast || fail "$(kv --json status)"
for id in 1 2 all; do
    step "no multicast for $id"
    netem mcast-block $id
    until_true $LONG_S is_unicast 4 || fail "$(kv --json status)"
    goes_on 50
done

step "it is back"
netem clear
until_true $LONG_S is_multicast || fail "$(kv --json status)"
goes_on 50
end_well
