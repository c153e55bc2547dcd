# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of what is installed, packed and linked statically: the executables of bin/ and of build/static/bin/.
# shellcheck disable=SC2034

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
STATIC=$ROOT/build/static/bin
DYNAMIC=$ROOT/bin
export ROOT STATIC DYNAMIC

version=$(make -s --no-print-directory -C "$ROOT" print-VERSION)
programs="cnirun netns-portmap netns-stats slirp4netns"

# make as from a shell, whatever calls the tests.
make_here() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BIN DEB_BUILD_OPTIONS='nocheck parallel=1' \
		make -C "$ROOT" "$@"
}

# the_same WHAT EXPECTED
the_same() {
	[ "$1" = "$2" ] || {
		diff <(echo "$2") <(echo "$1") >&2
		return 1
	}
}

# names DIRECTORY: the paths of all that is not a directory.
names() {
	(cd "$1" && find . ! -type d | sort)
}
