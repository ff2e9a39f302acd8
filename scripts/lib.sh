# Shared by the scripts beside it; sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=$root/.deps

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# as_root LINE: runs a line of shell as root: directly, or by sudo. When neither is
# possible, says what to run by hand and ends the script.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        sh -c "$1"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
        sudo sh -c "$1"
    else
        say "this needs root, and sudo does not work here. Run this line as root, then try again:"
        printf '    %s\n' "$1" >&2
        exit 1
    fi
}

# has_sha256 FILE SUM: true when FILE is there and is what it should be.
has_sha256() {
    [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status
}

# fetch_deb PACKAGE DIR: downloads a Debian package into DIR without installing
# it. apt checks its signature and checksum.
fetch_deb() {
    local package=$1 dir=$2
    local sandbox=()
    mkdir -p "$dir"
    # As root apt drops to a user who may not write here; it says so at length.
    [ "$(id -u)" = 0 ] && sandbox=(-o APT::Sandbox::User=root)
    (
        cd "$dir" || exit 1
        apt-get -q "${sandbox[@]}" download "$package" >&2 && exit 0
        say "$package is not in apt's lists, or no longer on its server: refreshing the lists"
        as_root "apt-get -q update" >&2 || exit 1
        apt-get -q "${sandbox[@]}" download "$package" >&2
    ) || die "could not download the Debian package $package; check the network and apt's sources"
}

# fetch_wheel DIR PIP-ARGUMENTS...: downloads one wheel into DIR.
fetch_wheel() {
    local dir=$1
    shift
    mkdir -p "$dir"
    PIP_DISABLE_PIP_VERSION_CHECK=1 /usr/bin/python3 -m pip download -q --no-deps --only-binary=:all: -d "$dir" "$@" >&2 ||
        die "pip could not download ${*: -1}; check the network and pip's settings"
}
