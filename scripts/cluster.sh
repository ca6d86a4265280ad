#!/usr/bin/env bash
# cluster.sh - a local group of paxoskvd, for trying things out and for tests.
#
# Node i is 127.0.0.1:(${PAXOSKV_PORT:-7400}+i), or [::1] with FAMILY=6; HOST
# says otherwise.  Everything is in DIR (build/cluster): group.ini and, for
# each node, N/data, N/log and N/pid.  BUILD (build/release) has the programs,
# TRANSPORT is multicast or unicast, SEGMENT_MB the size of a file of the log,
# RING is that of [io], EXTRA is appended to group.ini.
set -u

usage() {
    cat >&2 <<'END'
usage: cluster.sh start [N=5]      start N nodes, return when one leads
       cluster.sh stop             end all
       cluster.sh status           ID PID up|down|paused ROLE
       cluster.sh kill ID|leader   SIGKILL; returns when its port is free
       cluster.sh pause ID|leader  SIGSTOP
       cluster.sh resume ID        SIGCONT
       cluster.sh restart ID       returns when it has caught up
       cluster.sh logs ID          what it wrote
       cluster.sh clean            end all, and remove the directory
END
    exit 2
}

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=scripts/json.sh
. "$top/scripts/json.sh"

PORT=${PAXOSKV_PORT:-7400}
BUILD=$(realpath -m "${BUILD:-$top/build/release}")
DIR=$(realpath -m "${DIR:-$top/build/cluster}")
FAMILY=${FAMILY:-4}
TRANSPORT=${TRANSPORT:-multicast}
START_S=15 # to a leader, or to a node that has caught up
STOP_S=5   # from SIGTERM to SIGKILL

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

now_ms() {
    date +%s%3N
}

# until_true SECONDS COMMAND...: try again until it succeeds or time is up.
until_true() {
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# ---- the nodes, as the kernel sees them -----------------------------------

ids() {
    sed -n '/^\[members\]/,/^\[node\]/s/^\([0-9]*\) =.*/\1/p' \
        "$DIR/group.ini" 2>/dev/null
}

servers() {
    sed -n '/^\[members\]/,/^\[node\]/s/^[0-9]* = //p' "$DIR/group.ini" |
        paste -sd, -
}

# The process of a node, if it is one of ours and lives: the number in the
# file may belong to somebody else by now.
pid_of() {
    local pid exe
    pid=$(cat "$DIR/$1/pid" 2>/dev/null) || return 1
    exe=$(readlink "/proc/$pid/exe") || return 1
    exe=${exe% (deleted)}
    [ "${exe##*/}" = paxoskvd ] || return 1
    [ "$(readlink "/proc/$pid/cwd")" = "$DIR/$1" ] || return 1
    [ "$(state_of "$pid")" != Z ] || return 1
    echo "$pid"
}

state_of() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1
}

is_down() {
    ! pid_of "$1" >/dev/null
}

is_paused() {
    [ "$(state_of "$1")" = T ]
}

# A killed process can keep its port for a moment, by the ring.
port_is_free() {
    local hex
    hex=$(printf ':%04X' $((PORT + $1)))
    ! awk '{ print $2 }' /proc/net/udp /proc/net/udp6 2>/dev/null |
        grep -q "$hex\$"
}

send() {
    local pid
    pid=$(pid_of "$2") || return 1
    kill "-$1" "$pid"
}

# ---- the group, as its client sees it -------------------------------------

ask() {
    "$BUILD/paxoskv" -c "$DIR/group.ini" -t 1 --json "$@" 2>/dev/null
}

leader_of() {
    json_value leader <<<"$1" | grep -x '[0-9]*'
}

has_leader() {
    local all
    all=$(ask status) && leader_of "$all" >/dev/null
}

# The leader as a status says, or the id itself.
named() {
    local id=${1:-}
    if [ "$id" = leader ]; then
        id=$(leader_of "$(ask status)") || die "there is no leader"
    fi
    [ -n "$id" ] || usage
    ids | grep -qx -- "$id" || die "there is no node $id"
    echo "$id"
}

executed_by() {
    json_member "$2" <<<"$1" | json_value executed
}

# A node has caught up when it has executed what the others had when asked.
has_reached() {
    local executed
    executed=$(executed_by "$(ask status)" "$1")
    [ "${executed:-0}" -ge "$2" ]
}

# ---- starting and stopping ------------------------------------------------

write_ini() {
    local i host
    if [ "$FAMILY" = 6 ]; then
        host="[${HOST:-::1}]"
        group="[ff15::7401]"
    else
        host=${HOST:-127.0.0.1}
        group=239.255.74.1
    fi
    echo "[cluster]"
    echo "name = local"
    echo "group = $group:$PORT"
    echo "transport = $TRANSPORT"
    echo
    echo "[members]"
    for ((i = 1; i <= $1; i++)); do echo "$i = $host:$((PORT + i))"; done
    echo
    echo "[node]"
    echo "data = data"
    echo
    echo "[storage]"
    echo "segment_mb = ${SEGMENT_MB:-16}"
    echo
    echo "[io]"
    echo "ring = ${RING:-auto}"
    echo
    printf '%b\n' "${EXTRA:-}"
}

