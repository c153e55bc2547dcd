#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a daemon can do to its plugins: stop, die, lie, leave its pid to another. Each time the result is one
# error or one result of ADD, and DEL or GC leaves nothing.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/slirp4netns

setup_file() {
	[ "$(id -u)" != 0 ] || start_early stopped_before_ready
}

teardown_file() {
	end_early
}

stopped() {
	grep -q '^State:.T' "/proc/$1/status"
}

# Stopped and killed.

stopped_before_ready() {
	local path

	path=$(fake stopped <<<'echo "$$" >/run/t/pid; echo "about to stop" >&2; kill -STOP $$')
	container c1
	limit=15 fails 100 "not ready within 10 seconds" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	expect '.details | contains("about to stop")'
	[ ! -d "/proc/$(</run/t/pid)" ] || fail "it is still there"
	nothing_left
}

@test "a daemon that is stopped before it is ready is ended after ten seconds, its words in the error" {
	started_early stopped_before_ready
}

@test "a daemon that is stopped later: CHECK and netns-portmap say so in time; continued, it goes on" {
	in_host && return
	local result pid

	start_services
	container c1
	succeeds ADD
	result=$output
	pid=$(recorded pid)
	kill -STOP "$pid"
	wait_until stopped "$pid"
	limit=8 fails 103 "does not answer" CHECK "$(with_prev "$(net)" "$result")"
	limit=15 by netns-portmap fails 5 "cannot publish tcp 8080" ADD "$(portmap_behind)"
	expect '.details | contains("timed out")'
	kill -CONT "$pid"
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	# The request whose reply was not waited for has been served meanwhile: ADD takes the forward over.
	by netns-portmap succeeds ADD "$(portmap_behind)"
	by netns-portmap succeeds CHECK "$(portmap_behind)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	kill -STOP "$pid"
	wait_until stopped "$pid"
	# Nothing of a container that is stopped for good keeps it from being deleted.
	limit=15 by netns-portmap succeeds DEL "$(portmap_behind)"
	[[ $words == *"until slirp4netns ends"* ]] || fail "not said: $words"
	limit=8 succeeds DEL
	nothing_left
}

@test "a stopped daemon whose record is lost and whose socket is choked: said, and left for a second try" {
	in_host && return
	local result pid connections=()

	container c1
	succeeds ADD
	result=$output
	pid=$(recorded pid)
	kill -STOP "$pid"
	wait_until stopped "$pid"
	python3 - "$(recorded socket)" <<-'EOF'
		import socket, sys
		kept = []
		try:
		    while len(kept) < 10000:
		        kept.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
		        kept[-1].connect(sys.argv[1])
		except BlockingIOError:
		    sys.exit(0)
		sys.exit("it took all")
	EOF
	truncate -s 20 "$(record)"
	fails 11 "takes no connections" DEL
	fails 11 "takes no connections" GC "$(gc)"
	is "$(daemons)" "$pid"
	kill -CONT "$pid"
	taken() {
		cni DEL
		[ "$status" = 0 ]
	}
	wait_until taken
	nothing_left
}

@test "a daemon that is killed at any moment of ADD: an error or a result, and DEL leaves nothing" {
	in_host && return
	local path i added=0 refused=0

	container c1
	for i in {0..11}; do
		# The first is killed before it is slirp4netns, however busy the machine is.
		path=$(fake killed <<<"{ sleep 0.00$i 2>/dev/null; kill -9 \$\$; } & [ $i != 0 ] || wait
			exec /usr/bin/slirp4netns \"\$@\"")
		cni ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
		examine
		case $examined in
		object)
			added=$((added + 1))
			wait_until no_daemon
			succeeds DEL
			;;
		"error 100 "*) refused=$((refused + 1)) ;;
		*) fail "$examined" ;;
		esac
		wait_until no_daemon
		wait_until no_interface
		nothing_left
	done
	[ "$refused" -gt 0 ] || fail "$added added, $refused refused"
	succeeds ADD
	succeeds DEL
}

@test "a daemon that the kernel killed: CHECK and DEL say so, its published ports go with it, ADD is anew" {
	in_host && return
	local result pid

	start_services
	container c1
	succeeds ADD
	result=$output
	pid=$(recorded pid)
	by netns-portmap succeeds ADD "$(portmap_behind)"
	by netns-stats succeeds ADD "$(stats_behind)"
	echo "slirp: fatal: as if it had crashed" >>"$(echo "$STATE"/log/*.log)"
	kill -9 "$pid"
	wait_until no_daemon
	fails 103 "(process $pid) has ended" CHECK "$(with_prev "$(net)" "$result")"
	expect '.msg | contains("add it anew")'
	expect '.details | contains("as if it had crashed")'
	by netns-portmap fails 102 "no port of this container is published" CHECK "$(portmap_behind)"
	by netns-stats succeeds DEL "$(stats_behind)"
	by netns-portmap succeeds DEL "$(portmap_behind)"
	is "$words" ""
	succeeds DEL
	[[ $words == *"c1@eth0 had ended before DEL"* ]] || fail "DEL does not say so: $words"
	nothing_left
	# With its namespace it ends as it should: no word.
	succeeds ADD
	kill -9 "$(recorded pid)"
	ip netns del c1
	wait_until no_daemon
	succeeds DEL
	is "$words" ""

	container c2
	succeeds ADD
	result=$output
	kill -9 "$(recorded pid)"
	wait_until no_daemon
	succeeds ADD
	result=$output
	by netns-portmap succeeds ADD "$(portmap_behind)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	by netns-portmap succeeds DEL "$(portmap_behind)"
	succeeds DEL
	nothing_left
}

