#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What netns-portmap promises through nf_tables, each promise in a host of its own.
# shellcheck disable=SC2016,SC2154

load ../lib/portmap-host.sh

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# Where a connection comes from, and whom it should reach.
from_everywhere() {
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
	# ::1 stays the host's own, and so do ports that nobody published.
	silent host tcp ::1 8080
	silent peer tcp 10.99.0.1 80
	portmap CHECK a "$(map 8080 80), $(map 5353 53 udp)"
	portmap DEL a "$(map 8080 80), $(map 5353 53 udp)"
	silent peer tcp 10.99.0.1 8080
	portmap DEL a "$(map 8080 80), $(map 5353 53 udp)"
	nothing_left
}
@test "a published port answers the peer, the host, 127.0.0.1, a neighbour and the container itself" {
	in_host from_everywhere
}

as_shipped() {
	ip netns add a
	ip -n a link set lo up
	jq '.plugins[0].ipam.dataDir = "/run/host-local"' "$portmap_root/conf/30-bridge-portmap.conflist" >list
	list ADD list a "$(map 8080 80)"
	serve a 4 tcp 80 a4
	serve a 6 tcp 80 a6
	answers a4 peer tcp 10.99.0.1 8080
	answers a6 peer tcp fd99::1 8080
	answers a4 host tcp 127.0.0.1 8080
	answers a4 a tcp 10.99.0.1 8080
	list CHECK list a "$(map 8080 80)"
	list DEL list a "$(map 8080 80)"
	nothing_left
}
@test "the list with Debian's bridge works as shipped, beside its own iptables masquerading" {
	in_host as_shipped
}

host_addresses() {
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
	# One address goes before all of them, whoever came first.
	portmap ADD b "$(map 8080 80), $(map 8081 80 tcp 10.99.0.12)" >/dev/null
	answers a4 peer tcp 10.99.0.11 8080
	answers b4 peer tcp 10.99.0.12 8080
	answers b4 peer tcp 10.99.0.12 8081
	answers a4 peer tcp 10.99.0.11 8081
	portmap CHECK b "$(map 8080 80), $(map 8081 80 tcp 10.99.0.12)"
	portmap DEL a
	answers b4 peer tcp 10.99.0.11 8080
	portmap DEL b
	nothing_left
}
@test "hostIP: one address, 0.0.0.0, :: and none; the one address goes first" {
	in_host host_addresses
}

only_loopback() {
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
	for ((i = 0; i < 100; i++)); do
		[ -z "$(ss -Hltn 'sport = :9090')" ] || break
		sleep 0.02
	done
	answers private host tcp 127.0.0.1 9090
	for who in peer a; do
		silent $who tcp 127.0.0.1 8080
		silent $who tcp 127.0.0.1 9090
	done
	portmap DEL a
	nothing_left
}
@test "a port on 127.0.0.1 is reached from the host alone, route_localnet or not" {
	in_host only_loopback
}

source_addresses() {
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
	nothing_left
}
@test "snat false keeps every source address, masqAll none" {
	in_host source_addresses
}

sctp() {
	container_add a
	portmap ADD a "$(map 9000 9 sctp), $(map 9000 9), $(map 9000 9 udp)" >/dev/null
	nft list map inet usernet_portmap ports4 | grep "sctp . 9000 comment \"net/a@eth0\" : $(address4 a) . 9" >/dev/null
	portmap CHECK a "$(map 9000 9 sctp)"
	portmap DEL a
	nothing_left
}
@test "SCTP, and one port in each protocol" {
	in_host sctp
}

siblings() {
	container_add a
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	before=$(nft list table inet usernet_portmap)
	NETWORK=net2 portmap ADD a "$(map 8080 80)" >out
	is "$(nft list table inet usernet_portmap)" "$before"
	is "$(find /run/usernet-cni -path '*/net2/*@*')" ""
	NETWORK=net2 portmap CHECK a "$(map 8080 80)"
	# What the first has not is published; another port of the container is another thing.
	NETWORK=net2 portmap ADD a "$(map 8080 80), $(map 8081 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8081
	NETWORK=net2 portmap CHECK a "$(map 8080 80), $(map 8081 80)"
	NETWORK=net3 refused 100 'tcp 8080 is taken by net/a@eth0' portmap ADD a "$(map 8080 81)"
	NETWORK=net2 portmap DEL a
	silent peer tcp 10.99.0.1 8081
	answers a4 peer tcp 10.99.0.1 8080
	# Whoever is left has it at the next ADD. A record alone is not believed.
	NETWORK=net2 portmap ADD a "$(map 8080 80)" >/dev/null
	portmap DEL a
	NETWORK=net2 refused 102 'there is no record' portmap CHECK a "$(map 8080 80)"
	NETWORK=net2 portmap ADD a "$(map 8080 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	cp -r /run/usernet-cni/netns-portmap/net2 /run/usernet-cni/netns-portmap/net4
	NETWORK=net2 portmap DEL a
	container_add b
	portmap ADD b "$(map 8080 80)" >/dev/null
	NETWORK=net3 refused 100 'tcp 8080 is taken by net/b@eth0' portmap ADD a "$(map 8080 80)"
	rm -r /run/usernet-cni/netns-portmap/net4
	portmap DEL b
	nothing_left
}
@test "nftables: a port that the same container has in another network is left to that one" {
	in_host siblings
}

