#!/usr/bin/env bash
# A switch that snoops, and questions that do not reach the hosts: who is in
# the group is forgotten, and multicast ends after a while.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab --querier 5
load 4

members_of_group() {
    ip netns exec "$LAB-sw" bridge mdb show | grep -c 239.255.74.1
}
are_forgotten() {
    [ "$(members_of_group)" = 0 ]
}
[ "$(members_of_group)" = 5 ] || skip "this bridge does not snoop"

step "nobody asks any more"
ip netns exec "$LAB-sw" nft -f - <<'END' || fail "nft"
table bridge quiet {
    chain c {
        type filter hook output priority 0;
        ip protocol igmp drop
    }
}
END
ip -n "$LAB-sw" link set br0 type bridge mcast_membership_interval 200
netlab kill 1 >/dev/null && netlab start 1
until_true $LONG_S are_forgotten || skip "the bridge does not forget"
step "multicast has ended"
goes_on 50
ip netns exec "$LAB-sw" nft delete table bridge quiet
end_well
