#!/usr/bin/env bash
# Where io_uring is forbidden, as in containers, everything works without it.
. "$(dirname "$0")/lib.sh"
begin "$@"
real=$cluster
export RING=auto

# refuse ERROR CALLS: from now on the nodes run under such a filter.
refuse() {
    filter=("$BUILD/tool_refuse" "$1" "$2")
    printf '#!/bin/sh\nexec "%s" %s %s "%s" "$@"\n' "$BUILD/tool_refuse" \
        "$1" "$2" "$real" >"$DIR/refused"
    chmod +x "$DIR/refused"
    cluster=$DIR/refused
    "${filter[@]}" true || skip "no filters of system calls here"
}

# expect_io N WHAT: so says the status of all of them.
expect_io() {
    [ "$(each_member "$(kv --json status)" io | grep -cx "$2")" = "$1" ] ||
        fail "not all say $2: $(kv --json status)"
}

# expect_log TEXT: so says the log of node 1.
expect_log() {
    grep -q "$1" "$DIR/1/log" || fail "the log does not say: $1"
}

step "forbidden: epoll, and the log says why"
refuse EPERM io_uring_setup
start 3
expect_io 3 epoll
expect_log "io_uring is not available (Operation not permitted)"
expect_log "epoll with"
counter_start 4
counter_kills 3 "${KILLS:-4}"
until_true 300 eval '[ "$(counter_acknowledged)" -ge "${INCREMENTS:-1000}" ]' ||
    fail "only $(counter_acknowledged) increments"
counter_check
same_state 3
kv get counter >"$DIR/counter" || fail "get"
"$cluster" stop || fail "stop"

step "not there at all, and no epoll_pwait2 either; the data is"
counter=$(cat "$DIR/counter")
refuse ENOSYS io_uring_setup,epoll_pwait2
start 3
expect_io 3 epoll
expect_log "io_uring is not available (Function not implemented)"
expect_log "epoll with timerfd"
expect 0 "$counter" kv get counter
kv put key value || fail "put"
"$cluster" kill leader || fail "kill"
expect 0 "value" kv get key
"$cluster" stop || fail "stop"

step "half a ring is none"
refuse EPERM io_uring_register
start 3
expect_io 3 epoll
expect 0 "value" kv get key
"$cluster" stop || fail "stop"

step "ring = yes insists, ring = no does not even try"
refuse EPERM io_uring_setup
sed -i 's/^ring = .*/ring = yes/' "$DIR/group.ini"
cd "$DIR/1" || fail "cd"
expect_status 71 "${filter[@]}" "$BUILD/paxoskvd" -c ../group.ini --node 1
cd "$top" || fail "cd"
grep -q "ring = yes" "$DIR/output" || fail "$(cat "$DIR/output")"
cluster=$real
: >"$DIR/1/log"
RING=no start 3
expect_io 3 epoll
grep -q "io_uring" "$DIR/1/log" && fail "ring = no has tried"
expect 0 "value" kv get key
exit 0
