#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a daemon can do to its plugins: stop, die, lie, leave its pid to another; and what can happen to
# what they share: the namespace goes, /run is full, read-only or away, the machine starts anew, two
# runtimes call at once. Each time the answer is one error or one result, and DEL or GC leaves nothing.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

setup_file() {
	[ "$(id -u)" != 0 ] || start_early stopped_before_ready
}

teardown_file() {
	end_early
}

# by PLUGIN FUNCTION [ARGUMENT...]: succeeds, fails or cni with another plugin of ours.
by() {
	local plugin=("$BIN/$1")

	shift
	"$@"
}

# liar HOW: a slirp4netns that serves its API that way; see lib/liar.py. As a member of a configuration.
liar() {
	local path

	path=$(fake "liar-$1" <<<"exec -a slirp4netns python3 $LIB/liar.py $1 \"\$@\"")
	echo "\"slirp4netnsPath\":\"$path\""
}

# portmap: a configuration of netns-portmap behind the result of ADD in $result; with $backend, if set.
portmap() {
	jq -c --argjson prev "$result" '.prevResult = $prev | .type = "netns-portmap" |
		.runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]' \
		<<<"$(net ${backend:+"\"backend\":\"$backend\""})"
}

stats() {
	jq -c --argjson prev "$result" '.prevResult = $prev | .type = "netns-stats"' <<<"$(net)"
}

gc() {
	jq -c '.["cni.dev/valid-attachments"] = []' <<<"${1-$(net)}"
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
	result=$answer
	pid=$(recorded pid)
	kill -STOP "$pid"
	wait_until stopped "$pid"
	limit=8 fails 103 "does not answer" CHECK "$(with_prev "$(net)" "$result")"
	limit=15 by netns-portmap fails 5 "cannot publish tcp 8080" ADD "$(portmap)"
	expect '.details | contains("timed out")'
	kill -CONT "$pid"
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	# The request that nobody waited for has been served meanwhile: it is taken over.
	by netns-portmap succeeds ADD "$(portmap)"
	by netns-portmap succeeds CHECK "$(portmap)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	kill -STOP "$pid"
	wait_until stopped "$pid"
	# Nothing of a container that is stopped for good keeps it from being deleted.
	limit=15 by netns-portmap succeeds DEL "$(portmap)"
	[[ $words == *"until slirp4netns ends"* ]] || fail "not said: $words"
	limit=8 succeeds DEL
	nothing_left
}

@test "a stopped daemon whose record is lost and whose socket is choked: said, and left for a second try" {
	in_host && return
	local result pid connections=()

	container c1
	succeeds ADD
	result=$answer
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
	result=$answer
	pid=$(recorded pid)
	by netns-portmap succeeds ADD "$(portmap)"
	by netns-stats succeeds ADD "$(stats)"
	echo "slirp: fatal: as if it had crashed" >>"$(echo "$STATE"/log/*.log)"
	kill -9 "$pid"
	wait_until no_daemon
	fails 103 "(process $pid) has ended" CHECK "$(with_prev "$(net)" "$result")"
	expect '.msg | contains("add it anew")'
	expect '.details | contains("as if it had crashed")'
	by netns-portmap fails 102 "no port of this container is published" CHECK "$(portmap)"
	by netns-stats succeeds DEL "$(stats)"
	by netns-portmap succeeds DEL "$(portmap)"
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
	result=$answer
	kill -9 "$(recorded pid)"
	wait_until no_daemon
	succeeds ADD
	result=$answer
	by netns-portmap succeeds ADD "$(portmap)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	by netns-portmap succeeds DEL "$(portmap)"
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
	wait_until no_daemon # it has been killed, which nobody waits for
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

@test "whatever the API answers, CHECK and netns-portmap answer properly, and DEL removes everything" {
	in_host && return
	local how check add result

	while read -r how check add; do
		container "$how"
		succeeds ADD "$(net "$(liar "$how")")"
		result=$answer
		case $check in
		ok) limit=5 succeeds CHECK "$(with_prev "$(net)" "$result")" ;;
		*) limit=5 fails 103 "" CHECK "$(with_prev "$(net)" "$result")" ;;
		esac
		case $add in
		ok)
			limit=20 by netns-portmap succeeds ADD "$(portmap)"
			limit=20 by netns-portmap succeeds CHECK "$(portmap)"
			;;
		*) limit=20 by netns-portmap fails "$add" "" ADD "$(portmap)" ;;
		esac
		[[ $answer != *$'\e'* ]] || fail "$how: an escape sequence in the answer"
		limit=20 by netns-portmap succeeds DEL "$(portmap)"
		succeeds DEL
		nothing_left
		ip netns del "$how"
		enter=()
	done <<-'EOF'
		late ok ok
		split ok ok
		id-0 ok 101
		id-negative ok 101
		id-text ok 101
		id-fraction ok 101
		id-huge ok 101
		id-null ok 101
		nothing refused 6
		garbled refused 6
		half refused 6
		huge refused 6
		deep refused 6
		array refused 6
		nul refused 6
		error refused 101
		error-text refused 101
		error-null refused 101
		entries-object ok 101
		entries-nonsense ok 101
	EOF
}

