#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What cnirun promises, as root and as an ordinary user, with our plugins, Debian's, and invented ones.

# Each test is a process of its own, with the variables of lib/inside.bash. What COMMAND shall expand
# is in single quotes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/cnirun-host
export TESTS=$BATS_TEST_DIRNAME/../lib

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
		# The helper refuses: our own id will do, and who wants to know is told.
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
	refuses 125 "stands behind --" -v true
	refuses 125 "--all means nothing here" --all -- true
	refuses 125 "exclude each other" --pid 1 --netns /x -- true
	refuses 2 'no subcommand "true"' true
	refuses 2 "add needs NETWORK and NETNS" add slirp
	refuses 2 "--keep means nothing here" add --keep slirp4netns /run/netns/x
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

@test "killed between two plugins, cnirun leaves an entry by which gc deletes what was added" {
	in_host && return
	prepare_cnirun
	invent_good one
	invent two <<<'[ $CNI_COMMAND = DEL ] || exec sleep 100'
	network net '' '{"type":"one"}' '{"type":"two"}'
	start_cnirun -n net -- true
	wait_until pgrep -x sleep
	kill -KILL "$runner"
	ends_with 137
	pkill -x sleep
	expect '.kind == "cniCacheV1" and .result == null' "$(cat "$CACHE"/*)"
	wait_until eval '[ -z "$(runners)" ]'
	runs gc net
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	no_trace
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

# Answers with its port on these.
export SERVER='import socket, sys, threading
def serve(s):
    while True:
        with s.accept()[0] as c: c.sendall(b"port %d" % s.getsockname()[1])
for port in sys.argv[1:]:
    s = socket.create_server(("", int(port)))
    threading.Thread(target=serve, args=[s]).start()'

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

# add, del, check, gc, status.

@test "Debian's Go plugins: bridge, host-local, portmap, firewall, tuning, bandwidth, loopback" {
	in_host && return
	prepare_cnirun
	bridge_network
	export CAP_ARGS='{"bandwidth":{"ingressRate":8000000,"ingressBurst":8000000}}'
	ip netns add c1
	runs add -p 8080:80 --ip 10.77.0.50 bridge /run/netns/c1
	expect '.cniVersion == "1.0.0" and .ips[0].address == "10.77.0.50/24"'
	unset CAP_ARGS
	iptables-save -t nat | grep -q 'dport 8080' || fail "the port is not published"
	tc qdisc show | grep -q tbf || fail "the bandwidth is not limited"
	is "$(ip netns exec c1 sysctl -n net.core.somaxconn)" 500
	is "$(entry '.result.dns.search' | jq -c .)" '["a.example","b.example"]'
	runs del bridge /run/netns/c1
	refused eval 'iptables-save | grep -q 10.77.0.50'
	is "$(ip -n c1 -o link | wc -l)" 1
	is "$(find /var/lib/cni/networks/bridge -name '10.*')" ""
	runs --network bridge -p 8080:80 -- cat /etc/resolv.conf
	is "$output" $'nameserver 10.77.0.1\nsearch a.example b.example'
	refused eval 'iptables-save | grep -q "dport 8080"'
	no_trace
}

@test "Debian's ptp: add, check, and CHECK's failure by the plugin's own words" {
	in_host && return
	prepare_cnirun
	network ptp '' '{"type":"ptp","ipam":{"type":"host-local","subnet":"10.78.0.0/24"}}'
	ip netns add c1
	runs add ptp /run/netns/c1
	runs check ptp /run/netns/c1
	is "$output" ""
	ip -n c1 addr flush dev eth0
	refuses 1 "plugin ptp failed (CHECK, code" check ptp /run/netns/c1
	refuses 1 "has the network ptp on eth0 already" add ptp /run/netns/c1
	runs del ptp /run/netns/c1
	refuses 1 "knows no such ADD" check ptp /run/netns/c1
	runs del ptp /run/netns/c1
	no_trace
}

@test "a user adds, checks and deletes with our plugin and the id of cnitool" {
	in_host && return
	prepare_cnirun
	prepare_user
	flow() {
		local path

		prepare_cnirun
		container_of_process --user --map-root-user --net
		path=/proc/$process/ns/net
		runs add slirp "$path"
		expect '.interfaces[0].name == "eth0" and .cniVersion == "1.1.0"'
		is "$(cache)" "slirp-$(cnitool_id "$path")-eth0"
		runs check slirp "$path"
		runs status slirp
		runs gc slirp
		[ -n "$(daemons)" ] || fail "gc took a network that is alive"
		runs del slirp "/proc/./$process//ns/../ns/net"
		no_trace
		# By the program's name, too.
		runs add slirp4netns "$path"
		is "$(cache)" "slirp-$(cnitool_id "$path")-eth0"
		runs gc --all slirp
		no_trace
		runs add slirp "$path"
		kill "$process"
		wait_until no_daemon
		runs gc slirp
		no_trace
	}
	as_user flow
}

@test "the entry of the cache is libcni's, and libcni's entry is taken" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '' '{"type":"one","capabilities":{"mac":true}}'
	ip netns add c1
	CNI_ARGS='A=b;C=d' CAP_ARGS='{"mac":"c2:11:22:33:44:55","x":[1]}' CNI_IFNAME=net1 \
		runs add net /run/netns/c1
	is "$(cache)" "net-$(cnitool_id /run/netns/c1)-net1"
	is "$(stat -c %a "$CACHE"/* "$CACHE")" $'600\n700'
	is "$(jq -r '.netnsIdentity | "\(.boot) \(.dev) \(.inode)"' "$CACHE"/*)" \
		"$(cat /proc/sys/kernel/random/boot_id) $(stat -c '%d %i' /run/netns/c1)"
	is "$(jq -c 'del(.config, .result, .netnsIdentity)' "$CACHE"/*)" \
		"$(jq -cn --arg id "$(cnitool_id /run/netns/c1)" '{kind: "cniCacheV1", containerId: $id,
			ifName: "net1", networkName: "net", netns: "/run/netns/c1",
			cniArgs: [["A","b"],["C","d"]],
			capabilityArgs: {mac: "c2:11:22:33:44:55", x: [1]}}')"
	expect '.result.by == ["one"]' "$(cat "$CACHE"/*)"
	expect '.name == "net" and .plugins[0].type == "one"' \
		"$(jq -r .config "$CACHE"/* | base64 -d)"
	# The same as libcni writes it: other order, the file's text as config.
	jq -c --rawfile conf /run/net.d/net.conflist \
		'{kind, containerId, config: ($conf | @base64), ifName, networkName, netns, cniArgs,
		capabilityArgs, result: (.result + {by: ["libcni"]})}' "$CACHE"/* >/run/t/entry
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	runs del -i net1 net /run/netns/c1
	is "$(jq -c '[.prevResult.by, .runtimeConfig]' /run/t/one.DEL)" \
		'[["libcni"],{"mac":"c2:11:22:33:44:55"}]'
	grep -qx 'CNI_ARGS=A=b;C=d' /run/t/one.DEL.env || fail "the arguments of ADD are lost"
	no_trace
}

