#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Names resolve, wherever the host keeps its /etc/resolv.conf: links that leave what slirp4netns's sandbox has of
# the host (/etc and /run), as WSL2 and NixOS have them.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/resolv

# All of them. A function, for the host has the functions of this file and not its variables.
shapes() { echo wsl nixos nixos-resolved relative hops run-by-another-name tmp; }

is_sandboxed() {
	is "$(find "/proc/$(recorded pid)/root/" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "etc run"
}

@test "a resolv.conf that is outside of the sandbox, or led to by way of outside, is read in it" {
	in_host && return
	local shape file

	own_etc
	start_services
	for shape in $(shapes); do
		file=$(shape "$shape")
		name_servers "$file" 192.0.2.1
		container "c$shape"
		succeeds ADD "$(net '"enableSandbox":true')"
		is "$words" ""
		is_answered || fail "$shape: no response"
		is_sandboxed
		succeeds CHECK "$(with_prev "$(net)")"
		succeeds DEL
		nothing_left
	done
}

@test "a caller that ignores SIGCHLD, and so has us ignore it, changes nothing" {
	in_host && return

	own_etc
	start_services
	name_servers "$(shape wsl)" 192.0.2.1
	container c1
	plugin=(python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "${plugin[@]}")
	succeeds ADD "$(net '"enableSandbox":true')"
	is "$words" ""
	is_answered || fail "no answer"
	succeeds DEL
	nothing_left
}

@test "an ordinary user's daemon reads it there, too" {
	in_host && return
	local shape file

	own_etc
	prepare_user
	start_services
	flow() {
		user_container() { container_of_process --net --user --map-root-user; }
		user_container
		enter=(nsenter --target "$process" --user --net --preserve-credentials)
		succeeds ADD "$(net '"enableSandbox":true')"
		is "$words" ""
		is_answered || fail "$1: no response"
		is_sandboxed
		succeeds DEL
		nothing_left
	}
	for shape in $(shapes); do
		file=$(shape "$shape")
		name_servers "$file" 192.0.2.1
		as_user flow "$shape"
	done
}

@test "a file that is a mount itself is the one that is read, root's daemon or an ordinary user's" {
	in_host && return

	own_etc
	prepare_user
	start_services
	name_servers /mnt/box/resolv.conf
	name_servers /opt/mounted 192.0.2.1
	mount --bind /opt/mounted /mnt/box/resolv.conf
	ln -s /mnt/box/resolv.conf /etc/resolv.conf
	container c1
	succeeds ADD "$(net '"enableSandbox":true')"
	is_answered || fail "no response"
	succeeds DEL
	flow() {
		container_of_process --net --user --map-root-user
		enter=(nsenter --target "$process" --user --net --preserve-credentials)
		succeeds ADD "$(net '"enableSandbox":true')"
		is_answered || fail "no response"
		succeeds DEL
	}
	as_user flow
}

@test "the daemon can see the file's directory, read-only, and nothing else of the outside" {
	in_host && return
	local file seen

	own_etc
	file=$(shape wsl)
	name_servers "$file" 192.0.2.1
	echo beside >/mnt/beside
	mkdir /mnt/wsl/below
	mount -t tmpfs -o mode=777 tmpfs /mnt/wsl/below
	container c1
	succeeds ADD
	is_sandboxed
	seen=$(find "/proc/$(recorded pid)/root/" -name resolv.conf -type f)
	is "$(wc -l <<<"$seen")" 1
	refused grep -rqs beside "/proc/$(recorded pid)/root/run/usernet-cni"
	refused touch "${seen%/*}/new"
	refused touch "${seen%/*}/below/new"
}

@test "the host's mounts, and what /etc/resolv.conf is, stay what they were" {
	in_host && return
	local file before

	own_etc
	file=$(shape wsl)
	name_servers "$file" 192.0.2.1
	ip netns add c1
	attachment c1 /run/netns/c1
	enter=(nsenter --net=/run/netns/c1)
	before=$(findmnt -rno TARGET,SOURCE,PROPAGATION)
	succeeds ADD
	is "$(findmnt -rno TARGET,SOURCE,PROPAGATION)" "$before"
	is "$(readlink /etc/resolv.conf)" "$file"
	[ -e "$(record)" ] || fail "the record is hidden"
	succeeds DEL
	is "$(findmnt -rno TARGET,SOURCE,PROPAGATION)" "$before"
	nothing_left
}

@test "what cannot be led into the sandbox: without it and a note, or an error where it was asked for" {
	in_host && return
	local way

	own_etc
	start_services
	name_servers /run/t/servers 192.0.2.1
	mount --bind /run/t/servers /proc/version
	for way in /mnt/none/resolv.conf /proc/version /proc/self/root/../proc/version; do
		rm -f /etc/resolv.conf
		ln -s "$way" /etc/resolv.conf
		container "c$((n = ${n-0} + 1))"
		fails 7 "enableSandbox: " ADD "$(net '"enableSandbox":true')"
		[[ $output == *"/etc/resolv.conf"* ]] || fail "the file is not named"
		nothing_left
		succeeds ADD
		[[ $words == *"not sandboxed: /etc/resolv.conf"* ]] || fail "no note: $words"
		[ -e "/proc/$(recorded pid)/root/usr" ] || fail "it is sandboxed"
		[ "$way" != /mnt/none/resolv.conf ] || name_servers "$way" 192.0.2.1
		wait_until is_answered
		succeeds DEL
		# Where no name is asked for, the sandbox stays.
		for members in '"disableDNS":true' '"dns":{"nameservers":["192.0.2.53"]}'; do
			[ "$way" != /mnt/none/resolv.conf ] || rm -rf /mnt/none
			succeeds ADD "$(net "$members")"
			is "$words" ""
			is_sandboxed
			succeeds DEL
		done
	done
}

