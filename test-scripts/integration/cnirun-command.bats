#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A command, a process or a namespace with a network of cnirun, as root and as an ordinary user.

# Each test is a process of its own, with the variables of lib/inside.bash. What COMMAND shall expand
# is in single quotes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/cnirun
export TESTS=$BATS_TEST_DIRNAME/../lib

# Answers with its port on these.
export SERVER='import socket, sys, threading
def serve(s):
    while True:
        with s.accept()[0] as c: c.sendall(b"port %d" % s.getsockname()[1])
for port in sys.argv[1:]:
    s = socket.create_server(("", int(port)))
    threading.Thread(target=serve, args=[s]).start()'

# COMMAND with a network.

main_flow() {
	local text

	runs -- bash -c 'exec 3<>/dev/tcp/192.0.2.1/8000 && cat <&3 && cat /etc/resolv.conf && id -u
		ip -j addr show eth0 | jq -r ".[0].addr_info[0].local"; ip -br link show lo up | cut -c -2'
	is "$output" $'tcp from 192.0.2.1\nnameserver 10.0.2.3\n0\n10.0.2.100\nlo'
	is "$(cat /etc/resolv.conf)" "nameserver 192.0.2.1"
	no_trace
	runs -- getent ahostsv4 www.example
	[[ $output == 203.0.113.7* ]] || fail "names are not resolved: $output"
	runs --ip 10.0.2.15 --mac c2:11:22:33:44:55 -i net0 -- ip -j addr show net0
	expect '.[0] | .address == "c2:11:22:33:44:55" and .addr_info[0].local == "10.0.2.15"'
	text=$(printf 'from the caller' | /run/cni/cnirun -- cat)
	is "$text" "from the caller"
	no_trace
}

@test "root: COMMAND has a network, its name server and its address; nothing is left" {
	in_host && return
	prepare_cnirun
	start_services
	main_flow
}

@test "an ordinary user: the same, without privileges" {
	in_host && return
	prepare_cnirun
	prepare_user
	give_subordinate_ids ''
	start_services
	flow() {
		prepare_cnirun
		main_flow
		runs -- cat /proc/self/uid_map /proc/self/gid_map
		is "$(xargs <<<"$output")" "0 1000 1 0 1000 1"
	}
	as_user flow
}

@test "a user with subordinate ids has them in COMMAND's user namespace" {
	in_host && return
	prepare_cnirun
	prepare_user
	give_subordinate_ids 1000:100000:65536
	flow() {
		prepare_cnirun
		runs -- cat /proc/self/uid_map /proc/self/gid_map
		is "$(xargs <<<"$output")" "0 1000 1 1 100000 65536 0 1000 1 1 100000 65536"
		# The helper refuses: our own id is enough, and with -v cnirun says so.
		runs -- true
		PATH=/run/bin:$PATH
		runs -- cat /proc/self/uid_map
		is "$(xargs <<<"$output")" "0 1000 1"
		cnirun -v -- true
		[[ $words == *"no subordinate ids, only our own: newuidmap: exit status 1"* ]] ||
			fail "not told: $words"
		no_trace
	}
	mkdir /run/bin
	printf '#!/bin/sh\necho no >&2; exit 1\n' >/run/bin/newuidmap
	chmod 755 /run/bin/newuidmap
	as_user flow
}

@test "the exit status is COMMAND's, 128 and the signal's number, or cnirun's own" {
	in_host && return
	prepare_cnirun
	cnirun -- sh -c 'exit 7'
	is "$status $words" "7 "
	cnirun -- sh -c 'kill -SEGV $$'
	is "$status $words" "139 "
	refuses 127 "cannot execute nosuch: No such file" -- nosuch
	refuses 126 "cannot execute /etc/passwd: Permission denied" -- /etc/passwd
	refuses 125 "there is no COMMAND" --verbose
	refuses 125 "there is no option --nosuch" --nosuch -- true
	refuses 125 "put a COMMAND after --" -v true
	refuses 125 "--all is not an option here" --all -- true
	refuses 125 "exclude each other" --pid 1 --netns /x -- true
	refuses 2 'no subcommand "true"' true
	refuses 2 "add needs NETWORK and NETNS" add slirp
	refuses 2 "--keep is not an option here" add --keep slirp4netns /run/netns/x
	no_trace
}

