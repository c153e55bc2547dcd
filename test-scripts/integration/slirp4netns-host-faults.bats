#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What can happen to what the daemon and its plugins share: an API that lies, a namespace that goes, a /run that is
# full, read-only or away, a machine that starts anew, two runtimes that call at once. Each time the result is one
# error or one result of ADD, and DEL or GC leaves nothing.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/slirp4netns

# liar HOW: a slirp4netns that serves its API that way; see lib/liar.py. As a member of a configuration.
liar() {
	local path

	path=$(fake "liar-$1" <<<"exec -a slirp4netns python3 $LIB/liar.py $1 \"\$@\"")
	echo "\"slirp4netnsPath\":\"$path\""
}

# Liars.

@test "whatever the API answers, CHECK and netns-portmap answer properly, and DEL removes everything" {
	in_host && return
	local how check add result

	while read -r how check add; do
		container "$how"
		succeeds ADD "$(net "$(liar "$how")")"
		result=$output
		case $check in
		ok) limit=5 succeeds CHECK "$(with_prev "$(net)" "$result")" ;;
		*) limit=5 fails 103 "" CHECK "$(with_prev "$(net)" "$result")" ;;
		esac
		case $add in
		ok)
			limit=20 by netns-portmap succeeds ADD "$(portmap_behind)"
			limit=20 by netns-portmap succeeds CHECK "$(portmap_behind)"
			;;
		*) limit=20 by netns-portmap fails "$add" "" ADD "$(portmap_behind)" ;;
		esac
		[[ $output != *$'\e'* ]] || fail "$how: an escape sequence in the error"
		limit=20 by netns-portmap succeeds DEL "$(portmap_behind)"
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

# What they share.

@test "the namespace goes under the daemon: CHECK says which, DEL and GC take the rest" {
	in_host && return
	local command result

	for command in DEL GC; do
		container "deleted-$command"
		chain_ADD
		ip netns del "deleted-$command"
		# Not 3: that would say that no DEL is needed.
		fails 103 "$CNI_NETNS" CHECK "$(with_prev "$(net)" "$result")"
		by netns-stats fails 100 "$CNI_NETNS" CHECK "$(stats_behind)"
		fails 102 "DEL it" ADD
		fails 4 "$CNI_NETNS" ADD "$(CNI_CONTAINERID=other with_prev "$(net '"name":"other"')" "$result")"
		chain_$command
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""

		container "unmounted-$command"
		succeeds ADD
		result=$output
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
		chain_ADD
		refused dd if=/dev/zero "of=$STATE/ballast" bs=4k status=none 2>/dev/null
		succeeds CHECK "$(with_prev "$(net)" "$result")"
		by netns-portmap succeeds CHECK "$(portmap_behind)"
		chain_$command
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
	chain_ADD
	mount --bind "$STATE" "$STATE"
	mount -o remount,bind,ro "$STATE" # above the one that the log is open in
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	by netns-portmap succeeds CHECK "$(portmap_behind)"
	by netns-stats succeeds CHECK "$(stats_behind)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	pid=$(recorded pid)
	CNI_CONTAINERID=c2 CNI_IFNAME=eth1 fails 5 "" ADD
	expect '(.msg + (.details // "")) | contains("Read-only file system")'
	is "$(daemons)" "$pid"
	is "$(interfaces)" eth0
	by netns-portmap fails 5 "" DEL "$(portmap_behind)"
	expect '.details | contains("Read-only file system")'
	fails 5 "$STATE" DEL
	expect '.details | contains("Read-only file system")'
	umount "$STATE"
	chain_DEL
	nothing_left
}

@test "/run away and back: CHECK says that there is no record, and not that no DEL is needed" {
	in_host && return
	local result

	start_services
	own_state
	container c1
	succeeds ADD
	result=$output
	by netns-portmap succeeds ADD "$(portmap_behind)"
	mkdir /run/t/away
	mount --move "$STATE" /run/t/away
	fails 103 "no record of c1@eth0" CHECK "$(with_prev "$(net)" "$result")"
	CNI_CONTAINERID=other fails 3 "no record of other@eth0" CHECK "$(with_prev "$(net)" "$result")"
	by netns-portmap succeeds DEL "$(portmap_behind)"
	succeeds GC "$(gc)"
	# Its daemon lives: its interface keeps another ADD from making one, and the error says so.
	fails 102 eth0 ADD
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	rm -rf "${STATE:?}"/*
	mount --move /run/t/away "$STATE"
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	by netns-portmap succeeds CHECK "$(portmap_behind)"
	by netns-portmap succeeds DEL "$(portmap_behind)"
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
			result=$output
			pid=$(recorded pid)
			by netns-stats succeeds ADD "$(stats_behind)"
			result=$(bridged)
			backend=nftables
			by netns-portmap succeeds ADD "$(portmap_behind)"
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
			chain_$command
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

# call_aside NAME COMMAND CONFIGURATION: into files, for many at once.
call_aside() {
	local status=0

	CNI_COMMAND=$2 timeout 20 "$CNI" <<<"$3" >"/run/t/$1.answer" 2>"/run/t/$1.words" || status=$?
	echo "$status" >"/run/t/$1.status"
}

# proper NAME [CODE...]: success and nothing or an object on standard output, else an error with one of the codes.
proper() {
	local name=$1 status

	shift
	status=$(<"/run/t/$name.status")
	no_sanitizer_report "$(<"/run/t/$name.words")"
	output=$(<"/run/t/$name.answer")
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
		GC) call_aside "$i" GC "$(gc)" & ;;
		*) call_aside "$i" "${!i}" "$(net)" & ;;
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
		wait_until no_daemon # killed, it may still be ending
		nothing_left
		at_once ADD GC
		succeeds DEL
		wait_until no_interface
		wait_until no_daemon # killed, it may still be ending
		nothing_left

		succeeds ADD
		at_once DEL ADD GC
		succeeds DEL
		wait_until no_interface
		wait_until no_daemon # killed, it may still be ending
		nothing_left
	done
}
