#!/bin/sh
# Make .venv with the locked dependencies and this project in it. Needs Python 3.11 or later and nothing else;
# uses uv where it is on the PATH. Says nothing when everything is up to date.
#
# PYTHON=/path/to/python names an interpreter to try first. POSIX sh only.

set -u
cd "$(dirname "$0")/.." || exit 1

VENV=.venv
STAMP=$VENV/.kado-setup
OLDEST="3, 11"
NAMES="python3 python3.14 python3.13 python3.12 python3.11"

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# What the environment was made from. Written last, so that an interrupted run is never taken for a finished one.
wanted() {
    pwd -P
    cksum pyproject.toml uv.lock requirements.lock
}

is_current() {
    [ -f "$STAMP" ] && [ "$(wanted)" = "$(cat "$STAMP")" ] && "$VENV/bin/python" -c '' 2>/dev/null
}

# Version managers leave commands on the PATH that only fail when they are run, so each one is run.
is_recent() {
    "$1" -c "import sys; sys.exit(sys.version_info < ($OLDEST))" 2>/dev/null
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

version_of() {
    "$1" -c 'import sys; print("%d.%d at %s" % (sys.version_info[0], sys.version_info[1], sys.executable))' 2>/dev/null
}

# Set PYTHON to a usable interpreter, or end with what is missing. The argument names a further test it must pass.
find_python() {
    old= bare=
    for name in ${PYTHON:-} $NAMES; do
        if ! is_recent "$name"; then
            [ -n "$old" ] || old=$(version_of "$name")
        elif ! "$1" "$name"; then
            [ -n "$bare" ] || bare=$(version_of "$name")
        else
            PYTHON=$name
            return
        fi
    done
    [ -z "$bare" ] || fail "Python $bare lacks the modules venv and ensurepip; on Debian and Ubuntu" \
        "'apt install python3-venv' brings them."
    [ -z "$old" ] || fail "Kado needs Python 3.11 or later; found only $old. Install a later one from" \
        "your distribution or python.org, or name one: make setup PYTHON=/path/to/python3"
    fail "Kado needs Python 3.11 or later, and there is none on the PATH. Install it from your distribution" \
        "or python.org, or name one: make setup PYTHON=/path/to/python3"
}

# Run a command quietly; when it fails, end with one sentence that says why, as far as its output tells.
run() {
    said=$("$@" 2>&1) && return
    case $said in
    *"No space left"* | *"Disk quota exceeded"*)
        fail "the disk is full. Make room (about 500 MB) and run 'make setup' again." ;;
    *"DO NOT MATCH THE HASHES"* | *"Hash mismatch"*)
        fail "a downloaded package is not the one that requirements.lock names; nothing of it was installed." ;;
    *"Permission denied"* | *"Read-only file system"*)
        fail "$(pwd)/$VENV cannot be written by this user." ;;
    *"name resolution"* | *"nodename nor servname"* | *"Max retries"* | *"NewConnectionError"* | *"ConnectTimeout"* | \
    *"onnection refused"* | *"onnection broken"* | *"timed out"* | *"ProxyError"* | *"unreachable"* | \
    *"dns error"* | *"error sending request"* | *"ailed to fetch"*)
        fail "the packages cannot be downloaded. Check the network (or PIP_INDEX_URL) and run 'make setup' again." ;;
    *"No matching distribution"*)
        printf '%s\n' "$said" | grep 'No matching' >&2
        fail "a locked package is not offered for this Python and machine by the configured index." ;;
    esac
    printf '%s\n' "$said" | tail -n 15 >&2
    fail "this failed: $*"
}

with_uv() {
    echo "Installing the locked dependencies into $VENV (with uv)"
    # Without an interpreter of its own choice uv finds, or fetches, one that fits.
    if [ -n "${PYTHON:-}" ]; then
        find_python is_recent
        run uv sync --quiet --frozen --compile-bytecode --python "$PYTHON"
    else
        run uv sync --quiet --frozen --compile-bytecode
    fi
}

# Whether the environment was made here: one that was copied or moved names another place in its commands.
is_ours() {
    is_recent "$VENV/bin/python" && grep -qF "$(pwd -P)/$VENV/bin" "$VENV/bin/kado" 2>/dev/null
}

with_pip() {
    if ! is_ours; then
        find_python can_make_venv
        echo "Making $VENV with Python $(version_of "$PYTHON")"
        run "$PYTHON" -m venv --clear "$VENV"
    elif ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        run "$VENV/bin/python" -m ensurepip
    fi
    echo "Installing the locked dependencies into $VENV (once; a minute or so)"
    pip="$VENV/bin/python -m pip --quiet --disable-pip-version-check --no-input install"
    run $pip --retries 2 --only-binary :all: --require-hashes -r requirements.lock
    run $pip --no-index --no-build-isolation --no-deps -e .
}

is_current && exit 0
if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    with_uv
else
    with_pip
fi
# As an installation has it: where PYTHONDONTWRITEBYTECODE is set, each start would compile all of it. Nothing else
# depends on it, so that a folder that cannot be written to does not matter.
"$VENV/bin/python" -m compileall -q src >/dev/null 2>&1 || :
"$VENV/bin/python" -c 'import kado' || fail "$VENV was made, but Kado cannot be imported from it."
wanted >"$STAMP" || fail "$STAMP cannot be written."
