# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Outside and inside. A test begins with
#
#	in_host && return
#
# Outside, in bats, that runs the test's function once more as process 1 of a host of its own: new
# network, mount and process namespaces, in which it is root and can break what it likes. Inside,
# in_host says no and the rest of the test runs, with the functions of inside.bash. Whatever a test
# starts ends with its process 1.
#
#	BIN=DIR     where the executables are (default: bin/ of the repository)
#	CONF=DIR    where the shipped lists are (default: conf/ of the repository)
#	VALGRIND=1  the plugin runs under valgrind
#	ALONE=1     nothing starts early

LIB=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
BIN=$(realpath "${BIN:-$LIB/../../bin}")
CONF=${CONF:-$(realpath "$LIB/../../conf")}
export BIN CONF

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# needs_linux VERSION: before in_host.
needs_linux() {
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ] ||
		skip "needs Linux $1"
}

# run_in_host FUNCTION: in a fresh host; its exit status. A test that hangs is a failed one.
run_in_host() {
	local functions=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/$1.bash limit=100

	[ "${VALGRIND-}" != 1 ] || limit=900
	declare -f >"$functions"
	timeout --kill-after=2 "$limit" \
		unshare --net --mount --pid --fork --kill-child --mount-proc \
		bash "$LIB/inside.bash" "$functions" "$1" </dev/null 3>&- 4>&-
}

in_host() {
	[ -z "${INSIDE-}" ] || return 1
	run_in_host "$BATS_TEST_NAME" || exit 1
}

# For tests that wait for a limit of ten seconds: setup_file starts them, the test asks. With ALONE=1, for who
# runs one test of many, they run when they are asked for.
start_early() {
	local function

	[ "${ALONE-}" != 1 ] || return 0
	for function in "$@"; do
		{
			local status=0
			run_in_host "$function" >"$BATS_FILE_TMPDIR/$function.out" 2>&1 || status=$?
			echo "$status" >"$BATS_FILE_TMPDIR/$function.new"
			mv "$BATS_FILE_TMPDIR/$function.new" "$BATS_FILE_TMPDIR/$function.status"
		} </dev/null >/dev/null 2>&1 3>&- 4>&- &
		echo "$!" >>"$BATS_FILE_TMPDIR/early"
	done
}

started_early() {
	local i

	if [ "${ALONE-}" = 1 ]; then
		run_in_host "$1"
		return
	fi
	for ((i = 0; i < 600; i++)); do
		[ ! -e "$BATS_FILE_TMPDIR/$1.status" ] || break
		sleep 0.1
	done
	cat "$BATS_FILE_TMPDIR/$1.out"
	[ "$(cat "$BATS_FILE_TMPDIR/$1.status")" = 0 ]
}

end_early() {
	local pid

	[ ! -e "$BATS_FILE_TMPDIR/early" ] || while read -r pid; do
		[ ! -d "/proc/$pid" ] || wait "$pid" 2>/dev/null || true
	done <"$BATS_FILE_TMPDIR/early"
}
