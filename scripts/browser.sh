#!/bin/sh
# Find a browser for the tests of the pages, or install one. Prints nothing when there is one.
#
# In this order: KADO_TEST_BROWSER, Chromium or Chrome on the PATH, the one that Playwright keeps; then Playwright's
# download, then the distribution's package (Debian and Ubuntu, as root). POSIX sh only.

set -u
cd "$(dirname "$0")/.." || exit 1

PYTHON=.venv/bin/python

say() {
    printf 'browser: %s\n' "$*" >&2
}

# Only what runs is a browser: on some systems the command is a note that says how to install one.
runs() {
    "$1" --version >/dev/null 2>&1
}

on_the_path() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null && runs "$name"; then
            return 0
        fi
    done
    return 1
}

of_playwright() {
    found=$("$PYTHON" -c 'from playwright.sync_api import sync_playwright as s
with s() as p: print(p.chromium.executable_path)' 2>/dev/null) && [ -x "$found" ] && runs "$found"
}

if [ -n "${KADO_TEST_BROWSER:-}" ]; then
    runs "$KADO_TEST_BROWSER" && exit 0
    say "KADO_TEST_BROWSER names $KADO_TEST_BROWSER, which does not run. Name another one, or unset it."
    exit 1
fi
on_the_path && exit 0
of_playwright && exit 0

say "there is none; Playwright downloads one (about 180 MB, once) ..."
"$PYTHON" -m playwright install chromium >&2 && of_playwright && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "that did not work; installing the distribution's package ..."
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2 && on_the_path && exit 0
fi

say "the tests of the pages need Chromium or Chrome, and none could be installed. Install one, for example with"
say "'apt-get install chromium' or '$PYTHON -m playwright install --with-deps chromium', or name one:"
say "KADO_TEST_BROWSER=/path/to/chromium make test"
exit 1
