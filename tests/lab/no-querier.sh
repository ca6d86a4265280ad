#!/usr/bin/env bash
# A switch that snoops, and questions that do not reach the hosts: who is in
# the group is forgotten, and multicast ends after a while.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab --querier 5
load 4

members_of_group() {
    ip netns exec "$LAB-sw" bridge mdb show | grep -c 'grp 239.255.74.1'
}
all_are_known() {
    [ "$(members_of_group)" = 5 ]
}
is_unicast() {
    kv -t 2 --json status | grep -q '"unicast": *\[[0-9]'
}
until_true $LONG_S all_are_known || skip "this bridge does not snoop"

step "no question reaches a host, and the switch forgets who is in the group"
ip netns exec "$LAB-sw" nft -f - <<'END' || fail "nft"
table bridge quiet {
    chain c {
        type filter hook output priority 0;
        ip protocol igmp drop
    }
}
END
for id in 1 2 3 4 5; do
    ip netns exec "$LAB-sw" bridge mdb del dev br0 port "n$id" \
        grp 239.255.74.1 temp || skip "this bridge does not forget"
done
until_true $LONG_S is_unicast || fail "nobody is served by unicast"
[ "$(members_of_group)" = 0 ] || fail "somebody has asked"
goes_on 50

step "questions are asked again"
ip netns exec "$LAB-sw" nft delete table bridge quiet
end_well
