#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a container behind slirp4netns reaches, and by which addresses, as root, on the real slirp4netns.

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
	is "$(jq -r '.interfaces[0].mac' <<<"$output")" \
		"$(in_container ip -j link show eth0 | jq -r '.[0].address')"
	[ -S "$(jq -r '.interfaces[0].socketPath' <<<"$output")" ] || fail "no API socket"
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

@test "an empty IP or MAC in CNI_ARGS is no wish" {
	in_host && return
	container c1
	CNI_ARGS='IP=;MAC=' succeeds ADD
	expect '.ips[0].address == "10.0.2.100/24"' "$output"
	succeeds DEL
	nothing_left
}