@test "signals are passed on to COMMAND, and the network is undone after it" {
	in_host && return
	prepare_cnirun
	local sig

	for sig in TERM INT HUP QUIT USR1 USR2; do
		start_cnirun -- bash -c "trap 'echo got $sig; exit 9' $sig; echo ready >/run/t/ready
			while :; do sleep 0.02; done"
		wait_until test -e /run/t/ready
		rm /run/t/ready
		kill "-$sig" "$runner"
		ends_with 9
		is "$(cat /run/t/out)" "got $sig"
		no_trace
	done
	start_cnirun -- sleep 100
	wait_until pgrep -x sleep
	kill -TERM "$runner"
	ends_with 143
	no_trace
}

@test "what was ignored stays ignored, and COMMAND has the descriptors and the mask of the caller" {
	in_host && return
	prepare_cnirun
	local mask out

	mask=$(grep -E '^Sig(Blk|Ign)' /proc/self/status | xargs)
	runs -- grep -E '^Sig(Blk|Ign)' /proc/self/status
	is "$(xargs <<<"$output")" "$mask"
	out=$(/run/cni/cnirun -- cat /dev/fd/7 7<<<"handed over")
	is "$out" "handed over"
	runs -- ls /proc/self/fd
	is "$output" "$(ls /proc/self/fd 2>/dev/null)"
	container_of_process
	(
		trap '' HUP
		start_cnirun --pid "$process"
		wait_until eval '[ -n "$(daemons)" ]'
		kill -HUP "$runner"
		sleep 0.2
		[ -d "/proc/$runner" ] || fail "SIGHUP was not ignored"
		kill -TERM "$runner"
		ends_with 0
	)
	no_trace
}

@test "killed, cnirun takes COMMAND, the namespaces and the daemon with it, and gc takes the rest" {
	in_host && return
	prepare_cnirun
	prepare_user
	flow() {
		prepare_cnirun
		start_cnirun -- sleep 100
		wait_until pgrep -x sleep
		kill -KILL "$runner"
		ends_with 137
		wait_until no_daemon
		wait_until no_runners # the holder ends of itself
		wait_until refused pgrep -x sleep
		is "$(cache | wc -l)" 1
		runs gc slirp
		no_trace
	}
	as_user flow
	flow
}

@test "a stopped process of the namespaces does not keep cnirun from ending" {
	in_host && return
	prepare_cnirun
	start_cnirun -- bash -c 'until [ -e /run/t/go ]; do sleep 0.05; done'
	wait_until pgrep -x cnirun-holder
	wait_until pgrep -x sleep
	kill -STOP "$(pgrep -x cnirun-holder)"
	touch /run/t/go
	wait_until test ! -d "/proc/$runner"
	ends_with 0
	no_trace
}

@test "no more network namespaces: that limit is named, and not the one of user namespaces" {
	in_host && return
	prepare_cnirun
	prepare_user
	# shellcheck disable=SC2317
	limited() {
		prepare_cnirun
		echo 0 >/proc/sys/user/max_net_namespaces
		refuses 125 "cannot make a network namespace: No space left on device" -- true
		wait_until no_runners # the holder ends of itself
	}
	as_user_in_userns limited
}

@test "on a terminal: keys, job control, a shell that suspends itself, a terminal that closes" {
	in_host && return
	prepare_cnirun
	python3 "$TESTS/cnirun-terminal.py" /run/cni/cnirun
	wait_until eval '[ -z "$(runners)" ]'
	no_trace
	is "$(pgrep -x sleep)" ""
}

