#!/usr/bin/env bash
# netlab-vm.sh CMD... - run CMD under a kernel that has netem, in a virtual
# machine without hardware support for it: Debian's cloud kernel, and the
# programs of this machine.
#
# CMD runs in a copy of scripts, tests and programs, as root, with SLOW=10: an
# emulated machine is slow, and what knows SLOW is patient.  What it prints is
# printed, its exit status is ours, and what it leaves in build/chaos, or in
# the directory $OUT, comes back.  For instance
#     scripts/netlab-vm.sh scripts/check-lab.sh reorder wan-delay
#
# VM_DIR (build/vm) keeps the kernel; VM_TIMEOUT (3600) seconds, VM_MEMORY
# (3G), VM_CPUS (2).  Exit 77: there is no QEMU or no kernel to be had.
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$top" || exit 1
# shellcheck source=scripts/lab.sh
. scripts/lab.sh

VM_DIR=$(realpath -m "${VM_DIR:-build/vm}")
OUT=$(realpath -m "${OUT:-build/chaos}")

# What scripts and tests call, and what loads modules.
programs="bash sh env timeout sleep date cat cp mv rm mkdir mktemp ls ln touch
    head tail cut tr sort uniq wc seq paste tee fold stat df id uname true
    false printf echo test [ dirname basename realpath readlink chmod kill sed
    grep awk xargs find tar ip tc bridge nft unshare setsid flock mount umount
    lsblk setpriv ps mknod cmp diff rmdir dd"
modules="veth bridge sch_netem sch_htb cls_u32 nf_tables nft_numgen
    nf_tables_bridge nft_meta_bridge virtio_pci virtio_blk udp_diag"

case ${1:-} in
-h | --help)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
    exit
    ;;
'') die "usage: netlab-vm.sh CMD...   (--help)" ;;
esac
command -v qemu-system-x86_64 >/dev/null ||
    skip_exit "there is no QEMU: scripts/deps.sh vm"

# ---- the kernel -----------------------------------------------------------

fetch_kernel() {
    local package
    mkdir -p "$VM_DIR/kernel"
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$package" ] || skip_exit "apt knows no linux-image-cloud-amd64"
    (cd "$VM_DIR" && apt-get -q -o APT::Sandbox::User=root download "$package" &&
        dpkg -x "$package"_*.deb kernel && rm -f "$package"_*.deb) >&2 ||
        skip_exit "$package cannot be fetched"
}

kernel_version() {
    local file
    for file in "$VM_DIR"/kernel/boot/vmlinuz-*; do
        [ -e "$file" ] && echo "${file##*/vmlinuz-}"
    done | tail -n 1
}

version=$(kernel_version)
[ -n "$version" ] || fetch_kernel
version=$(kernel_version)
[ -n "$version" ] || skip_exit "there is no kernel in $VM_DIR"
tree=$VM_DIR/kernel/lib/modules/$version
[ -e "$tree/modules.dep" ] || depmod -b "$VM_DIR/kernel" "$version" ||
    skip_exit "depmod does not know the modules"

# ---- its files ------------------------------------------------------------

root=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-vm.XXXXXX") || exit 1
trap 'rm -rf "$root"' EXIT

# A program, by its name or path, and its libraries.
add_program() {
    local file library name=${1##*/}
    file=$(type -P "$1") || return
    file=$(realpath "$file")
    cp "$file" "$root/r/bin/$name"
    ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
        [ -e "$root/r$library" ] && continue
        mkdir -p "$root/r${library%/*}"
        cp -L "$library" "$root/r$library"
    done
}

# A module and what it depends on, by name.
module_files() {
    modprobe -d "$VM_DIR/kernel" -S "$version" --show-depends "$1" 2>/dev/null |
        awk '$1 == "insmod" { print $2 }'
}

add_modules() {
    local name file
    for name in $modules; do module_files "$name"; done | awk '!seen[$0]++' |
        while read -r file; do
            cp "$file" "$root/r/modules/"
            echo "${file##*/}"
        done >"$root/r/modules/order"
}

quoted() {
    printf '%q ' "$@"
}

make_root() {
    local name variant
    variant=$(basename "$BUILD")
    mkdir -p "$root"/r/{bin,proc,sys,dev,tmp,run,modules,work,etc,root} \
        "$root/r/work/build/$variant"
    mkdir -p "$root/r/usr/lib"
    cp -r /usr/lib/tc "$root/r/usr/lib/" 2>/dev/null # tables of netem
    ln -s bin "$root/r/sbin"
    ln -s ../bin "$root/r/usr/bin"
    for name in $programs; do add_program "$name"; done
    cp "$(command -v busybox)" "$root/r/bin/busybox"
    cp -r scripts "$root/r/work/"
    mkdir "$root/r/work/tests"
    cp -r tests/lab tests/system "$root/r/work/tests/"
    for name in paxoskvd paxoskv tool_chaos tool_chaos_judge; do
        [ -e "$BUILD/$name" ] || die "no $BUILD/$name: make all tests"
        add_program "$BUILD/$name"
        cp "$BUILD/$name" "$root/r/work/build/$variant/"
    done
    add_modules
    echo 'root:x:0:0:root:/root:/bin/bash' >"$root/r/etc/passwd"
    cat >"$root/r/init" <<END
#!/bin/busybox sh
export PATH=/bin:/sbin HOME=/root
busybox mount -t proc none /proc
busybox mount -t sysfs none /sys
busybox mount -t devtmpfs none /dev
busybox mkdir -p /dev/shm
busybox ln -s /proc/self/fd /dev/fd
busybox mount -t tmpfs none /tmp
busybox mount -t tmpfs none /run
while read -r m; do busybox insmod /modules/\$m; done </modules/order
ip link set lo up
cd /work
export SLOW=${SLOW:-10} BUILD=/work/build/$variant OUT=/work/out CI=
export EXTRA=$(quoted "${EXTRA:-}")
mkdir -p /work/out
$(quoted "$@")
echo \$? >/work/out/status
tar cf /dev/vda -C /work out
busybox sync
busybox poweroff -f
END
    chmod +x "$root/r/init"
}

make_root "$@"
(cd "$root/r" && find . | cpio --quiet -o -H newc | gzip -1) >"$root/initrd" ||
    die "the files cannot be packed"
truncate -s 512M "$root/disk"

# ---- and run --------------------------------------------------------------

timeout "${VM_TIMEOUT:-3600}" qemu-system-x86_64 -accel tcg,thread=multi \
    -cpu max -smp "${VM_CPUS:-2}" -m "${VM_MEMORY:-3G}" -no-reboot \
    -display none -monitor none -serial stdio -nic none \
    -kernel "$VM_DIR/kernel/boot/vmlinuz-$version" -initrd "$root/initrd" \
    -drive "file=$root/disk,format=raw,if=virtio" \
    -append "console=ttyS0 quiet loglevel=1 panic=-1" </dev/null |
    sed -u -e 's/\r$//' -e '/reboot: Power down/d'
mkdir -p "$root/back"
tar xf "$root/disk" -C "$root/back" 2>/dev/null ||
    die "the machine ended without a result"
status=$(cat "$root/back/out/status")
rm "$root/back/out/status"
if [ -n "$(ls -A "$root/back/out")" ]; then
    mkdir -p "$OUT" && cp -r "$root"/back/out/. "$OUT"
fi
exit "$status"