conflict() {
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	before=$(nft list table inet usernet_portmap)
	refused 100 'tcp 8080 is taken by net/a@eth0' portmap ADD b "$(map 9000 80), $(map 8080 80)"
	refused 100 'tcp 0.0.0.0:8080 is taken by net/a@eth0' portmap ADD b "$(map 8080 80 tcp 0.0.0.0)"
	# Not even the same destination makes it the same owner.
	cp a.result c.result
	refused 100 'tcp 8080 is taken by net/a@eth0' portmap ADD c "$(map 8080 80)"
	is "$(nft list table inet usernet_portmap)" "$before"
	is "$(find /run/usernet-cni -name '[bc]@*' | wc -l)" 0
	portmap DEL b "$(map 8080 80)"
	answers a4 peer tcp 10.99.0.1 8080
	# The same container again is no conflict, and replaces what it had.
	portmap ADD a "$(map 8081 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8081
	silent peer tcp 10.99.0.1 8080
	nft add element inet usernet_portmap ports4 '{ tcp . 9000 : 10.22.9.9 . 1 }'
	refused 100 'without an owner' portmap ADD b "$(map 9000 80)"
	nft delete element inet usernet_portmap ports4 '{ tcp . 9000 }'
	portmap DEL a
	nothing_left
}
@test "a port that another has is refused with its owner's name, and nothing changes" {
	in_host conflict
}

late_del() {
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	# Somebody removes the elements by hand; b gets the port, and even a's address.
	nft flush map inet usernet_portmap ports4
	nft flush set inet usernet_portmap ports4_hairpin
	nft flush map inet usernet_portmap ports6
	nft flush set inet usernet_portmap ports6_hairpin
	cp a.result b.result
	portmap ADD b "$(map 8080 80)" >/dev/null
	refused 102 "another attachment's" portmap CHECK a "$(map 8080 80)"
	portmap DEL a "$(map 8080 80)"
	portmap CHECK b "$(map 8080 80)"
	portmap DEL b
	nothing_left
	# The same when some of what it asks for is still its own: for a DEL, and for an ADD whose answer is lost.
	portmap ADD b "$(map 8080 80)" >/dev/null
	cp /run/usernet-cni/netns-portmap/net/b@eth0.json record
	portmap DEL b
	for how in DEL ADD; do
		portmap ADD a "$(map 8079 80), $(map 8080 80)" >/dev/null
		nft list table inet usernet_portmap | sed '/8080/s,net/a@eth0,net/b@eth0,' >edited
		nft -f - <<<"$(echo 'delete table inet usernet_portmap'; cat edited)"
		cp record /run/usernet-cni/netns-portmap/net/b@eth0.json
		if [ $how = DEL ]; then
			portmap DEL a
		else
			rm /run/usernet-cni/netns-portmap/net/a@eth0.json
			! deaf_at ADD 28 "$(map 8079 80), $(map 8080 80)"
		fi
		portmap CHECK b "$(map 8080 80)"
		portmap DEL b
		portmap ADD a "$(map 8079 80), $(map 8080 80)" >/dev/null
		portmap DEL a
		nothing_left
	done
}
@test "a late DEL does not remove the port's next owner, not even at the same address" {
	in_host late_del
}

# A DEL that is slow, between having read its elements and deleting them: b, of another network,
# gets the port in between.
overtaken() {
	container_add a
	container_add c
	cp a.result b.result
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap ADD c "$(map 9090 80)" >/dev/null
	portmap_conf a >conf
	ASAN_OPTIONS=detect_leaks=0 CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_PATH=$PORTMAP_BIN \
		strace -qq -o trace -e trace=sendto -e inject=sendto:delay_enter=800000:when=3 \
		"$PORTMAP_BIN/netns-portmap" <conf &
	for ((i = 0; i < 100; i++)); do
		[ "$(grep -c GETSETELEM trace)" = 0 ] || break
		sleep 0.02
	done
	sleep 0.1
	for family in 4 6; do
		nft flush map inet usernet_portmap ports$family
		nft flush set inet usernet_portmap ports${family}_hairpin
	done
	NETWORK=net2 portmap ADD b "$(map 8080 80)" >/dev/null
	kill -0 $!
	wait $!
	NETWORK=net2 portmap CHECK b "$(map 8080 80)"
	is "$(grep -c . trace)" 5
	NETWORK=net2 portmap DEL b
	portmap DEL c
	nothing_left
}
@test "a DEL that is overtaken between reading and deleting does not remove the port's next owner" {
	in_host overtaken
}