@test "a network is given to a running process, until it ends or is told to stop" {
	in_host && return
	prepare_cnirun
	prepare_user
	flow() {
		prepare_cnirun
		container_of_process "$@"
		# An ordinary user's interface is there before the network is: ADD has to have answered.
		start_cnirun --verbose --pid "$process"
		wait_until grep -q 'slirp4netns: .* ms' "$TMPDIR/out"
		[ "$(id -u)" != 0 ] || is "$(find /run/netns -name "cni-*" | wc -l)" 1
		kill -TERM "$runner"
		ends_with 0
		runs --pid "$process" -- cat /proc/net/dev
		[[ $output == *eth0* ]] || fail "COMMAND is elsewhere"
		no_trace
		start_cnirun --verbose --pid "$process"
		wait_until grep -q 'slirp4netns: .* ms' "$TMPDIR/out"
		kill "$process"
		ends_with 0
		no_trace
		refuses 125 "no process" --pid 4194300
	}
	flow --net
	nsenter() { command nsenter --user --preserve-credentials "$@"; }
	as_user flow --user --map-root-user --net
}

@test "a network is added to a namespace that exists, which stays" {
	in_host && return
	prepare_cnirun
	start_services
	ip netns add c1
	runs --netns /run/netns/c1 -- bash -c 'exec 3<>/dev/tcp/192.0.2.1/8000 && cat <&3'
	is "$output" "tcp from 192.0.2.1"
	[ -e /run/netns/c1 ] || fail "the namespace has gone"
	is "$(ip -n c1 -o link | wc -l)" 1
	refuses 125 "no network namespace at /run/netns/c2" --netns /run/netns/c2 -- true
	refuses 125 "is not a network namespace" --netns /etc/passwd -- true
	refuses 125 "that cnirun itself is in" --netns /proc/self/ns/net -- true
	no_trace
}

