#!/usr/bin/env bash
# check-lab.sh [NAME...] - run the exercises of the lab, all of tests/lab or
# those named; what each is about is in paxoskv-lab(7).
#
# Status 77 of an exercise means that this kernel cannot do it: most often it
# has no netem (see netlab-vm.sh).  What a failed one printed is shown.  The
# last line is
#     N passed, N failed, N skipped
set -u

all() {
    local file
    for file in tests/lab/*.sh; do
        file=${file##*/}
        [ "$file" = lib.sh ] || echo "${file%.sh}"
    done
}

usage() {
    echo "usage: check-lab.sh [NAME...]; there are:"
    all | xargs | fold -s -w 76
    exit "$1"
}

cd "$(dirname "$0")/.." || exit 1
export BUILD=${BUILD:-build/release}
case ${1:-} in -h | --help) usage 0 ;; -*) usage 2 >&2 ;; esac
if [ $# = 0 ]; then
    # shellcheck disable=SC2046 # names without blanks
    set -- $(all)
fi
for name in "$@"; do
    [ -e "tests/lab/$name.sh" ] || usage 2 >&2
done

out=$(mktemp "${TMPDIR:-/tmp}/paxoskv-lab.XXXXXX") || exit 1
trap 'rm -f "$out"' EXIT
passed=0 failed=0 skipped=0
for name in "$@"; do
    timeout -k 10 $((600 * ${SLOW:-1})) bash "tests/lab/$name.sh" >"$out" 2>&1
    case $? in
    0)
        passed=$((passed + 1))
        echo "ok      $name"
        ;;
    77)
        skipped=$((skipped + 1))
        echo "SKIP    $name: $(tail -n 1 "$out" | cut -c 1-200)"
        ;;
    *)
        failed=$((failed + 1))
        echo "FAILED  $name"
        sed 's/^/    /' "$out"
        ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