@test "the entry's result is in the version that cniVersion names, and cnirun's plugins get it whole" {
	in_host && return
	prepare_cnirun
	local versions='"cniVersion":"1.0.0","cniVersions":["0.4.0","1.0.0","1.1.0"],'

	invent one <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"cniVersion\":\"1.1.0\",\"x\":[1],
		\"interfaces\":[{\"name\":\"eth0\",\"mtu\":1400,\"sandbox\":\"$CNI_NETNS\"}]}"'
	network net "$versions" '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	expect '.cniVersion == "1.1.0" and .interfaces[0].mtu == 1400'
	expect '.result.cniVersion == "1.0.0" and .result.interfaces == [{name: "eth0",
		sandbox: "/run/netns/c1"}]' "$(cat "$CACHE"/*)"
	runs check net /run/netns/c1
	runs del net /run/netns/c1
	is "$(jq -c .prevResult /run/t/one.CHECK /run/t/one.DEL)" "$(yes \
		'{"cniVersion":"1.1.0","x":[1],"interfaces":[{"name":"eth0","mtu":1400,"sandbox":"/run/netns/c1"}]}' |
		head -n 2)"
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	runs add net /run/netns/c1
	expect '.result.cniVersion == "1.1.0" and (has("exactResult") | not)' "$(cat "$CACHE"/*)"
}

