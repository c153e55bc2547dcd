#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the slirp4netns plugin promises, as root, on the real slirp4netns.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# Traffic.

@test "TCP, UDP and DNS get out the moment ADD returns" {
	in_host && return
	start_services
	container c1
	succeeds ADD
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	is "$(ask_udp 192.0.2.1)" "udp from 192.0.2.1"
	is "$(resolve www.example)" "203.0.113.7"
	succeeds CHECK "$(with_prev "$(net)")"
	succeeds DEL
	nothing_left
}

@test "the answer tells interface, MAC, MTU, sandbox, socket, address, route and DNS as they are" {
	in_host && return
	container c1
	succeeds ADD
	expect '.cniVersion == "1.1.0"'
	expect '.interfaces | length == 1'
	expect '.interfaces[0] | .name == "eth0" and .mtu == 65520 and .sandbox == "/run/netns/c1"'
	is "$(jq -r '.interfaces[0].mac' <<<"$answer")" \
		"$(in_container ip -j link show eth0 | jq -r '.[0].address')"
	[ -S "$(jq -r '.interfaces[0].socketPath' <<<"$answer")" ] || fail "no API socket"
	expect '.ips == [{"address": "10.0.2.100/24", "gateway": "10.0.2.2", "interface": 0}]'
	expect '.routes == [{"dst": "0.0.0.0/0", "gw": "10.0.2.2"}]'
	expect '.dns == {"nameservers": ["10.0.2.3"]}'
	is "$(in_container ip -4 -j route show default | jq -r '.[0] | "\(.gateway) \(.dev)"')" \
		"10.0.2.2 eth0"
	expect '.[0] | (.flags | index("UP")) and .mtu == 65520' "$(in_container ip -j link show eth0)"
	expect '.[0].flags | index("UP")' "$(in_container ip -j link show lo)"
}

@test "every interface name that the kernel takes is taken" {
	in_host && return
	local name

	for name in -x e@1 eth0.100 123456789012345 é "\"'\\"; do
		container "c$((n = ${n-0} + 1))"
		CNI_IFNAME=$name
		succeeds ADD
		expect ".interfaces[0].name == $(jq -Rn --arg name "$name" '$name')"
		is "$(interfaces)" "$name"
		succeeds CHECK "$(with_prev "$(net)")"
		succeeds DEL
		nothing_left
	done
}

@test "a custom MTU is the interface's and the daemon's, and packets of its size get through" {
	in_host && return
	local mtu

	start_services
	for mtu in 68 1500 9000 65521; do
		container "m$mtu"
		succeeds ADD "$(net "\"mtu\":$mtu")"
		expect ".interfaces[0].mtu == $mtu"
		is "$(in_container ip -j link show eth0 | jq '.[0].mtu')" "$mtu"
		tr '\0' ' ' <"/proc/$(recorded pid)/cmdline" | grep -q -- "--mtu=$mtu " ||
			fail "the daemon's MTU is another"
		[ "$mtu" = 68 ] || is "$(transfer 300000)" 300000
		succeeds DEL
	done
	container default
	succeeds ADD
	is "$(transfer 3000000)" 3000000
}

@test "IPv6 gets out the moment ADD returns, from an address without duplicate address detection" {
	in_host && return
	local i

	start_services
	for i in 1 2 3; do
		container "c$i"
		succeeds ADD "$(net '"enableIPv6":true')"
		is "$(fetch 2001:db8::1)" "tcp from 2001:db8::1"
		is "$(ask_udp 2001:db8::1)" "udp from 2001:db8::1"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		expect '.ips[1] == {"address": "fd00::100/64", "gateway": "fd00::2", "interface": 0}'
		expect '.routes[1] == {"dst": "::/0", "gw": "fd00::2"}'
		in_container ip -6 addr show dev eth0 to fd00::100/128 | grep -q nodad ||
			fail "the address is not nodad"
		succeeds CHECK "$(with_prev "$(net '"enableIPv6":true')")"
	done
}

@test "without enableIPv6 there is no IPv6" {
	in_host && return
	container c1
	succeeds ADD
	expect '.ips | length == 1'
	is "$(in_container ip -6 addr show dev eth0 scope global)" ""
}

@test "the host's loopback is out of reach, and in reach with allowHostLoopback" {
	in_host && return
	start_services
	container closed
	succeeds ADD "$(net '"enableIPv6":true')"
	refused fetch 10.0.2.2
	refused fetch fd00::2
	container open
	succeeds ADD "$(net '"allowHostLoopback":true,"enableIPv6":true')"
	is "$(fetch 10.0.2.2)" "tcp from 127.0.0.1"
	is "$(ask_udp 10.0.2.2)" "udp from 127.0.0.1"
	is "$(fetch fd00::2)" "tcp from ::1"
	container explicit
	succeeds ADD "$(net '"allowHostLoopback":false')"
	refused fetch 10.0.2.2
}

