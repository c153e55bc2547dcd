#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the slirp4netns plugin knows beforehand (STATUS, outboundAddr), and what it finds afterwards: a daemon
# whose record is lost, and the rest of a GC behind a failure.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

@test "STATUS tells a tun device that is none, or that the daemon cannot open, as ADD fails by it" {
	in_host && return
	container c1
	mount -t tmpfs tmpfs /dev/net
	touch /dev/net/tun
	fails 50 /dev/net/tun STATUS
	fails 100 "" ADD
	rm /dev/net/tun
	mknod -m 600 /dev/net/tun c 10 200
	succeeds STATUS
	# Root opens everything, its daemon does not.
	chown 1000 /dev/net/tun
	fails 50 /dev/net/tun STATUS
	fails 100 "" ADD
	nothing_left
}

@test "what another user could have put into PATH is passed over, and told" {
	in_host && return
	container c1
	mkdir "$TMPDIR/theirs"
	cat >"$TMPDIR/theirs/slirp4netns" <<-EOF
		#!/bin/bash
		touch $TMPDIR/executed
		exec /usr/bin/slirp4netns "\$@"
	EOF
	chmod 755 "$TMPDIR/theirs/slirp4netns"
	chown 1000 "$TMPDIR/theirs/slirp4netns"
	search=$TMPDIR/theirs:$PATH
	succeeds ADD
	[[ $words == *"theirs/slirp4netns is passed over: user 1000"* ]] || fail "not told"
	succeeds DEL
	chown 0 "$TMPDIR/theirs/slirp4netns"
	chmod 777 "$TMPDIR/theirs/slirp4netns"
	succeeds ADD
	succeeds DEL
	[ ! -e "$TMPDIR/executed" ] || fail "it was executed"
	# What a list names is meant.
	chown 1000 "$TMPDIR/theirs/slirp4netns"
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$TMPDIR/theirs/slirp4netns\"")"
	succeeds DEL
	[ -e "$TMPDIR/executed" ] || fail "it was not executed"
	nothing_left
}

@test "STATUS tells a place for log or socket that is not ours or not to be written to" {
	in_host && return
	local dir

	succeeds STATUS
	for dir in log sock; do
		chown 1000 "$STATE/$dir"
		fails 50 "$STATE/$dir" STATUS
		chown 0 "$STATE/$dir"
		mount --bind "$STATE/$dir" "$STATE/$dir"
		mount -o remount,bind,ro "$STATE/$dir"
		fails 50 "$STATE" STATUS
		umount "$STATE/$dir"
	done
	succeeds STATUS
}

@test "STATUS of an ordinary user does not ask for what his user namespace will give him" {
	in_host && return
	prepare_user
	flow() {
		succeeds STATUS
		succeeds STATUS "$(net '"enableSandbox":true')"
		is "$words" ""
	}
	as_user flow
}

@test "STATUS of an ordinary user tells that no user namespace can be made for his daemon" {
	in_host && return
	prepare_user
	flow() {
		plugin=(unshare --user --map-user=1000 --map-group=1000 --keep-caps bash -c
			'echo "$1" >/proc/sys/user/max_user_namespaces; shift
			exec setpriv --inh-caps=-all --ambient-caps=-all "$@"' limited 1 "$CNI")
		succeeds STATUS
		plugin[9]=0
		fails 50 "sysctl user.max_user_namespaces" STATUS
		is "$(find "$STATE"/sock "$STATE"/log -type f)" ""
	}
	as_user flow
}

@test "an outbound address that nothing can come from is refused by ADD and STATUS, not by DEL" {
	in_host && return
	local key address

	container c1
	while read -r key address; do
		fails 7 "$key" ADD "$(net "\"enableIPv6\":true,\"$key\":\"$address\"")"
		[[ $output == *"$address"* && $output == *"address of the host"* ]] || fail "not said: $output"
		fails 7 "$key" STATUS "$(net "\"enableIPv6\":true,\"$key\":\"$address\"")"
		nothing_left
	done <<-'EOF'
		outboundAddr 198.51.100.7
		outboundAddr 192.0.2.2
		outboundAddr 224.0.0.1
		outboundAddr 255.255.255.255
		outboundAddr6 2001:db8::2
		outboundAddr6 fe80::1
		outboundAddr6 ff02::1
	EOF
	succeeds ADD "$(net '"enableIPv6":true,"outboundAddr":"192.0.2.1","outboundAddr6":"2001:db8::1"')"
	succeeds DEL "$(net '"outboundAddr":"198.51.100.7"')"
	nothing_left
	succeeds ADD "$(net '"enableIPv6":true,"outboundAddr":"0.0.0.0","outboundAddr6":"::"')"
	succeeds DEL
	# By a route, an address is the host's without being any interface's.
	ip route add local 198.51.100.0/24 dev lo
	start_services
	succeeds ADD "$(net '"outboundAddr":"198.51.100.7"')"
	is "$(fetch 192.0.2.1)" "tcp from 198.51.100.7"
}

# A record that is lost.

# lose_state: as a machine does that clears /run.
lose_state() {
	rm -rf "${STATE:?}"
}

found_and_ended() {
	succeeds DEL
	[[ $words == *"record of $CNI_CONTAINERID@$CNI_IFNAME was lost"*"found by the interface"* ]] ||
		fail "not told: $words"
	is "$(wc -l <<<"$words")" 1
	no_interface || fail "the interface is there"
	succeeds DEL
	is "$words" ""
}

