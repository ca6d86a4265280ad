#!/usr/bin/env bash
# paxoskvd without any configuration is useful at once, and says what is wrong.
. "$(dirname "$0")/lib.sh"
begin "$@"

run() {
    (cd "$DIR" && exec "$BUILD/paxoskvd" "$@")
}

# No file says RING=no to this one, so the kernel does.
without=()
[ "${RING:-}" = no ] && without=("$BUILD/tool_refuse" EPERM io_uring_setup)

serve() {
    (cd "$DIR" &&
        exec "${without[@]}" "$BUILD/paxoskvd" >>"$DIR/log" 2>&1) &
    pid=$!
}

export PAXOSKV_SERVERS=127.0.0.1:7401
step "it formats its directory, and serves"
serve
until_true 10 "$BUILD/paxoskv" ping || fail "no answer: $(cat "$DIR/log")"
expect 0 "" "$BUILD/paxoskv" put key value
expect 0 "value" "$BUILD/paxoskv" get key
[ -d "$DIR/paxoskv-data" ] || fail "there is no directory"

step "a second one finds directory and port in use"
expect_status 75 run

step "SIGTERM ends it with 0, and the data is there again"
kill -TERM $pid
wait $pid || fail "it ended with $?"
serve
until_true 10 "$BUILD/paxoskv" ping || fail "no answer: $(cat "$DIR/log")"
expect 0 "value" "$BUILD/paxoskv" get key
kill -KILL $pid
wait $pid 2>/dev/null
serve
until_true 10 "$BUILD/paxoskv" ping || fail "no answer: $(cat "$DIR/log")"
expect 0 "value" "$BUILD/paxoskv" get key
kill -TERM $pid
wait $pid || fail "it ended with $?"

step "usage and configuration"
expect_status 64 run --no-such-option
expect_status 64 run operand
expect_status 0 run --version
expect_status 0 run -n -c "$top/conf/paxoskvd.ini" --node 1
printf '[cluster]\nmtu = 1399\nnmae = x\n' >"$DIR/bad.ini"
expect_status 78 run -n -c bad.ini
for part in bad.ini:2 bad.ini:3 cluster:name members; do
    grep -q -- "$part" "$DIR/output" || fail "nothing is said of $part"
done
expect_status 78 run -c "$DIR/none.ini"

step "a directory must be formatted, once"
printf '[cluster]\nname = x\n[members]\n1 = 127.0.0.1:7401\n[node]\nid = 1
data = d\n' >"$DIR/one.ini"
expect_status 77 run -c one.ini
expect_status 0 run -c one.ini --format
expect_status 77 run -c one.ini --format
sed -i 's/= x/= other/' "$DIR/one.ini"
expect_status 77 run -c one.ini
exit 0
