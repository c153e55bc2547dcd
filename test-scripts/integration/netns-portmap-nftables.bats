#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is published through nf_tables: who reaches it, from where, and what stands in the table.
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

# Where a connection comes from, and whom it should reach.
@test "a published port answers the peer, the host, 127.0.0.1, a neighbour and the container itself" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	serve a 6 tcp 80 a6
	serve a 4 udp 53 u4
	serve a 6 udp 53 u6
	portmap ADD a "$(map 8080 80), $(map 5353 53 udp)" >/dev/null
	for bridged in 1 0; do
		sysctl -qw "net.bridge.bridge-nf-call-iptables=$bridged" \
			"net.bridge.bridge-nf-call-ip6tables=$bridged" 2>/dev/null || true
		for who in peer host a b; do
			answers a4 $who tcp 10.99.0.1 8080
			answers u4 $who udp 10.99.0.1 5353
			answers a6 $who tcp fd99::1 8080
			answers u6 $who udp fd99::1 5353
			answers a4 $who tcp 10.22.0.1 8080
		done
		answers a4 host tcp 127.0.0.1 8080
		answers u4 host udp 127.0.0.1 5353
	done
	# The peer's address is what the container sees; a neighbour's becomes the bridge's.
	is "$(ask peer tcp 10.99.0.1 8080)" "a4 10.99.0.2"
	is "$(ask b tcp 10.99.0.1 8080)" "a4 10.22.0.1"
	is "$(ask a tcp 10.99.0.1 8080)" "a4 10.22.0.1"
	# ::1 stays the host's own, and so do ports that were not published.
	silent host tcp ::1 8080
	silent peer tcp 10.99.0.1 80
	portmap CHECK a "$(map 8080 80), $(map 5353 53 udp)"
	portmap DEL a "$(map 8080 80), $(map 5353 53 udp)"
	silent peer tcp 10.99.0.1 8080
	portmap DEL a "$(map 8080 80), $(map 5353 53 udp)"
	nothing_published
}

@test "the list with Debian's bridge works as shipped, beside its own iptables masquerading" {
	in_host && return
	prepare_portmap
	ip netns add a
	ip -n a link set lo up
	jq '.plugins[0].ipam.dataDir = "/run/host-local"' "$CONF/30-bridge-portmap.conflist" >list
	run_list ADD list a "$(map 8080 80)"
	serve a 4 tcp 80 a4
	serve a 6 tcp 80 a6
	answers a4 peer tcp 10.99.0.1 8080
	answers a6 peer tcp fd99::1 8080
	answers a4 host tcp 127.0.0.1 8080
	answers a4 a tcp 10.99.0.1 8080
	run_list CHECK list a "$(map 8080 80)"
	run_list DEL list a "$(map 8080 80)"
	nothing_published
}

@test "hostIP: one address, 0.0.0.0, :: and none; the one address goes first" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	ip address add 10.99.0.11/24 dev uplink
	ip address add 10.99.0.12/24 dev uplink
	serve a 4 tcp 80 a4
	serve b 4 tcp 80 b4
	serve a 6 tcp 80 a6
	portmap ADD a "$(map 8080 80 tcp 10.99.0.11), $(map 8081 80 tcp 0.0.0.0), $(map 8082 80 tcp ::), $(map 8083 80 tcp fd99::1)" >/dev/null
	answers a4 peer tcp 10.99.0.11 8080
	silent peer tcp 10.99.0.12 8080
	answers a4 peer tcp 10.99.0.1 8081
	silent peer tcp fd99::1 8081
	answers a6 peer tcp fd99::1 8082
	silent peer tcp 10.99.0.1 8082
	answers a6 peer tcp fd99::1 8083
	# A mapping of one address goes before one of all addresses, in either order of ADD.
	portmap ADD b "$(map 8080 80), $(map 8081 80 tcp 10.99.0.12)" >/dev/null
	answers a4 peer tcp 10.99.0.11 8080
	answers b4 peer tcp 10.99.0.12 8080
	answers b4 peer tcp 10.99.0.12 8081
	answers a4 peer tcp 10.99.0.11 8081
	portmap CHECK b "$(map 8080 80), $(map 8081 80 tcp 10.99.0.12)"
	portmap DEL a
	answers b4 peer tcp 10.99.0.11 8080
	portmap DEL b
	nothing_published
}

