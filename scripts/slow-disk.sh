#!/usr/bin/env bash
# slow-disk.sh DIR PID WRITES - from now on, PID does so many writes a second
# to the disk that DIR is on, by a control group of its own, and no more.
# slow-disk.sh --end PID - as fast as it goes again.
# slow-disk.sh --can DIR - can it be done?  Exit 77: not here.
set -u

usage() {
    sed -n '2,5s/^# //p' "$0"
    exit "$1"
}

v1=/sys/fs/cgroup/blkio
v2=/sys/fs/cgroup

no() {
    echo "slow-disk.sh: $*" >&2
    exit 77
}

# The whole disk of a directory, as MAJOR:MINOR.
disk_of() {
    local source name
    source=$(df --output=source "$1" | tail -n 1)
    name=$(lsblk -no PKNAME "$source" 2>/dev/null | head -n 1)
    [ -n "$name" ] || name=${source##*/}
    cat "/sys/class/block/$name/dev" 2>/dev/null
}

case ${1:-} in
-h | --help) usage 0 ;;
--end)
    [ $# = 2 ] || usage 2 >&2
    for group in "$v1/paxoskv-slow-$2" "$v2/paxoskv-slow-$2"; do
        [ -d "$group" ] || continue
        while read -r pid; do
            echo "$pid" >"${group%/*}/cgroup.procs"
        done <"$group/cgroup.procs"
        rmdir "$group"
    done
    exit
    ;;
esac
[ $# = 3 ] || { [ $# = 2 ] && [ "$1" = --can ] && shift; } || usage 2 >&2
disk=$(disk_of "$1") || no "$1 is not on a disk"
if [ $# = 1 ]; then
    [ -e "$v1/blkio.throttle.write_iops_device" ] ||
        grep -qw io "$v2/cgroup.controllers" 2>/dev/null || exit 77
    exit 0
elif [ -e "$v1/blkio.throttle.write_iops_device" ]; then
    group=$v1/paxoskv-slow-$2
    mkdir -p "$group" || exit 1
    echo "$disk $3" >"$group/blkio.throttle.write_iops_device" ||
        no "this disk cannot be slowed"
elif grep -qw io "$v2/cgroup.controllers" 2>/dev/null; then
    group=$v2/paxoskv-slow-$2
    echo +io >"$v2/cgroup.subtree_control" 2>/dev/null
    mkdir -p "$group" || exit 1
    echo "$disk wiops=$3" >"$group/io.max" || no "this disk cannot be slowed"
else
    no "no control group for disks (blkio, io) here"
fi
echo "$2" >"$group/cgroup.procs"
