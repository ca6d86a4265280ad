#!/usr/bin/env bash
# scripts/cluster.sh does what it says.
. "$(dirname "$0")/lib.sh"
begin "$@"

step "usage"
expect_status 2 "$cluster"
expect_status 2 "$cluster" begin
expect_status 2 "$cluster" start 10
expect_status 2 "$cluster" start 3 4
expect_status 2 "$cluster" kill
expect_status 2 env FAMILY=5 "$cluster" start

step "start, and what is refused"
servers=127.0.0.1:7501,127.0.0.1:7502,127.0.0.1:7503
export PAXOSKV_PORT=7500
got=$("$cluster" start 3) || fail "start"
[ "$(tail -n 1 <<<"$got")" = "PAXOSKV_SERVERS=$servers" ] || fail "$got"
expect_status 1 "$cluster" start 3
expect_status 1 "$cluster" kill 4
expect_status 1 env DIR="$DIR/other" "$cluster" start 3
[ "$("$cluster" status | awk '$3 == "up" && $2 > 1' | wc -l)" = 3 ] ||
    fail "$("$cluster" status)"
[ "$("$cluster" status | awk '$4 == "leader"' | wc -l)" = 1 ] ||
    fail "$("$cluster" status)"
"$cluster" logs 2 | grep -q 'member 2 of 3' || fail "logs"

step "kill, pause, resume, restart"
kv put key value || fail "put"
"$cluster" kill 2 || fail "kill"
expect_status 1 "$cluster" kill 2
expect_status 1 "$cluster" pause 2
"$cluster" status | grep -qx '2 - down -' || fail "$("$cluster" status)"
"$cluster" restart 2 || fail "restart"
"$cluster" pause 2 || fail "pause"
"$cluster" status | grep -qE '^2 [0-9]+ paused -$' || fail "not paused"
"$cluster" resume 2 || fail "resume"
"$cluster" restart 2 || fail "restart of one that runs"

step "a number that is somebody else's now is left alone"
"$cluster" kill 2 || fail "kill"
sleep 100 &
echo $! >"$DIR/2/pid"
expect_status 1 "$cluster" kill 2
"$cluster" status | grep -qx '2 - down -' || fail "$("$cluster" status)"
kill $! || fail "the other process is gone"
rm "$DIR/2/pid"
"$cluster" restart 2 || fail "restart"

step "stop and start keep the data, clean removes it"
"$cluster" stop || fail "stop"
"$cluster" start 3 >/dev/null || fail "start"
expect 0 "value" kv get key
"$cluster" clean || fail "clean"
for left in "$DIR/group.ini" "$DIR/1"; do
    [ ! -e "$left" ] || fail "$left is left"
done
exit 0
