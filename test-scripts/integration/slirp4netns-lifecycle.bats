#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon's life, as root, on the real slirp4netns: ADD, DEL and GC.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# The daemon's life.

@test "50 ADD in parallel, then 50 DEL in parallel: each its own daemon, nothing left" {
	in_host && return
	local i pids=()

	for i in {1..50}; do ip netns add "c$i"; done
	each() {
		attachment "c$2" "/run/netns/c$2"
		timeout "$patience" env "CNI_COMMAND=$1" "${plugin[@]}" <<<"$(net)" \
			>"/run/t/$1.$2" 2>"/run/t/$1.$2.err"
	}
	all() {
		pids=()
		for i in {1..50}; do each "$1" "$i" & pids+=("$!"); done
		for i in {1..50}; do
			wait "${pids[i - 1]}" || fail "$1 $i: $(cat "/run/t/$1.$i" "/run/t/$1.$i.err")"
			no_sanitizer_report "$(<"/run/t/$1.$i.err")"
		done
	}
	start_services
	all ADD
	is "$(daemons | wc -l)" 50
	is "$(cat /run/t/ADD.? /run/t/ADD.?? | jq -r '.interfaces[0].socketPath' | sort -u | wc -l)" 50
	for i in 1 25 50; do
		enter=(nsenter "--net=/run/netns/c$i")
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	done
	all DEL
	nothing_left
	for i in {1..50}; do is "$(nsenter "--net=/run/netns/c$i" ip -o link | wc -l)" 1; done
}

@test "of ten ADD of one attachment at the same time one succeeds, and the others leave it alone" {
	in_host && return
	local i succeeded=0 pids=()

	start_services
	for i in {1..10}; do ip netns add "n$i"; done
	each() {
		attachment one "/run/netns/n$1"
		env CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net)" >"/run/t/answer.$1"
	}
	for i in {1..10}; do each "$i" & pids+=("$!"); done
	for i in {1..10}; do
		if wait "${pids[i - 1]}"; then
			succeeded=$((succeeded + 1))
			enter=(nsenter "--net=/run/netns/n$i")
			attachment one "/run/netns/n$i"
		else
			expect '.code == 102' "$(<"/run/t/answer.$i")"
		fi
	done
	is "$succeeded" 1
	is "$(daemons)" "$(recorded pid)"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds DEL
	nothing_left
}

@test "one container, two interfaces: two attachments, the first default route counts" {
	in_host && return
	local second

	start_services
	container c1
	succeeds ADD "$(net '"cidr":"10.9.0.0/24","enableIPv6":true')"
	CNI_IFNAME=eth1
	second=$(net '"cidr":"10.8.0.0/24","enableIPv6":true')
	succeeds ADD "$second"
	is "$(daemons | wc -l)" 2
	# The first default route stays the first.
	is "$(in_container ip route show default | head -n 1)" "default via 10.9.0.2 dev eth0 "
	succeeds CHECK "$(with_prev "$second")"
	succeeds DEL "$second"
	is "$(daemons | wc -l)" 1
	is "$(interfaces)" eth0
	CNI_IFNAME=eth0
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds DEL
	nothing_left
}

@test "a daemon behind a script that does not exec it ends with DEL, too" {
	in_host && return
	container c1
	printf '#!/bin/bash\n/usr/bin/slirp4netns "$@"\n' >/run/t/wrapper
	chmod 755 /run/t/wrapper
	succeeds ADD "$(net '"slirp4netnsPath":"/run/t/wrapper"')"
	succeeds DEL
	wait_until no_daemon
	nothing_left
}

@test "a DEL that cannot see whether the daemon runs fails, and keeps the record" {
	in_host && return
	container c1
	succeeds ADD
	(
		ulimit -n 7
		cni DEL
		is "$status" 1
	)
	is "$(daemons | wc -l)" 1
	succeeds DEL
	nothing_left
}

@test "the daemon ends with the process whose namespace it serves, even without DEL" {
	needs_linux 6.9
	in_host && return
	container_of_process
	succeeds ADD
	is "$(daemons)" "$(recorded pid)"
	kill -9 "$process"
	wait "$process" || true
	wait_until no_daemon
	fails 103 "has ended" CHECK "$(with_prev "$(net)")"
	succeeds DEL
	enter=()
	is "$(left_files "$STATE")" ""
}

