#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Names resolve while the host's /etc/resolv.conf becomes another one below the daemon.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/resolv

@test "a file that is replaced by rename, or comes later, is the one that counts" {
	in_host && return
	local shape file

	own_etc
	start_services
	for shape in wsl nixos-resolved hops; do
		file=$(shape "$shape")
		name_servers "$file" 192.0.2.99
		container "c$shape"
		succeeds ADD "$(net '"enableSandbox":true')"
		is "$words" ""
		refused is_answered
		name_servers "$file" 192.0.2.1
		wait_until is_answered
		rm "$file"
		container "later$shape"
		succeeds ADD "$(net '"enableSandbox":true')"
		[[ $words == *"/etc/resolv.conf"*"10.0.2.3 resolves no name"* ]] || fail "not told: $words"
		refused is_answered
		name_servers "$file" 192.0.2.1
		wait_until is_answered
	done
}

@test "an /etc/resolv.conf that becomes a file of its own is the one that counts" {
	in_host && return
	local file

	own_etc
	start_services
	file=$(shape wsl)
	name_servers "$file" 192.0.2.99
	container c1
	succeeds ADD
	refused is_answered
	name_servers /etc/resolv.conf 192.0.2.1
	wait_until is_answered
}

@test "CHECK tells when resolv.conf leads where the daemon does not see it any more" {
	in_host && return
	local file result

	own_etc
	file=$(shape hops)
	name_servers "$file" 192.0.2.1
	container c1
	succeeds ADD
	result=$output
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	name_servers "$file" 192.0.2.2
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	# A link on the way, then the first one.
	name_servers /opt/new/resolv.conf 192.0.2.1
	ln -sfn /opt/new/resolv.conf /opt/two/link
	fails 103 /etc/resolv.conf CHECK "$(with_prev "$(net)" "$result")"
	ln -sfn /etc/hop /opt/two/link
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	ln -sfn /opt/new/resolv.conf /etc/resolv.conf
	fails 103 /etc/resolv.conf CHECK "$(with_prev "$(net)" "$result")"
	succeeds CHECK "$(with_prev "$(net '"dns":{"nameservers":["192.0.2.53"]}')" "$result")"
	name_servers /etc/resolv.new 192.0.2.1
	mv /etc/resolv.new /etc/resolv.conf
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	# That the host has none is not the daemon's fault.
	rm /etc/resolv.conf
	succeeds CHECK "$(with_prev "$(net)" "$result")"
}
