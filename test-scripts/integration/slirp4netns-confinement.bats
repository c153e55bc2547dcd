#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon of the slirp4netns plugin: confined, detached, and harmless to the host. What is left
# when anybody is killed in the middle.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

@test "the daemon has one capability, a seccomp filter, and no way to new privileges" {
	in_host && return
	container c1
	succeeds ADD
	has() { is "$(awk -v key="$1:" '$1 == key {print $2}' "/proc/$(recorded pid)/status")" "$2"; }
	has CapEff 0000000000000400
	has CapPrm 0000000000000400
	has CapBnd 0000000000000400
	has CapAmb 0000000000000000
	has Seccomp 2
	has NoNewPrivs 1
}

@test "the sandboxed daemon sees almost nothing of the host's files" {
	in_host && return
	container c1
	succeeds ADD
	[ "$(readlink /proc/self/ns/mnt)" != "$(readlink "/proc/$(recorded pid)/ns/mnt")" ] ||
		fail "it is in the host's mount namespace"
	is "$(find "/proc/$(recorded pid)/root/" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" \
		"etc run"
}

@test "enableSandbox and enableSeccomp false switch confinement off" {
	in_host && return
	start_services
	container c1
	succeeds ADD "$(net '"enableSandbox":false,"enableSeccomp":false')"
	grep -q '^Seccomp:.0' "/proc/$(recorded pid)/status" || fail "seccomp is on"
	[ -e "/proc/$(recorded pid)/root/usr/bin" ] || fail "the sandbox is on"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds DEL
	nothing_left
	container c2
	succeeds ADD "$(net '"enableSandbox":true,"enableSeccomp":true')"
	grep -q '^Seccomp:.2' "/proc/$(recorded pid)/status" || fail "seccomp is off"
}

@test "a binary without confinement is used without, and refused when confinement was asked for" {
	in_host && return
	local old

	mkdir -p /run/t/old
	cat >/run/t/old/slirp4netns <<-'EOF'
		#!/bin/bash
		[ "$1" != --help ] || { /usr/bin/slirp4netns --help | grep -v -e sandbox -e seccomp; exit; }
		[[ $* != *sandbox* && $* != *seccomp* ]] || { echo "unrecognized option" >&2; exit 1; }
		exec /usr/bin/slirp4netns "$@"
	EOF
	chmod 755 /run/t/old/slirp4netns
	old='"slirp4netnsPath":"/run/t/old/slirp4netns"'
	start_services
	container c1
	succeeds ADD "$(net "$old")"
	[[ $words == *sandbox* ]] || fail "no note on standard error: $words"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds DEL "$(net "$old")"
	fails 101 enableSandbox ADD "$(net "$old,\"enableSandbox\":true")"
	fails 101 enableSeccomp ADD "$(net "$old,\"enableSeccomp\":true")"
	nothing_left
}

@test "an option that the binary lacks is an error when it is needed, of ADD and of STATUS" {
	in_host && return
	local option key conf

	container c1
	mkdir -p /run/t/old
	while read -r option key; do
		cat >/run/t/old/slirp4netns <<-EOF
			#!/bin/bash
			[ "\$1" != --help ] || { /usr/bin/slirp4netns --help | grep -v -e $option; exit; }
			exec /usr/bin/slirp4netns "\$@"
		EOF
		chmod 755 /run/t/old/slirp4netns
		conf=$(net "\"slirp4netnsPath\":\"/run/t/old/slirp4netns\"${key:+,$key}")
		fails 101 "" ADD "$conf"
		grep -q -e "$option" <<<"$output" || fail "$option is not named"
		nothing_left
		fails 50 "" STATUS "$conf"
		grep -q -e "$option" <<<"$output" || fail "STATUS does not name $option"
		# What is not asked for is done without.
		[ -z "$key" ] || succeeds STATUS "$(net '"slirp4netnsPath":"/run/t/old/slirp4netns"')"
	done <<-'EOF'
		--netns-type
		--cidr
		--api-socket
		--disable-host-loopback
		--enable-ipv6 "enableIPv6":true
		--disable-dns "disableDNS":true
		--outbound-addr "outboundAddr":"192.0.2.1"
		--outbound-addr6 "outboundAddr6":"2001:db8::1"
		--enable-sandbox "enableSandbox":true
		--enable-seccomp "enableSeccomp":true
	EOF
}

