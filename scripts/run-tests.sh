#!/usr/bin/env bash
# run-tests.sh PROGRAM... - run unit tests (cmocka), then tests/system/*.sh.
#
# Two unit tests at a time, system tests one by one.  Status 77 means skipped,
# which is a failure where CI=true.  What a failed test printed is shown.  ONLY
# is a pattern for names of tests, NOT one for those to leave out.  The last
# line is
#     N passed, N failed, N skipped
# where a unit test program counts by its test cases, a system test as one.
set -u

BUILD=${BUILD:-build/release}
ONLY=${ONLY:-*}
NOT=${NOT:-}
LIMIT_S=${LIMIT_S:-600} # a safety net, no test comes near it
export BUILD

out=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-tests.XXXXXX") || exit 1
passed=0
failed=0
skipped=0
running=

stop() {
    local pid
    trap - EXIT
    for pid in $running; do kill "$pid" 2>/dev/null; done
    rm -rf "$out"
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'rm -rf "$out"' EXIT

# The number in front of "test(s)" in cmocka's line of this kind, or 0.
cases() {
    sed -n "s/^\[ *$2 *\] \([0-9]*\) test(s).*/\1/p" "$1" | tail -n 1 |
        grep . || echo 0
}

tell() {
    printf '%-7s %s\n' "$1" "$2"
}

fail() {
    tell FAILED "$1 ($2)"
    sed 's/^/    /' "$3"
}

# judge NAME STATUS OUTPUT KIND
judge() {
    local good=1 bad=0 left=0
    if [ "$4" = unit ]; then
        good=$(cases "$3" PASSED)
        bad=$(cases "$3" FAILED)
        left=$(cases "$3" SKIPPED)
        [ "$2" != 0 ] && [ "$bad" = 0 ] && bad=1 # it died on its way
        [ "$2" = 0 ] && [ $((good + left)) = 0 ] && bad=1 # it tested nothing
    elif [ "$2" = 77 ]; then
        good=0 left=1
    elif [ "$2" != 0 ]; then
        good=0 bad=1
    fi
    if [ "$left" -gt 0 ] && [ "${CI:-}" = true ]; then
        bad=$((bad + left)) left=0
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + left))
    if [ "$bad" -gt 0 ]; then
        fail "$1" "status $2" "$3"
    elif [ "$left" -gt 0 ]; then
        tell skipped "$1: $(tail -n 1 "$3")"
    else
        tell ok "$1"
    fi
}

# name_of PROGRAM: tests/room/test_x, or the script.
name_of() {
    echo "${1#"$BUILD"/}"
}

wanted() {
    # shellcheck disable=SC2254 # ONLY is a pattern
    case $(name_of "$1") in
    $NOT) false ;;
    $ONLY) [ -e "$1" ] ;;
    *) false ;;
    esac
}

run_units() {
    local program i=0 names=()
    for program in "$@"; do
        wanted "$program" || continue
        # A test of its own at a time is slow, all at once is too much.
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
        {
            timeout -k 10 "$LIMIT_S" "./$program" >"$out/$i" 2>&1
            echo $? >"$out/$i.status"
        } &
        running="$running $!"
        names+=("$program")
        i=$((i + 1))
    done
    wait
    running=
    i=0
    for program in "${names[@]}"; do
        judge "$(name_of "$program")" "$(cat "$out/$i.status")" "$out/$i" unit
        i=$((i + 1))
    done
}

run_system() {
    local script status
    for script in tests/system/[0-9]*.sh; do
        wanted "$script" || continue
        timeout -k 10 "$LIMIT_S" bash "$script" >"$out/system" 2>&1 &
        running=$!
        wait "$running"
        status=$?
        running=
        judge "$script" "$status" "$out/system" system
    done
}

run_units "$@"
run_system
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
