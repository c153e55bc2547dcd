# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests with real container runtimes, on a host of lib/inside.bash: the plugins in /opt/cni/bin
# and the shipped lists in /etc/cni/net.d, as an administrator installs them, and an image of one static
# program, made here. /opt, /etc/cni, /dev/shm and what runtimes keep below /var/lib are the host's own.
#
# Control groups are the one thing of the machine's that a runtime must write to: everything goes into a
# group that is named after this run, and goes with the suite.
#
# A command's standard output is in $output, its standard error in $words, its exit status in $status. Variables are
# for lib/inside.bash too.
# shellcheck disable=SC2034

# Called outside, in setup_file and teardown_file.

name_cgroup() {
	local group

	export CGROUP=usernet-cni-test-$$
	# What a run left that was killed.
	for group in /sys/fs/cgroup/*/usernet-cni-test-*; do
		[ ! -d "$group" ] || [ -d "/proc/${group##*-}" ] || remove_groups "${group##*/}"
	done
}

remove_groups() {
	find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null || true
}

remove_cgroup() {
	local i

	# Its processes were killed, and may not have ended yet.
	for ((i = 0; i < 50; i++)); do
		remove_groups "$CGROUP"
		[ -n "$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$CGROUP")" ] || return 0
		sleep 0.1
	done
}

prepare_runtime() {
	local dir

	umask 022
	for dir in /opt /etc/cni /dev/shm /var/lib/cni /var/lib/containers; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=755 tmpfs "$dir"
	done
	chmod 1777 /dev/shm
	mkdir -p /opt/cni/bin /etc/cni/net.d /run/t/home
	cp /usr/lib/cni/* "$BIN"/* /opt/cni/bin/
	cp "$CONF"/*.conflist /etc/cni/net.d/
	export HOME=/run/t/home
	start_services
}

# make_image: the files of the image in /run/image: a shell, a web server that says "from the image".
make_image() {
	local name

	mkdir -p /run/image/bin /run/image/etc /run/image/www
	cp "$(type -P busybox)" /run/image/bin/
	for name in sh httpd ip nc nslookup sleep; do
		ln -s busybox "/run/image/bin/$name"
	done
	echo "from the image" >/run/image/www/index.html
}

# runtime COMMAND...: $limit seconds at most. Into a file, not a pipe: what outlives the command may keep that.
runtime() {
	call into_file timeout --kill-after=1 "${limit-60}" "$@"
}

into_file() {
	local status=0

	"$@" </dev/null >"$TMPDIR/output" || status=$?
	cat "$TMPDIR/output"
	return $status
}

# works COMMAND...: with success, and without a word.
works() {
	runtime "$@"
	[ "$status" = 0 ] || fail "$* exited with $status: $words"
	[ -z "$words" ] || fail "$* said: $words"
}

# refuses TEXT COMMAND...: it fails, and its last line has the text.
refuses() {
	local text=$1

	shift
	runtime "$@"
	[ "$status" != 0 ] || fail "should have failed: $*"
	[[ ${words##*$'\n'} == *"$text"* ]] || fail "$* said: $words; expected: $text"
}

# serves URL TEXT: within five seconds.
serves() {
	wait_until is_served "$@"
}

is_served() {
	[ "$(curl -sg -m 2 "$1")" = "$2" ]
}

refuses_connections() {
	local status=0

	curl -s -m 2 "$1" >/dev/null || status=$?
	is "$status" 7
}

# echoes PORT: what is sent to the host's UDP port comes back. By the host's address: slirp4netns cannot reply
# 127.0.0.1 where it keeps the host's loopback from containers.
echoes() {
	wait_until is_echoed "$1"
}

is_echoed() {
	[ "$(echo "to $1" | timeout 1 socat -T 0.1 - "UDP4:192.0.2.1:$1")" = "to $1" ]
}

is_quiet() {
	[ -z "$(pgrep --runstates D,R,S,T,t,I "$1")" ]
}

# Of no container anything is left, wherever plugins, libcni, runtimes and the kernel keep something.
no_trace_of_containers() {
	wait_until no_daemon
	is "$(left_files "$STATE")" ""
	is "$(ls -A /run/netns)" ""
	is "$(ls -A --ignore=.cnirun.lock /var/lib/cni/results)" ""
	is "$(find /var/lib/cni/networks -name '[0-9a-f]*[.:]*' 2>/dev/null)" ""
	is "$(ip -o link | grep -oE 'veth[^@:]*' || true)" ""
	refused grep -q 'comment ".*@eth' <(nft list ruleset)
	is "$(findmnt -rno TARGET | grep -E '/netns/|/merged$' || true)" ""
}