@test "DEL succeeds twice, without CNI_NETNS, without the namespace, without state" {
	in_host && return
	container c1
	succeeds DEL
	[ ! -e "$STATE" ] || fail "DEL made $STATE"

	succeeds ADD
	(
		unset CNI_NETNS
		succeeds DEL
	)
	nothing_left
	succeeds DEL

	succeeds ADD
	CNI_NETNS='' succeeds DEL
	nothing_left

	succeeds ADD
	ip netns del c1
	succeeds DEL
	enter=()
	is "$(daemons)" ""
	is "$(left_files "$STATE")" ""

	container c2
	succeeds ADD
	mv "$STATE" /run/t/lost
	succeeds DEL
	mv /run/t/lost "$STATE"
	succeeds DEL
	nothing_left
}

@test "DEL succeeds however broken the rest of the configuration is" {
	in_host && return
	local members

	while read -r members; do
		container "c$((n = ${n-0} + 1))"
		succeeds ADD
		CNI_ARGS='nonsense' succeeds DEL "$(net "$members")"
		nothing_left
	done <<-'EOF'
		"prevResult":{"cniVersion":"9.9.9"}
		"prevResult":"nonsense"
		"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"nonsense"}]}
		"prevResult":null
		"mtu":"nonsense","cidr":7,"enableIPv6":[],"runtimeConfig":{"ips":{}}
		"runtimeConfig":7
		"ipam":{"type":"host-local"}
		"slirp4netnsPath":"/nonexistent"
	EOF
}

@test "DEL ends the daemon with which result version ever it was added" {
	in_host && return
	container c1
	version=0.3.1 succeeds ADD
	version=1.1.0 succeeds DEL
	nothing_left
}

@test "a stopped daemon, and one that does not listen to SIGTERM, are ended by DEL all the same" {
	in_host && return
	local pid deaf

	container c1
	succeeds ADD
	pid=$(recorded pid)
	kill -STOP "$pid"
	limit=5 succeeds DEL
	[ ! -d "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" || fail "the daemon lives"
	nothing_left

	deaf=$(fake deaf <<<"trap '' TERM INT HUP; exec /usr/bin/slirp4netns \"\$@\"")
	container c2
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$deaf\"")"
	limit=5 succeeds DEL
	nothing_left
}

@test "a second ADD is refused while the first lives, and succeeds after its daemon was killed" {
	in_host && return
	local pid

	start_services
	container c1
	succeeds ADD
	pid=$(recorded pid)
	fails 102 eth0 ADD
	is "$(daemons)" "$pid"
	# From another namespace, which has no interface of that name.
	ip netns add c2
	CNI_NETNS=/run/netns/c2 fails 102 c1@eth0 ADD
	is "$(daemons)" "$pid"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"

	kill -9 "$pid"
	wait_until no_daemon
	succeeds ADD
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	succeeds DEL
	nothing_left
}

@test "never a signal to a process that is not ours" {
	in_host && return
	local edit other

	other() {
		sleep 1000 &
		other=$!
		wait_until grep -q sleep "/proc/$other/comm"
	}
	other
	# The pid is somebody else's now, perhaps since the very tick in which the daemon began; the pid is
	# right, but not the start time or the boot. The daemon itself is found by its socket.
	for edit in ".pid = $other" ".pid = $other | .startTime = 1" \
		".pid = $other | .startTime = $(cut -d ' ' -f 22 "/proc/$other/stat")" \
		'.startTime += 1' '.startTime = 0' '.pidfdInode += 1' \
		'.bootId = "00000000-0000-0000-0000-000000000000"' '.bootId = ""' '.pid = 4194999'; do
		container "c$((n = ${n-0} + 1))"
		succeeds ADD
		edit_record "$edit"
		succeeds DEL
		[ -d "/proc/$other" ] || fail "$edit: somebody else's process was ended"
		nothing_left
	done
	# No process at all.
	for edit in '.pid = 1' '.pid = 0' '.pid = -1' '.pid = "7"' 'del(.pid)' '.pid = 1.5' \
		'.pid = 99999999999' 'del(.startTime)' 'del(.bootId)' '.bootId = 7'; do
		container "c$((n = ${n-0} + 1))"
		succeeds ADD
		edit_record "$edit"
		succeeds DEL
		[ -d "/proc/$other" ] || fail "$edit: somebody else's process was ended"
		nothing_left
	done

	# The same for GC and for the ADD that replaces a record.
	container gc
	succeeds ADD
	edit_record ".pid = $other"
	succeeds GC "$(net '"cni.dev/valid-attachments":[]')"
	[ -d "/proc/$other" ] || fail "GC: somebody else's process was ended"
	nothing_left
	succeeds ADD
	edit_record ".pid = $other"
	ip netns add elsewhere
	CNI_NETNS=/run/netns/elsewhere fails 102 "DEL it" ADD
	kill -9 "$(daemons)"
	wait_until no_daemon
	succeeds ADD
	[ -d "/proc/$other" ] || fail "ADD: somebody else's process was ended"
}

