#!/usr/bin/env bash
# A loaded node calls the kernel once for many things; an idle one costs next to
# nothing.
. "$(dirname "$0")/lib.sh"
begin "$@"
start 5
pid=$(cat "$DIR/1/pid")

# Microseconds of processor that all threads of the node have had.
used_us() {
    awk '{ sum += $1 } END { printf "%d\n", sum / 1000 }' \
        "/proc/$pid/task"/*/schedstat
}

# How often its threads went to sleep, which is how often they were woken.
wakes() {
    cat "/proc/$pid/task"/*/status |
        awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }'
}

# What a wake-up costs is the machine's affair, and told only; a node that has
# nothing to do is woken by heartbeats alone: its own and those of four others,
# 50 a second each, of which several often come together.
case $BUILD in
*/release)
    step "idle: woken by heartbeats alone, under 16 MiB"
    from=$(used_us)
    woken=$(wakes)
    sleep 10
    used=$(($(used_us) - from))
    woken=$(($(wakes) - woken))
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
    echo "$used us and $woken wake-ups in 10 s, $rss KiB"
    [ "$woken" -lt 4000 ] || fail "$woken wake-ups in 10 s"
    [ "$rss" -lt 16384 ] || fail "$rss KiB"
    ;;
esac

io=$(kv --json status | json_member 1 | json_value io)
step "loaded: the $io, and no call for a single datagram"
command -v strace >/dev/null || skip "no strace"
kv bench --clients 4 --seconds 3 >/dev/null 2>&1 &
sleep 1
timeout -s INT 2 strace -f -c -o "$DIR/calls" -p "$pid" 2>"$DIR/strace"
wait
[ -s "$DIR/calls" ] || skip "strace may not look: $(cat "$DIR/strace")"
cat "$DIR/calls"
# % time, seconds, usecs/call, calls, errors (maybe), name.  What sends by itself
# is the probe of the leader's liveness port, whose socket stays out of the ring:
# 4 in a heartbeat at most, 200 a second, whatever the load.
if [ "$io" = epoll ]; then
    awk '$NF ~ /^(sendmsg|recvfrom|recvmsg|read|io_uring_enter)$/ {
             bad = 1
             print "call on the data path: " $NF }
         $NF == "sendto" && $4 > 1000 { bad = 1; print "not probes alone" }
         { calls[$NF] = $4 }
         END { exit bad || !calls["recvmmsg"] || !calls["sendmmsg"] ||
                    calls["recvmmsg"] > 3 * calls["epoll_pwait2"] }' \
        "$DIR/calls" || fail "the data path has system calls of its own"
    exit 0
fi
awk '$NF ~ /^(sendmsg|recvfrom|recvmsg|read|write|pwrite64)$/ { bad = 1
         print "call on the data path: " $NF }
     $NF == "sendto" && $4 > 1000 { bad = 1; print "not probes alone" }
     $4 ~ /^[0-9]+$/ && $NF !~ /^(total|sendto)$/ { all += $4 }
     $NF == "io_uring_enter" { ring = $4 }
     END { print ring, "of", all; exit bad || ring < all * 0.95 }' \
    "$DIR/calls" || fail "the data path has system calls of its own"