@test "gc keeps what another runtime added and uses, also where its entry names no namespace" {
	in_host && return
	prepare_cnirun
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"cniVersion\":\"1.1.0\",\"interfaces\":
		[{\"name\":\"one0\"},{\"name\":\"eth0\",\"sandbox\":\"$CNI_NETNS\"}]}"'
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	jq -c 'del(.netns)' "$CACHE"/* >/run/t/entry
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	runs gc net
	is "$(calls)" "one ADD one GC"
	is "$(jq -c '.["cni.dev/valid-attachments"] | length' /run/t/one.GC)" 1
	jq -c 'del(.result.interfaces)' /run/t/entry >"$(echo "$CACHE"/*)"
	cnirun gc net
	is "$status" 0
	[[ $words == "cnirun: $(cnitool_id /run/netns/c1) (eth0) is kept"*"gc --all deletes it" ]] ||
		fail "said: $words"
	is "$(calls)" "one ADD one GC one GC"
	# Its namespace has gone: so must it.
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	ip netns delete c1
	runs gc net
	is "$(calls)" "one ADD one GC one GC one DEL one GC"
	grep -qx CNI_NETNS= /run/t/one.DEL.env || fail "DEL was told a namespace that has gone"
	no_trace
}

@test "an attachment is deleted with the list that it was added with, also when that has gone" {
	in_host && return
	prepare_cnirun
	invent_good one two
	network net '' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	network net '' '{"type":"two"}'
	runs del net /run/netns/c1
	is "$(calls)" "one ADD one DEL"
	runs add net /run/netns/c1
	rm /run/net.d/net.conflist
	runs del net /run/netns/c1
	is "$(calls)" "one ADD one DEL two ADD two DEL"
	refuses 1 'no network "net": no list in /run/net.d has that name' del net /run/netns/c1
	no_trace
}

# Section 3 of the spec.

@test "each plugin is given what the spec says: name, version, runtimeConfig, prevResult, environment" {
	in_host && return
	prepare_cnirun
	invent_good one two
	network net '"cniVersion":"0.4.0","cniVersions":["0.3.1","1.0.0","9.0.0"],' \
		'{"type":"one","capabilities":{"portMappings":true,"mac":false},"mine":[1,{"a":null}],
		"big":12345678901234567,"cni.dev/x":1,"prevResult":{}}' '{"type":"two"}'
	ip netns add c1
	export CAP_ARGS='{"portMappings":[{"hostPort":1,"containerPort":2}],"mac":"x","ips":["y"]}'
	runs add net /run/netns/c1
	is "$(jq -cS 'del(.big)' /run/t/one.ADD)" "$(jq -cS . <<-'END'
		{"cniVersion":"1.0.0","mine":[1,{"a":null}],"name":"net","runtimeConfig":{"portMappings":
		[{"hostPort":1,"containerPort":2}]},"type":"one"}
	END
	)"
	grep -q 12345678901234567 /run/t/one.ADD || fail "a number has lost digits"
	is "$(jq -cS . /run/t/two.ADD)" \
		'{"cniVersion":"1.0.0","name":"net","prevResult":{"by":["one"],"cniVersion":"1.0.0"},"type":"two"}'
	expect '.by == ["one","two"]'
	is "$(cat /run/t/two.ADD.env)" "CNI_ARGS=
CNI_COMMAND=ADD
CNI_CONTAINERID=$(cnitool_id /run/netns/c1)
CNI_IFNAME=eth0
CNI_NETNS=/run/netns/c1
CNI_PATH=$CNI_PATH"
	runs check net /run/netns/c1
	runs del net /run/netns/c1
	is "$(calls)" "one ADD two ADD one CHECK two CHECK two DEL one DEL"
	is "$(jq -c .prevResult.by /run/t/one.CHECK)" '["one","two"]'
	is "$(jq -c .prevResult.by /run/t/one.DEL)" '["one","two"]'
	# STATUS and GC came with 1.1.0.
	rm /run/t/calls
	runs status net
	runs gc net
	is "$(calls)" ""
	network net '"cniVersions":["1.0.0","1.1.0"],' '{"type":"one"}' '{"type":"two"}'
	runs status net
	runs gc net
	is "$(calls)" "one STATUS two STATUS one GC two GC"
	is "$(jq -c '[.["cni.dev/valid-attachments"], .["cni.dev/attachments"]]' /run/t/two.GC)" '[[],[]]'
	refused grep -q CNI_NETNS /run/t/two.GC.env
}

@test "disableCheck, disableGC, loadOnlyInlinedPlugins, plugins of the list's directory" {
	in_host && return
	prepare_cnirun
	invent_good one two
	network net '"cniVersion":"1.1.0","disableCheck":true,"disableGC":"true",' '{"type":"one"}'
	mkdir /run/net.d/net
	echo '{"type":"two"}' >/run/net.d/net/20.conf
	ip netns add c1
	runs add net /run/netns/c1
	runs check net /run/netns/c1
	runs gc net
	is "$(calls)" "one ADD two ADD"
	rm -r /run/net.d/net
	runs del net /run/netns/c1
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	mkdir /run/net.d/net
	echo '{"type":"two"}' >/run/net.d/net/20.conf
	network net '"cniVersion":"1.1.0","loadOnlyInlinedPlugins":true,' '{"type":"one"}'
	rm /run/t/calls
	runs add net /run/netns/c1
	runs del net /run/netns/c1
	is "$(calls)" "one ADD one DEL"
	# No plugins inlined, all of them in the directory.
	echo '{"cniVersion":"1.0.0","name":"net"}' >/run/net.d/net.conflist
	rm /run/t/calls
	runs -n net -- true
	is "$(calls)" "two ADD two DEL"
	no_trace
}

@test "networks are found by name, by path, in the user's directory first; a broken file is named" {
	in_host && return
	prepare_cnirun
	invent_good one two
	echo '{"cniVersion":"1.0.0","name":"single","type":"one"}' >/run/net.d/single.conf
	echo '{"name":' >/run/net.d/00-broken.conflist
	runs -n single -- true
	is "$(calls)" "one ADD one DEL"
	echo '{"name":"nosuch","plugins":[]}' >/run/net.d/01-empty.conflist
	refuses 125 'no network "nosuch": no list in /run/net.d has that name; copy one there, or give its path: besides, what could not be read was passed over: /run/net.d/00-broken.conflist is not' \
		-n nosuch -- true
	[[ $words == *"; /run/net.d/01-empty.conflist: the network has no plugins"* ]] || fail "the second is not named: $words"
	for i in {100..140}; do
		echo '{"name":' >"/run/net.d/$i.conflist"
	done
	refuses 125 '.conflist is not valid JSON' -n nosuch -- true
	[[ $words == *"; and "[1-9]*" more" ]] || fail "the rest is not counted: $words"
	rm /run/net.d/1??.conflist
	runs -n /run/net.d/single.conf -- true
	cd /run/net.d
	runs -n ./single.conf -- true
	refuses 125 "cannot read ./nosuch" -n ./nosuch -- true
	mkfifo fifo.conflist
	refuses 125 "fifo.conflist is not a regular file" -n ./fifo.conflist -- true
	runs -n single -- true
	unset NETCONFPATH
	mkdir -p /run/none/.config/cni/net.d
	mv single.conf /run/none/.config/cni/net.d
	rm /run/t/calls
	runs -n single -- true
	is "$(calls)" "one ADD one DEL"
	XDG_CONFIG_HOME=/run/nowhere refuses 125 "no list in /run/nowhere/cni/net.d or /etc/cni/net.d has" \
		-n single -- true
	no_trace
}

@test "a result of another version is converted; a result without one is of the version asked for" {
	in_host && return
	prepare_cnirun
	invent old <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.5/24\"}}"'
	invent none <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"ips\":[{\"address\":\"10.0.0.6/24\"}]}"'
	invent_good two
	network old '' '{"type":"old"}' '{"type":"two"}'
	network none '' '{"type":"none"}' '{"type":"two"}'
	ip netns add c1
	runs add old /run/netns/c1
	expect '.cniVersion == "1.0.0" and .ips[0].address == "10.0.0.5/24"'
	runs add -i eth1 none /run/netns/c1
	expect '.cniVersion == "1.0.0" and .ips[0].address == "10.0.0.6/24"'
}

# Bad input.

@test "a plugin that fails half-way: its error whole, DEL for all that were started, in reverse" {
	in_host && return
	prepare_cnirun
	local long

	long=$(printf '%02000d' 7)
	invent_good one three
	invent two <<<"[ \$CNI_COMMAND != ADD ] || { echo '{\"cniVersion\":\"1.0.0\",\"code\":123,
		\"msg\":\"too\\nbad $long\",\"details\":\"because\"}'; exit 1; }"
	network net '' '{"type":"one"}' '{"type":"two"}' '{"type":"three"}'
	refuses 125 "plugin two failed (ADD, code 123): too bad $long: because" -n net -- true
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	is "$(jq -c .prevResult.by /run/t/two.DEL)" '["one"]'
	ip netns add c1
	refuses 1 "plugin two failed (ADD, code 123): too bad $long: because" add net /run/netns/c1
	no_trace
	# With our own: what the first has started is gone.
	network net '"cniVersion":"1.1.0",' '{"type":"slirp4netns"}' '{"type":"two"}'
	refuses 125 "plugin two failed" -n net -- true
	no_trace
	# DEL fails as well: both are said, and the rest is undone all the same.
	invent two <<<'echo "{\"cniVersion\":\"1.0.0\",\"code\":5,\"msg\":\"no $CNI_COMMAND\"}"; exit 1'
	cnirun -n net -- true
	is "$words" "cnirun: plugin two failed (DEL, code 5): no DEL
cnirun: what could not be undone stays in the result cache, for cnirun gc net
cnirun: plugin two failed (ADD, code 5): no ADD"
	ip netns add c2
	cnirun add net /run/netns/c2
	is "$status $(wc -l <<<"$words") $(cache | wc -l)" "1 3 2"
	invent_good two
	runs del net /run/netns/c2
	is "$(cache | wc -l)" 1
	runs gc net
	no_trace
}

# A plugin whose ADD does this, and what cnirun says of it.
bad_add() {
	invent bad <<<"[ \$CNI_COMMAND = DEL ] || { $1
	}"
	network net '' '{"type":"good"}' '{"type":"bad"}'
	rm -f /run/t/calls
	refuses 125 "$2" --timeout "${seconds-30}" -n net -- true
	is "$(calls)" "good ADD bad ADD bad DEL good DEL"
	no_trace
}

@test "what a plugin says is told as its words, once" {
	in_host && return
	prepare_cnirun
	invent one <<<'echo "word for $CNI_COMMAND" >&2; echo "one: its own" >&2; echo "one more" >&2; result'
	network net '' '{"type":"one"}'
	cnirun -n net -- true
	is "$status $words" "0 one: word for ADD
one: its own
one: one more
one: word for DEL
one: its own
one: one more"
}

@test "a plugin that hangs, is killed, prints nothing, garbage, or 100 MB" {
	in_host && return
	prepare_cnirun
	invent_good good
	seconds=1 bad_add 'exec sleep 100' "did not end within 1 seconds, and was killed"
	seconds=1 bad_add 'sleep 100 & wait' "did not end within 1 seconds, and was killed"
	is "$(pgrep -x sleep)" ""
	seconds=1 bad_add 'exec yes >&2' "did not end within 1 seconds, and was killed"
	bad_add 'kill -9 $$' "plugin bad failed (ADD, killed by signal 9 (Killed)) without an answer"
	bad_add 'echo oops >&2; exit 3' "plugin bad failed (ADD, exit status 3) without an answer: oops"
	bad_add : "plugin bad failed (ADD): it printed no result"
	bad_add 'echo garbage' "plugin bad failed (ADD): its answer is not valid JSON at line 1"
	bad_add 'echo garbage; exit 1' "without saying why: its answer is not valid JSON"
	bad_add 'echo "[]"' "plugin bad failed (ADD): its answer is an array"
	bad_add 'head -c 100000000 /dev/zero' "printed more than 8 MiB"
	bad_add 'head -c 100000000 /dev/zero >&2; exit 1' "plugin bad failed (ADD, exit status 1)"
	bad_add 'echo "{\"cniVersion\":7}"' "its result: cniVersion is 7"
	bad_add 'echo "{\"cniVersion\":\"7.0.0\"}"' "its result"
	bad_add 'echo "{\"code\":7,\"msg\":\"\\u001b[31mred\"}"' "plugin bad failed (ADD, code 7): ?[31mred"
	# A descendant that keeps its output open holds up nobody.
	invent bad <<<'[ $CNI_COMMAND = DEL ] || { (trap "" TERM; exec sleep 100) & result; }'
	limit=5 runs -n net -- true
}

@test "a result is the next plugin's to judge, and reaches it as it was printed" {
	in_host && return
	local odd='{"cniVersion":"1.0.0","ips":[{"address":"x","interface":-1},7],"dns":{},"big":1152921504606846977}'

	prepare_cnirun
	invent odd <<<"[ \$CNI_COMMAND != ADD ] || echo '$odd'"
	invent same <<<'[ $CNI_COMMAND != ADD ] || sed -E "s/.*\"prevResult\":(.*\}),?\"type.*/\1/; s/.*\"prevResult\":(.*)\}$/\1/" <<<"$input"'
	network net '"cniVersion":"1.0.0",' '{"type":"odd"}' '{"type":"same"}'
	ip netns add c1
	runs add net /run/netns/c1
	grep -qF "\"prevResult\":$odd" /run/t/same.ADD || fail "$(cat /run/t/same.ADD)"
	runs check net /run/netns/c1
	grep -qF "\"prevResult\":$odd" /run/t/odd.CHECK || fail "$(cat /run/t/odd.CHECK)"
	runs del net /run/netns/c1
	grep -qF "\"prevResult\":$odd" /run/t/odd.DEL || fail "$(cat /run/t/odd.DEL)"
	no_trace
}

@test "a plugin has no descriptor but its three, and the signals of a fresh process" {
	in_host && return
	prepare_cnirun
	# dash, unlike bash, leaves signals as they are, but while it forks.
	cat >/run/fake/good <<-'END'
		#!/bin/sh
		while read -r key value; do
			case $key in SigBlk: | SigIgn:) echo "$key $value" ;; esac
		done </proc/$$/status >/run/t/signals
		ls /proc/self/fd >/run/t/fds
		echo '{}'
	END
	chmod 755 /run/fake/good
	network net '' '{"type":"good"}'
	(
		trap '' HUP
		runs -n net -- true 7</dev/null
	)
	is "$(xargs </run/t/fds)" "0 1 2 3"
	is "$(xargs </run/t/signals)" "SigBlk: 0000000000000000 SigIgn: 0000000000000000"
}

@test "interrupted while a plugin runs, everything is undone" {
	in_host && return
	prepare_cnirun
	invent_good one
	invent two <<<'[ $CNI_COMMAND = DEL ] || exec sleep 100'
	network net '' '{"type":"one"}' '{"type":"two"}'
	start_cnirun -n net -- true
	wait_until pgrep -x sleep
	kill -INT "$runner"
	ends_with 130
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	grep -q "interrupted while" /run/t/out || fail "not said: $(cat /run/t/out)"
	no_trace
}

@test "lists that say nothing or nonsense are refused by what is wrong" {
	in_host && return
	prepare_cnirun
	local list

	invent_good good
	while IFS='|' read -r list text; do
		echo "$list" >/run/net.d/x.conflist
		refuses 125 "$text" -n /run/net.d/x.conflist -- true
	done <<-'END'
		{"cniVersion":"1.0.0","name":"x","plugins":[]}|the network has no plugins
		{"cniVersion":"1.0.0","name":"x"}|the network has no plugins
		{"cniVersion":"1.0.0","plugins":[{"type":"good"}]}|name is missing
		{"cniVersion":"1.0.0","name":"../x","plugins":[{"type":"good"}]}|name is "../x"
		{"cniVersion":"1.0.0","name":7,"plugins":[{"type":"good"}]}|name is 7
		{"cniVersion":"1.0.0","name":"x","plugins":{}}|plugins is an object
		{"cniVersion":"1.0.0","name":"x","plugins":["good"]}|plugins[0]. is "good"
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"good"},{}]}|plugins[1].type is missing
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"../good"}]}|plugins[0].type is "../good"
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":".."}]}|plugins[0].type is ".."
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"nosuch"}]}|no plugin "nosuch" in
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"good"},{"type":"nosuch"}]}|no plugin "nosuch" in
		{"cniVersion":"9.0.0","name":"x","plugins":[{"type":"good"}]}|cniVersion is "9.0.0"
		{"cniVersion":1,"name":"x","plugins":[{"type":"good"}]}|cniVersion is 1
		{"cniVersions":[1],"name":"x","plugins":[{"type":"good"}]}|cniVersions
		{"name":"x","disableCheck":1,"plugins":[{"type":"good"}]}|disableCheck is 1
		{"name":"x","plugins":[{"type":"good"}]|is not valid JSON at line
		{"name":"x","name":"y","plugins":[{"type":"good"}]}|"name" twice
	END
	is "$(calls)" ""
	no_trace
}

