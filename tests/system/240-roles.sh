#!/usr/bin/env bash
# Roles of members die alone, by schedule and by command, under load: nothing
# that was acknowledged is lost, and a leader keeps its ballot.
# FAULT_S=60 makes it the long one.
. "$(dirname "$0")/lib.sh"
begin "$@"

# The ballot of the member that leads.
ballot() {
    kv -t 2 --json status | json_members | grep '"role": *"leader"' |
        grep -o '"ballot": *{[^}]*}'
}

# The counter as it stands: what is acknowledged is told in lumps.
count() {
    kv -t 2 get counter 2>/dev/null || echo 0
}

# goes_on N SECONDS: the counter is N further before that.
goes_on() {
    local from
    from=$(count)
    until_true "$2" eval "[ \"\$(count)\" -ge $((from + $1)) ]"
}

step "refused where it is not allowed"
start 3
expect_status 3 kv fault kill acceptor --node 1
grep -q 'does not say \[fault\] enabled' "$DIR/output" ||
    fail "the reason: $(cat "$DIR/output")"
expect_status 3 kv fault drop 10
expect_status 2 kv fault kill acceptor
"$cluster" stop >/dev/null
rm -rf "$DIR"/[1-9] "$DIR/group.ini"

step "refused by the configuration check"
cat >"$DIR/bad.ini" <<'INI'
[cluster]
name = bad
[members]
1 = 127.0.0.1:7401
[fault]
acceptor_mttf_ms = 200
INI
expect_status 78 "$BUILD/paxoskvd" -n -c "$DIR/bad.ini" --node 1
grep -q 'faults are not allowed' "$DIR/output" || fail "$(cat "$DIR/output")"

export EXTRA='[fault]\nenabled = yes\n'
start 5
leader=$(kv --json status | json_value leader)

step "a proposer that is killed keeps its leadership"
counter_start 2
goes_on 200 20 || fail "no writes"
before=$(ballot)
for _ in 1 2 3; do
    kv fault kill proposer --node "$leader" >/dev/null || fail "kill proposer"
    goes_on 100 20 ||
        fail "no writes behind the death of the proposer"
done
[ "$(ballot)" = "$before" ] || fail "ballot $(ballot), it was $before"
kv fault status --node "$leader" | grep -q 'proposer up .*3 restarts' ||
    fail "status: $(kv fault status --node "$leader")"

step "an acceptor and a learner of the leader are killed"
for role in acceptor learner; do
    kv fault kill $role --node "$leader" >/dev/null || fail "kill $role"
    goes_on 100 20 ||
        fail "no writes behind the death of the $role"
done

step "acceptors of all members fail at random"
kv fault set acceptor 200 100 --node all >/dev/null || fail "set acceptor"
end=$(($(now_ms) + ${FAULT_S:-3} * 1000))
goes_on 500 60 || fail "the counter is at $(count) only"
while [ "$(now_ms)" -lt "$end" ]; do
    goes_on 10 30 || fail "the counter stays at $(count)"
done

step "all roles of all members do"
kv fault set proposer 500 30 >/dev/null || fail "set proposer"
kv fault set learner 3000 100 >/dev/null || fail "set learner"
goes_on 200 120 || fail "the counter is at $(count) only"

step "and datagrams are lost and late"
kv fault drop 5 >/dev/null || fail "drop"
kv fault delay 2 >/dev/null || fail "delay"
goes_on 50 120 || fail "the counter is at $(count) only"

kv fault clear >/dev/null || fail "clear"
counter_check
same_state 5

step "a role that dies too often ends the process"
pid=$(cat "$DIR/1/pid")
for _ in 1 2 3 4 5 6 7 8; do
    kv fault kill learner --node 1 >/dev/null 2>&1
    kill -0 "$pid" 2>/dev/null || break
    until_true 10 eval '! kill -0 "$pid" 2>/dev/null ||
        kv fault status --node 1 | grep -q "learner up"' || fail "not rebuilt"
done
until_true 10 eval '! kill -0 "$pid" 2>/dev/null' || fail "it goes on"
grep -q 'died too often' "$DIR/1/log" || fail "$(tail -n 3 "$DIR/1/log")"
"$cluster" restart 1 || fail "restart"
same_state 5