@test "containers with the same address are in nobody's way" {
	in_host && return
	local i

	start_services
	for i in 1 2 3; do
		container "c$i"
		succeeds ADD
		expect '.ips[0].address == "10.0.2.100/24"'
	done
	for i in 1 2 3; do
		enter=(nsenter "--net=/run/netns/c$i")
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	done
}

@test "cidr sets the virtual network, with gateway, DNS and container address inside it" {
	in_host && return
	start_services
	container c1
	succeeds ADD "$(net '"cidr":"172.30.128.0/20"')"
	expect '.ips == [{"address": "172.30.128.100/20", "gateway": "172.30.128.2", "interface": 0}]'
	expect '.dns.nameservers == ["172.30.128.3"]'
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	echo 'nameserver 172.30.128.3' >/run/t/resolv.container
	is "$(resolve www.example)" "203.0.113.7"
}

@test "disableDNS: nothing answers at the DNS address, and the result has none" {
	in_host && return
	start_services
	container c1
	succeeds ADD "$(net '"disableDNS":true')"
	expect 'has("dns") | not'
	echo 'options timeout:1 attempts:1' >>/run/t/resolv.container
	is "$(resolve www.example || true)" ""
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
}

@test "the key dns is answered in place of the built-in name server" {
	in_host && return
	container c1
	succeeds ADD "$(net '"dns":{"nameservers":["192.0.2.53","2001:db8::53"],"domain":"a.example",
		"search":["a.example","b.example"],"options":["ndots:2"]}')"
	expect '.dns == {"nameservers": ["192.0.2.53", "2001:db8::53"], "domain": "a.example",
		"search": ["a.example", "b.example"], "options": ["ndots:2"]}'
	container c2
	succeeds ADD "$(net '"dns":{"search":["a.example"]}')"
	expect '.dns == {"nameservers": ["10.0.2.3"], "search": ["a.example"]}'
}

@test "outboundAddr and outboundAddr6 set the source of connections, by address and by interface" {
	in_host && return
	local to

	start_services
	ip tuntap add dev up0 mode tap
	ip addr add 192.0.2.7/32 dev up0
	ip addr add 2001:db8::7/128 dev up0 nodad
	ip link set up0 up
	for to in '"outboundAddr":"192.0.2.7","outboundAddr6":"2001:db8::7"' \
		'"outboundAddr":"up0","outboundAddr6":"up0"'; do
		container "c$((n = ${n-0} + 1))"
		succeeds ADD "$(net "\"enableIPv6\":true,$to")"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.7"
		is "$(ask_udp 192.0.2.1)" "udp from 192.0.2.7"
		is "$(fetch 2001:db8::1)" "tcp from 2001:db8::7"
	done
}

# Static addresses.

@test "a static address and MAC come from runtimeConfig, args.cni or CNI_ARGS, in this order" {
	in_host && return
	local members ip mac
	local capability='"runtimeConfig":{"ips":["10.0.2.51/24"],"mac":"02:00:5E:10:00:01"}'
	local args='"args":{"cni":{"ips":["10.0.2.52"],"mac":"02:00:5e:10:00:02"}}'

	start_services
	export CNI_ARGS='IgnoreUnknown=1;IP=10.0.2.53/24;MAC=02:00:5e:10:00:03'
	while read -r ip mac members; do
		container "c${ip##*.}"
		succeeds ADD "$(net "$members")"
		expect ".ips[0].address == \"$ip/24\" and .interfaces[0].mac == \"$mac\""
		expect ".[0] | .address == \"$mac\" and any(.addr_info[];
			.local == \"$ip\" and .prefixlen == 24)" "$(in_container ip -j -4 addr show eth0 |
			jq --argjson link "$(in_container ip -j link show eth0)" \
				'[.[0] + {address: $link[0].address}]')"
		is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		is "$(resolve www.example)" "203.0.113.7"
		succeeds CHECK "$(with_prev "$(net "$members")")"
	done <<-EOF
		10.0.2.51 02:00:5e:10:00:01 $capability,$args
		10.0.2.52 02:00:5e:10:00:02 $args
		10.0.2.53 02:00:5e:10:00:03
	EOF
}