@test "an entry truncated, from the future, of another container: said, and del goes on without" {
	in_host && return
	prepare_cnirun
	local file whole text

	invent_good one
	network net '' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	file=$(echo "$CACHE"/*)
	whole=$(<"$file")
	while IFS='|' read -r text filter; do
		if [ "$filter" = truncated ]; then
			head -c 100 <<<"$whole" >"$file"
		else
			jq -c "$filter" <<<"$whole" >"$file"
		fi
		refuses 1 "$text" check net /run/netns/c1
		rm -f /run/t/one.DEL
		cnirun del net /run/netns/c1
		is "$status" 0
		[[ $words == "cnirun: deleting without the result of ADD: "*"$text"* ]] ||
			fail "not said: $words"
		refused grep -q prevResult /run/t/one.DEL
	done <<-'END'
		is not valid JSON|truncated
		is of kind "cniCacheV2", and cnirun knows|.kind = "cniCacheV2"
		is of kind "", and|del(.kind)
		which attachment it is of|.containerId = "../x"
		is of another attachment|.containerId = "other"
	END
	# That one is not ours to remove.
	is "$(jq -r .containerId "$file")" other
	printf '%s' "$whole" >"$file"
	chmod 777 "$CACHE"
	refuses 1 "must be ours, and writable by nobody else" check net /run/netns/c1
	chmod 700 "$CACHE"
	rm "$file"
	mkfifo "$file"
	refuses 1 "is not one of ours" check net /run/netns/c1
	rm "$file"
	ln -s /etc/passwd "$file"
	refuses 1 "is not one of ours" check net /run/netns/c1
}

@test "a place for the cache: given, by variable, none, read-only" {
	in_host && return
	prepare_cnirun
	prepare_user
	invent_good one
	network net '' '{"type":"one"}'
	flow() {
		prepare_cnirun
		container_of_process --user --map-root-user --net
		runs add --cache-dir "$XDG_RUNTIME_DIR/a" net "/proc/$process/ns/net"
		is "$(find "$XDG_RUNTIME_DIR/a/results" -name 'net-*' | wc -l)" 1
		refuses 1 "knows no such ADD" check net "/proc/$process/ns/net"
		CNI_CACHE_DIR=$XDG_RUNTIME_DIR/a runs check net "/proc/$process/ns/net"
		CNI_CACHE_DIR=$XDG_RUNTIME_DIR/a runs del net "/proc/$process/ns/net"
		refuses 125 "cannot make the result cache /nosuch/a/results: Permission denied" \
			--cache-dir /nosuch/a -n net -- true
	}
	as_user flow
	is "$(calls)" "one ADD one CHECK one DEL"
	# As under su: the plugins find the directory too.
	unset_variable() {
		prepare_cnirun
		unset XDG_RUNTIME_DIR
		runs -- sh -c 'echo "$XDG_RUNTIME_DIR" && ls -d /run/user/1000/usernet-cni/sock'
		is "$(xargs <<<"$output")" "/run/user/1000 /run/user/1000/usernet-cni/sock"
	}
	as_user unset_variable
	nowhere() {
		prepare_cnirun
		XDG_RUNTIME_DIR=relative refuses 125 'XDG_RUNTIME_DIR is "relative"' -n net -- true
		unset XDG_RUNTIME_DIR
		refuses 125 "no place for the result cache: XDG_RUNTIME_DIR is not set" -n net -- true
	}
	chown 0 /run/user/1000
	chmod 755 /run/user/1000
	user_directory=/run/t as_user nowhere
	mount -o remount,ro /var/lib/cni
	refuses 125 "cannot make the result cache" -n net -- true
	is "$(calls)" "one ADD one CHECK one DEL"
}

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
			fail "no word of the device: $words"
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

@test "gc and add exclude each other; stale attachments that cannot be deleted stay for the next" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	ip netns add c2
	runs add net /run/netns/c1
	runs add net /run/netns/c2
	flock --no-fork --shared "$CACHE/.cnirun.lock" sleep 100 &
	holder=$!
	wait_until pgrep -x sleep
	refuses 1 "an add or a del is at work" gc net
	kill "$holder"
	wait "$holder" || true
	flock --no-fork "$CACHE/.cnirun.lock" sleep 100 &
	holder=$!
	wait_until pgrep -x sleep
	refuses 1 "a gc is at work" del net /run/netns/c1
	kill "$holder"
	wait "$holder" || true
	ip netns delete c2
	invent one <<<'[ $CNI_COMMAND != DEL ] || { echo "{\"code\":5,\"msg\":\"busy\"}"; exit 1; }'
	cnirun gc net
	is "$status $words" "1 cnirun: plugin one failed (DEL, code 5): busy
cnirun: 1 attachments could not be deleted; they stay in the result cache for the next gc"
	is "$(jq -c '.["cni.dev/valid-attachments"]' /run/t/one.GC)" \
		"[{\"containerID\":\"$(cnitool_id /run/netns/c1)\",\"ifname\":\"eth0\"}]"
	is "$(cache | wc -l)" 2
	invent_good one
	runs gc net
	is "$(cache)" "net-$(cnitool_id /run/netns/c1)-eth0"
}

@test "without CNI_PATH, plugins beside cnirun are found, but not commands" {
	in_host && return
	local directory

	prepare_cnirun
	unset CNI_PATH
	for directory in /opt/cni/bin /usr/libexec/cni /usr/lib/cni /usr/local/lib/cni; do
		[ ! -d "$directory" ] || mount -t tmpfs tmpfs "$directory"
	done
	runs -- true
	# Among commands, slirp4netns is the daemon.
	mkdir /run/t/bin
	cp /run/cni/cnirun /usr/bin/slirp4netns /run/t/bin/
	PATH=/run/t/bin:$PATH
	limit=5
	status=0
	words=$(/run/t/bin/cnirun -- true 2>&1) || status=$?
	is "$status" 125
	[[ $words == 'cnirun: no plugin "slirp4netns" in /opt/cni/bin:'* ]] || fail "said: $words"
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

@test "GC goes on behind a plugin that fails: each is called, each is told, and the exit status is 1" {
	in_host && return
	prepare_cnirun
	local fail_gc='[ "$CNI_COMMAND" != GC ] || { echo "{\"cniVersion\":\"1.1.0\",\"code\":101,
		\"msg\":\"$name cannot\"}"; exit 1; }'

	invent one <<<"$fail_gc"
	invent_good two
	invent three <<<"$fail_gc"
	network net '"cniVersion":"1.1.0",' '{"type":"one"}' '{"type":"two"}'
	refuses 1 'one cannot' gc net
	is "$(calls)" "one GC two GC"
	rm /run/t/calls
	network net '"cniVersion":"1.1.0",' '{"type":"one"}' '{"type":"two"}' '{"type":"three"}'
	cnirun gc net
	is "$status" 1
	is "$(calls)" "one GC two GC three GC"
	is "$(grep -c '^cnirun: .* cannot$' <<<"$words")" 2
}

@test "a plugin's error reaches the terminal as clean text: one line, and its details as they are laid out" {
	in_host && return
	prepare_cnirun
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || { printf "%s" "{\"cniVersion\":\"1.1.0\",\"code\":101," \
		"\"msg\":\"a\\nb\\tc\\u001b[2Jd\\u007fe\\u0085fé€\",\"details\":\"x\\n\\ty\\u0007z\"}"; exit 1; }'
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	cnirun add net /run/netns/c1
	is "$status" 1
	[[ $words == "cnirun: "*": a b"$'\t'"c?[2Jd?e?fé€: x"$'\n\t'"y?z" ]] || fail "it says: $words"
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || { echo "{\"cniVersion\":\"1.1.0\",\"code\":101}"; exit 1; }'
	cnirun add net /run/netns/c1
	is "$status" 1
	[[ $words == "cnirun: "*": no message" ]] || fail "it says: $words"
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
			refuses 2 "$option means nothing here" "$command" $option 1 net /run/netns/c1
		done
		refuses 2 '--keep means nothing here' "$command" -k net /run/netns/c1
		refuses 2 '--all means nothing here' "$command" --all net /run/netns/c1
	done
	for command in gc status; do
		refuses 2 "$command needs NETWORK;" "$command"
		refuses 2 "$command needs NETWORK;" "$command" "${words[@]}"
		for option in --ifname --container-id --network; do
			refuses 2 "$option means nothing here" "$command" $option 1 net
		done
	done
	for command in check del gc status; do
		for option in --ip --mac --publish; do
			refuses 2 "$option means nothing here" "$command" $option 1 net /run/netns/c1
		done
	done
	refuses 2 '--all means nothing here' status --all net
	refuses 2 '--cache-dir means nothing here' status --cache-dir /run/t net
	refuses 125 '--all means nothing here' --all -- true
	refuses 2 'there is no option -x' add -x net /run/netns/c1
	refuses 2 'there is no option --nonsense' add --nonsense net /run/netns/c1
	refuses 2 '--timeout needs a value' gc net --timeout
	refuses 2 '--timeout is "0", but must be a whole number' gc --timeout 0 net
	is "$(calls)" ""
	no_trace
	# The namespace is no part of what gc and status look at, and may be given.
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