# Its pid is another's.

@test "a pid that is recycled is never signalled: by DEL, GC, ADD, CHECK" {
	in_host && return
	local command pid result

	for command in DEL GC ADD CHECK; do
		container "c-$command"
		succeeds ADD
		result=$answer
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

# What they share.

@test "the namespace goes under the daemon: CHECK says which, DEL and GC take the rest" {
	in_host && return
	local command result

	for command in DEL GC; do
		container "deleted-$command"
		succeeds ADD
		result=$answer
		by netns-portmap succeeds ADD "$(portmap)"
		by netns-stats succeeds ADD "$(stats)"
		ip netns del "deleted-$command"
		# Not 3: that would say that no DEL is needed.
		fails 103 "$CNI_NETNS" CHECK "$(with_prev "$(net)" "$result")"
		by netns-stats fails 100 "$CNI_NETNS" CHECK "$(stats)"
		fails 102 "DEL it" ADD
		fails 4 "$CNI_NETNS" ADD "$(CNI_CONTAINERID=other with_prev "$(net '"name":"other"')" "$result")"
		case $command in
		DEL)
			by netns-stats succeeds DEL "$(stats)"
			by netns-portmap succeeds DEL "$(portmap)"
			succeeds DEL
			;;
		GC)
			by netns-stats succeeds GC "$(gc "$(stats)")"
			by netns-portmap succeeds GC "$(gc "$(portmap)")"
			succeeds GC "$(gc)"
			;;
		esac
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""

		container "unmounted-$command"
		succeeds ADD
		result=$answer
		umount "$CNI_NETNS"
		while umount "$CNI_NETNS" 2>/dev/null; do :; done
		fails 4 "is not a network namespace" CHECK "$(with_prev "$(net)" "$result")"
		case $command in
		DEL) succeeds DEL ;;
		GC) succeeds GC "$(gc)" ;;
		esac
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""
	done
}

# own_state: a file system for $STATE alone, which can be filled, locked and taken away.
own_state() {
	mount --make-rprivate /
	mkdir -m 700 "$STATE"
	mount -t tmpfs -o mode=700,size=64k tmpfs "$STATE"
}