@test "an empty ips or mac of the runtime asks for nothing" {
	in_host && return
	container c1
	succeeds ADD "$(net '"runtimeConfig":{"ips":[],"mac":""}')"
	expect '.ips[0].address == "10.0.2.100/24"'
	container c2
	succeeds ADD "$(net '"runtimeConfig":{"ips":null}')"
	expect '.ips[0].address == "10.0.2.100/24"'
}

@test "static IPv4 and IPv6 addresses in one go carry traffic" {
	in_host && return
	start_services
	container c1
	succeeds ADD "$(net '"enableIPv6":true,"runtimeConfig":{"ips":["fd00::ab/64","10.0.2.77/24"]}')"
	expect '[.ips[].address] | sort == ["10.0.2.77/24", "fd00::ab/64"]'
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	is "$(fetch 2001:db8::1)" "tcp from 2001:db8::1"
}

@test "an address that is asked for twice, as podman network reload does, is one" {
	in_host && return
	container c1
	succeeds ADD "$(net '"enableIPv6":true,
		"runtimeConfig":{"ips":["10.0.2.15","fd00::f","10.0.2.15/24","fd00::f"]}')"
	expect '[.ips[].address] | sort == ["10.0.2.15/24", "fd00::f/64"]'
}

@test "an address outside the network, of the gateway, of DNS, or a second one is refused" {
	in_host && return
	local text members

	container c1
	while IFS='|' read -r text members; do
		fails 7 "$text" ADD "$(net "$members")"
		nothing_left
	done <<-'EOF'
		192.168.1.5|"runtimeConfig":{"ips":["192.168.1.5/24"]}
		10.0.3.1|"runtimeConfig":{"ips":["10.0.3.1"]}
		10.0.2.2|"runtimeConfig":{"ips":["10.0.2.2/24"]}
		10.0.2.3|"runtimeConfig":{"ips":["10.0.2.3/24"]}
		10.0.2.0|"runtimeConfig":{"ips":["10.0.2.0/24"]}
		10.0.2.255|"runtimeConfig":{"ips":["10.0.2.255/24"]}
		10.0.2.8|"runtimeConfig":{"ips":["10.0.2.7/24","10.0.2.8/24"]}
		10.0.2.9/16|"runtimeConfig":{"ips":["10.0.2.9/16"]}
		10.0.2.9/32|"runtimeConfig":{"ips":["10.0.2.9/32"]}
		fd00::5|"runtimeConfig":{"ips":["fd00::5/64"]}
		fd00::2|"enableIPv6":true,"runtimeConfig":{"ips":["fd00::2/64"]}
		fd00::3|"enableIPv6":true,"runtimeConfig":{"ips":["fd00::3/64"]}
		fd00::/64|"enableIPv6":true,"runtimeConfig":{"ips":["fd00::/64"]}
		fd00:1::5|"enableIPv6":true,"runtimeConfig":{"ips":["fd00:1::5/64"]}
		fd00::5/96|"enableIPv6":true,"runtimeConfig":{"ips":["fd00::5/96"]}
		fd00::6|"enableIPv6":true,"runtimeConfig":{"ips":["fd00::5/64","fd00::6/64"]}
		172.30.0.2|"cidr":"172.30.0.0/16","runtimeConfig":{"ips":["172.30.0.2/16"]}
		10.0.2.100|"cidr":"172.30.0.0/16","runtimeConfig":{"ips":["10.0.2.100"]}
		10.0.2.2|"args":{"cni":{"ips":["10.0.2.2"]}}
	EOF
	CNI_ARGS='IP=10.0.2.3' fails 7 10.0.2.3 ADD
	CNI_ARGS='IP=10.0.2.5,10.0.2.6' fails 7 10.0.2.6 ADD
	nothing_left
}

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

@test "an empty IP or MAC in CNI_ARGS is no wish" {
	in_host && return
	container c1
	CNI_ARGS='IP=;MAC=' succeeds ADD
	expect '.ips[0].address == "10.0.2.100/24"' "$answer"
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
	# From another namespace, where no interface is in the way.
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

# CHECK and STATUS.

@test "CHECK fails when anything is not as it was added" {
	in_host && return
	local name text break pid
	local conf

	conf=$(net '"enableIPv6":true')
	while IFS='|' read -r name text break; do
		container "$name"
		succeeds ADD "$conf"
		result=$answer
		socket=$(jq -r '.interfaces[0].socketPath' <<<"$answer")
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
		.ips += [{"address": "10.9.0.1/24", "interface": 0}]' <<<"$answer")
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
	result=$answer
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
	# The way it comes to be found makes no difference.
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
