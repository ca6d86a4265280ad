#!/usr/bin/env bash
# netem.sh - break the network of netlab.sh: links between hosts, one by one.
#
# What holds is kept, a line for each direction of a link, in $LAB_DIR/links,
# and is brought about as a whole after each change: by nftables in the bridge
# (loss, cuts, black holes), by tc htb at its ports (rate), and by tc netem
# (delay, duplicates, reordering, corruption, loss in bursts) where the kernel
# has that.  All is done at the port towards the receiver, so that a link can
# be bad for multicast as well as for unicast.
set -u

usage() {
    cat <<'END'
usage: netem.sh TARGET loss PCT [CORRELATION]   correlation needs netem
       netem.sh TARGET delay MS [JITTER [normal|pareto|paretonormal]]  netem
       netem.sh TARGET duplicate PCT | corrupt PCT                     netem
       netem.sh TARGET reorder PCT              with a delay           netem
       netem.sh TARGET rate MBIT
       netem.sh TARGET mtu N      longer datagrams vanish: a black hole
           TARGET is a host (an id, c for the clients), all, or a link A-B
       netem.sh partition A,B / C,D,E [/ ...]
       netem.sh oneway A B        A reaches B, but B does not reach A
       netem.sh isolate A
       netem.sh mcast-block A|all neither sends nor gets multicast
       netem.sh flap A-B MS       a link that is cut every other MS
       netem.sh clear             all is well again
       netem.sh show              what is not well
       netem.sh can               what this kernel can do
Exit: 0 done, 1 not, 2 usage, 77 this kernel cannot.
END
    exit "${1:-2}"
}

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=scripts/lab.sh
. "$top/scripts/lab.sh"

links=$LAB_DIR/links
TABLE=paxoskv_lab

# ---- what the kernel can do -----------------------------------------------

in_switch() {
    ip netns exec "$(ns_of sw)" "$@"
}

# Tried where it changes nothing: the loopback of the switch.
can_qdisc() {
    local rc
    in_switch tc qdisc add dev lo root "$@" 2>/dev/null
    rc=$?
    in_switch tc qdisc del dev lo root 2>/dev/null
    return "$rc"
}

can_nft() {
    command -v nft >/dev/null && in_switch nft -c -f - 2>/dev/null <<'END'
table bridge probe {
    chain c {
        type filter hook forward priority 0;
        numgen random mod 100 < 1 drop
    }
}
END
}

can() {
    case $1 in
    netem) can_qdisc netem delay 1ms ;;
    rate) can_qdisc htb ;;
    nft) can_nft ;;
    esac
}

need() {
    can "$1" && return
    case $1 in
    netem) skip_exit "this kernel has no netem (sch_netem): loss without" \
        "correlation, rate, mtu, partition, oneway, isolate, mcast-block and" \
        "flap work without; scripts/netlab-vm.sh has a kernel with it" ;;
    rate) skip_exit "this kernel has no htb (sch_htb)" ;;
    nft) skip_exit "no nftables here (scripts/deps.sh lab), or a kernel" \
        "without numgen in the bridge" ;;
    esac
}

do_can() {
    local what
    for what in nft rate netem; do
        if can "$what"; then echo "$what yes"; else echo "$what no"; fi
    done
}

# ---- links ----------------------------------------------------------------

# Directions FROM TO of a target.
directions() {
    local a b
    case $1 in
    *-*)
        a=${1%-*} b=${1#*-}
        { is_host "$a" && is_host "$b" && [ "$a" != "$b" ]; } ||
            die "there is no link $1"
        echo "$a $b"
        echo "$b $a"
        return
        ;;
    all) ;;
    *) is_host "$1" || die "there is no host $1" ;;
    esac
    for a in $(lab_hosts); do
        for b in $(lab_hosts); do
            [ "$a" != "$b" ] || continue
            [ "$1" = all ] || [ "$a" = "$1" ] || [ "$b" = "$1" ] || continue
            echo "$a $b"
        done
    done
}

# set_link KEY VALUE: for the directions on standard input.
set_link() {
    awk -v key="$1" -v value="$2" '
        FILENAME == "-" { new[$1 " " $2 " " key] = value; next }
        !($1 " " $2 " " $3 in new)
        END { for (which in new) print which, new[which] }' - "$links" \
        >"$links.new" && mv "$links.new" "$links"
}

cut() {
    set_link cut yes
}

# ---- bringing it about ----------------------------------------------------