@test "/run full: CHECK, DEL and GC work all the same, ADD says what is full and leaves nothing" {
	in_host && return
	local command result

	own_state
	for command in DEL GC; do
		container "c-$command"
		succeeds ADD
		result=$answer
		by netns-portmap succeeds ADD "$(portmap)"
		by netns-stats succeeds ADD "$(stats)"
		refused dd if=/dev/zero "of=$STATE/ballast" bs=4k status=none 2>/dev/null
		succeeds CHECK "$(with_prev "$(net)" "$result")"
		by netns-portmap succeeds CHECK "$(portmap)"
		case $command in
		DEL)
			by netns-stats succeeds DEL "$(stats)"
			by netns-portmap succeeds DEL "$(portmap)"
			succeeds DEL
			;;
		GC)
			by netns-stats succeeds GC "$(gc "$(stats)")"
			by netns-portmap succeeds GC "$(gc "$(portmap)")"
			succeeds GC "$(gc)"
			;;
		esac
		dd if=/dev/zero "of=$STATE/more" bs=4k status=none 2>/dev/null || true
		fails 5 "" ADD
		expect '(.msg + (.details // "")) | contains("No space left on device")'
		rm "$STATE/ballast" "$STATE/more"
		nothing_left
	done
}

@test "/run read-only: ADD and DEL say so, and nothing is lost when it can be written again" {
	in_host && return
	local result pid

	start_services
	own_state
	container c1
	succeeds ADD
	result=$answer
	by netns-portmap succeeds ADD "$(portmap)"
	by netns-stats succeeds ADD "$(stats)"
	mount --bind "$STATE" "$STATE"
	mount -o remount,bind,ro "$STATE" # above the one that the log is open in
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	by netns-portmap succeeds CHECK "$(portmap)"
	by netns-stats succeeds CHECK "$(stats)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	pid=$(recorded pid)
	CNI_CONTAINERID=c2 CNI_IFNAME=eth1 fails 5 "" ADD
	expect '(.msg + (.details // "")) | contains("Read-only file system")'
	is "$(daemons)" "$pid"
	is "$(interfaces)" eth0
	by netns-portmap fails 5 "" DEL "$(portmap)"
	expect '.details | contains("Read-only file system")'
	fails 5 "$STATE" DEL
	expect '.details | contains("Read-only file system")'
	umount "$STATE"
	by netns-stats succeeds DEL "$(stats)"
	by netns-portmap succeeds DEL "$(portmap)"
	succeeds DEL
	nothing_left
}

