#!/usr/bin/env bash
# A torn tail is cut off; damage before what is known durable is named, with
# file and offset, and the node stays down; the others go on.
. "$(dirname "$0")/lib.sh"
begin "$@"

serve() {
    (cd "$DIR/3" && exec "$BUILD/paxoskvd" -c "$DIR/group.ini" --node 3 \
        >>log 2>&1)
}

# spoil FILE OFFSET: turn one byte around.
spoil() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf '%b' "\\x$(printf '%02x' $((byte ^ 255)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

start 3
seq -f 'put key/%.0f value' 1 500 | kv batch --pipeline 4 >/dev/null ||
    fail "writes"
same_state 3
"$cluster" kill 3 || fail "kill"
log=$DIR/3/data/log/00000001.log
[ -f "$log" ] || fail "no $log"
# The last byte that is not zero: the end of the last batch.
end=$(od -An -v -tx1 -w4096 "$log" | awk '/[1-9a-f]/ { n = NR } END { print n }')
end=$((end * 4096))
cp "$log" "$DIR/good"

step "damage in the middle: 74, with file and offset"
spoil "$log" $((end / 2 + 100))
expect_status 74 serve
tail -n 1 "$DIR/3/log"
grep -qE '00000001\.log.*[0-9]{4}' "$DIR/3/log" ||
    fail "file and offset are not named"
kv put after 1 || fail "the others do not go on"

step "a torn tail: it catches up"
cp "$DIR/good" "$log"
dd if=/dev/zero of="$log" bs=4096 seek=$((end / 4096 - 1)) count=1 \
    conv=notrunc status=none
"$cluster" restart 3 || {
    # The cut may have hidden a vote: then the group has to refuse it.
    grep -q 'exit status 77' "$DIR/3/log" || fail "neither taken nor refused"
    exit 0
}
same_state 3
