#!/usr/bin/env bash
# Three hosts on one network, set up as README says under "Run it": an ini file
# with the members, --format once, and no more.  No cluster.sh, no loopback.
. "$(dirname "$0")/lib.sh"
begin "$@"

mkdir -p /run/netns
mount -t tmpfs none /run/netns || skip "no place for names of namespaces"
ip link add name pkv0 type bridge mcast_snooping 0 || skip "no bridge here"
{
    ip link set pkv0 up && ip addr add 192.0.2.254/24 dev pkv0
} || fail "the bridge cannot be set up"

# host ID: a network namespace with an address of its own on the bridge, and
# the ini file that the administrator of that machine writes.
host() {
    {
        ip netns add "h$1" &&
            ip link add "v$1" type veth peer name eth0 netns "h$1" &&
            ip link set "v$1" master pkv0 up &&
            ip -n "h$1" addr add "192.0.2.$1/24" dev eth0 &&
            ip -n "h$1" link set lo up &&
            ip -n "h$1" link set eth0 up
    } || fail "host $1 cannot be set up"
    mkdir "$DIR/$1"
    printf '%s\n' '[cluster]' 'name = example' '[members]' \
        '1 = 192.0.2.1:7401' '2 = 192.0.2.2:7401' '3 = 192.0.2.3:7401' \
        '[node]' "id = $1" "data = $DIR/$1/data" >"$DIR/$1/ini"
}

on() {
    local id=$1
    shift
    ip netns exec "h$id" "$@"
}

run() {
    ip netns exec "h$1" "$BUILD/paxoskvd" -c "$DIR/$1/ini" \
        2>>"$DIR/$1/log" &
    pids[$1]=$!
}

client() {
    local id=$1
    shift
    on "$id" "$BUILD/paxoskv" -c "$DIR/$id/ini" "$@"
}

# shows PATTERN ID COMMAND...: what the client prints has a line like that.
shows() {
    local pattern=$1
    shift
    client "$@" 2>&1 | grep -q -- "$pattern"
}

pids=()
for id in 1 2 3; do host $id; done

step "a host that is not formatted says what to do"
expect_status 77 on 1 "$BUILD/paxoskvd" -c "$DIR/1/ini"
grep -q -- --format "$DIR/output" || fail "$(cat "$DIR/output")"

step "format, once"
for id in 1 2 3; do
    expect_status 0 on $id "$BUILD/paxoskvd" -c "$DIR/$id/ini" --format
done

step "two of three are not enough for the very first start, and say so"
run 1
run 2
until_true 10 shows "2 up" 1 status || fail "$(client 1 status)"
expect_status 3 client 1 -t 1 status
grep -q "first start" "$DIR/output" || fail "$(cat "$DIR/output")"

step "three are"
run 3
until_true 10 client 1 -t 1 ping >/dev/null || fail "$(client 1 status)"
expect 0 "" client 2 put greeting hello
expect 0 hello client 3 get greeting
expect 0 hello "$BUILD/paxoskv" -s 192.0.2.2:7401 get greeting

step "each is on its interface, and hears the group there"
for id in 1 2 3; do
    grep -q "group 239.255.74.1:7400 on eth0" "$DIR/$id/log" ||
        fail "$(cat "$DIR/$id/log")"
done

step "a host whose cable is pulled does not stop the others"
ip link set v1 down
until_true 10 client 2 -t 2 put greeting again || fail "$(client 2 status)"
expect 0 again client 3 get greeting
ip link set v1 up
until_true 15 shows '^again$' 1 -t 1 get greeting ||
    fail "$(client 1 status)"

step "SIGTERM ends each with 0"
for id in 1 2 3; do
    kill "${pids[$id]}"
    wait "${pids[$id]}" || fail "member $id: $?"
done
exit 0