@test "a lost record: CHECK knows that a DEL is needed, DEL finds the daemon by the interface, and no other" {
	in_host && return
	local result others=() pid

	start_services
	container other
	succeeds ADD
	others+=("$(recorded pid)")
	container c1
	CNI_IFNAME=eth1
	succeeds ADD
	others+=("$(recorded pid)")
	CNI_IFNAME=eth0
	succeeds ADD
	result=$output
	pid=$(recorded pid)
	lose_state
	fails 103 "process $pid" CHECK "$(with_prev "$(net)" "$result")"
	# Of another container, or another network, it is not.
	CNI_CONTAINERID=another succeeds DEL
	[[ $words == *"another@eth0"*"stays"* ]] || fail "not told: $words"
	[ -d "/proc/$pid" ] || fail "another's DEL ended it"
	CNI_NETNS=/run/netns/other succeeds DEL
	[ -d "/proc/$pid" ] || fail "it was found through another namespace"
	is "$(daemons | wc -l)" 3
	succeeds DEL
	[[ $words == *"record of c1@eth0 was lost"*"process $pid"*"found by the interface"* ]] || fail "not told: $words"
	is "$(daemons | xargs)" "${others[*]}"
	is "$(interfaces)" eth1
	fails 3 "no record" CHECK "$(with_prev "$(net)" "$result")"
	CNI_IFNAME=eth1
	found_and_ended
}

@test "a DEL of what was never added is silent, also where another plugin has the interface" {
	in_host && return
	container c1
	succeeds DEL
	is "$words" ""
	in_container ip link add eth0 type veth peer name eth7
	succeeds DEL
	is "$words" ""
	in_container ip link show eth0 >/dev/null
	CNI_NETNS=/proc/self/ns/net succeeds DEL
	is "$words" ""
	CNI_NETNS=/run/nosuch succeeds DEL
	is "$words" ""
}

@test "a stateDir that has become another is a lost record, too" {
	in_host && return
	container c1
	succeeds ADD "$(net '"stateDir":"/run/t/before"')"
	found_and_ended
	nothing_left
}

@test "an ordinary user's DEL finds his daemon" {
	in_host && return
	prepare_user
	flow() {
		container_of_process --net --user --map-root-user
		enter=(nsenter --target "$process" --user --net --preserve-credentials)
		succeeds ADD
		lose_state
		found_and_ended
		nothing_left
	}
	as_user flow
}

@test "a DEL that may not look at the daemon says what stays, and ends nobody" {
	in_host && return
	local pid

	container c1
	succeeds ADD
	pid=$(recorded pid)
	lose_state
	plugin=(setpriv "--bounding-set=-all,+sys_admin" --inh-caps=-all "${plugin[@]}")
	succeeds DEL
	[[ $words == *"no record of c1@eth0"*"stays"*"process $pid"* ]] || fail "not told: $words"
	is "$(daemons)" "$pid"
}

@test "what is not proved to be the daemon is left alone: another's slirp4netns, or who says that it is" {
	in_host && return
	local socket daemon imitators=()

	container c1
	succeeds ADD
	socket=$(jq -r '.interfaces[0].socketPath' <<<"$output")
	succeeds DEL
	# Somebody's own slirp4netns, on an interface of that name.
	/usr/bin/slirp4netns --netns-type=path "$CNI_NETNS" eth0 >/dev/null 2>&1 &
	daemon=$!
	wait_until in_container ip link show eth0
	succeeds DEL
	[[ $words == *"no record of c1@eth0"*"stays"* ]] || fail "not told: $words"
	# Programs that call themselves as ours does, hold the namespace and a tap, and lack one thing each.
	cp "$(readlink -f /usr/bin/python3)" /run/t/slirp4netns
	imitate() { # PROGRAM NAMESPACE INTERFACE
		"${enter[@]}" env PYTHONHOME=/usr "$1" - "$2" "$3" "--api-socket=$socket" <<-'EOF' &
			import fcntl, os, struct, sys, time
			held = open(sys.argv[1])
			tap = os.open("/dev/net/tun", os.O_RDWR)
			fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", sys.argv[2].encode(), 0x1002))
			os.close(0)
			time.sleep(1000)
		EOF
		imitators+=("$!")
		wait_until in_container ip link show "$3"
		succeeds DEL
		[[ $words == *"stays"*"process $!"* ]] || fail "not told: $words"
	}
	ip netns add elsewhere
	imitate /run/t/slirp4netns /run/netns/c1 eth8
	enter=(nsenter --net=/run/netns/elsewhere)
	imitate /run/t/slirp4netns /run/netns/elsewhere eth0
	ip netns add apart
	enter=(nsenter --net=/run/netns/apart)
	imitate /usr/bin/python3 /run/netns/c1 eth0
	[ -d "/proc/$daemon" ] || fail "another's slirp4netns was ended"
	for pid in "${imitators[@]}"; do
		[ -d "/proc/$pid" ] || fail "an imitator was ended"
	done
}

# GC.

@test "GC goes on behind an attachment that it cannot remove, and counts them" {
	in_host && return
	local name

	# On whichever end of the directory it begins.
	for name in bad1 good1 good2 bad2; do
		container "$name"
		succeeds ADD
		[[ $name == good* ]] || {
			mv "$(record)" /run/t/away
			mkdir -p "$(record)/not/empty"
		}
	done
	fails 5 "2 attachments could not be removed" GC "$(net '"cni.dev/valid-attachments":[]')"
	for name in good1 good2; do
		attachment "$name" "/run/netns/$name"
		[ ! -e "$(record)" ] || fail "$name has its record"
		enter=(nsenter "--net=/run/netns/$name")
		no_interface || fail "$name has its interface"
	done
}