last_words() {
    local id
    for id in $(ids); do
        echo "--- node $id" >&2
        tail -n 5 "$DIR/$id/log" >&2
    done
}

# What a directory was formatted for: members and group, not the transport.
identity() {
    sed -n -e '/^group/p' -e '/^\[members\]/,/^\[node\]/p' "$1" 2>/dev/null
}

launch() {
    local dir=$DIR/$1
    cd "$dir" || exit 1
    setsid "$BUILD/paxoskvd" -c "$DIR/group.ini" --node "$1" \
        >>log 2>&1 </dev/null &
    echo $! >pid
    cd "$top" || exit 1
}

format() {
    mkdir -p "$DIR/$1"
    [ -e "$DIR/$1/data/meta" ] && return
    (cd "$DIR/$1" && "$BUILD/paxoskvd" -c "$DIR/group.ini" --node "$1" \
        --format >>log 2>&1)
}

any_up() {
    local id
    for id in $(ids); do is_down "$id" || return 0; done
    return 1
}

any_fell() {
    local id
    for id in $(ids); do is_down "$id" && return 0; done
    return 1
}

leads_or_fell() {
    has_leader || any_fell
}

do_start() {
    local n=${1:-5} id
    [[ $n =~ ^[1-9]$ ]] || usage
    case $FAMILY:$TRANSPORT in
    [46]:multicast | [46]:unicast) ;;
    *) usage ;;
    esac
    [ -x "$BUILD/paxoskvd" ] || die "$BUILD/paxoskvd is not there: run make"
    any_up && die "it runs already, in $DIR"

    mkdir -p "$DIR" || exit 1
    write_ini "$n" >"$DIR/group.ini.new" || exit 1
    if [ "$(identity "$DIR/group.ini")" != \
        "$(identity "$DIR/group.ini.new")" ]; then
        for id in $(ids); do rm -rf "${DIR:?}/$id"; done
    fi
    mv "$DIR/group.ini.new" "$DIR/group.ini"

    # Another group there would be taken for ours.
    for id in $(ids); do
        until_true 2 port_is_free "$id" ||
            die "port $((PORT + id)) is in use; set PAXOSKV_PORT"
    done
    for id in $(ids); do
        if ! format "$id"; then
            last_words
            die "node $id cannot be formatted"
        fi
    done
    for id in $(ids); do launch "$id"; done
    if ! until_true "$START_S" leads_or_fell || any_fell; then
        last_words
        die "no leader after $START_S s, or a node fell"
    fi
    echo "PAXOSKV_SERVERS=$(servers)"
}

end_of() {
    local id=$1
    send CONT "$id"
    send TERM "$id" || return 0
    until_true "$STOP_S" is_down "$id" && return 0
    send KILL "$id"
    until_true "$STOP_S" is_down "$id"
}

do_stop() {
    local id
    for id in $(ids); do send CONT "$id" && send TERM "$id"; done
    for id in $(ids); do end_of "$id"; done
    ! any_up
}

do_status() {
    local id pid state role all
    all=$(ask status)
    for id in $(ids); do
        role=-
        if ! pid=$(pid_of "$id"); then
            pid=- state=down
        elif is_paused "$pid"; then
            state=paused
        else
            state=up
            role=$(json_member "$id" <<<"$all" | json_value role)
        fi
        echo "$id $pid $state ${role:--}"
    done
}

do_kill() {
    local id
    id=$(named "$1") || exit
    send KILL "$id" || die "node $id is not up"
    until_true "$STOP_S" is_down "$id" &&
        until_true "$STOP_S" port_is_free "$id"
}

do_pause() {
    local id pid
    id=$(named "$1") || exit
    pid=$(pid_of "$id") || die "node $id is not up"
    kill -STOP "$pid"
    until_true "$STOP_S" is_paused "$pid"
}

do_resume() {
    local id
    id=$(named "$1") || exit
    send CONT "$id" || die "node $id is not up"
}

do_restart() {
    local id all goal other executed
    id=$(named "$1") || exit
    end_of "$id"
    all=$(ask status)
    goal=0
    for other in $(ids); do
        executed=$(executed_by "$all" "$other")
        [ "${executed:-0}" -gt "$goal" ] && goal=$executed
    done
    launch "$id"
    until_true "$START_S" has_reached "$id" "$goal" && return
    tail -n 5 "$DIR/$id/log" >&2
    die "node $id has not caught up after $START_S s"
}

do_logs() {
    local id
    id=$(named "$1") || exit
    cat "$DIR/$id/log"
}

command=${1:-}
[ $# -gt 0 ] && shift
[ $# -le 1 ] || usage
case $command in
start) do_start "$@" ;;
stop | status) [ $# = 0 ] || usage && "do_$command" ;;
kill | pause | resume | restart | logs) "do_$command" "${1:-}" ;;
clean)
    [ $# = 0 ] || usage
    do_stop || die "something is still running"
    # Only what start made; DIR may hold other things.
    for id in $(ids); do rm -rf "${DIR:?}/$id"; done
    rm -f "$DIR/group.ini"
    rmdir "$DIR" 2>/dev/null
    exit 0
    ;;
*) usage ;;
esac
