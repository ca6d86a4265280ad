#!/usr/bin/env bash
# bench.sh [ARGUMENT...] - a group of three and `paxoskv bench` against it.
# Without arguments: --clients 64 --pipeline 16.
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
BUILD=$(realpath -m "${BUILD:-$top/build/release}")
DIR=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-bench.XXXXXX") || exit 1
export BUILD DIR

finish() {
    local status=$?
    trap - EXIT INT TERM
    "$top/scripts/cluster.sh" clean
    rm -rf "$DIR"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ $# -gt 0 ] || set -- --clients 64 --pipeline 16
"$top/scripts/cluster.sh" start "${NODES:-3}" || exit 1
"$BUILD/paxoskv" -c "$DIR/group.ini" --json bench "$@"
