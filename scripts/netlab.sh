#!/usr/bin/env bash
# netlab.sh - hosts of your own, and a network between them to be broken by
# netem.sh.  Each host is a network namespace with an address of its own; see
# paxoskv-lab(7).
#
# LAB (pkvlab) is the prefix of all names, LAB_DIR (build/lab) the place of
# ini file, data and logs, BUILD (build/release) has the programs.  RING is
# that of [io], EXTRA is appended to the ini file.
set -u

usage() {
    cat <<'END'
usage: netlab.sh up [OPTION...] [N=5]  N hosts, and one for clients
           --ipv6       instead of IPv4
           --snooping   the bridge sends multicast to members only
           --querier    and asks who is one, as it should
           --unicast    [cluster] transport = unicast
       netlab.sh down           end and remove all, also after a crash
       netlab.sh status         hosts, addresses, daemons
       netlab.sh start ID|all   a paxoskvd on this host
       netlab.sh stop ID|all    SIGTERM; after 5 s SIGKILL
       netlab.sh kill ID|leader    SIGKILL
       netlab.sh pause ID|leader   SIGSTOP; resume ID: SIGCONT
       netlab.sh leader         its id
       netlab.sh exec ID CMD... on this host; c is that of the clients.
                                paxoskv finds the members by itself
       netlab.sh capture ID FILE   what passes there, by tcpdump, until ^C
END
    exit "${1:-2}"
}

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=scripts/lab.sh
. "$top/scripts/lab.sh"
# shellcheck source=scripts/json.sh
. "$top/scripts/json.sh"

STOP_S=5 # from SIGTERM to SIGKILL
ASK_S=$((${SLOW:-1} > 1 ? 5 : 1)) # patience with a status

# ---- making and removing --------------------------------------------------

write_ini() {
    local id host group=239.255.74.1:7400
    [ "$family" = 6 ] && group='[ff15::7401]:7400'
    printf '%s\n' '[cluster]' 'name = lab' "group = $group" \
        "transport = $transport" '' '[members]'
    for id in $(lab_ids); do
        host=$(address_of "$id")
        [ "$family" = 6 ] && host="[$host]"
        echo "$id = $host:7401"
    done
    printf '%s\n' '' '[node]' 'data = data' '' '[io]' \
        "ring = ${RING:-auto}" ''
    printf '%b\n' "${EXTRA:-}"
}

# A namespace that we know again.
make_ns() {
    ns_exists "$1" && die "$(ns_of "$1") exists, and is not ours"
    {
        ip netns add "$(ns_of "$1")" &&
            ip -n "$(ns_of "$1")" link set lo up alias "$mark"
    } || die "$(ns_of "$1") cannot be made"
}

make_host() {
    local ns sw bits=24 dad=
    ns=$(ns_of "$1") sw=$(ns_of sw)
    [ "$family" = 6 ] && bits=64 dad=nodad
    make_ns "$1"
    # shellcheck disable=SC2086 # nothing, or one word
    {
        ip -n "$sw" link add "n$1" type veth peer name eth0 netns "$ns" &&
            ip -n "$sw" link set "n$1" master br0 up &&
            ip -n "$ns" addr add "$(address_of "$1")/$bits" dev eth0 $dad &&
            ip -n "$ns" link set eth0 up
    } || die "host $1 cannot be set up"
}

make_switch() {
    make_ns sw
    # shellcheck disable=SC2154 # options of up
    {
        ip -n "$(ns_of sw)" link add name br0 type bridge stp_state 0 \
            forward_delay 0 mcast_snooping "$snooping" \
            mcast_querier "$querier" && ip -n "$(ns_of sw)" link set br0 up
    } || die "the bridge cannot be set up"
    # A querier needs an address to ask from.
    [ "$querier" = 0 ] || ip -n "$(ns_of sw)" addr add 192.0.2.200/24 dev br0
}

