# lab.sh - what the scripts of the failure lab share: names, and who made what.
# shellcheck shell=bash
#
# The lab is a set of network namespaces: $LAB-1, $LAB-2.. are hosts, $LAB-c is
# the host of the clients, $LAB-sw holds the bridge that connects them all.
# Nothing of it is in the namespace of the machine, and each carries a mark
# that is in $LAB_DIR, too: what has no such mark was not made by us.

top=${top:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
BUILD=$(realpath -m "${BUILD:-$top/build/release}")
LAB=${LAB:-pkvlab}
LAB_DIR=$(realpath -m "${LAB_DIR:-$top/build/lab}")
me=${0##*/}

die() {
    echo "$me: $*" >&2
    exit 1
}

# There is no such thing here: exit 77, as tests do that are skipped.
skip_exit() {
    echo "$me: $*" >&2
    exit 77
}

ns_of() {
    echo "$LAB-$1"
}

ns_exists() {
    [ -e "/run/netns/$(ns_of "$1")" ]
}

# Is this namespace there, and ours?
ns_is_ours() {
    local mark
    ns_exists "$1" || return 1
    mark=$(cat "$LAB_DIR/mark" 2>/dev/null) && [ -n "$mark" ] || return 1
    ip -n "$(ns_of "$1")" link show dev lo 2>/dev/null |
        grep -q "alias $mark\$"
}

lab_size() {
    cat "$LAB_DIR/size" 2>/dev/null
}

# Ids of the nodes.
lab_ids() {
    seq 1 "$(lab_size)"
}

# All hosts: the nodes, and the clients.
lab_hosts() {
    lab_ids
    echo c
}

lab_is_up() {
    [ -n "$(lab_size)" ] && ns_is_ours sw
}

need_lab() {
    lab_is_up || die "the lab is not up: netlab.sh up"
}

need_root() {
    [ "$(id -u)" = 0 ] || die "only root can make networks: sudo $me," \
        "or as make check-lab does it, unshare --user --map-root-user"
}

# is_host ID: 1..size, or c.
is_host() {
    lab_hosts | grep -qx -- "$1"
}

address_of() {
    local n=$1
    [ "$n" = c ] && n=100
    if [ "$(cat "$LAB_DIR/family")" = 6 ]; then
        echo "fd74::$n"
    else
        echo "192.0.2.$n"
    fi
}
