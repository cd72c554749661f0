# shellcheck shell=bash
# What the scripts share. Source it; it changes to the top of the tree.

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$TREE" || exit 1
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
# Debian's own tools before whatever else a root account may have in its path.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
# One cache for all build folders.
export CCACHE_DIR="${CCACHE_DIR:-$TREE/.cache/ccache}" CCACHE_NOHASHDIR=1
umask 022

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$(basename "$0"): $*"
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "this needs root: run 'sudo scripts/$(basename "$0")'"
}

need_debian() {
    [ -r /etc/os-release ] || die "this is made for Debian 12, and /etc/os-release is missing"
    # shellcheck disable=SC1091
    (. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-0}" -ge 12 ]) ||
        die "this is made for Debian 12; on another system, install what scripts/packages lists and use meson"
    command -v apt-get > /dev/null || die "this installs packages with apt-get, which is missing"
}

packages_of() { sed -n "s/^$1: //p" scripts/packages; }

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]; }

# install_packages GROUP...: what is missing of these groups, and nothing else.
install_packages() {
    local group package missing=()
    for group in "$@"; do
        for package in $(packages_of "$group"); do
            is_installed "$package" || missing+=("$package")
        done
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing: ${missing[*]}"
    # The lists of a fresh machine are empty or old; a second try after an update settles it.
    apt_install "${missing[@]}" > /dev/null 2>&1 && return
    apt-get -qq update > /dev/null || die "apt-get update failed: is there a network, and is /etc/apt/sources.list right?"
    apt_install "${missing[@]}" > /dev/null ||
        die "apt-get could not install: ${missing[*]} (they are in Debian 12's main archive)"
}

apt_install() { apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"; }

# configure_build NAME MESON_OPTION...: build/NAME, made or brought up to date.
configure_build() {
    local folder="build/$1" log="build/$1.setup.log"
    shift
    mkdir -p build
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "$@" > "$log" 2>&1
    else
        rm -rf "$folder"
        meson setup "$folder" "$@" > "$log" 2>&1
    fi || {
        tail -n 30 "$log" >&2
        return 1
    }
}

# run_build NAME TARGET...: quiet when it works.
run_build() {
    local folder="build/$1" log="build/$1.build.log"
    shift
    ninja -C "$folder" "$@" > "$log" 2>&1 && return
    grep -v '^\[' "$log" | tail -n 60 >&2
    return 1
}
