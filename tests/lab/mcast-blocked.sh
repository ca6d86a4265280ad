#!/usr/bin/env bash
# Multicast does not get through, for one and for two: the others are enough,
# and what is unicast keeps the two from being lost.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

for id in 1 2; do
    step "no multicast for $id"
    netem mcast-block $id
    goes_on 50
done

step "it is back"
netem clear
goes_on 50
end_well