# Liars.

@test "a daemon that says ready twice, late, in another's name, or behind a fork is taken for what it is" {
	in_host && return
	local path

	start_services
	container c1
	path=$(fake twice <<<'eval "exec 9>&$ready"; { sleep 0.1; printf 11; } >&9 & exec /usr/bin/slirp4netns "$@"')
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds DEL
	nothing_left

	path=$(fake keeps <<<'eval "exec 9>&$ready"; sleep 1000 & exec /usr/bin/slirp4netns "$@"')
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	succeeds DEL
	refused pgrep -x sleep
	nothing_left

	path=$(fake other <<<'args=("$@"); args[-1]=eth7; exec /usr/bin/slirp4netns "${args[@]}"')
	fails 100 "there is no interface eth0" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	wait_until no_interface
	nothing_left

	# The process of the record ends before it is ready, what it started goes on.
	path=$(fake forks <<<'/usr/bin/slirp4netns "$@" & sleep 0.1; exit')
	cni ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	[ "$status" = 0 ] || expect '.code == 100'
	succeeds DEL
	wait_until no_daemon
	wait_until no_interface
	nothing_left
	path=$(fake forks0 <<<'{ sleep 0.1; exec /usr/bin/slirp4netns "$@"; } & exit')
	fails 100 "ended before it was ready" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	wait_until no_daemon # it has been killed, and ADD does not wait for that
	refused pgrep -x sleep
	nothing_left
}

@test "a daemon that outlives the script that started it is found by DEL, GC and ADD" {
	in_host && return
	local path command conf

	path=$(fake script <<<'/usr/bin/slirp4netns "$@"; exit')
	conf=$(net "\"slirp4netnsPath\":\"$path\"")
	container c1
	ip netns add c2
	for command in DEL GC ADD; do
		succeeds ADD "$conf"
		kill -9 "$(recorded pid)"
		fails 103 "has ended" CHECK "$(with_prev "$conf")"
		case $command in
		DEL) succeeds DEL ;;
		GC) succeeds GC "$(gc)" ;;
		ADD)
			CNI_NETNS=/run/netns/c2 fails 102 "DEL it first" ADD "$conf"
			succeeds DEL
			;;
		esac
		wait_until no_interface
		nothing_left
	done
}

@test "a daemon that writes 100 MB does not fill /run with it" {
	in_host && return
	local path

	start_services
	container c1
	path=$(fake chatter <<-'EOF'
		{ head -c 100000000 /dev/zero | tr '\0' '\n' >&2; echo >/run/t/done; } &
		exec /usr/bin/slirp4netns "$@"
	EOF
	)
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	wait_until test -e /run/t/done
	[ "$(stat -c %s "$STATE"/log/*.log)" -le 1048576 ] || fail "the log: $(ls -l "$STATE"/log)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds CHECK "$(with_prev "$(net)")"
	succeeds DEL
	nothing_left
}

# Its pid is another's.

@test "a pid that is recycled is never signalled: by DEL, GC, ADD, CHECK" {
	in_host && return
	local command pid result

	for command in DEL GC ADD CHECK; do
		container "c-$command"
		succeeds ADD
		result=$output
		pid=$(recorded pid)
		kill -9 "$pid"
		wait_until test ! -d "/proc/$pid"
		python3 "$LIB/recycle.py" "$pid" bash -c 'exec -a slirp4netns sleep 1000' &
		wait_until grep -qs sleep "/proc/$pid/comm"
		case $command in
		DEL) succeeds DEL ;;
		GC) succeeds GC "$(gc)" ;;
		ADD)
			succeeds ADD
			succeeds DEL
			;;
		CHECK)
			fails 103 "has ended" CHECK "$(with_prev "$(net)" "$result")"
			# Even were it started in the same tick, as the clock of start times goes.
			edit_record ".startTime = $(cut -d ' ' -f 22 "/proc/$pid/stat")"
			fails 103 "has ended" CHECK "$(with_prev "$(net)" "$result")"
			succeeds DEL
			;;
		esac
		is "$(left_files "$STATE")" ""
		is "$(awk '/^State/ {print $2}' "/proc/$pid/status")" S
		kill -9 "$pid"
	done
}
