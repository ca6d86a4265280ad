#!/usr/bin/env bash
# Two thousand worlds of the simulator, two at a time; where they are slow,
# with sanitizers or without optimisation, some of them.
set -u

BUILD=${BUILD:-build/release}
case $BUILD in
*release) last=2000 ;;
*) last=150 ;;
esac
exec "$BUILD/paxoskv-sim" --seeds "1..$last" --jobs 2