format() {
    [ -e "$LAB_DIR/$1/data/meta" ] && return
    mkdir -p "$LAB_DIR/$1"
    (cd "$LAB_DIR/$1" && on "$1" "$BUILD/paxoskvd" -c "$LAB_DIR/group.ini" \
        --node "$1" --format >>log 2>&1) ||
        die "host $1: $(tail -n 1 "$LAB_DIR/$1/log")"
}

do_up() {
    local size=5 id
    family=4 snooping=0 querier=0 transport=multicast
    while [ $# -gt 0 ]; do
        case $1 in
        --ipv6) family=6 ;;
        --snooping) snooping=1 ;;
        --querier) snooping=1 querier=1 ;;
        --unicast) transport=unicast ;;
        [1-9]) size=$1 ;;
        *) usage >&2 ;;
        esac
        shift
    done
    need_root
    [ -x "$BUILD/paxoskvd" ] || die "$BUILD/paxoskvd is not there: run make"
    [ ! -e "$LAB_DIR/mark" ] || die "it is up, or was left: netlab.sh down"
    for id in sw c $(seq 1 "$size"); do
        ns_exists "$id" && die "$(ns_of "$id") exists, and is not ours"
    done
    mark=$LAB-$$-$(date +%s%N)
    mkdir -p "$LAB_DIR" /run/netns || exit 1
    echo "$mark" >"$LAB_DIR/mark"
    echo "$size" >"$LAB_DIR/size"
    echo "$family" >"$LAB_DIR/family"
    write_ini >"$LAB_DIR/group.ini"
    make_switch
    for id in $(lab_hosts); do make_host "$id"; done
    for id in $(lab_ids); do format "$id"; done
    echo "up: $size hosts, IPv$family; netlab.sh start all"
}

# Processes in a namespace of ours.
ns_pids() {
    ip netns pids "$(ns_of "$1")" 2>/dev/null
}

empty_ns() {
    local pids i
    for ((i = 0; i < 100; i++)); do
        pids=$(ns_pids "$1")
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086 # numbers
        kill -KILL $pids 2>/dev/null
        sleep 0.05
    done
    return 1
}