@test "a port on 127.0.0.1 is reached from the host alone, route_localnet or not" {
	in_host && return
	prepare_portmap
	container_add a
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80 tcp 127.0.0.1)" >/dev/null
	answers a4 host tcp 127.0.0.1 8080
	silent peer tcp 10.99.0.1 8080
	# A neighbour on the link who sends to 127.0.0.1 gets nowhere, nor does a container.
	for who in peer a; do
		ip -n $who address delete 127.0.0.1/8 dev lo
		ip netns exec $who sysctl -qw net.ipv4.conf.all.route_localnet=1 \
			net.ipv4.conf.eth0.route_localnet=1
	done
	ip -n peer route add 127.0.0.1/32 via 10.99.0.1 src 10.99.0.2
	ip -n a route add 127.0.0.1/32 via 10.22.0.1 src "$(address4 a)"
	socat TCP4-LISTEN:9090,bind=127.0.0.1,fork,reuseaddr SYSTEM:'echo private' >/dev/null 2>&1 &
	served host tcp 9090 4
	answers private host tcp 127.0.0.1 9090
	for who in peer a; do
		silent $who tcp 127.0.0.1 8080
		silent $who tcp 127.0.0.1 9090
	done
	portmap DEL a
	nothing_published
}

@test "snat false keeps every source address, masqAll none" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	serve b 4 tcp 80 b4
	serve b 6 tcp 80 b6
	portmap ADD a "$(map 8080 80)" '"snat": false' >/dev/null
	is "$(ask peer tcp 10.99.0.1 8080)" "a4 10.99.0.2"
	silent host tcp 127.0.0.1 8080
	portmap ADD b "$(map 8081 80)" '"masqAll": true' >/dev/null
	is "$(ask peer tcp 10.99.0.1 8081)" "b4 10.22.0.1"
	is "$(ask peer tcp fd99::1 8081 | tr -d '[]')" "b6 fd22:0000:0000:0000:0000:0000:0000:0001"
	answers b4 host tcp 127.0.0.1 8081
	answers b4 b tcp 10.99.0.1 8081
	portmap CHECK b "$(map 8081 80)" '"masqAll": true'
	portmap DEL a
	portmap DEL b
	nothing_published
}

@test "SCTP, and one port in each protocol" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 9000 9 sctp), $(map 9000 9), $(map 9000 9 udp)" >/dev/null
	nft list map inet usernet_portmap ports4 | grep "sctp . 9000 comment \"net/a@eth0\" : $(address4 a) . 9" >/dev/null
	portmap CHECK a "$(map 9000 9 sctp)"
	portmap DEL a
	nothing_published
}

@test "a UDP client that keeps sending reaches the restarted server, and other flows stay" {
	in_host && return
	prepare_portmap
	# Connections are tracked while the table is away, too.
	nft 'add table inet other; add chain inet other c { type filter hook prerouting priority 0; }'
	nft add rule inet other c ct state new accept
	container_add a
	serve a 4 udp 53 first
	portmap ADD a "$(map 5353 53 udp)" >/dev/null
	# A client that never stops, and never changes its port.
	ip netns exec peer perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Proto => "udp", LocalPort => 4000,
			PeerAddr => "10.99.0.1", PeerPort => 5353) or die;
		for (1 .. 1000) { $s->send("x"); select(undef, undef, undef, 0.02) }' &
	client=$!
	flows() {
		conntrack -L -p udp --orig-port-dst 5353 --reply-src "$1" 2>/dev/null | grep -c sport=4000 || true
	}
	has_flow() {
		[ "$(flows "$1")" != 0 ]
	}
	wait_until has_flow "$(address4 a)"
	old=$(address4 a)
	portmap DEL a "$(map 5353 53 udp)"
	is "$(flows "$old")" 0
	# Meanwhile it talks to the host itself.
	wait_until has_flow 10.99.0.1
	container_add b
	serve b 4 udp 53 second
	portmap ADD b "$(map 5353 53 udp)" >/dev/null
	wait_until has_flow "$(address4 b)"
	# Flows that are none of our business stay: to this port, elsewhere; and of a container, direct.
	ip -n peer address add 10.88.0.1/32 dev lo
	ip route add 10.88.0.1/32 via 10.99.0.2
	echo x | ip netns exec b socat -u - UDP:10.88.0.1:5353,sourceport=4001
	is "$(conntrack -L -p udp --orig-dst 10.88.0.1 2>/dev/null | grep -c sport=4001)" 1
	portmap ADD b "$(map 5353 53 udp)" >/dev/null
	is "$(conntrack -L -p udp --orig-dst 10.88.0.1 2>/dev/null | grep -c sport=4001)" 1
	# As many mappings as make it one dump instead of many walks.
	many=$(for ((p = 6000; p < 6100; p++)); do printf '%s, ' "$(map $p 53 udp)"; done)
	portmap DEL b
	wait_until has_flow 10.99.0.1
	portmap ADD b "$many $(map 5353 53 udp)" >/dev/null
	wait_until has_flow "$(address4 b)"
	is "$(conntrack -L -p udp --orig-dst 10.88.0.1 2>/dev/null | grep -c sport=4001)" 1
	portmap DEL b
	is "$(flows "$(address4 b)")" 0
	kill $client
	nothing_published
}

