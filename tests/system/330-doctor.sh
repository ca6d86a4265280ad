#!/usr/bin/env bash
# The doctor, on hosts of its own: nothing where all is well, and what it is
# where something is not.
. "$(dirname "$0")/../lab/lib.sh"
begin "$@"
lab 3

doctor() {
    netlab exec 1 sh -c 'cd "$1" && shift && exec paxoskv "$@"' sh \
        "$LAB_DIR/1" -c "$LAB_DIR/group.ini" "$@"
}

# finds MEMBER WORD [RC=3]: a finding of this name about this member.
finds() {
    doctor --json doctor >"$DIR/output" 2>&1
    [ $? = "${3:-3}" ] || return 1
    if [ "$1" = 0 ]; then
        grep "\"finding\":\"$2\"" "$DIR/output" | grep -qv '"member"'
    else
        grep -q "\"finding\":\"$2\".*\"member\":$1," "$DIR/output"
    fi
}
is_found() {
    until_true 30 finds "$@" || fail "no finding $2: $(cat "$DIR/output")"
    echo "$2: $(wc -l <"$DIR/output") lines"
}
is_well() {
    doctor doctor >"$DIR/output" 2>&1
}

step "all is well"
until_true 30 is_well || fail "$(cat "$DIR/output")"
grep -q '^0 findings about 3 members of cluster lab$' "$DIR/output" ||
    fail "$(cat "$DIR/output")"
expect_status 2 doctor doctor now
expect_status 2 netlab exec 1 paxoskv -s 192.0.2.1 doctor
expect_status 0 doctor doctor -c "$LAB_DIR/group.ini"

step "multicast is blocked"
netem mcast-block 3
is_found 3 multicast
doctor doctor | grep -q 'transport = unicast' || fail "no remedy"
netem clear

step "a black hole"
netem 1-2 mtu 1400
is_found 2 mtu
netem clear

step "a member that is not started, and one behind a firewall"
netlab kill 2 >/dev/null || fail "kill"
is_found 2 closed
netlab start 2 || fail "start"
netlab exec 3 nft -f - <<'END' || fail "nft"
table inet wall {
    chain c {
        type filter hook input priority 0;
        udp dport 7401 drop
    }
}
END
is_found 3 firewall
netlab exec 3 nft delete table inet wall

step "a cable that is pulled"
ip -n "$LAB-3" link set eth0 down
ip -n "$LAB-1" neigh flush dev eth0
is_found 3 unreachable
ip -n "$LAB-3" link set eth0 up

step "another name"
netlab stop 3 || fail "stop"
sed 's/^name = lab/name = other/' "$LAB_DIR/group.ini" >"$DIR/other.ini"
mkdir "$DIR/other"
(cd "$DIR/other" &&
    netlab_() { ip netns exec "$LAB-3" "$BUILD/paxoskvd" -c ../other.ini \
        --node 3 "$@"; } &&
    netlab_ --format && netlab_) >"$DIR/other.log" 2>&1 &
is_found 3 cluster
ip netns pids "$LAB-3" | xargs kill
until_true 10 sh -c "[ -z \"\$(ip netns pids $LAB-3)\" ]" || fail "it lives"
netlab start 3 || fail "start"

step "a receive buffer that is too small"
if command -v setpriv >/dev/null &&
    [ "$(cat /proc/sys/net/core/rmem_max)" -lt 8388608 ]; then
    netlab stop 1 || fail "stop"
    PRELOAD="setpriv --bounding-set -net_admin" netlab start 1 || fail "start"
    is_found 0 rmem
    netlab stop 1 && netlab start 1
fi

step "all is well again"
until_true 30 is_well || fail "$(cat "$DIR/output")"
exit 0
