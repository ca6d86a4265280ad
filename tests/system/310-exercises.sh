#!/usr/bin/env bash
# Some exercises of the lab, for everybody; all of them: make check-lab.
. "$(dirname "$0")/lib.sh"
scripts/check-lab.sh split leader-oneway || exit 1
scripts/check-lab.sh no-such-exercise >/dev/null 2>&1
[ $? = 2 ] || fail "an exercise that is not there"
