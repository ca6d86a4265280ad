#!/usr/bin/env bash
# A program outside the tree, built with pkg-config, has writes in flight while
# the leader is killed three times: all are answered, none ran twice.
# COUNT=1000000 makes it the long one.
. "$(dirname "$0")/lib.sh"
begin "$@"
install_all
cp tests/system/pipeline.c "$DIR/pipeline.c"
link_program "$DIR/pipeline.c" "$DIR/pipeline"
count=${COUNT:-100000}

# Kill whoever leads, and bring it back.
cat >"$DIR/kill-leader" <<END
#!/usr/bin/env bash
for _ in {1..50}; do
    id=\$("$cluster" status | awk '\$4 == "leader" { print \$1; exit }')
    if [ -n "\$id" ] && "$cluster" kill "\$id"; then
        echo "killed \$id" >>"$DIR/kills"
        exec "$cluster" restart "\$id" >>"$DIR/kills"
    fi
    sleep 0.1
done
exit 1
END
chmod +x "$DIR/kill-leader"

start 3 | tee "$DIR/start"
servers=$(sed -n 's/^PAXOSKV_SERVERS=//p' "$DIR/start")
expect 0 "$count answered, 0 failed, $((count / 2)) keys, sum $((count / 2))" \
    "$DIR/pipeline" "$servers" "$count" "$DIR/kill-leader"
cat "$DIR/stderr"
[ "$(grep -c '^killed' "$DIR/kills")" = 3 ] || fail "$(cat "$DIR/kills")"
same_state 3
exit 0