# Whatever has our mark, wherever a script may have died.
do_down() {
    local file id rc=0
    need_root
    if [ ! -e "$LAB_DIR/mark" ]; then
        echo "there is no lab in $LAB_DIR"
        return
    fi
    "$top/scripts/netem.sh" stop-flaps
    for file in /run/netns/"$LAB"-*; do
        id=${file#"/run/netns/$LAB-"}
        ns_exists "$id" || continue
        if ! ns_is_ours "$id"; then
            echo "$me: $(ns_of "$id") is not ours, and stays" >&2
            rc=1
            continue
        fi
        empty_ns "$id" || echo "$me: processes stay in $(ns_of "$id")" >&2
        ip netns del "$(ns_of "$id")" || rc=1
    done
    rm -rf "${LAB_DIR:?}"/[1-9]
    rm -f "$LAB_DIR"/{mark,size,family,group.ini,links,links.new,lock,shaped}
    rmdir "$LAB_DIR" 2>/dev/null
    return "$rc"
}

# ---- on a host ------------------------------------------------------------

on() {
    local id=$1
    shift
    ip netns exec "$(ns_of "$id")" "$@"
}

servers() {
    sed -n '/^\[members\]/,/^\[node\]/s/^[0-9]* = //p' "$LAB_DIR/group.ini" |
        paste -sd, -
}

do_exec() {
    local id=${1:-}
    [ $# -ge 2 ] || usage >&2
    is_host "$id" || die "there is no host $id"
    shift
    export PAXOSKV_SERVERS
    PAXOSKV_SERVERS=$(servers)
    PATH=$BUILD:$PATH exec ip netns exec "$(ns_of "$id")" "$@"
}

do_capture() {
    [ $# = 2 ] || usage >&2
    is_host "$1" || die "there is no host $1"
    command -v tcpdump >/dev/null ||
        skip_exit "there is no tcpdump: scripts/deps.sh lab"
    exec ip netns exec "$(ns_of "$1")" tcpdump -q -U -i eth0 -w "$2" udp
}

# ---- daemons --------------------------------------------------------------

state_of() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1
}

# The daemon of a host, if the number in the file is still that of ours.
pid_of() {
    local pid exe
    pid=$(cat "$LAB_DIR/$1/pid" 2>/dev/null) || return 1
    exe=$(readlink "/proc/$pid/exe") || return 1
    exe=${exe% (deleted)}
    [ "${exe##*/}" = paxoskvd ] || return 1
    [ "$(readlink "/proc/$pid/cwd")" = "$LAB_DIR/$1" ] || return 1
    [ "$(state_of "$pid")" != Z ] || return 1
    echo "$pid"
}

leader() {
    on c "$BUILD/paxoskv" -s "$(servers)" -t "$ASK_S" --json status \
        2>/dev/null | json_value leader | grep -x '[0-9]*'
}

# An id, or the leader; of nodes only.
named() {
    local id=${1:-}
    [ "$id" = leader ] && { id=$(leader) || die "there is no leader"; }
    lab_ids | grep -qx -- "$id" || die "there is no node ${id:-''}"
    echo "$id"
}

each() {
    if [ "${1:-}" = all ]; then lab_ids; else named "${1:-}"; fi
}

launch() {
    pid_of "$1" >/dev/null && die "node $1 runs already"
    # By exec all the way, so that the number is that of the daemon.
    (cd "$LAB_DIR/$1" && {
        # shellcheck disable=SC2086 # words
        exec setsid ip netns exec "$(ns_of "$1")" ${PRELOAD:-} \
            "$BUILD/paxoskvd" -c "$LAB_DIR/group.ini" --node "$1" \
            >>log 2>&1 </dev/null &
        echo $! >pid
    })
}

# Until it runs, not only ip: so that it can be stopped or killed at once.
await_daemon() {
    local i
    for ((i = 0; i < 200; i++)); do
        pid_of "$1" >/dev/null && return
        sleep 0.02
    done
    die "node $1 does not start: $(tail -n 1 "$LAB_DIR/$1/log")"
}

await_end() {
    local i
    for ((i = 0; i < $1 * 20; i++)); do
        pid_of "$2" >/dev/null || return 0
        sleep 0.05
    done
    return 1
}

do_start() {
    local id ids
    ids=$(each "${1:-}") || exit
    for id in $ids; do launch "$id"; done
    for id in $ids; do await_daemon "$id"; done
}

do_stop() {
    local id ids pid
    ids=$(each "${1:-}") || exit
    for id in $ids; do
        pid=$(pid_of "$id") && kill -CONT "$pid" && kill -TERM "$pid"
    done
    for id in $ids; do
        await_end "$STOP_S" "$id" && continue
        kill -KILL "$(pid_of "$id")"
        await_end "$STOP_S" "$id" || die "node $id does not end"
    done
}

# send SIGNAL ID
send() {
    local id pid
    id=$(named "$2") || exit
    pid=$(pid_of "$id") || die "node $id is not up"
    kill "-$1" "$pid"
    [ "$1" != KILL ] || await_end "$STOP_S" "$id" || die "node $id lives on"
    echo "$id"
}

do_status() {
    local id pid state
    echo "id address daemon"
    for id in $(lab_ids); do
        state=down
        if pid=$(pid_of "$id"); then
            state="up, process $pid"
            [ "$(state_of "$pid")" = T ] && state="paused, process $pid"
        fi
        echo "$id $(address_of "$id") $state"
    done
    echo "c $(address_of c) clients"
    "$top/scripts/netem.sh" show
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
up | down) "do_$command" "$@" ;;
-h | --help) usage 0 ;;
status | exec | capture | start | stop)
    need_root
    need_lab
    "do_$command" "$@"
    ;;
kill | pause | resume)
    need_root
    need_lab
    case $command in
    kill) send KILL "${1:-}" ;;
    pause) send STOP "${1:-}" ;;
    resume) send CONT "${1:-}" ;;
    esac
    ;;
leader)
    need_root
    need_lab
    leader
    ;;
*) usage >&2 ;;
esac
