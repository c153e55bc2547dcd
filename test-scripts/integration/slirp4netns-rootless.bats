#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The slirp4netns plugin as an ordinary user, in a user namespace of his own.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# The main flow, called as the user or as root of the user namespace.
main_flow() {
	local conf result pid

	conf=$(net '"enableIPv6":true')
	succeeds STATUS
	succeeds ADD "$conf"
	result=$output
	expect ".interfaces[0].sandbox == \"$CNI_NETNS\""
	expect ".interfaces[0].socketPath | startswith(\"$XDG_RUNTIME_DIR/usernet-cni/sock/\")"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	is "$(ask_udp 192.0.2.1)" "udp from 192.0.2.1"
	is "$(fetch 2001:db8::1)" "tcp from 2001:db8::1"
	is "$(transfer 3000000)" 3000000
	refused fetch 10.0.2.2
	is "$(find "$STATE" -type d ! -perm 700)" ""
	is "$(find "$STATE" -type f ! -perm 600)" ""
	pid=$(recorded pid)
	is "$(daemons)" "$pid"
	grep -q '^NoNewPrivs:.1' "/proc/$pid/status" || fail "it could gain privileges"
	grep -q '^Seccomp:.2' "/proc/$pid/status" || fail "no seccomp filter"
	succeeds CHECK "$(with_prev "$conf" "$result")"
	fails 102 eth0 ADD "$conf"
	succeeds DEL "$conf"
	nothing_left
	succeeds DEL "$conf"
}

sandboxed() {
	succeeds ADD "$(net "${1-}")"
	refused grep -q "not sandboxed" <<<"$words"
	is "$(awk '/^CapEff:/ {print $2}' "/proc/$(recorded pid)/status")" 0000000000000400
	is "$(find "/proc/$(recorded pid)/root/" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" \
		"etc run"
	succeeds DEL
}

# user_container OPTION...: the namespaces of a process of the user's, with these options of unshare.
user_container() {
	container_of_process --net "$@"
	enter=(nsenter --target "$process" --user --net --preserve-credentials)
}

@test "a user's container by /proc/PID/ns/net: traffic, CHECK, DEL, nothing left" {
	in_host && return
	prepare_user
	start_services
	flow() {
		user_container --user --map-root-user
		main_flow
		sandboxed
		sandboxed '"enableSandbox":true,"enableSeccomp":true'
	}
	as_user flow
}

@test "the built-in DNS answers a user's container" {
	in_host && return
	prepare_user
	start_services
	flow() {
		user_container --user --map-root-user
		succeeds ADD
		is "$(resolve www.example)" "203.0.113.7"
	}
	as_user flow
}

@test "a namespace that is persistent inside a user namespace: sandbox, traffic, nothing left" {
	in_host && return
	prepare_user
	start_services
	flow() {
		mount -t tmpfs tmpfs /mnt
		touch /mnt/ns
		unshare --net mount --bind /proc/self/ns/net /mnt/ns
		attachment persistent /mnt/ns
		enter=(nsenter --net=/mnt/ns)
		is "$(id -u)" 0
		main_flow
		sandboxed
		# As a runtime leaves it: the mount goes before DEL comes.
		succeeds ADD
		umount /mnt/ns
		succeeds DEL
		enter=()
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""
	}
	as_user_in_userns flow
}

@test "a user namespace without user 0: the daemon is sandboxed all the same" {
	in_host && return
	prepare_user
	start_services
	flow() {
		user_container --user --map-current-user
		sandboxed
		sandboxed '"enableSandbox":true,"enableSeccomp":true'
		succeeds ADD
		refused grep -q "not sandboxed" <<<"$words"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		succeeds CHECK "$(with_prev "$(net)")"
		succeeds DEL
		nothing_left
		succeeds ADD "$(net '"enableSandbox":false')"
		refused grep -q "not sandboxed" <<<"$words"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		succeeds DEL
		nothing_left
	}
	as_user flow
}

@test "a user who is not 0 and has capabilities: the daemon has none of them, and is sandboxed" {
	in_host && return
	prepare_user
	container c1
	chmod 755 /run/t /run/netns
	flow() {
		attachment c1 /run/netns/c1
		enter=()
		succeeds ADD
		refused grep -q "not sandboxed" <<<"$words"
		is "$(awk '/^CapEff:/ {print $2}' "/proc/$(recorded pid)/status")" 0000000000000400
		[ "$(readlink "/proc/$(recorded pid)/ns/user")" != "$(readlink /proc/self/ns/user)" ] ||
			fail "its capability is one over the host"
		succeeds CHECK "$(with_prev "$(net)")"
		succeeds DEL
		nothing_left
	}
	declare -f >"$LIB/functions"
	setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=+sys_admin,+net_admin \
		--ambient-caps=+sys_admin,+net_admin env XDG_RUNTIME_DIR=/run/user/1000 \
		bash "$LIB/inside.bash" "$LIB/functions" flow
	is "$(interfaces)" ""
}

