#!/usr/bin/env bash
# The programs in paxoskv(3), as they stand there, against a group; linked with
# the shared library, and with the static one.
. "$(dirname "$0")/lib.sh"
begin "$@"
install_all

# The lines of an example, without what mdoc(7) needs.
example() {
    sed -n "/^\.\\\\\" example: $1\$/,/^\.Ed\$/p" man/paxoskv.3 |
        sed -e '/^\.\(\\"\|Bd\|Ed\)/d' -e 's/\\e/\\/g' -e 's/^\\&//'
}

for name in blocking pipelined; do
    step "$name.c"
    example $name.c >"$DIR/$name.c"
    [ -s "$DIR/$name.c" ] || fail "$name.c is not in paxoskv.3"
    link_program "$DIR/$name.c" "$DIR/$name"
    ldd "$DIR/$name" | grep -qF "$DIR/dest/usr/lib/libpaxoskv.so" ||
        fail "the shared library is not the one installed"
    link_program "$DIR/$name.c" "$DIR/$name-static" --static
    ldd "$DIR/$name-static" | grep -q libpaxoskv && fail "not linked statically"
done

step "they run"
start 3 | tee "$DIR/start"
servers=$(sed -n 's/^PAXOSKV_SERVERS=//p' "$DIR/start")
expect 0 "hello
visit 1" "$DIR/blocking" "$servers"
expect 0 "hello
me has it
visit 2" "$DIR/blocking-static" "$servers"
expect 0 "10000 done, 0 failed" "$DIR/pipelined" "$servers"
expect 0 "10000 done, 0 failed" "$DIR/pipelined-static" "$servers"
[ "$(kv list --keys key | wc -l)" = 10000 ] || fail "not 10000 keys"
expect 0 key01234 kv get key01234

step "and fail as they should"
expect 2 "" "$DIR/blocking"
expect 1 "" "$DIR/blocking" 127.0.0.1:0
exit 0