@test "a place to mount on is found beside the records, too; where there is none, it is without the sandbox" {
	in_host && return
	local file away='"stateDir":"/mnt/state"'

	own_etc
	start_services
	file=$(shape wsl)
	name_servers "$file" 192.0.2.1
	STATE=/mnt/state
	mkdir /run/lock
	for spot in /run/lock /etc/opt; do
		container "c${spot##*/}"
		succeeds ADD "$(net "$away")"
		is "$words" ""
		is_answered || fail "no response with $spot"
		is_sandboxed
		[ -e "/proc/$(recorded pid)/root/$spot/directory/resolv.conf" ] || fail "it is not in $spot"
		succeeds DEL "$(net "$away")"
		rm -r "$spot"
	done
	container none
	succeeds ADD "$(net "$away")"
	[[ $words == *"not sandboxed: "*"no place"* ]] || fail "no note: $words"
	is_answered || fail "no response"
}

@test "a kernel that lets no mount cover a link: without the sandbox and a note, or an error" {
	in_host && return
	local file call

	own_etc
	start_services
	file=$(shape wsl)
	name_servers "$file" 192.0.2.1
	for call in 428 429; do # open_tree, move_mount
		plugin=(python3 "$LIB/without.py" "$call" "$CNI")
		container "c$call"
		fails 7 "enableSandbox: " ADD "$(net '"enableSandbox":true')"
		fails 50 "enableSandbox: " STATUS "$(net '"enableSandbox":true')"
		succeeds STATUS
		is "$words" ""
		succeeds ADD
		[[ $words == *"not sandboxed: /etc/resolv.conf"*"Function not implemented"* ]] || fail "no note: $words"
		is_answered || fail "no response"
		succeeds DEL
		nothing_left
	done
	# Nor a kernel that cannot make mounts read-only recursively.
	plugin=(python3 "$LIB/without.py" 442 "$CNI")
	succeeds ADD "$(net '"enableSandbox":true')"
	is "$words" ""
	is_answered || fail "no response"
	refused touch "/proc/$(recorded pid)/root/$STATE/slirp4netns/new"
	refused touch "/proc/$(recorded pid)/root/$STATE/slirp4netns/directory/new"
}

@test "a resolv.conf that the daemon cannot read, that has no name server, or just IPv6 ones, is told" {
	in_host && return
	local members words_of text

	own_etc
	start_services
	told() {
		container "c$((n = ${n-0} + 1))"
		succeeds ADD "$(net "${2-}")"
		[[ $words == *"/etc/resolv.conf"*"$1"* ]] || fail "'$1' is not told: $words"
	}
	untold() {
		container "c$((n = ${n-0} + 1))"
		succeeds ADD "$(net "${1-}")"
		is "$words" ""
	}
	told "No such file"
	name_servers /etc/resolv.conf 192.0.2.1
	chown 1000 /etc/resolv.conf
	untold
	chmod 600 /etc/resolv.conf
	told "Permission denied"
	refused is_answered
	name_servers /etc/resolv.conf
	told "no DNS server"
	told "no DNS server" '"enableIPv6":true'
	name_servers /etc/resolv.conf 2001:db8::1
	told "set enableIPv6"
	untold '"enableIPv6":true'
	untold '"disableDNS":true'
	untold '"dns":{"nameservers":["192.0.2.53"]}'
	told "set enableIPv6" '"dns":{"nameservers":["192.0.2.53","10.0.2.3"]}'
	rm /etc/resolv.conf
	mkfifo /etc/resolv.conf
	told "Invalid argument" # without waiting for a writer
}

@test "what the daemon warned of when it started is on standard error, without what a terminal obeys" {
	in_host && return
	local warning

	warning=$(fake warning <<-'EOF'
		printf 'something \e[31mis wrong\nWARNING: Support for seccomp is experimental\nand more\n' >&2
		exec /usr/bin/slirp4netns "$@"
	EOF
	)
	container c1
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$warning\"")"
	is "$words" "slirp4netns: slirp4netns said: something ?[31mis wrong
slirp4netns: slirp4netns said: and more"
}

# IPv6.

@test "with enableIPv6 the result has both name servers, IPv4's first, whatever cidr is" {
	in_host && return
	container c1
	succeeds ADD "$(net '"enableIPv6":true')"
	expect '.dns == {"nameservers": ["10.0.2.3", "fd00::3"]}'
	container c2
	succeeds ADD "$(net '"enableIPv6":true,"cidr":"172.30.0.0/16"')"
	expect '.dns == {"nameservers": ["172.30.0.3", "fd00::3"]}'
	container c3
	succeeds ADD "$(net '"enableIPv6":true,"disableDNS":true')"
	expect 'has("dns") | not'
	container c4
	succeeds ADD "$(net '"enableIPv6":true,"dns":{"nameservers":["192.0.2.53"],"search":["a.example"]}')"
	expect '.dns == {"nameservers": ["192.0.2.53"], "search": ["a.example"]}'
	version=0.2.0
	container c5
	succeeds ADD "$(net '"enableIPv6":true')"
	expect '.dns == {"nameservers": ["10.0.2.3", "fd00::3"]}'
}

@test "on a host with IPv6 name servers only a name resolves through the result's name servers" {
	in_host && return
	start_services
	echo 'nameserver 2001:db8::1' >/run/t/resolv.host
	container c1
	succeeds ADD "$(net '"enableIPv6":true')"
	is "$words" ""
	jq -r '.dns.nameservers[] | "nameserver \(.)"' <<<"$output" >/run/t/resolv.container
	is "$(resolve www.example)" "203.0.113.7"
	is_answered fd00::3 || fail "no response of fd00::3"
	refused is_answered 10.0.2.3
}