# tc finds its class by the priority.
nft_rules() {
    awk '
    { n = "iifname \"n" $1 "\" oifname \"n" $2 "\"" }
    $3 == "cut" || $3 == "loss" && NF == 4 && $4 + 0 >= 100 { print n, "drop" }
    $3 == "loss" && NF == 4 && $4 + 0 < 100 {
        printf "%s numgen random mod 100000 < %d drop\n", n, $4 * 1000 + 0.5
    }
    $3 == "mtu" { print n, "meta length >", $4, "drop" }
    # Group addresses above those of the link itself (IGMP, ND).
    $3 == "mcast" {
        print n, "ip daddr 239.0.0.0/8 drop"
        print n, "ip6 daddr ff15::/16 drop"
    }' "$links"
    shaped | awk '{ print "iifname \"n" $1 "\" oifname \"n" $2 \
        "\" meta priority set 1:" ($1 == "c" ? "a" : $1) }'
}

apply_nft() {
    {
        echo "table bridge $TABLE"
        echo "delete table bridge $TABLE"
        echo "table bridge $TABLE {"
        echo "chain c { type filter hook forward priority 0;"
        nft_rules
        printf '}\n}\n'
    } | in_switch nft -f - || die "nftables refused it"
}

# Directions that tc has a part in.
shaped() {
    awk '$3 == "loss" && NF > 4 || $3 ~ /^(delay|duplicate|reorder|corrupt)$/ \
        || $3 == "rate" { print $1, $2 }' "$links" | sort -u
}

# A class for each sender at the port of each receiver, and netem in it.
tc_lines() {
    awk '
    function class(host) { return host == "c" ? "a" : host }
    {
        link = $1 " " $2
        rest = $4
        for (i = 5; i <= NF; i++) rest = rest " " $i
    }
    $3 == "rate" { shaped[link] = rate[link] = rest }
    $3 == "loss" && NF > 4 {
        words[link] = words[link] " loss " $4 "% " $5 "%"
    }
    $3 == "delay" {
        delay[link] = " delay " $4 "ms"
        if (NF > 4) delay[link] = delay[link] " " $5 "ms"
        if (NF > 5) delay[link] = delay[link] " distribution " $6
        words[link] = words[link] "" # so that it is there
    }
    $3 ~ /^(duplicate|reorder|corrupt)$/ {
        words[link] = words[link] " " $3 " " $4 "%"
    }
    END {
        for (link in words) shaped[link] = 1
        for (link in shaped) {
            split(link, end, " ")
            if (!(end[2] in roots)) print "qdisc add dev n" end[2] \
                " root handle 1: htb"
            roots[end[2]] = 1
            print "class add dev n" end[2] " parent 1: classid 1:" \
                class(end[1]) " htb rate " \
                (link in rate ? rate[link] : 10000) "mbit"
            if (link in words) print "qdisc add dev n" end[2] " parent 1:" \
                class(end[1]) " netem limit 10000" delay[link] words[link]
        }
    }' "$links"
}

apply_tc() {
    local host
    for host in $(lab_hosts); do
        in_switch tc qdisc del dev "n$host" root 2>/dev/null
    done
    tc_lines | in_switch tc -batch - || die "tc refused it"
}

apply() {
    apply_nft
    if [ -n "$(shaped)" ] || [ -e "$LAB_DIR/shaped" ]; then
        apply_tc
        touch "$LAB_DIR/shaped"
    fi
    [ -n "$(shaped)" ] || rm -f "$LAB_DIR/shaped"
}

# ---- commands -------------------------------------------------------------

# is_between TEXT LOW HIGH: a decimal number.
is_between() {
    [[ $1 =~ ^[0-9]+(\.[0-9]+)?$ ]] &&
        awk -v n="$1" -v l="$2" -v h="$3" 'BEGIN { exit !(n >= l && n <= h) }'
}

# want TEXT LOW HIGH WHAT
want() {
    is_between "${1:-}" "$2" "$3" || {
        echo "$me: $4: a number from $2 to $3" >&2
        exit 2
    }
}

do_target() {
    local target=$1 key=$2 list
    shift 2
    list=$(directions "$target") || exit
    case $key in
    loss)
        want "${1:-}" 0 100 "loss PCT"
        [ $# -lt 2 ] || { want "$2" 0 100 CORRELATION && need netem; }
        ;;
    delay)
        want "${1:-}" 0 60000 "delay MS"
        [ $# -lt 2 ] || want "$2" 0 60000 JITTER
        case ${3:-} in '' | normal | pareto | paretonormal) ;;
        *) usage >&2 ;; esac
        need netem
        ;;
    duplicate | reorder | corrupt)
        want "${1:-}" 0 100 "$key PCT"
        need netem
        ;;
    rate)
        want "${1:-}" 0.001 10000 "rate MBIT"
        need rate
        ;;
    mtu) want "${1:-}" 68 65535 "mtu N" ;;
    *) usage >&2 ;;
    esac
    set_link "$key" "$*" <<<"$list"
}