udp_restart() {
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
	wait_flow() {
		for ((i = 0; i < 100; i++)); do
			[ "$(flows "$1")" = 0 ] || return 0
			sleep 0.02
		done
		echo "no flow to $1" >&2
		return 1
	}
	wait_flow "$(address4 a)"
	old=$(address4 a)
	portmap DEL a "$(map 5353 53 udp)"
	is "$(flows "$old")" 0
	# Meanwhile it talks to the host itself.
	wait_flow 10.99.0.1
	container_add b
	serve b 4 udp 53 second
	portmap ADD b "$(map 5353 53 udp)" >/dev/null
	wait_flow "$(address4 b)"
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
	wait_flow 10.99.0.1
	portmap ADD b "$many $(map 5353 53 udp)" >/dev/null
	wait_flow "$(address4 b)"
	is "$(conntrack -L -p udp --orig-dst 10.88.0.1 2>/dev/null | grep -c sport=4001)" 1
	portmap DEL b
	is "$(flows "$(address4 b)")" 0
	kill $client
	nothing_left
}
@test "a UDP client that keeps sending reaches the restarted server, and other flows stay" {
	in_host udp_restart
}

# A container without a namespace: its result says that it is behind the bridge.
paper_container() {
	echo "{\"cniVersion\": \"1.0.0\", \"interfaces\": [{\"name\": \"eth0\", \"sandbox\": \"/run/netns/$1\"}],
		\"ips\": [{\"interface\": 0, \"address\": \"$2/16\"}]}" >"$1.result"
}

# Two containers want each port; each comes and goes three times.
contender() {
	local i won=0

	export NETWORK=net$3

	for i in 1 2 3; do
		if portmap ADD "$1" "$(map "$2" 80)" >"$1.out" 2>&1; then
			portmap CHECK "$1" "$(map "$2" 80)" >"$1.out" || return 1
			portmap DEL "$1" >"$1.out" || return 1
			won=1
		else
			grep -q '"code":\s*100' "$1.out" || return 1
		fi
	done
	until [ $won = 1 ] || portmap ADD "$1" "$(map "$2" 80)" >"$1.out" 2>&1; do
		sleep 0.05
	done
	portmap DEL "$1" >"$1.out"
}

race() {
	ip link add cni0 type bridge
	ip address add 10.22.0.1/16 dev cni0
	ip link set cni0 up
	for ((i = 0; i < 100; i++)); do
		paper_container "c$i" "10.22.1.$i"
	done
	portmap ADD c99 "$(map 20000 80)" >/dev/null
	(while nft 'add table inet other; add set inet other s { type inet_service; }'; do
		nft 'add element inet other s { 1, 2, 3 }; delete table inet other'
	done) 2>/dev/null &
	editor=$!
	pids=()
	for ((i = 0; i < 98; i++)); do
		contender "c$i" $((10000 + i / 2)) $((i % 2)) &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	kill -0 $editor
	kill $editor
	portmap CHECK c99 "$(map 20000 80)"
	is "$(elements)" 3
	portmap DEL c99
	nothing_left
}
@test "100 containers that race for ports, while another program edits nftables, neither lose nor steal one" {
	in_host race
}

# killed_at COMMAND SYSCALL N MAPPINGS: of container a, killed at the n-th of these calls; fails if it
# got to its end.
killed_at() {
	portmap_conf a "$4" >conf
	! ASAN_OPTIONS=detect_leaks=0 CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH=$PORTMAP_BIN \
		bash -c 'strace -qq -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" -o trace "$3" <conf' \
		x "$2" "$3" "$PORTMAP_BIN/netns-portmap" >/dev/null 2>&1
}

killed() {
	container_add a
	container_add b
	portmap ADD b "$(map 9090 80)" >/dev/null
	for call in sendto linkat close; do
		for ((n = 1; n < 100; n++)); do
			killed_at ADD $call $n "$(map 8080 80), $(map 5353 53 udp)" || break
			[ $((n % 2)) = 0 ] || portmap DEL a
			[ $((n % 2)) = 1 ] || {
				portmap ADD a "$(map 8080 80)" >/dev/null
				portmap DEL a
			}
			is "$(elements)" 5
			is "$(find /run/usernet-cni -name 'a@*' | wc -l)" 0
		done
		echo "ADD: $n $call" >&2
		[ $n -gt 1 ]
		portmap DEL a
	done
	for call in sendto unlinkat; do
		for ((n = 1; n < 100; n++)); do
			portmap ADD a "$(map 8080 80)" >/dev/null
			killed_at DEL $call $n "$(map 8080 80)" || break
		done
		echo "DEL: $n $call" >&2
		[ $n -gt 1 ]
		is "$(elements)" 5
	done
	portmap CHECK b "$(map 9090 80)"
	portmap DEL b
	nothing_left
}
@test "killed between record and transaction, or after it: the next DEL or ADD puts it right" {
	in_host killed
}

# As in killed_at, but an answer of the kernel's is lost: the n-th recvfrom, or every one from it.
deaf_at() {
	portmap_conf a "$3" >conf
	ASAN_OPTIONS=detect_leaks=0 CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH=$PORTMAP_BIN \
		strace -qq -o trace -e trace=recvfrom -e "inject=recvfrom:error=ENOMEM:when=$2" "$PORTMAP_BIN/netns-portmap" <conf >out 2>/dev/null
}

