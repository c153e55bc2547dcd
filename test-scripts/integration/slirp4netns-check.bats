#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What CHECK and STATUS of slirp4netns tell, and what is remembered of the binary.
# run-tests: quick

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# CHECK and STATUS.

@test "CHECK fails when anything is not as it was added" {
	in_host && return
	local name text break pid
	local conf

	conf=$(net '"enableIPv6":true')
	while IFS='|' read -r name text break; do
		container "$name"
		succeeds ADD "$conf"
		result=$output
		socket=$(jq -r '.interfaces[0].socketPath' <<<"$output")
		pid=$(recorded pid)
		succeeds CHECK "$(with_prev "$conf" "$result")"
		eval "$break"
		fails 103 "$text" CHECK "$(with_prev "$conf" "$result")"
		succeeds DEL "$conf"
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""
	done <<-'EOF'
		killed|has ended|kill -9 "$pid"; wait_until no_daemon
		down|is down|in_container ip link set eth0 down
		address|10.0.2.100/24|in_container ip addr del 10.0.2.100/24 dev eth0
		address6|fd00::100/64|in_container ip addr del fd00::100/64 dev eth0
		prefix|10.0.2.100/24|in_container ip addr del 10.0.2.100/24 dev eth0; in_container ip addr add 10.0.2.100/25 dev eth0
		route|0.0.0.0/0|in_container ip route del default
		route6|::/0|in_container ip -6 route del default via fd00::2
		gateway|0.0.0.0/0|in_container ip route replace default via 10.0.2.9
		mtu|MTU|in_container ip link set eth0 mtu 1400
		mac|MAC|in_container ip link set eth0 address 02:00:00:00:00:09
		renamed|eth0|in_container ip link set eth0 down; in_container ip link set eth0 name eth9
		nosocket|.sock|rm "$socket"
		file|.sock|rm "$socket"; echo >"$socket"
		stopped|.sock|kill -STOP "$pid"
	EOF
}

@test "CHECK looks at the addresses of its own interface, and not at others'" {
	in_host && return
	local others

	container c1
	succeeds ADD
	others=$(jq -c '.interfaces = [{"name": "br0"}] + .interfaces | .ips[0].interface = 1 |
		.ips += [{"address": "10.9.0.1/24", "interface": 0}]' <<<"$output")
	succeeds CHECK "$(with_prev "$(net)" "$others")"
	fails 103 10.9.0.1 CHECK "$(with_prev "$(net)" "$(jq -c '.ips[1].interface = 1' <<<"$others")")"
	succeeds CHECK "$(with_prev "$(net)" "$(jq -c 'del(.ips[1].interface)' <<<"$others")")"
}

@test "CHECK fails when the interface was deleted" {
	in_host && return
	container c1
	succeeds ADD
	in_container ip link del eth0
	fails 103 "" CHECK "$(with_prev "$(net)")"
	succeeds DEL
	nothing_left
}

@test "CHECK of an attachment that was never added, or deleted, or without prevResult, fails" {
	in_host && return
	local result

	container c1
	succeeds ADD
	result=$output
	fails 7 prevResult CHECK
	CNI_CONTAINERID=other fails 3 other@eth0 CHECK "$(with_prev "$(net)" "$result")"
	CNI_IFNAME=eth7 fails 3 @eth7 CHECK "$(with_prev "$(net)" "$result")"
	succeeds DEL
	fails 3 c1@eth0 CHECK "$(with_prev "$(net)" "$result")"
}

@test "STATUS succeeds without an attachment, and says with 50 what is missing" {
	in_host && return
	succeeds STATUS
	search=/usr/local/bin fails 50 "no slirp4netns" STATUS
	fails 50 /nonexistent STATUS "$(net '"slirp4netnsPath":"/nonexistent"')"
	mkdir /run/t/readonly
	mount -t tmpfs -o ro tmpfs /run/t/readonly
	fails 50 /run/t/readonly STATUS "$(net '"stateDir":"/run/t/readonly/state"')"
	mount -t tmpfs tmpfs /run/t/readonly -o mode=700
	succeeds STATUS "$(net '"stateDir":"/run/t/readonly"')"
	mount -o remount,ro /run/t/readonly
	fails 50 /run/t/readonly STATUS "$(net '"stateDir":"/run/t/readonly"')"
	mount -t tmpfs tmpfs /dev/net
	fails 50 /dev/net/tun STATUS
	umount /dev/net
	succeeds STATUS
	nothing_left
}

# The binary.

@test "the options of a binary are asked once, and again after it has changed" {
	in_host && return
	local conf asked=/run/t/asked

	mkdir /run/t/bin
	cat >/run/t/bin/slirp4netns <<-EOF
		#!/bin/sh
		[ "\$1" != --help ] || echo asked >>$asked
		exec /usr/bin/slirp4netns "\$@"
	EOF
	chmod 755 /run/t/bin/slirp4netns
	conf=$(net '"slirp4netnsPath":"/run/t/bin/slirp4netns"')
	container c1
	for _ in 1 2 3; do
		succeeds ADD "$conf"
		succeeds STATUS "$conf"
		succeeds DEL "$conf"
	done
	is "$(wc -l <$asked)" 1
	# It makes no difference how the binary is found.
	search=/run/t/bin:$PATH succeeds ADD
	succeeds DEL
	is "$(wc -l <$asked)" 1
	echo '# newer' >>/run/t/bin/slirp4netns
	succeeds ADD "$conf"
	is "$(wc -l <$asked)" 2
	# The options are of the binary, so of no network.
	container c2
	succeeds ADD "${conf/'"net"'/'"other"'}"
	is "$(wc -l <$asked)" 2
}

@test "remembered options that are nonsense are asked anew" {
	in_host && return
	local remembered

	container c1
	succeeds ADD
	succeeds DEL
	remembered=$(find "$STATE" -name '.options-*')
	for text in '' nonsense 0 'ffffffffffffffff' '1 2'; do
		echo "$text" >"$remembered"
		succeeds ADD
		succeeds DEL
	done
	rm "$remembered"
	mkfifo "$remembered"
	limit=5 succeeds ADD
	succeeds DEL
}