# partition A,B / C,D,E: hosts that are not named see all sides.
do_partition() {
    local sides=() side a b i j
    local IFS=' ,'
    for side in "$@"; do
        [ "$side" = / ] && continue
        sides+=("$side")
        for a in $side; do is_host "$a" || die "there is no host $a"; done
    done
    [ ${#sides[@]} -ge 2 ] || usage >&2
    for ((i = 0; i < ${#sides[@]}; i++)); do
        for ((j = 0; j < ${#sides[@]}; j++)); do
            [ $i != $j ] || continue
            for a in ${sides[i]}; do
                for b in ${sides[j]}; do echo "$a $b"; done
            done
        done
    done | IFS=' ' cut
}

do_oneway() {
    { [ $# = 2 ] && is_host "$1" && is_host "$2" && [ "$1" != "$2" ]; } ||
        usage >&2
    cut <<<"$2 $1"
}

do_isolate() {
    local list
    [ $# = 1 ] || usage >&2
    list=$(directions "$1") || exit
    cut <<<"$list"
}

do_mcast_block() {
    local list
    [ $# = 1 ] || usage >&2
    list=$(directions "$1") || exit
    set_link mcast no <<<"$list"
}

# ---- a link that flaps ----------------------------------------------------

flap_loop() {
    local ms=$2
    while lab_is_up; do
        sleep "$(awk -v ms="$ms" 'BEGIN { print ms / 1000 }')"
        locked toggle "$1"
    done
}

toggle() {
    if grep -q "^${1%-*} ${1#*-} cut " "$links"; then
        sed -i "/^${1%-*} ${1#*-} cut /d; /^${1#*-} ${1%-*} cut /d" "$links"
    else
        directions "$1" | cut
    fi
    apply
}

do_flap() {
    [ $# = 2 ] || usage >&2
    directions "$1" >/dev/null || exit
    want "$2" 10 600000 "flap MS"
    setsid "$0" flap-loop "$1" "$2" >/dev/null 2>&1 </dev/null 9>&- &
    echo "$! $1 $2" >>"$LAB_DIR/flaps"
}

stop_flaps() {
    local pid rest
    [ -e "$LAB_DIR/flaps" ] || return 0
    while read -r pid rest; do
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
            grep -q "netem.sh flap-loop ${rest}" && kill "$pid"
    done <"$LAB_DIR/flaps"
    rm -f "$LAB_DIR/flaps"
}

do_clear() {
    [ $# = 0 ] || usage >&2
    : >"$links"
}

do_show() {
    [ -e "$LAB_DIR/flaps" ] && sed 's/^[0-9]* /flap /' "$LAB_DIR/flaps"
    if [ -s "$links" ]; then
        sort "$links" | awk '{ from = $1; to = $2; $1 = $2 = ""
            printf "%s to %s:%s\n", from, to, substr($0, 2) }'
    elif [ ! -e "$LAB_DIR/flaps" ]; then
        echo "the network is well"
    fi
}

# One change at a time.
locked() {
    (
        flock 9
        "$@"
    ) 9>"$LAB_DIR/lock"
}

# What could not be brought about does not stand in the file either.
change() {
    local rc=0
    touch "$links"
    command cp "$links" "$links.old"
    (
        "$@"
        apply
    ) || rc=$?
    [ "$rc" = 0 ] || command cp "$links.old" "$links"
    rm -f "$links.old"
    return "$rc"
}

command=${1:-}
case $command in
-h | --help) usage 0 ;;
stop-flaps)
    stop_flaps
    exit
    ;;
esac
need_root
need_lab
case $command in
show | can)
    [ $# = 1 ] || usage >&2
    "do_$command"
    ;;
flap-loop) flap_loop "$2" "$3" ;;
clear)
    shift
    stop_flaps
    need nft
    locked change do_clear "$@"
    ;;
flap)
    shift
    need nft
    do_flap "$@"
    ;;
partition | oneway | isolate | mcast-block)
    shift
    need nft
    locked change "do_${command//-/_}" "$@"
    ;;
'') usage >&2 ;;
*)
    [ $# -ge 2 ] || usage >&2
    need nft
    locked change do_target "$@"
    ;;
esac