@test "/run away and back: CHECK says that there is no record, and not that no DEL is needed" {
	in_host && return
	local result

	start_services
	own_state
	container c1
	succeeds ADD
	result=$answer
	by netns-portmap succeeds ADD "$(portmap)"
	mkdir /run/t/away
	mount --move "$STATE" /run/t/away
	fails 103 "no record of c1@eth0" CHECK "$(with_prev "$(net)" "$result")"
	CNI_CONTAINERID=other fails 3 "no record of other@eth0" CHECK "$(with_prev "$(net)" "$result")"
	by netns-portmap succeeds DEL "$(portmap)"
	succeeds GC "$(gc)"
	# Its daemon lives: the interface is in the way of another, and said to be.
	fails 102 eth0 ADD
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	rm -rf "${STATE:?}"/*
	mount --move /run/t/away "$STATE"
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	by netns-portmap succeeds CHECK "$(portmap)"
	by netns-portmap succeeds DEL "$(portmap)"
	succeeds DEL
	nothing_left
}

# reboot: the processes and the kernel's tables are gone, and the boot has another id.
reboot() {
	local pid

	for pid in $(daemons); do
		kill -9 "$pid"
	done
	wait_until no_daemon
	nft flush ruleset
	echo "12345678-1234-1234-1234-12345678$1" >/run/t/boot_id
	mount --bind /run/t/boot_id /proc/sys/kernel/random/boot_id
}

# A bridge's result, for the backend with nf_tables.
bridged() {
	jq -c '.interfaces = [{name: "eth0", mac: "02:00:00:00:00:01", sandbox: env.CNI_NETNS}] |
		.ips = [{address: "10.88.0.5/16", interface: 0}] | .routes = [] | .dns = {}' <<<"$result"
}

@test "a reboot: DELs and GC of what was before succeed, with the state lost or kept, and signal nobody" {
	in_host && return
	local state command result pid n=1000 backend
	for state in lost kept; do
		for command in DEL GC; do
			container "c-$state-$command"
			succeeds ADD
			result=$answer
			pid=$(recorded pid)
			by netns-stats succeeds ADD "$(stats)"
			result=$(bridged)
			backend=nftables
			by netns-portmap succeeds ADD "$(portmap)"
			[ -n "$(nft list ruleset)" ] || fail "nothing in nf_tables"
			reboot "$((n += 1))"
			if [ "$state" = lost ]; then
				rm -rf "$STATE"
			else
				# Start times count from the boot: the same pid, the same tick.
				python3 "$LIB/recycle.py" "$pid" sleep 1000 &
				wait_until grep -qs sleep "/proc/$pid/comm"
				edit_record ".startTime = $(cut -d ' ' -f 22 "/proc/$pid/stat") | del(.pidfdInode)"
			fi
			case $command in
			DEL)
				by netns-stats succeeds DEL "$(stats)"
				by netns-portmap succeeds DEL "$(portmap)"
				succeeds DEL
				;;
			GC)
				by netns-stats succeeds GC "$(gc "$(stats)")"
				by netns-portmap succeeds GC "$(gc "$(portmap)")"
				succeeds GC "$(gc)"
				;;
			esac
			[ "$state" = lost ] || kill -9 "$pid"
			is "$(left_files "$STATE")" ""
			is "$(nft list ruleset)" ""
			unset backend
			succeeds ADD
			succeeds DEL
			nothing_left
		done
	done
}

# call NAME COMMAND CONFIGURATION: into files, for many at once.
call() {
	local status=0

	CNI_COMMAND=$2 timeout 20 "$CNI" <<<"$3" >"/run/t/$1.answer" 2>"/run/t/$1.words" || status=$?
	echo "$status" >"/run/t/$1.status"
}

# proper NAME [CODE...]: an empty answer or an object with success, else an error with one of the codes.
proper() {
	local name=$1 status

	shift
	status=$(<"/run/t/$name.status")
	no_sanitizer_report "$(<"/run/t/$name.words")"
	answer=$(<"/run/t/$name.answer")
	[ "$status" = 1 ] || {
		[ "$status" = 0 ] || fail "$name exited with $status"
		return 0
	}
	examine
	for code; do
		[[ $examined != "error $code "* ]] || return 0
	done
	fail "$name: $examined"
}

# at_once COMMAND COMMAND...: each of them; the numbers of those that succeeded in $succeeded.
at_once() {
	local i calls=()

	for ((i = 1; i <= $#; i++)); do
		case ${!i} in
		GC) call "$i" GC "$(gc)" & ;;
		*) call "$i" "${!i}" "$(net)" & ;;
		esac
		calls+=("$!")
	done
	wait "${calls[@]}"
	succeeded=0
	for ((i = 1; i <= $#; i++)); do
		case ${!i} in
		# 102: it has one; 100: its daemon was ended by the other call.
		ADD) proper "$i" 102 100 11 ;;
		*) proper "$i" ;;
		esac
		[ "$(<"/run/t/$i.status")" != 0 ] || succeeded=$((succeeded + 1))
	done
}

@test "two runtimes at once, any two calls of one attachment: proper answers, and DEL leaves nothing" {
	in_host && return
	local i succeeded

	container c1
	for i in {1..8}; do
		at_once ADD ADD ADD
		[ "$succeeded" -le 1 ] || fail "$succeeded ADDs of one attachment succeeded"
		is "$(daemons | wc -l)" "$succeeded"
		[ -e "$(record)" ] || succeeds ADD
		at_once DEL DEL DEL
		is "$succeeded" 3
		nothing_left

		at_once ADD DEL
		succeeds DEL
		wait_until no_interface
		nothing_left
		at_once ADD GC
		succeeds DEL
		wait_until no_interface
		nothing_left

		succeeds ADD
		at_once DEL ADD GC
		succeeds DEL
		wait_until no_interface
		nothing_left
	done
}
