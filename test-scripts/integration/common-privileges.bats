#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What each plugin needs to be allowed, as its manual page lists it: with just that it works, with one
# capability less it says which one is missing. And what its daemon has left when it serves.
# run-tests: once

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# with CAPABILITIES PROGRAM FUNCTION [ARGUMENT...]: succeeds, fails or cni by root who has only these:
# names with commas, or none.
with() {
	local bounding=-all plugin

	[ "$1" = none ] || bounding=-all,+${1//,/,+}
	plugin=(setpriv "--bounding-set=$bounding" --inh-caps=-all "$BIN/$2")
	shift 2
	"$@"
}

# one_less CAPABILITIES CAPABILITY: the rest, or none.
one_less() {
	local rest

	rest=$(tr , '\n' <<<"$1" | grep -vx "$2" | paste -sd ,)
	echo "${rest:-none}"
}

# listed PAGE ROW: what the page's table says that it takes, as with() has it.
listed() {
	local row

	# The row's other half is behind the Ta of a -column list, or on the next line of a -tag list.
	row=$(cat "$BIN"/../plugins/*/"$1" "$BIN"/../../../plugins/*/"$1" 2>/dev/null |
		awk -v row=".It $2" '/^\.Sh / { here = /SECURITY/ }
			here && $0 == row { getline; print; exit }
			here && index($0, row " Ta ") == 1 { print substr($0, length(row " Ta ") + 1); exit }')
	[ -n "$row" ] || fail "no row $2 in $1"
	row=${row%%, or*}
	row=${row,,}
	row=${row//cap_/}
	echo "${row//, /,}"
}

# behind TYPE [MEMBERS]: a configuration behind the result of ADD in $result.
behind() {
	jq -c --arg type "$1" --argjson prev "$result" '.type = $type | .prevResult = $prev |
		.["cni.dev/valid-attachments"] = [] | if $type == "netns-portmap" then
		.runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: "udp"}] else . end' \
		<<<"$(net "${2-}")"
}

# NAME of the message's: what an error says that is missing.
names() {
	[[ $examined == *"CAP_${1^^}"* ]] || fail "CAP_${1^^} is not named: $examined"
}

@test "slirp4netns: each operation works with the capabilities listed, and names one that is missing" {
	in_host && return
	local result row members caps cap

	start_services
	container c1
	while IFS='|' read -r row members; do
		caps=$(listed slirp4netns-cni.8 "$row")
		for cap in ${caps//,/ }; do
			with "$(one_less "$caps" "$cap")" slirp4netns cni ADD "$(net "$members")"
			examine
			[[ $examined == "error "* ]] || fail "$row works without $cap"
			names "$cap"
			nothing_left
			with "$(one_less "$caps" "$cap")" slirp4netns fails 50 "CAP_${cap^^}" STATUS "$(net "$members")"
		done
		with "$caps" slirp4netns succeeds STATUS "$(net "$members")"
		with "$caps" slirp4netns succeeds ADD "$(net "$members")"
		result=$output
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		with none slirp4netns fails 5 CAP_SYS_ADMIN CHECK "$(with_prev "$(net)" "$result")"
		with "$(listed slirp4netns-cni.8 CHECK)" slirp4netns succeeds CHECK "$(with_prev "$(net)" "$result")"
		is "$(listed slirp4netns-cni.8 'DEL, GC')" none
		with none slirp4netns succeeds GC \
			"$(net '"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]')"
		with none slirp4netns succeeds DEL
		nothing_left
	done <<-'EOF'
		ADD|
		ADD without sandbox|"enableSandbox":false
	EOF

	# The namespace of a process that may everything.
	container_of_process
	caps=$(listed slirp4netns-cni.8 ADD)
	with "$caps" slirp4netns fails 5 CAP_SYS_PTRACE ADD
	with "$caps,sys_ptrace" slirp4netns succeeds ADD
	result=$output
	with sys_admin slirp4netns fails 5 CAP_SYS_PTRACE CHECK "$(with_prev "$(net)" "$result")"
	with sys_admin,sys_ptrace slirp4netns succeeds CHECK "$(with_prev "$(net)" "$result")"
	with none slirp4netns succeeds DEL
	nothing_left
}

@test "netns-portmap: CAP_NET_ADMIN for nf_tables, nothing for slirp4netns" {
	in_host && return
	local result command

	container c1
	succeeds ADD
	result=$output
	is "$(listed netns-portmap.8 'backend slirp4netns')" none
	for command in ADD CHECK DEL; do
		with none netns-portmap succeeds "$command" "$(behind netns-portmap)"
	done
	result=$(jq -c '.interfaces = [{name: "eth0", mac: "02:00:00:00:00:01", sandbox: env.CNI_NETNS}] |
		.ips = [{address: "10.88.0.5/16", interface: 0}] | .routes = []' <<<"$result")
	is "$(listed netns-portmap.8 'backend nftables')" net_admin
	for command in STATUS ADD CHECK DEL ADD GC; do
		with none netns-portmap cni "$command" "$(behind netns-portmap '"backend":"nftables"')"
		examine
		names net_admin
		with net_admin netns-portmap succeeds "$command" "$(behind netns-portmap '"backend":"nftables"')"
	done
	is "$(nft list ruleset)" ""
}

@test "netns-stats: CAP_SYS_ADMIN to read the counters of root's containers" {
	in_host && return
	local result command

	container c1
	succeeds ADD
	result=$output
	is "$(listed netns-stats.8 'ADD, GC, STATUS')" none
	with none netns-stats succeeds ADD "$(behind netns-stats)"
	with none netns-stats succeeds STATUS "$(behind netns-stats)"
	with none netns-stats fails 5 CAP_SYS_ADMIN CHECK "$(behind netns-stats)"
	with "$(listed netns-stats.8 CHECK)" netns-stats succeeds CHECK "$(behind netns-stats)"
	setpriv --bounding-set=-all --inh-caps=-all "$BIN/netns-stats" show >/run/t/out 2>/run/t/words || true
	grep -q CAP_SYS_ADMIN /run/t/words || fail "$(cat /run/t/words)"
	setpriv --bounding-set=-all,+sys_admin --inh-caps=-all "$BIN/netns-stats" show | grep -q "c1.*UP" ||
		fail "show"
	with "$(listed netns-stats.8 DEL)" netns-stats succeeds DEL "$(behind netns-stats)"
	with none netns-stats succeeds ADD "$(behind netns-stats)"
	with none netns-stats succeeds DEL "$(behind netns-stats)"
	with none netns-stats succeeds ADD "$(behind netns-stats)"
	with none netns-stats succeeds GC "$(behind netns-stats)"
	is "$(left_files "$STATE/netns-stats")" ""
}

# The daemon.

# status_of PID KEY
status_of() {
	awk -v key="$2:" '$1 == key {print $2}' "/proc/$1/status"
}

# descriptors PID: what each is, without numbers of inodes.
descriptors() {
	local fd

	for fd in "/proc/$1/fd"/*; do
		readlink "$fd"
	done | sed -E 's/:\[[0-9]+\]$//; s/[0-9a-f]{16}/HASH/' | sort | uniq -c | xargs
}

@test "the daemon starts with the capabilities of the list, whatever its caller has, inheritable or not" {
	in_host && return
	local path

	path=$(fake tells <<<'cp /proc/$$/status /run/t/status; exec /usr/bin/slirp4netns "$@"')
	container c1
	plugin=(setpriv "--inh-caps=+net_raw,+kill,+net_admin" "--ambient-caps=+net_raw,+kill" "$CNI")
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	# CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_SYS_ADMIN
	for set in CapPrm CapEff CapBnd; do
		is "$(awk -v key="$set:" '$1 == key {print $2}' /run/t/status)" 0000000000201500
	done
	is "$(awk '$1 == "CapInh:" {print $2}' /run/t/status)" 0000000000001000
	for set in CapPrm CapEff CapBnd CapInh; do
		is "$(status_of "$(recorded pid)" "$set")" 0000000000000400
	done
	is "$(status_of "$(recorded pid)" CapAmb)" 0000000000000000
	succeeds DEL
	# Without its sandbox it keeps what it was started with, and no more.
	succeeds ADD "$(net '"enableSandbox":false')"
	is "$(status_of "$(recorded pid)" CapEff)" 0000000000201500
	is "$(status_of "$(recorded pid)" CapBnd)" 0000000000201500
	is "$(status_of "$(recorded pid)" NoNewPrivs)" 1
}

@test "a namespace is entered by every way to it, with no more capabilities and without keeping it mounted" {
	in_host && return
	local path

	by_every_way() {
		container_of_process "$@"
		ln -s "$CNI_NETNS" "$TMPDIR/link"
		for path in "$TMPDIR/link" "//proc/$process/ns/net" "/proc/$process/root/../proc/$process/ns/net" \
			"/run/t/proc/$process/ns/net" "/proc/$process/task/$process/ns/net"; do
			CNI_NETNS=$path
			succeeds ADD "$(net '"enableSandbox":false')"
			expect ".interfaces[0].sandbox == \"$path\""
			is "$(status_of "$(recorded pid)" CapBnd)" 0000000000201500
			succeeds DEL
		done
		kill "$process"
	}
	mkdir /run/t/proc
	mount -t proc proc /run/t/proc
	by_every_way --net
	prepare_user
	chmod 755 /run/t
	as_user by_every_way --user --map-root-user --net

	# Where rootless Podman mounts namespaces, called by root.
	install -d -m 700 -o 1000 /run/user/1000/netns
	container c1
	touch /run/user/1000/netns/c1
	mount --bind "$CNI_NETNS" /run/user/1000/netns/c1
	CNI_NETNS=/run/user/1000/netns/c1
	succeeds ADD
	umount /run/user/1000/netns/c1
	is "$(interfaces)" eth0
	succeeds DEL
	nothing_left
}

@test "a path that leads elsewhere once it has been examined does not lead the daemon there" {
	in_host && return
	local path

	container c1
	ln -s "$CNI_NETNS" /run/t/link
	CNI_NETNS=/run/t/link
	path=$(fake swapped <<<'ln -sfn /proc/1/ns/net /run/t/link; exec /usr/bin/slirp4netns "$@"')
	succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	is "$(interfaces)" eth0
	succeeds DEL
	nothing_left
}

@test "the daemon has just these descriptors, mounts, limits and relations" {
	in_host && return
	local pid

	ip netns add other
	container c1
	succeeds ADD
	pid=$(recorded pid)
	is "$(descriptors "$pid")" "1 /net/tun 1 /null 2 $STATE/log/HASH.log 1 net 2 socket"
	# One socket listens, the other is a pair's end that it makes by itself.
	is "$(awk -v root="$STATE" '$8 ~ root {n++} END {print n + 0}' "/proc/$pid/net/unix")" 1
	is "$(awk '{print $5}' "/proc/$pid/mountinfo" | grep -vE '^(/|/etc|/etc/resolv.conf|/run(/.*)?)$')" ""
	grep -qE ' / / ro,' "/proc/$pid/mountinfo" || fail "its root can be written to"
	grep -qE ' /etc ro,nosuid,nodev,noexec' "/proc/$pid/mountinfo" || fail "/etc: $(cat "/proc/$pid/mountinfo")"
	grep -qE ' /run ro,nosuid,nodev,noexec' "/proc/$pid/mountinfo" || fail "/run: $(cat "/proc/$pid/mountinfo")"
	refused grep -E 'shared:' "/proc/$pid/mountinfo"
	is "$(readlink "/proc/$pid/ns/net")" "$(readlink /proc/self/ns/net)"
	is "$(tr '\0' '\n' <"/proc/$pid/environ" | cut -d = -f 1)" PATH
	is "$(ps -o pgid=,sid=,tty=,ppid= -p "$pid" | xargs)" "$pid $pid ? 1"
	is "$(status_of "$pid" Umask)" 0077
	is "$(status_of "$pid" SigBlk)" 0000000000000000
	is "$(status_of "$pid" Threads)" 1
	is "$(awk '/^Max file size/ {print $4, $5}' "/proc/$pid/limits")" "1048576 1048576"
	is "$(cat "/proc/$pid/cgroup")" "$(cat /proc/self/cgroup)"

	# And one more, for the process that it waits for.
	container_of_process
	succeeds ADD
	is "$(descriptors "$(recorded pid)" | grep -o '[0-9] [^ ]*pidfd[^ ]*')" "1 anon_inode:[pidfd]"
}

@test "a runtime's oom_score_adj of -999 is not the daemon's" {
	in_host && return
	local score

	# To have less than 0 takes a capability that a machine's root may lack: it is shown to the plugin.
	gcc -shared -fPIC -o /run/t/score.so -x c - <<-'EOF'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <stdarg.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <unistd.h>

		int open(const char *path, int flags, ...)
		{
			va_list ap;
			int mode;

			va_start(ap, flags);
			mode = va_arg(ap, int);
			va_end(ap);
			if (strcmp(path, "/proc/self/oom_score_adj") == 0)
				path = "/run/t/score";
			return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
		}
		int open64(const char *path, int flags, ...) __attribute__((alias("open")));
	EOF
	container c1
	plugin=("$(type -P env)" LD_PRELOAD=/run/t/score.so
		ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$CNI")
	for score in -999 -1; do
		printf '%s\n' "$score" >/run/t/score
		succeeds ADD
		is "$(head -c 1 /run/t/score)" 0
		succeeds DEL
	done
	for score in 0 300; do
		printf '%s\n' "$score" >/run/t/score
		succeeds ADD
		is "$(cat /run/t/score)" "$score"
		succeeds DEL
	done
	# And the real file: one that is worth less already stays so.
	plugin=("$CNI")
	echo 300 >/proc/self/oom_score_adj
	succeeds ADD
	is "$(cat "/proc/$(recorded pid)/oom_score_adj")" 300
	succeeds DEL
	nothing_left
}
