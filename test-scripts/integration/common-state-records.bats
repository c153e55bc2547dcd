#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What lies in the place of a record, or stands in one: another user of the machine, 1000, has put it there.
# Nothing outside is touched, signalled, or shown in an error.
# run-tests: once

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/attacks

# What must not change, and what must not be told.
export SECRET="correct horse battery staple"

record_of() {
	echo "$STATE/$1/net/$CNI_CONTAINERID@$CNI_IFNAME.json"
}

# strange_records PLUGIN
strange_records() {
	local which=$1 kind file command conf

	plant_victim
	for kind in symbolic dangling hard others fifo device directory huge; do
		container "$kind-$which"
		conf=$(conf "$which")
		as_plugin "$which" succeeds ADD "$conf"
		file=$(record_of "$which")
		rm "$file"
		case $kind in
		symbolic) ln -s /run/t/victim/secret "$file" ;;
		dangling) ln -s /run/t/victim/new "$file" ;;
		hard) ln /run/t/victim/secret "$file" ;;
		others) install -m 666 -o 1000 /run/t/victim/secret "$file" ;;
		fifo) mkfifo "$file" ;;
		device) mknod "$file" c 1 3 ;;
		directory) mkdir "$file" ;;
		huge) head -c 200000000 /dev/zero >"$file" ;;
		esac
		victim_before=$(victim)
		for command in CHECK ADD GC DEL; do
			limit=5 as_plugin "$which" cni "$command" "$conf"
			victim_is_untouched
			[ "$status" = 0 ] || expect '.code | type == "number"'
			case $kind-$command in
			directory-*) ;; # only root can make one: it is named, and stays
			*-DEL) is "$status" 0 ;;
			esac
		done
		[ "$kind" != directory ] || {
			if [ "$which" = netns-stats ]; then
				as_plugin "$which" succeeds DEL "$conf"
				[[ $words == *"$(basename "$file")"* ]] || fail "the file is not named: $words"
			else
				as_plugin "$which" fails 5 "$(basename "$file")" DEL "$conf"
			fi
			rmdir "$file"
			[ "$which" != slirp4netns ] || kill -9 "$(daemons)" 2>/dev/null || true
			wait_until no_daemon
		}
		limit=5 as_plugin "$which" succeeds DEL "$conf"
		is "$(daemons)" ""
		is "$(left_files "$STATE/$which/net")" ""
		rm -f "$STATE"/sock/* "$STATE"/log/*
		ip netns del "$kind-$which"
	done
}

@test "slirp4netns: whatever lies in the place of a record is not followed, not told, and not in the way for ever" {
	in_host && return
	strange_records slirp4netns
}

@test "netns-portmap: whatever lies in the place of a record is not followed, not told, and not in the way for ever" {
	in_host && return
	strange_records netns-portmap
}

@test "netns-stats: whatever lies in the place of a record is not followed, not told, and not in the way for ever" {
	in_host && return
	strange_records netns-stats
}

@test "a record that names somebody else's process, socket or namespace: none of them hears of it" {
	in_host && return
	local stranger listener command

	start_services
	container other
	succeeds ADD
	attachment c1 /run/netns/c1
	ip netns add c1
	enter=(nsenter --net=/run/netns/c1)
	as_attacker sleep 1000 &
	stranger=$!
	python3 - >/run/t/heard <<-'EOF' &
		import os, socket
		server = socket.socket(socket.AF_UNIX)
		server.bind("/run/t/stranger.sock")
		server.listen(5)
		open("/run/t/listening", "w").close()
		while True:
		    connection, _ = server.accept()
		    print("heard", flush=True)
		    connection.close()
	EOF
	listener=$!
	wait_until test -e /run/t/listening
	for command in DEL GC; do
		succeeds ADD
		edit_record ".pid = $stranger | .socket = \"/run/t/stranger.sock\" |
			.netns = \"/run/netns/other\" | .containerId = \"other\""
		case $command in
		DEL) succeeds DEL ;;
		GC)
			succeeds GC "$(net '"cni.dev/valid-attachments":[{"containerID":"other","ifname":"eth0"}]')"
			;;
		esac
		is "$(interfaces)" ""
		[ -d "/proc/$stranger" ] || fail "$command: the stranger was ended"
		[ -d "/proc/$listener" ] || fail "$command: the listener was ended"
		is "$(cat /run/t/heard)" ""
		attachment other /run/netns/other
		is "$(daemons)" "$(recorded pid)"
		attachment c1 /run/netns/c1
	done
	enter=(nsenter --net=/run/netns/other)
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
}