deaf() {
	container_add a
	failed=0
	for when in {1..50} {1..50}+; do
		if deaf_at ADD "$when" "$(map 8080 80)"; then
			portmap CHECK a "$(map 8080 80)"
		else
			failed=$((failed + 1))
			# Published without a record: never.
			[ "$(elements)" = 0 ] || [ -e /run/usernet-cni/netns-portmap/net/a@eth0.json ]
			[[ $when == *+ ]] || nothing_left
		fi
		portmap DEL a
		nothing_left
	done
	[ $failed -gt 10 ]
	for when in {1..40} {1..40}+; do
		portmap ADD a "$(map 8080 80)" >/dev/null
		deaf_at DEL "$when" "$(map 8080 80)" || [ -e /run/usernet-cni/netns-portmap/net/a@eth0.json ]
		portmap DEL a
		nothing_left
	done
}
@test "whatever answer of the kernel is lost: nothing is published without a record, and DEL removes it" {
	in_host deaf
}

unreadable() {
	container_add a
	container_add b
	portmap ADD b "$(map 9090 80)" >/dev/null
	record=/run/usernet-cni/netns-portmap/net/a@eth0.json
	for text in '' '{' '{"backend":"nftab' '{"backend":"magic"}' '{"backend":"nftables"}' '{"backend":"nftables","mappings":7}' \
		'{"backend":"nftables","address4":"10.22.0.2","mappings":[]}' '{"backend":"slirp4netns"}' '[]'; do
		for how in DEL ADD GC; do
			portmap ADD a "$(map 8080 80), $(map 53 53 udp 10.99.0.1)" >/dev/null
			echo "$text" >$record
			case $how in
			DEL) portmap DEL a 2>stderr ;;
			GC) collect net b 2>stderr ;;
			ADD)
				portmap ADD a "$(map 8081 80)" >/dev/null 2>stderr
				portmap CHECK a "$(map 8081 80)"
				is "$(elements)" 10
				portmap DEL a
				;;
			esac
			grep -q 'looking for what is published instead' stderr
			[ ! -e $record ]
			is "$(elements)" 5
		done
	done
	portmap CHECK b "$(map 9090 80)"
	portmap DEL b
	nothing_left
	# And the table goes with the last of them.
	portmap ADD a "$(map 8080 80)" >/dev/null
	echo '{' >$record
	portmap DEL a 2>/dev/null
	nothing_left
}
@test "a record that cannot be read: DEL, GC and ADD withdraw what the table says is the attachment's" {
	in_host unreadable
}

last_ones() {
	container_add a
	cp a.result b.result
	# Two networks, whose locks are two.
	for ((i = 0; i < 40; i++)); do
		portmap ADD a "$(map 8080 80)" >/dev/null
		NETWORK=net2 portmap ADD b "$(map 8081 80)" >/dev/null
		portmap DEL a &
		NETWORK=net2 portmap DEL b &
		wait
		nothing_left
	done
	# Records of the other backend keep no table.
	portmap ADD a "$(map 8080 80)" >/dev/null
	echo '{"backend":"slirp4netns","mappings":[],"socket":"/nowhere","address4":"10.0.2.100"}' >/run/usernet-cni/netns-portmap/net/s@eth0.json
	portmap DEL a
	is "$(nft list tables)" ''
	portmap DEL s
	# A DEL that was killed after its record went: GC takes the table.
	portmap ADD a "$(map 8080 80)" >/dev/null
	nft flush map inet usernet_portmap ports4
	for set in ports4_hairpin ports6 ports6_hairpin; do
		nft "flush set inet usernet_portmap $set" 2>/dev/null || nft "flush map inet usernet_portmap $set"
	done
	rm /run/usernet-cni/netns-portmap/net/a@eth0.json
	collect net nobody
	nothing_left
}
@test "the table goes with the last mapping: two networks at once, beside slirp4netns, after a kill" {
	in_host last_ones
}

# Names that the kernel takes, and a listing could not.
quoted() {
	container_add a
	for name in 'e"th\0' '"""""""""""""""' '\"~x'; do
		jq --arg name "$name" '.interfaces[-1].name = $name' a.result >q.result
		sed -i 's/netns\/a"/netns\/q"/' q.result
		portmap_conf q "$(map 8080 80)" >conf
		as() {
			CNI_COMMAND=$1 CNI_CONTAINERID=q CNI_NETNS=/run/netns/q CNI_IFNAME=$name CNI_PATH=$PORTMAP_BIN "$PORTMAP_BIN/netns-portmap" <conf
		}
		as ADD >/dev/null
		nft list ruleset >saved
		nft flush ruleset
		nft -f saved
		as CHECK
		as DEL
		nothing_left
	done
	grep -q 'comment "net/q@%5c%22~x"' saved
}
@test "an interface whose name has a quote leaves a listing that nft can load" {
	in_host quoted
}