# Names that the kernel takes, and a listing could not.
@test "an interface whose name has a quote leaves a listing that nft can load" {
	in_host && return
	prepare_portmap
	container_add a
	for name in 'e"th\0' '"""""""""""""""' '\"~x'; do
		jq --arg name "$name" '.interfaces[-1].name = $name' a.result >q.result
		sed -i 's/netns\/a"/netns\/q"/' q.result
		portmap_conf q "$(map 8080 80)" >conf
		as() {
			ifname=$name run_plugin netns-portmap "$1" q <conf
		}
		as ADD >/dev/null
		nft list ruleset >saved
		nft flush ruleset
		nft -f saved
		as CHECK
		as DEL
		nothing_published
	done
	grep -q 'comment "net/q@%5c%22~x"' saved
}

@test "a table that somebody flushed or deleted is told by CHECK and rebuilt by the next ADD" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	nft flush ruleset
	errs 102 'is not there' portmap CHECK a "$(map 8080 80)"
	portmap ADD b "$(map 8081 80)" >/dev/null
	errs 102 'tcp 8080 is not published' portmap CHECK a "$(map 8080 80)"
	portmap ADD a "$(map 8080 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	# Rules gone, elements there.
	nft flush table inet usernet_portmap
	silent peer tcp 10.99.0.1 8080
	errs 102 'is not as it should be' portmap CHECK a "$(map 8080 80)"
	portmap ADD b "$(map 8081 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	answers a4 peer tcp 10.99.0.1 8080
	nft 'flush chain inet usernet_portmap loopback_input; delete chain inet usernet_portmap loopback_input'
	portmap ADD b "$(map 8081 80)" >/dev/null
	grep -q 'ip daddr set' <<<"$(nft list chain inet usernet_portmap loopback_input)"
	# DEL and GC of what somebody else removed.
	nft delete table inet usernet_portmap
	portmap DEL a
	portmap_gc net nobody
	nothing_published
}

@test "nft lists a table that a person can read, and can load it again" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 8080 80), $(map 8081 80 udp 10.99.0.1), $(map 8082 80 tcp fd99::1)" >/dev/null
	nft list ruleset >saved
	grep -q "tcp . 8080 comment \"net/a@eth0\" : $(address4 a) . 80" saved
	grep -q 'dnat ip to meta l4proto . th dport map @ports4' saved
	refused grep -q typeof saved
	# What nft lists, nft loads.
	nft flush ruleset
	nft -f saved
	is "$(nft list ruleset)" "$(<saved)"
	portmap CHECK a "$(map 8080 80)"
	# Rules do not grow with mappings.
	rules=$(nft list ruleset | grep -Ec 'dnat|jump|masquerade|mark set|drop|return')
	many=$(for ((p = 1; p < 1000; p++)); do printf '%s, ' "$(map $p 80)"; done)
	portmap ADD a "$many $(map 1000 80)" >/dev/null
	is "$(nft list ruleset | grep -Ec 'dnat|jump|masquerade|mark set|drop|return')" "$rules"
	# A person's own chain in the table keeps it.
	nft add chain inet usernet_portmap mine
	portmap DEL a
	is "$(elements)" 0
	nft delete chain inet usernet_portmap mine
	portmap ADD a "$(map 1000 80)" >/dev/null
	portmap DEL a
	nothing_published
}

@test "STATUS tells whether nf_tables is usable" {
	in_host && return
	prepare_portmap
	portmap_status ''
	portmap_status '"backend": "nftables"'
	portmap_status '"backend": "slirp4netns"'
	(
		under=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
		errs 50 CAP_NET_ADMIN portmap_status '"backend": "nftables"'
	)
	errs 50 iptables portmap_status '"backend": "iptables"'
}

# With a network namespace of its own, and a state that is where this user keeps it.
as_root_of_a_user_namespace() {
	local state="\"stateDir\": \"$TMPDIR/state\""

	cd "$TMPDIR" || return
	ip link add cni0 type bridge
	ip address add 10.22.0.1/16 dev cni0
	ip link set cni0 up
	mkdir -m 700 state
	paper_container p 10.22.0.9
	portmap ADD p "$(map 80 80)" "$state" >/dev/null
	is "$(elements)" 3
	portmap CHECK p "$(map 80 80)" "$state"
	portmap DEL p "$(map 80 80)" "$state"
	nothing_published
}

@test "root in the user namespace that owns the host-side network publishes too" {
	in_host && return
	prepare_portmap
	IN_USERNS=1 XDG_RUNTIME_DIR=/run/t in_userns --net as_root_of_a_user_namespace
}