@test "where a user may make no user namespace, ADD says so and leaves nothing" {
	in_host && return
	prepare_user
	flow() {
		container_of_process --user --map-root-user --net
		enter=()
		echo 0 >/proc/sys/user/max_user_namespaces
		# Root without capabilities is as an ordinary user.
		plugin=(setpriv --bounding-set=-all --inh-caps=-all "$CNI")
		fails 100 "sysctl user.max_user_namespaces" ADD
		nothing_left
	}
	as_user_in_userns flow
}

@test "a slirp4netns that says that it is ready and has not taken its tap device is an error" {
	in_host && return
	prepare_user
	flow() {
		local path

		path=$(fake idle <<<'echo >&"$ready"; exec sleep 100')
		user_container --user --map-root-user
		fails 100 "has not taken its tap device" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
		nothing_left
	}
	as_user flow
}

@test "what of a user's daemon is answered in the kernel's place is that, and until it is ready" {
	in_host && return
	prepare_user
	start_services
	flow() {
		local path

		# What else is opened to read and write is the kernel's affair, also the device by another name.
		touch "$XDG_RUNTIME_DIR/f"
		path=$(fake script <<-'EOF'
			/usr/bin/python3 -c 'import os, sys
			os.write(os.open(sys.argv[1], os.O_RDWR), b"written")
			os.open("/dev/../dev/net/tun", os.O_RDWR)' "$XDG_RUNTIME_DIR/f" || exit
			exec /usr/bin/slirp4netns "$@"
		EOF
		)
		sed -i "1a XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" "$path"
		user_container --user --map-root-user
		succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\",\"enableSandbox\":false")"
		is "$(<"$XDG_RUNTIME_DIR/f")" written
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		succeeds DEL
		nothing_left
		# Then nobody replies, and nobody waits.
		path=$(fake late <<-'EOF'
			/usr/bin/slirp4netns "$@" &
			sleep 1
			/usr/bin/python3 -c 'import os
			os.open("/dev/net/tun", os.O_RDWR)' 2>"$XDG_RUNTIME_DIR/late"
			wait
		EOF
		)
		sed -i "1a XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" "$path"
		succeeds ADD "$(net "\"slirp4netnsPath\":\"$path\",\"enableSandbox\":false")"
		wait_until grep -q "Function not implemented" "$XDG_RUNTIME_DIR/late"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		succeeds DEL
	}
	as_user flow
}

@test "an interface of the container's own that has the name is not taken" {
	in_host && return
	prepare_user
	flow() {
		user_container --user --map-root-user
		in_container ip tuntap add eth0 mode tap
		fails 102 "exists already" ADD
		is "$(interfaces)" eth0
		is "$(daemons)" ""
	}
	as_user flow
}

@test "a user's daemon ends with the container's process" {
	needs_linux 6.9
	in_host && return
	prepare_user
	flow() {
		user_container --user --map-root-user
		succeeds ADD
		kill -9 "$process"
		wait "$process" || true
		wait_until no_daemon
		succeeds GC "$(net '"cni.dev/valid-attachments":[]')"
		is "$(left_files "$STATE")" ""
	}
	as_user flow
}

@test "a container's process that ends while ADD begins is an error, not a daemon that nothing ends" {
	in_host && return
	prepare_user
	flow() {
		user_container --user --map-root-user
		mkdir "$TMPDIR/late"
		cat >"$TMPDIR/late/slirp4netns" <<-END
			#!/bin/sh
			[ "\$1" != --help ] || kill -9 $process
			while [ -e /proc/$process/ns/net ]; do :; done
			exec /usr/bin/slirp4netns "\$@"
		END
		chmod 755 "$TMPDIR/late/slirp4netns"
		fails 4 "process $process has ended" ADD \
			"$(net "\"slirp4netnsPath\":\"$TMPDIR/late/slirp4netns\"")"
		wait "$process" || true
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""
	}
	as_user flow
}

@test "GC ends a user's orphans" {
	in_host && return
	prepare_user
	flow() {
		user_container --user --map-root-user
		succeeds ADD
		succeeds GC "$(net "\"cni.dev/valid-attachments\":[{\"containerID\":\"p$process\",\"ifname\":\"eth0\"}]")"
		is "$(daemons)" "$(recorded pid)"
		succeeds GC "$(net '"cni.dev/valid-attachments":[]')"
		nothing_left
	}
	as_user flow
}