never_published() {
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	refused 102 'tcp 8081 is not published' portmap CHECK a "$(map 8081 80)"
	refused 102 'udp 8080 is not published' portmap CHECK a "$(map 8080 80), $(map 8080 80 udp)"
	refused 102 'tcp 8080 is not published to container port 81' portmap CHECK a "$(map 8080 81)"
	refused 102 'tcp 10.99.0.1:8080 is not published' portmap CHECK a "$(map 8080 80 tcp 10.99.0.1)"
	portmap CHECK a "$(map 8080 80)"
	portmap DEL a
	nothing_left
}
led_elsewhere() {
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	nft list table inet usernet_portmap | sed 's/\. 80$/. 81/; s/\. 80 }/. 81 }/' >edited
	nft -f - <<<"$(echo 'delete table inet usernet_portmap'; cat edited)"
	grep -q '\. 81 *}*$' <<<"$(nft list table inet usernet_portmap)"
	refused 102 'tcp 8080' portmap CHECK a "$(map 8080 80)"
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	portmap DEL a
	nothing_left
}
@test "CHECK tells of a port that leads elsewhere, and the next ADD of the container puts it right" {
	in_host led_elsewhere
}

@test "CHECK tells of a port that is asked for and was never published" {
	in_host never_published
}

gc_conf() {
	cat <<-CONF
	{"cniVersion": "1.1.0", "name": "$1", "type": "netns-portmap",
	 "cni.dev/valid-attachments": [{"containerID": "$2", "ifname": "eth0"}]}
	CONF
}

collect() {
	gc_conf "$1" "$2" | CNI_COMMAND=GC CNI_PATH=$PORTMAP_BIN "$PORTMAP_BIN/netns-portmap"
}

garbage() {
	for name in a b c d; do
		container_add $name
	done
	long=$(printf 'c%.0s' {1..150})
	cp d.result "$long.result"
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap ADD b "$(map 8081 80)" >/dev/null
	NETWORK=net2 portmap ADD c "$(map 8082 80)" >/dev/null
	portmap ADD "$long" "$(map 8083 80)" >/dev/null
	portmap CHECK "$long" "$(map 8083 80)"
	is "$(elements)" 20
	collect net a
	is "$(elements)" 10
	portmap CHECK a "$(map 8080 80)"
	collect net a
	is "$(elements)" 10
	# Records lost, elements not.
	portmap ADD "$long" "$(map 8083 80)" >/dev/null
	portmap ADD b "$(map 8081 80)" >/dev/null
	rm -r /run/usernet-cni
	collect net "$long"
	is "$(nft list map inet usernet_portmap ports4 | grep -o 'comment "[^"]*@[^"]*"' | cut -c1-20 | sort)" \
		"$(printf '%s\n' 'comment "net/ccccccc' 'comment "net2/c@eth0')"
	# An ADD replaces elements of its own that have no record.
	portmap ADD "$long" "$(map 8083 81)" >/dev/null
	collect net nobody
	collect net2 nobody
	is "$(elements)" 0
	collect net nobody
}
@test "GC removes what is not in its list, records or not, and nothing of other networks" {
	in_host garbage
}

