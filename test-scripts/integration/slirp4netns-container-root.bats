#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The root of a container whose user namespace is an ordinary user's, and who sees the host's pids: he has every
# capability over whatever process is in that user namespace. The user's files and network are not for him.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# users_container MAP: self: its root is the user, as `unshare -r` has it; subordinate: its root is one of the user's
# subordinate ids, and the user himself is nobody in it.
users_container() {
	if [ "$1" = self ]; then
		container_of_process --user --map-root-user --net
		root_of_it=(nsenter --target "$process" --user --preserve-credentials)
	else
		container_of_process --user --net
		newuidmap "$process" 0 100000 1000
		newgidmap "$process" 0 100000 1000
		root_of_it=(nsenter --target "$process" --user --setuid 0 --setgid 0)
	fi
	enter=(nsenter --target "$process" --user --net --preserve-credentials)
	is "$("${root_of_it[@]}" id -u)" 0
	# The attack works on what is the container's own.
	is "$(attack "$(of_the_container)")" "attach mem root cwd fd environ ns descriptor"
}

# A process that was executed inside.
of_the_container() {
	"${root_of_it[@]}" sleep 1000 >/dev/null 2>&1 &
	wait_until grep -qx sleep "/proc/$!/comm"
	echo $!
}

# attack PID: what of it is open to the container's root.
attack() {
	"${root_of_it[@]}" python3 /run/lib/attack.py "$1"
}

prepare_attack() {
	prepare_user
	give_subordinate_ids 1000:100000:65536
	cp "$BIN/netns-stats" "$BIN/cnirun" /run/cni/
	chmod 755 /run/cni/*
}

# slow_join FILE: environment of a program that stops when it has joined a user namespace.
slow_join() {
	slow=(env LD_PRELOAD=/run/t/slow_join.so "SLOW_JOIN=$1" ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0)
}

prepare_slow_join() {
	gcc -shared -fPIC -o /run/t/slow_join.so /run/lib/slow_join.c
	chmod 755 /run/t
}

needs_dynamic() {
	[ "${VALGRIND-}" != 1 ] || skip "valgrind's processes are not the program's"
	[[ $(ldd "$BIN/slirp4netns" 2>&1) == *libc.so* ]] || skip "nothing can be preloaded"
}

@test "the container's root has no hold on a user's daemon, sandboxed or not, whatever ids are mapped" {
	in_host && return
	prepare_attack
	start_services
	flow() {
		local map conf pid

		for map in self subordinate; do
			users_container "$map"
			for conf in '' '"enableSandbox":false' '"enableSandbox":false,"enableSeccomp":false'; do
				succeeds ADD "$(net "$conf")"
				refused grep -q "not sandboxed" <<<"$words"
				pid=$(recorded pid)
				is "$(attack "$pid")" ""
				[ "$(readlink "/proc/$pid/ns/user")" != "$(readlink "/proc/$process/ns/user")" ] ||
					fail "it is in the container's user namespace"
				is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
				succeeds CHECK "$(with_prev "$(net "$conf")")"
				succeeds DEL "$(net "$conf")"
				nothing_left
			done
		done
	}
	as_user flow
}

@test "the container's root has no hold on the daemon and the plugin while the daemon starts" {
	in_host && return
	prepare_attack
	flow() {
		local map path adding pid

		for map in self subordinate; do
			users_container "$map"
			rm -f "$TMPDIR/go"
			path=$(fake slow <<<"until [ -e $TMPDIR/go ]; do sleep 0.01; done; exec /usr/bin/slirp4netns \"\$@\"")
			CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net "\"slirp4netnsPath\":\"$path\"")" >"$TMPDIR/answer" &
			adding=$!
			wait_until eval '[ -e "$(record)" ]'
			pid=$(recorded pid)
			wait_until grep -qx slirp4netns "/proc/$pid/comm"
			[ "$pid" != "$adding" ] || fail "no daemon of its own"
			is "$(attack "$pid")" ""
			is "$(attack "$adding")" ""
			touch "$TMPDIR/go"
			wait "$adding" || fail "ADD: $(<"$TMPDIR/answer")"
			succeeds DEL
			nothing_left
		done
	}
	as_user flow
}

@test "the container's root has no hold on what joins its user namespace to read its network" {
	needs_dynamic
	in_host && return
	prepare_attack
	prepare_slow_join
	# held COMMAND...: the child that joins is attacked while it is held.
	held() {
		local running joined=$TMPDIR/joined.$RANDOM$RANDOM

		slow_join "$joined"
		"${slow[@]}" "$@" </dev/null >"$TMPDIR/out" 2>"$TMPDIR/err" &
		running=$!
		wait_until test -s "$joined"
		is "$(attack "$(<"$joined")")" ""
		touch "$joined.go"
		wait "$running" || fail "$*: $(<"$TMPDIR/err")"
	}
	flow() {
		local map

		for map in self subordinate; do
			users_container "$map"
			held /run/cni/netns-stats show -n "$CNI_NETNS"
			held /run/cni/netns-stats show --detail -f json -n "$CNI_NETNS"
			expect 'length == 1' "$(<"$TMPDIR/out")"
			succeeds ADD
			with_prev "$(net)" >"$TMPDIR/check"
			held env CNI_COMMAND=CHECK sh -c "exec ${plugin[*]} <$TMPDIR/check"
			succeeds DEL
			nothing_left
		done
	}
	as_user flow
}

@test "the container's root has no hold on the daemon that cnirun has added" {
	in_host && return
	prepare_attack
	flow() {
		local map pid

		export CNI_PATH=/run/cni NETCONFPATH=$TMPDIR/net.d HOME=/run/none
		mkdir -p "$NETCONFPATH"
		echo '{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"slirp4netns"},{"type":"netns-stats"}]}' \
			>"$NETCONFPATH/net.conflist"
		for map in self subordinate; do
			users_container "$map"
			/run/cni/cnirun add net "$CNI_NETNS" >/dev/null
			pid=$(daemons)
			is "$(attack "$pid")" ""
			/run/cni/cnirun del net "$CNI_NETNS"
			is "$(daemons)" ""
			is "$(interfaces)" ""
		done
	}
	as_user flow
}
