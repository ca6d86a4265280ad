#!/usr/bin/env bash
# The lab: hosts that are made and removed, links that break and heal, and
# nothing touched that it did not make.
. "$(dirname "$0")/../lab/lib.sh"
begin "$@"

step "hosts, and daemons on them"
lab --ipv6 3
expect 0 "" kv put greeting hello
expect 0 hello netlab exec 2 paxoskv get greeting
expect_status 1 netlab up 3
grep -q "netlab.sh down" "$DIR/output" || fail "$(cat "$DIR/output")"
expect_status 1 netlab exec 4 true
expect_status 3 netlab exec 1 sh -c 'exit 3'

# reaches FROM TO: does a question get an answer?
reaches() {
    netlab exec "$1" paxoskv -s "[fd74::$2]:7401" -t 1 status 2>&1 |
        grep -qE "^ *$2 .*(leader|follower|candidate|provisional)"
}
blocked() {
    ! reaches "$@"
}

step "a link, and only this one"
netem 1-c loss 100
until_true 10 blocked c 1 || fail "1 answers"
reaches c 2 || fail "2 does not answer"
netem clear
until_true 10 reaches c 1 || fail "1 does not answer"

step "a partition"
netem partition 1,c / 2,3
until_true 10 blocked c 2 || fail "2 answers"
reaches c 1 || fail "1 does not answer"
scripts/netem.sh show | grep -q '^1 to 2: cut' || fail "show"
netem clear
until_true 10 reaches c 2 || fail "2 does not answer"
expect 0 "the network is well" scripts/netem.sh show

step "one way: neither way is of use to one who asks"
netem oneway c 1
until_true 10 blocked c 1 || fail "1 answers"
netem clear

step "rate, black hole, flapping are taken; nonsense is not"
netem 1 rate 100
netem all mtu 1400
netem flap 1-2 100
expect_status 2 scripts/netem.sh 1 loss much
expect_status 1 scripts/netem.sh 7 loss 5
expect_status 1 scripts/netem.sh partition 1 / 7
expect_status 2 scripts/netem.sh 1 bend 5
reaches c 1 || fail "1 does not answer"
netem clear

step "a kernel without netem says so"
if scripts/netem.sh can | grep -q 'netem no'; then
    expect_status 77 scripts/netem.sh 1 delay 10
    grep -q sch_netem "$DIR/output" || fail "$(cat "$DIR/output")"
    expect 0 "the network is well" scripts/netem.sh show
else
    netem 1 delay 10
    netem clear
fi

step "kill, pause, resume"
id=$(netlab kill leader) || fail "kill leader"
netlab status | grep -q "^$id .* down" || fail "$(netlab status)"
netlab start "$id" || fail "start $id"
netlab pause "$id" >/dev/null || fail "pause"
netlab status | grep -q "^$id .* paused" || fail "$(netlab status)"
netlab resume "$id" >/dev/null || fail "resume"

step "what somebody else made stays"
ip netns add "$LAB-9" || fail "netns"
ip netns del "$LAB-2"
ip netns add "$LAB-2" || fail "netns"
expect_status 1 netlab down
grep -q "$LAB-2 is not ours" "$DIR/output" || fail "$(cat "$DIR/output")"
[ "$(ip netns list | sort | xargs)" = "$LAB-2 $LAB-9" ] ||
    fail "$(ip netns list)"
expect_status 1 netlab up 2
ip netns del "$LAB-2"
ip netns del "$LAB-9"

step "after a crash of the script itself"
netlab up 2 >/dev/null || fail "up"
rm "$LAB_DIR/size" # as if it had not come so far
expect_status 0 netlab down
netlab up 2 >/dev/null || fail "up again"
expect_status 0 netlab down
[ -z "$(ip netns list)" ] || fail "$(ip netns list)"
exit 0