# One that cannot be withdrawn is told; the others go, and so does what no record tells of.
collect_all() {
	container_add a
	container_add lost
	portmap ADD lost "$(map 8081 80)" >/dev/null
	rm /run/usernet-cni/netns-portmap/net/lost@eth0.json
	touch file
	for name in before a after; do
		portmap ADD a "$(map 8080 80)" >/dev/null
		[ "$name" = a ] || echo "{\"backend\": \"slirp4netns\", \"mappings\": [], \"address4\": \"10.0.2.100\",
			\"socket\": \"$PWD/file/socket\"}" >"/run/usernet-cni/netns-portmap/net/$name@eth0.json"
		chmod 600 /run/usernet-cni/netns-portmap/net/*
	done
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 3
	refused 5 '2 attachments could not be removed: .*file/socket' collect net other
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' -printf '%f\n' | sort | xargs)" \
		'after@eth0.json before@eth0.json'
	is "$(elements)" 0
}
@test "GC goes on behind an attachment that cannot be removed" {
	in_host collect_all
}

flushed() {
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	nft flush ruleset
	refused 102 'is not there' portmap CHECK a "$(map 8080 80)"
	portmap ADD b "$(map 8081 80)" >/dev/null
	refused 102 'tcp 8080 is not published' portmap CHECK a "$(map 8080 80)"
	portmap ADD a "$(map 8080 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	# Rules gone, elements there.
	nft flush table inet usernet_portmap
	silent peer tcp 10.99.0.1 8080
	refused 102 'is not as it should be' portmap CHECK a "$(map 8080 80)"
	portmap ADD b "$(map 8081 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	answers a4 peer tcp 10.99.0.1 8080
	nft 'flush chain inet usernet_portmap loopback_input; delete chain inet usernet_portmap loopback_input'
	portmap ADD b "$(map 8081 80)" >/dev/null
	grep -q 'ip daddr set' <<<"$(nft list chain inet usernet_portmap loopback_input)"
	# DEL and GC of what somebody else removed.
	nft delete table inet usernet_portmap
	portmap DEL a
	collect net nobody
	nothing_left
}
@test "a table that somebody flushed or deleted is told by CHECK and rebuilt by the next ADD" {
	in_host flushed
}

readable() {
	container_add a
	portmap ADD a "$(map 8080 80), $(map 8081 80 udp 10.99.0.1), $(map 8082 80 tcp fd99::1)" >/dev/null
	nft list ruleset >saved
	grep -q "tcp . 8080 comment \"net/a@eth0\" : $(address4 a) . 80" saved
	grep -q 'dnat ip to meta l4proto . th dport map @ports4' saved
	! grep -q typeof saved
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
	nothing_left
}
@test "nft lists a table that a person can read, and can load it again" {
	in_host readable
}

thousands() {
	container_add a
	many=$(for ((p = 20000; p < 24999; p++)); do printf '%s, ' "$(map $p 80)"; done)
	portmap ADD a "$many $(map 24999 80)" >/dev/null
	is "$(elements)" 25000
	portmap CHECK a "$(map 20000 80)"
	container_add b
	refused 100 'tcp 24999 is taken by net/a@eth0' portmap ADD b "$(map 24999 80)"
	refused 100 'is taken by net/a@eth0' portmap ADD b "$many $(map 24999 80)"
	is "$(elements)" 25000
	portmap DEL a
	nothing_left
}
@test "5,000 mappings in one request come and go in one transaction each" {
	in_host thousands
}

nothing_asked() {
	container_add a
	sed -i 's/"dns":/"com.example.unknown": {"x": [1, null]}, "dns":/' a.result
	portmap ADD a >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	portmap CHECK a
	portmap DEL a
	portmap_conf a | jq 'del(.runtimeConfig)' | plugin_run netns-portmap ADD a >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	[ ! -e /run/usernet-cni ]
	is "$(nft list ruleset | wc -l)" 0
	# With mappings, prevResult is passed on whole as well.
	portmap ADD a "$(map 8080 80)" >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	portmap DEL a
	nothing_left
}
@test "without mappings prevResult passes through, and nothing is touched" {
	in_host nothing_asked
}

compatible() {
	container_add a
	# As Podman, CRI-O and containerd send it: no protocol, capitals, no hostIP or an empty one.
	portmap ADD a '{"hostPort": 8080, "containerPort": 80}, {"hostPort": 8081, "containerPort": 80, "protocol": "TCP", "hostIP": ""}, {"hostPort": 53, "containerPort": 53, "protocol": "UDP", "hostIP": "::ffff:10.99.0.1"}' \
		'"snat": true, "masqAll": false, "markMasqBit": 5, "conditionsV4": [], "conditionsV6": null, "backend": "nftables"' >/dev/null
	nft list chain inet usernet_portmap postrouting | grep 'meta mark & 0x00000020' >/dev/null
	nft list map inet usernet_portmap hosts4 | grep '10.99.0.1 . udp . 53' >/dev/null
	# containerd has the names of its structure; members that nobody knows are passed over.
	portmap ADD a '{"HostPort": 8080, "ContainerPort": 80, "Protocol": "TCP", "HostIP": "10.99.0.1", "id": "web"}' \
		'"markMasqBit": 5' >/dev/null
	nft list map inet usernet_portmap hosts4 | grep '10.99.0.1 . tcp . 8080' >/dev/null
	refused 7 'hostPort is there twice' portmap ADD a '{"hostPort": 8080, "HostPort": 8080, "containerPort": 80}' '"markMasqBit": 5'
	container_add b
	refused 7 'one for the whole host' portmap ADD b "$(map 9000 80)" '"markMasqBit": 6'
	refused 7 'markMasqBit' portmap ADD b "$(map 9000 80)" '"markMasqBit": 32'
	refused 2 'works beside' portmap ADD b "$(map 9000 80)" '"backend": "iptables"'
	refused 2 'there are slirp4netns and nftables; left out' portmap ADD b "$(map 9000 80)" '"backend": "ebpf"'
	refused 2 'there are slirp4netns and nftables' portmap ADD b "$(map 9000 80)" '"backend": "ipvs"'
	refused 2 'conditionsV4.*hostIP' portmap ADD b "$(map 9000 80)" '"conditionsV4": ["-s", "1.2.3.4"]'
	refused 2 'conditionsV6' portmap ADD b "$(map 9000 80)" '"conditionsV6": ["-s", "::1"]'
	refused 2 'leave it out' portmap ADD b "$(map 9000 80)" '"externalSetMarkChain": "KUBE-MARK-MASQ"'
	portmap DEL a
	nothing_left
}
@test "a configuration of the reference plugin is honoured, or refused with what to use instead" {
	in_host compatible
}

# Each request in both orders: what is published, and what CHECK and DEL make of it.
one_request() {
	local given=$1 container=$2 maps=$3 said=$4 order

	for order in '.' reverse; do
		order=$(jq -c "$order" <<<"[$maps]")
		portmap ADD "$container" "${order:1:-1}" >out 2>stderr
		is "$(jq -S . out)" "$(jq -S . "$container.result")"
		is "$(published)" "$given"
		[ -z "$said" ] || grep -q -- "$said" stderr
		[ -n "$said" ] || is "$(cat stderr)" ''
		portmap CHECK "$container" "${order:1:-1}" 2>stderr
		is "$(cat stderr)" ''
		portmap DEL "$container" "${order:1:-1}"
		nothing_left
	done
}

# The keys of the maps, by address: "tcp . 80 > 10.22.0.2", sorted.
published() {
	nft -j list table inet usernet_portmap | jq -r '[.nftables[].map // empty
		| select(.name | test("^(ports|hosts)[46]$")) | .name as $name | .elem // [] | .[]
		| (.[0].elem.val // .[0]) | "\($name):\(.concat | map(tostring) | join(","))"] | sort | join(" ")'
}

requests() {
	container_add a
	one_request 'ports4:tcp,80 ports6:tcp,80' a "$(map 80 80), $(map 80 80)" ''
	one_request 'ports4:tcp,80 ports6:tcp,80' a "$(map 80 80), $(map 80 80 tcp 0.0.0.0)" ''
	one_request 'ports4:tcp,80 ports6:tcp,80' a "$(map 80 80 tcp ::), $(map 80 80), $(map 80 80 tcp 0.0.0.0)" ''
	one_request 'ports4:tcp,80 ports6:tcp,80' a "$(map 80 80 tcp ::), $(map 80 80 tcp 0.0.0.0)" ''
	one_request 'hosts4:127.0.0.1,tcp,80 ports4:tcp,80 ports6:tcp,80' a \
		"$(map 80 80), $(map 80 80 tcp 127.0.0.1)" ''
	one_request 'hosts4:127.0.0.1,tcp,80' a "$(map 80 80 tcp ::1), $(map 80 80 tcp 127.0.0.1)" \
		'tcp \[::1\]:80 is left out: the kernel does not forward ::1'
	# A container of one family, and a request for the host's addresses of both.
	jq 'del(.ips[1])' a.result >v4.result
	jq 'del(.ips[0])' a.result >v6.result
	one_request 'ports4:tcp,80' v4 "$(map 80 80)" ''
	one_request 'ports4:tcp,80' v4 "$(map 80 80 tcp 0.0.0.0), $(map 80 80 tcp ::)" \
		'tcp \[::\]:80 is left out: the container has no IPv6 address'
	one_request 'hosts4:10.99.0.1,tcp,80' v4 "$(map 80 80 tcp 10.99.0.1), $(map 80 80 tcp fd99::1)" \
		'tcp \[fd99::1\]:80 is left out'
	one_request 'ports4:tcp,80' v4 "$(map 80 80 tcp 0.0.0.0), $(map 81 81 udp fd99::1)" \
		'udp \[fd99::1\]:81 is left out'
	one_request 'ports6:tcp,80' v6 "$(map 80 80 tcp 0.0.0.0), $(map 80 80 tcp ::)" \
		'tcp 0.0.0.0:80 is left out: the container has no IPv4 address'
	# Where nothing would be left, and where two contradict each other, it is an error.
	refused 7 'cannot publish tcp \[::\]:80: the container has no IPv6 address' \
		portmap ADD v4 "$(map 80 80 tcp ::), $(map 81 81 tcp fd99::1)"
	refused 2 'does not forward ::1' portmap ADD a "$(map 80 80 tcp ::1), $(map 81 81 tcp 127.0.0.1)"
	refused 7 'host port tcp 80 for container port 80 and for tcp 0.0.0.0:80 for container port 81' \
		portmap ADD a "$(map 80 81 tcp 0.0.0.0), $(map 80 80)"
	nothing_left
}
@test "one request is not refused by itself: what is equal, covered or of a family that is lacking" {
	in_host requests
}

bad_input() {
	container_add a
	container_add b
	portmap ADD b "$(map 9999 80)" >/dev/null
	before=$(nft list ruleset)
	for port in 0 65536 -1 80.5 '"80"' null '[]' 1e99; do
		refused 7 hostPort portmap ADD a "{\"hostPort\": $port, \"containerPort\": 80}"
		refused 7 containerPort portmap ADD a "{\"hostPort\": 80, \"containerPort\": $port}"
	done
	refused 7 'none of tcp, udp and sctp' portmap ADD a "$(map 80 80 icmp)"
	refused 7 protocol portmap ADD a '{"hostPort": 80, "containerPort": 80, "protocol": 6}'
	for ip in localhost 1.2.3 1.2.3.4/32 ' 1.2.3.4' 1.2.3.4.5 fd00:::1; do
		refused 7 'is no IP address' portmap ADD a "$(map 80 80 tcp "$ip")"
	done
	refused 2 'does not forward ::1' portmap ADD a "$(map 80 80 tcp ::1)"
	refused 7 'tcp 80 for container port 80 and for tcp 80 for container port 90' \
		portmap ADD a "$(map 80 80), $(map 81 80), $(map 80 90)"
	refused 7 'leave one out' portmap ADD a "$(map 80 80), $(map 80 90 tcp 0.0.0.0)"
	refused 7 'leave one out' portmap ADD a "$(map 80 80 tcp ::), $(map 81 80), $(map 80 90)"
	refused 7 'leave one out' portmap ADD a "$(map 80 80 tcp 1.2.3.4), $(map 80 90 tcp ::ffff:1.2.3.4)"
	refused 7 'portMappings' portmap ADD a '7'
	jq 'del(.ips[1])' a.result >v4.result
	refused 7 'no IPv6 address' portmap ADD v4 "$(map 80 80 tcp fd99::1)"
	jq 'del(.ips)' a.result >bare.result
	refused 7 'no address' portmap ADD bare "$(map 80 80)"
	jq 'del(.ips[].interface)' a.result >loose.result
	portmap ADD loose "$(map 80 80)" >/dev/null
	portmap DEL loose
	jq '.interfaces |= [.[2], .[0], .[1]] | .ips[].interface = 0' a.result >shuffled.result
	sed -i 's/netns\/a/netns\/shuffled/' shuffled.result
	portmap ADD shuffled "$(map 80 80)" >/dev/null
	portmap CHECK shuffled "$(map 80 80)"
	portmap DEL shuffled
	# Where the reference plugin goes on, we do: an index that leads nowhere is as good as none.
	for index in 7 -1; do
		jq ".ips[].interface = $index" a.result >beyond.result
		portmap ADD beyond "$(map 80 80)" >out
		is "$(jq -S . out)" "$(jq -S . beyond.result)"
		portmap CHECK beyond "$(map 80 80)"
		portmap DEL beyond
	done
	# What is needed and cannot be used is named, and only then in the way.
	jq '.ips[1].address = "fd22::2"' a.result >odd.result
	portmap ADD odd "$(map 80 80)" >out
	is "$(jq -S . out)" "$(jq -S . odd.result)"
	portmap DEL odd
	jq '.ips[].address = "10.22.0.2"' a.result >odd.result
	refused 6 'prevResult: ips\[0\].address is' portmap ADD odd "$(map 80 80)"
	portmap ADD odd >out
	is "$(jq -S . out)" "$(jq -S . odd.result)"
	jq '.ips = {}' a.result >odd.result
	refused 6 'prevResult: ips is an object' portmap ADD odd "$(map 80 80)"
	jq '.ips[].interface = 0' a.result >hostside.result
	refused 7 'no address' portmap ADD hostside "$(map 80 80)"
	refused 7 'no prevResult' portmap ADD none "$(map 80 80)"
	refused '[57]' 'CAP_NET_ADMIN' setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
		bash -c 'source "$1/test-scripts/lib/portmap-host.sh"; portmap ADD a "$(map 80 80)"' x "$portmap_root"
	is "$(nft list ruleset)" "$before"
	is "$(find /run/usernet-cni -name '*@*' | wc -l)" 1
	# DEL of nonsense has nothing to do, and GC too.
	portmap DEL a "$(map 0 80 icmp nowhere)"
	portmap DEL b
	nothing_left
}
@test "bad input gets one clear error, leaves nothing, and touches nobody else's ports" {
	in_host bad_input
}

status_conf() {
	echo "{\"cniVersion\": \"1.1.0\", \"name\": \"net\", \"type\": \"netns-portmap\"${1:+, $1}}" |
		CNI_COMMAND=STATUS CNI_PATH=$PORTMAP_BIN "${@:2}" "$PORTMAP_BIN/netns-portmap"
}

status() {
	status_conf ''
	status_conf '"backend": "nftables"'
	status_conf '"backend": "slirp4netns"'
	refused 50 CAP_NET_ADMIN status_conf '"backend": "nftables"' \
		setpriv --bounding-set=-net_admin --inh-caps=-net_admin
	refused 50 iptables status_conf '"backend": "iptables"'
}
@test "STATUS tells whether nf_tables is usable" {
	in_host status
}

# Root of a user namespace that owns the host-side network namespace.
in_user_namespace() {
	unshare -U --map-root-user -n bash -c '
		set -eEu
		ip link add cni0 type bridge
		ip address add 10.22.0.1/16 dev cni0
		ip link set cni0 up
		source "$1/test-scripts/lib/portmap-host.sh"
		mkdir state && chmod 700 state
		echo "{\"cniVersion\": \"1.0.0\", \"interfaces\": [{\"name\": \"eth0\", \"sandbox\": \"/run/netns/p\"}], \"ips\": [{\"interface\": 0, \"address\": \"10.22.0.9/16\"}]}" >p.result
		portmap ADD p "$(map 80 80)" "\"stateDir\": \"$PWD/state\"" >/dev/null
		is "$(elements)" 3
		portmap CHECK p "$(map 80 80)" "\"stateDir\": \"$PWD/state\""
		portmap DEL p "$(map 80 80)" "\"stateDir\": \"$PWD/state\""
		nothing_left' x "$portmap_root"
}
@test "root in the user namespace that owns the host-side network publishes too" {
	in_host in_user_namespace
}