@test "the daemon holds nothing of its caller's: descriptors, environment, directory, session" {
	in_host && return
	local pid links fd

	container c1
	echo secret >/run/t/secret
	mkfifo /run/t/fifo
	# As a careless runtime: everything open and inherited.
	exec 5</run/t/secret 6<>/run/t/fifo 7</run/netns/c1 40</run/t/secret 200>/run/t/elsewhere
	export SECRET_OF_CALLER=1
	cd /run/t
	trap '' HUP USR1
	succeeds ADD
	cd /
	pid=$(recorded pid)
	links=$(for fd in "/proc/$pid/fd"/*; do readlink "$fd"; done)
	refused grep -e /run/t -e /run/netns <<<"$links"
	# The one that it was given, and holds by its tap device anyway.
	is "$(grep net: <<<"$links")" "$(in_container readlink /proc/self/ns/net)"
	refused grep -e pipe: <<<"$links"
	is "$(stat -L -c %t:%T "/proc/$pid/fd/0")" 1:3 # /dev/null
	is "$(readlink "/proc/$pid/fd/1" | xargs basename)" "$(basename "$(echo "$STATE"/log/*.log)")"
	is "$(readlink "/proc/$pid/fd/2" | xargs basename)" "$(basename "$(echo "$STATE"/log/*.log)")"
	is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -v ^PATH=)" ""
	is "$(readlink "/proc/$pid/cwd")" /
	is "$(ps -o sid= -o tty= -p "$pid" | xargs)" "$pid ?"
	# SIGPIPE it ignores by itself; SIGXFSZ would end it when its log is full.
	is "$(awk '/^Sig(Ign|Blk):/ {print $2}' "/proc/$pid/status" | xargs)" \
		"0000000000000000 0000000001001000"
}

@test "many connections: the daemon's limit of descriptors is the hard one" {
	[ "${VALGRIND-}" != 1 ] || skip "valgrind keeps descriptors for itself"
	in_host && return
	container c1
	ulimit -Sn 64
	succeeds ADD
	is "$(awk '/^Max open files/ {print $4 == $5}' "/proc/$(recorded pid)/limits")" 1
}

# The host's mounts.

@test "the host's mounts are what they were, with the sandbox and shared mounts" {
	in_host && return
	local before

	ip netns add other1
	ip netns add other2
	ip netns add c1
	before=$(findmnt -rno TARGET,SOURCE,PROPAGATION)
	attachment c1 /run/netns/c1
	enter=(nsenter --net=/run/netns/c1)
	succeeds ADD
	is "$(findmnt -rno TARGET,SOURCE,PROPAGATION)" "$before"
	succeeds DEL
	is "$(findmnt -rno TARGET,SOURCE,PROPAGATION)" "$before"
	nsenter --net=/run/netns/other1 true
	nothing_left
}

@test "a daemon keeps no namespace of another container alive" {
	in_host && return
	local propagation

	freed() { ! ip netns list-id | grep -q 'nsid 77'; }
	for propagation in shared private; do
		mount "--make-r$propagation" /
		ip netns add "other-$propagation"
		ip netns set "other-$propagation" 77
		container "c-$propagation"
		succeeds ADD
		refused freed
		# Not ip netns del: it removes the file too, upon which the kernel unmounts everywhere.
		umount "/run/netns/other-$propagation"
		wait_until freed
		succeeds DEL
	done
}

@test "deleting the container's own namespace and calling DEL really frees it" {
	in_host && return
	container c1
	ip netns set c1 78
	succeeds ADD
	ip netns del c1
	succeeds DEL
	enter=()
	freed() { ! ip netns list-id | grep -q 'nsid 78'; }
	wait_until freed
	is "$(daemons)" ""
}

# Killed in the middle.

@test "a plugin that is killed while it waits for the daemon leaves what DEL removes" {
	in_host && return
	local silent caller command

	silent=$(fake silent <<<'exec -a slirp4netns sleep 1000')
	container c1
	for command in DEL GC ADD; do
		CNI_COMMAND=ADD "$CNI" <<<"$(net "\"slirp4netnsPath\":\"$silent\"")" >/run/t/answer &
		caller=$!
		started() { [ -e "$(record)" ] && pgrep -x sleep >/dev/null; }
		wait_until started
		kill -9 "$caller"
		wait "$caller" || true
		is "$(cat /run/t/answer)" ""
		pgrep -x sleep >/dev/null || fail "the fake ended by itself"
		case $command in
		ADD)
			fails 102 "DEL it" ADD
			succeeds DEL
			;;
		DEL) succeeds DEL ;;
		GC) succeeds GC "$(net '"cni.dev/valid-attachments":[]')" ;;
		esac
		refused pgrep -x sleep
		nothing_left
	done
}