kept_is_removed_as_told() {
	local how

	cnirun --keep -- true
	is "$status" 0
	how=${words#cnirun: kept; to remove it: }
	[[ $how == "cnirun del slirp "* ]] || fail "not told how: $words"
	[ -n "$(daemons)" ] || fail "the network has gone"
	is "$(entry .netns -r)" "$(cut -d' ' -f4 <<<"$how")"
	PATH=/run/cni:$PATH eval "$how"
	wait_until eval '[ -z "$(runners)" ]'
	no_trace
}

@test "--keep leaves the network, and says how to remove it" {
	in_host && return
	prepare_cnirun
	prepare_user
	entry() { jq -r "$1" "$CACHE"/*; }
	kept_is_removed_as_told
	is "$(ls /run/netns)" ""
	flow() {
		prepare_cnirun
		kept_is_removed_as_told
	}
	as_user flow
}

# Ports.

# published ADDRESS PORT: what COMMAND's server there says.
published() {
	timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$1" "$2" 2>/dev/null
}

# publishes ADDRESS PORT TEXT: in the end. (A forward accepts before the server does.)
publishes() {
	wait_until eval "[ \"\$(published $1 $2)\" = '$3' ]"
}

@test "published ports: one, a range, a host address; as root and as a user" {
	needs_portmap
	in_host && return
	prepare_cnirun
	prepare_user
	ip addr add 192.0.2.2/32 dev lo
	flow() {
		prepare_cnirun
		start_cnirun -p 8080:80 -p 9000-9002:70-72 --publish 192.0.2.2:8081:81/TCP -p 7777/udp \
			-- python3 -c "$SERVER" 80 70 71 72 81
		publishes 192.0.2.1 8080 "port 80"
		publishes 192.0.2.1 9002 "port 72"
		publishes 192.0.2.2 8081 "port 81"
		refused published 192.0.2.1 8081
		ss -Hlnu | grep -q :7777 || fail "the udp port is not published"
		expect '.capabilityArgs.portMappings | length == 6' "$(cat "$CACHE"/*)"
		refuses 125 "8080 is taken" -p 8080:80 -- true
		kill -TERM "$runner"
		ends_with 143
		no_trace
	}
	as_user flow
	flow
}

@test "a user's privileged port is refused, with what to do" {
	needs_portmap
	in_host && return
	prepare_cnirun
	prepare_user
	flow() {
		prepare_cnirun
		refuses 125 "privileged" -p 81:80 -- true
		no_trace
	}
	as_user flow
}

@test "wrong ports, addresses and numbers are refused before anything happens" {
	in_host && return
	prepare_cnirun
	local spec

	for spec in '' 0 65536 80:0 80-79 80-81:90-92 x 80/icmp 1.2.3:80:80 '[::1:80:80' '::1:80:80' \
		'[1.2.3.4]:80:80' 80: :80 80:80:80 -1 ' 80' 080808; do
		refuses 125 "--publish" "--publish=$spec" -- true
	done
	refuses 125 "more than 8192" -p 1-8192 -p 1/udp -- true
	refuses 125 "--ip is" --ip 10.0.2 -- true
	refuses 125 "--mac is" --mac 00:11 -- true
	refuses 125 "--pid is" --pid 1x -- true
	refuses 125 "--timeout is" --timeout 0 -- true
	refuses 125 "interface's name" -i ../x -- true
	refuses 125 "--container-id is" --container-id ../x -- true
	invent_good good
	network good '' '{"type":"good"}'
	refuses 125 "no plugin of network good" -n good -p 80 -- true
	refuses 125 "has the capability ips" -n good --ip 10.0.0.1 -- true
	CNI_ARGS=novalue refuses 125 "CNI_ARGS" -- true
	CAP_ARGS='{' refuses 125 "CAP_ARGS" -- true
	is "$(calls)" ""
	no_trace
}

# Bad input.

@test "user namespaces forbidden: what forbids them, and what to do" {
	in_host && return
	prepare_cnirun
	prepare_user
	# shellcheck disable=SC2317
	limited() {
		prepare_cnirun
		echo 0 >/proc/sys/user/max_user_namespaces
		# Root without capabilities is as an ordinary user.
		cnirun() {
			status=0
			output=$(setpriv --bounding-set=-all --inh-caps=-all /run/cni/cnirun "$@" 2>"$TMPDIR/w") ||
				status=$?
			words=$(<"$TMPDIR/w")
		}
		refuses 125 "sysctl user.max_user_namespaces" -- true
	}
	as_user_in_userns limited
	# In a chroot, the kernel makes none (user_namespaces(7)).
	mkdir /run/root
	mount --rbind / /run/root
	cnirun() {
		status=0
		output=$(chroot --userspec=1000:1000 --groups= /run/root \
			env XDG_RUNTIME_DIR=/run/user/1000 /run/cni/cnirun "$@" 2>/run/t/w) || status=$?
		words=$(</run/t/w)
	}
	refuses 125 "cannot make a user namespace; this system forbids it to ordinary users" -- true
	is "$(runners)" ""
}

@test "/dev/net/tun not accessible, no slirp4netns: the plugin's words, and nothing is left" {
	in_host && return
	prepare_cnirun
	prepare_user
	chmod 600 /run/tun/tun
	flow() {
		prepare_cnirun
		cnirun -- true
		is "$status" 125
		[[ $words == "cnirun: plugin slirp4netns failed (ADD"*"/dev/net/tun"* ]] ||
			fail "the device is not named: $words"
		no_trace
		mkdir "$TMPDIR/bin"
		ln -s /usr/bin/true "$TMPDIR/bin/true"
		PATH=$TMPDIR/bin /run/cni/cnirun -- true 2>"$TMPDIR/w" || true
		grep -q "no slirp4netns" "$TMPDIR/w" || fail "$(cat "$TMPDIR/w")"
		no_trace
		CNI_PATH=/run/none refuses 125 'no plugin "slirp4netns" in /run/none' -- true
	}
	as_user flow
}

@test "a result whose dns would break out of resolv.conf is refused, and undone" {
	in_host && return
	prepare_cnirun
	local dns

	for dns in '"nameservers":["10.0.0.1\nsearch evil"]' '"nameservers":["x"]' \
		'"nameservers":["10.0.0.1"],"search":["a b"]' '"nameservers":["10.0.0.1"],"options":["a\nb"]' \
		'"nameservers":["10.0.0.1"],"domain":"a\nb"'; do
		invent bad <<<"[ \$CNI_COMMAND = DEL ] || echo '{\"dns\":{$dns}}'"
		network net '' '{"type":"bad"}'
		rm -f /run/t/calls
		refuses 125 "result" -n net -- true
		is "$(calls)" "bad ADD bad DEL"
		no_trace
	done
}

@test "without /etc/resolv.conf COMMAND runs all the same, and a symbolic link is followed" {
	in_host && return
	prepare_cnirun
	mkdir -p /run/t/etc /run/t/real
	cp -a /etc/. /run/t/etc/
	umount "$(resolv_conf)" || true
	mount --bind /run/t/etc /etc
	rm -f /etc/resolv.conf
	cnirun -- echo ran
	is "$status $output" "0 ran"
	[[ $words == *"there is no /etc/resolv.conf"* ]] || fail "not said: $words"
	echo 'nameserver 192.0.2.9' >/run/t/real/resolv.conf
	ln -s ../run/t/real/resolv.conf /etc/resolv.conf
	runs -- cat /etc/resolv.conf
	is "$output" "nameserver 10.0.2.3"
	is "$(cat /etc/resolv.conf)" "nameserver 192.0.2.9"
	no_trace
}

@test "twenty at once" {
	in_host && return
	prepare_cnirun
	prepare_user
	flow() {
		local i pids=()

		prepare_cnirun
		for i in {1..20}; do
			/run/cni/cnirun -- sh -c 'ip -br addr show eth0 | grep -q 10.0.2.100' &
			pids+=($!)
		done
		for i in "${pids[@]}"; do
			wait "$i" || fail "one failed"
		done
		no_trace
	}
	as_user flow
}

@test "called without standard descriptors, cnirun has none of its own in their place" {
	in_host && return
	prepare_cnirun
	local status=0

	ip netns add c1
	invent one <<<'ls -l /proc/$PPID/fd >/run/t/descriptors; [ "$CNI_COMMAND" != ADD ] || result'
	network net '' '{"type":"one"}'
	/run/cni/cnirun add net /run/netns/c1 <&- >&- 2>&- || status=$?
	is "$status" 0
	for number in 0 1 2; do
		grep -q " $number -> /dev/null$" /run/t/descriptors || fail "$(cat /run/t/descriptors)"
	done
	is "$(cache | wc -l)" 1
	/run/cni/cnirun del net /run/netns/c1 <&- >&- 2>&-
	no_trace
}

@test "each command takes its own arguments and options; what else it is given is said, and nothing happens" {
	in_host && return
	prepare_cnirun
	local command option words=(net /run/netns/c1 more)

	invent_good one
	network net '' '{"type":"one","capabilities":{"ips":true,"mac":true,"portMappings":true}}'
	ip netns add c1
	for command in add check del; do
		for n in 0 1 3; do
			refuses 2 "$command needs NETWORK and NETNS" "$command" "${words[@]:0:n}"
		done
		for option in --network --netns --pid; do
			refuses 2 "$option is not an option here" "$command" $option 1 net /run/netns/c1
		done
		refuses 2 '--keep is not an option here' "$command" -k net /run/netns/c1
		refuses 2 '--all is not an option here' "$command" --all net /run/netns/c1
	done
	for command in gc status; do
		refuses 2 "$command needs NETWORK;" "$command"
		refuses 2 "$command needs NETWORK;" "$command" "${words[@]}"
		for option in --ifname --container-id --network; do
			refuses 2 "$option is not an option here" "$command" $option 1 net
		done
	done
	for command in check del gc status; do
		for option in --ip --mac --publish; do
			refuses 2 "$option is not an option here" "$command" $option 1 net /run/netns/c1
		done
	done
	refuses 2 '--all is not an option here' status --all net
	refuses 2 '--cache-dir is not an option here' status --cache-dir /run/t net
	refuses 125 '--all is not an option here' --all -- true
	refuses 2 'there is no option -x' add -x net /run/netns/c1
	refuses 2 'there is no option --nonsense' add --nonsense net /run/netns/c1
	refuses 2 '--timeout needs a value' gc net --timeout
	refuses 2 '--timeout is "0", but must be a whole number' gc --timeout 0 net
	is "$(calls)" ""
	no_trace
	# gc and status do not look at the namespace, and it may be given.
	runs gc net /run/netns/c1
	runs status net /run/netns/c1
}

@test "--help and --version" {
	in_host && return
	prepare_cnirun
	runs --help
	[[ $output == *"cnirun [OPTION...] -- COMMAND"* ]] || fail "no help"
	runs --version
	[[ $output =~ ^cnirun\ \(usernet-cni\)\ [0-9.]+$ ]] || fail "no version: $output"
}