# GC.

@test "GC ends what is not valid, by either of its keys, and leaves the rest alone" {
	in_host && return
	local key valid

	start_services
	for key in cni.dev/valid-attachments cni.dev/attachments; do
		for i in 1 2 3; do
			ip netns add "c$i" 2>/dev/null || true
			attachment "c$i" "/run/netns/c$i"
			succeeds ADD
		done
		enter=(nsenter --net=/run/netns/c2)
		# Same container, other interface: not the attachment that is valid.
		valid='[{"containerID":"c2","ifname":"eth0"},{"containerID":"c1","ifname":"eth1"},
			{"containerID":"unknown","ifname":"eth0"}]'
		succeeds GC "$(net "\"$key\":$valid")"
		attachment c2 /run/netns/c2
		is "$(daemons)" "$(recorded pid)"
		is "$(left_files "$STATE/slirp4netns")" "$(record)"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		succeeds GC "$(net "\"$key\":[]")"
		nothing_left
	done
}

@test "GC takes null for an empty list, and refuses to guess when there is no list" {
	in_host && return
	local members

	container c1
	succeeds ADD
	while read -r members; do
		fails 7 cni.dev/ GC "$(net "$members")"
		is "$(daemons)" "$(recorded pid)"
	done <<-'EOF'

		"cni.dev/valid-attachments":{}
		"cni.dev/valid-attachments":"none"
		"cni.dev/valid-attachments":[{"containerID":"c1"}]
		"cni.dev/valid-attachments":[{"containerID":1,"ifname":"eth0"}]
		"cni.dev/valid-attachments":["c1"]
	EOF
	succeeds GC "$(net '"cni.dev/valid-attachments":null')"
	nothing_left
	succeeds GC "$(net '"cni.dev/valid-attachments":[]')"
}

@test "GC removes what stays of a deleted namespace, of a dead daemon, and unreadable records" {
	in_host && return
	container gone
	succeeds ADD
	ip netns del gone
	container dead
	succeeds ADD
	kill -9 "$(recorded pid)"
	container broken
	succeeds ADD
	echo '{"pid":' >"$(record)"
	succeeds GC "$(net '"cni.dev/valid-attachments":[]')"
	nothing_left
}

@test "GC of one network leaves another network alone" {
	in_host && return
	container c1
	succeeds ADD
	succeeds GC '{"cniVersion":"1.1.0","name":"other","type":"slirp4netns","cni.dev/valid-attachments":[]}'
	is "$(daemons)" "$(recorded pid)"
	succeeds DEL '{"cniVersion":"1.1.0","name":"other","type":"slirp4netns"}'
	is "$(daemons)" "$(recorded pid)"
}

# The binary.

@test "the plugin in PATH is not taken for the daemon: itself, a link, a copy" {
	in_host && return
	local before

	mkdir /run/t/link /run/t/hard /run/t/copy
	ln -s "$CNI" /run/t/link/slirp4netns
	ln "$CNI" /run/t/hard/slirp4netns
	cp "$CNI" /run/t/copy/slirp4netns
	for before in /run/cni /run/t/link /run/t/hard /run/t/copy /nonexistent /etc/passwd .:: ''; do
		container "c$((n = ${n-0} + 1))"
		search=$before:$PATH limit=10 succeeds ADD
		is "$(readlink "/proc/$(recorded pid)/exe")" /usr/bin/slirp4netns
	done
	container alone
	search=/run/cni:/run/t/copy:/usr/local/bin fails 101 "no slirp4netns" ADD
	is "$(interfaces)" ""
	for before in /run/cni /run/t/link /run/t/hard; do
		fails 101 "is this CNI plugin" ADD "$(net "\"slirp4netnsPath\":\"$before/slirp4netns\"")"
	done
	fails 101 /run/t/copy/slirp4netns ADD "$(net '"slirp4netnsPath":"/run/t/copy/slirp4netns"')"
}

@test "the state directory is where stateDir says, and ADD makes nothing elsewhere" {
	in_host && return
	local conf

	conf=$(net '"stateDir":"/run/t/state"')
	container c1
	succeeds ADD "$conf"
	expect '.interfaces[0].socketPath | startswith("/run/t/state/sock/")'
	[ ! -e "$STATE" ] || fail "there is a $STATE"
	is "$(find /run/t/state -type d ! -perm 700)" ""
	is "$(find /run/t/state -type f ! -perm 600)" ""
	succeeds CHECK "$(with_prev "$conf")"
	succeeds DEL "$conf"
	nothing_left /run/t/state
}