@test "ten containers of a user in parallel" {
	in_host && return
	prepare_user
	flow() {
		local i pids=() processes=()

		for i in {1..10}; do
			user_container --user --map-root-user
			processes+=("$process")
		done
		all() {
			pids=()
			for i in "${processes[@]}"; do
				attachment "p$i" "/proc/$i/ns/net"
				CNI_COMMAND=$1 "${plugin[@]}" <<<"$(net)" >"$TMPDIR/$1.$i" &
				pids+=("$!")
			done
			for i in "${pids[@]}"; do wait "$i" || fail "$1: $(cat "$TMPDIR/$1".*)"; done
		}
		all ADD
		is "$(daemons | wc -l)" 10
		all DEL
		enter=()
		is "$(daemons)" ""
		is "$(left_files "$STATE")" ""
	}
	as_user flow
}

@test "without XDG_RUNTIME_DIR the user's /run/user directory serves; without it, the error names stateDir" {
	in_host && return
	prepare_user
	flow() {
		user_container --user --map-root-user
		unset XDG_RUNTIME_DIR
		succeeds ADD
		expect '.interfaces[0].socketPath | startswith("/run/user/1000/usernet-cni/")'
		succeeds DEL
		nothing_left
		XDG_RUNTIME_DIR='' succeeds ADD
		expect '.interfaces[0].socketPath | startswith("/run/user/1000/usernet-cni/")'
		succeeds DEL
		XDG_RUNTIME_DIR=relative fails 7 XDG_RUNTIME_DIR ADD
	}
	as_user flow
	without() {
		user_container --user --map-root-user
		unset XDG_RUNTIME_DIR
		fails 7 stateDir ADD
		fails 50 stateDir STATUS
		mkdir -m 700 "$TMPDIR/state"
		succeeds ADD "$(net "\"stateDir\":\"$TMPDIR/state\"")"
		succeeds DEL "$(net "\"stateDir\":\"$TMPDIR/state\"")"
		nothing_left "$TMPDIR/state"
	}
	install -d -m 700 -o 1000 -g 1000 /run/elsewhere
	rm -rf /run/user/1000
	user_directory=/run/elsewhere as_user without
	# Somebody else's directory of that name is not ours.
	install -d -m 777 /run/user/1000
	others() {
		user_container --user --map-root-user
		unset XDG_RUNTIME_DIR
		fails 7 stateDir ADD
	}
	user_directory=/run/elsewhere as_user others
}

@test "a user is told what he may not: another's namespace, the tun device, a directory" {
	in_host && return
	prepare_user
	container rootful
	flow() {
		attachment rootful /run/netns/rootful
		fails 5 "network namespace" ADD
		no_daemon || fail "there is a daemon"
		is "$(left_files "$STATE")" ""
		fails 5 /run/root-only ADD "$(net '"stateDir":"/run/root-only/state"')"
		mkdir -m 500 "$TMPDIR/readonly"
		fails 50 "$TMPDIR/readonly" STATUS "$(net "\"stateDir\":\"$TMPDIR/readonly\"")"
		install -d -m 700 "$TMPDIR/ro" "$TMPDIR/ro/slirp4netns"
		install -d -m 500 "$TMPDIR/ro/slirp4netns/net"
		fails 50 "$TMPDIR/ro" STATUS "$(net "\"stateDir\":\"$TMPDIR/ro\"")"
	}
	mkdir -m 700 /run/root-only
	as_user flow
	chmod 600 /run/tun/tun
	closed() {
		user_container --user --map-root-user
		fails 50 /dev/net/tun STATUS
		fails 100 /dev/net/tun ADD
		nothing_left
	}
	as_user closed
}

@test "DEL that may not remove a file fails, keeps the record, and succeeds when it may" {
	in_host && return
	prepare_user
	flow() {
		local directory

		for directory in sock log slirp4netns/net; do
			user_container --user --map-root-user
			succeeds ADD
			chmod 500 "$STATE/$directory"
			fails 5 "$STATE" DEL
			fails 5 "$STATE" GC "$(net '"cni.dev/valid-attachments":[]')"
			[ -e "$(record)" ] || fail "$directory: the record is gone"
			chmod 700 "$STATE/$directory"
			succeeds DEL
			nothing_left
		done
	}
	as_user flow
}

@test "root's state is out of a user's reach" {
	in_host && return
	prepare_user
	container c1
	succeeds ADD
	root_pid=$(recorded pid)
	flow() {
		attachment c1 /run/netns/c1
		fails 5 /run/usernet-cni DEL "$(net '"stateDir":"/run/usernet-cni"')"
		succeeds DEL
	}
	as_user flow
	is "$(daemons)" "$root_pid"
	succeeds DEL
	nothing_left
}
