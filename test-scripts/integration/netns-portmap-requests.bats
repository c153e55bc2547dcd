#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is asked of netns-portmap with nf_tables: each request honoured as a whole, or refused with its reason.
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

@test "5,000 mappings in one request come and go in one transaction each" {
	in_host && return
	prepare_portmap
	container_add a
	many=$(for ((p = 20000; p < 24999; p++)); do printf '%s, ' "$(map $p 80)"; done)
	portmap ADD a "$many $(map 24999 80)" >/dev/null
	is "$(elements)" 25000
	portmap CHECK a "$(map 20000 80)"
	container_add b
	errs 100 'tcp 24999 is taken by net/a@eth0' portmap ADD b "$(map 24999 80)"
	errs 100 'is taken by net/a@eth0' portmap ADD b "$many $(map 24999 80)"
	is "$(elements)" 25000
	portmap DEL a
	nothing_published
}

@test "without mappings prevResult passes through, and nothing is touched" {
	in_host && return
	prepare_portmap
	container_add a
	sed -i 's/"dns":/"com.example.unknown": {"x": [1, null]}, "dns":/' a.result
	portmap ADD a >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	portmap CHECK a
	portmap DEL a
	portmap_conf a | jq 'del(.runtimeConfig)' | run_plugin netns-portmap ADD a >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	[ ! -e /run/usernet-cni ]
	is "$(nft list ruleset | wc -l)" 0
	# With mappings, prevResult is passed on whole as well.
	portmap ADD a "$(map 8080 80)" >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	portmap DEL a
	nothing_published
}

@test "a configuration of the reference plugin is honoured, or refused with what to use instead" {
	in_host && return
	prepare_portmap
	container_add a
	# As Podman, CRI-O and containerd send it: no protocol, capitals, no hostIP or an empty one.
	portmap ADD a '{"hostPort": 8080, "containerPort": 80}, {"hostPort": 8081, "containerPort": 80, "protocol": "TCP", "hostIP": ""}, {"hostPort": 53, "containerPort": 53, "protocol": "UDP", "hostIP": "::ffff:10.99.0.1"}' \
		'"snat": true, "masqAll": false, "markMasqBit": 5, "conditionsV4": [], "conditionsV6": null, "backend": "nftables"' >/dev/null
	nft list chain inet usernet_portmap postrouting | grep 'meta mark & 0x00000020' >/dev/null
	nft list map inet usernet_portmap hosts4 | grep '10.99.0.1 . udp . 53' >/dev/null
	# containerd uses the names of its structure; unknown members are passed over.
	portmap ADD a '{"HostPort": 8080, "ContainerPort": 80, "Protocol": "TCP", "HostIP": "10.99.0.1", "id": "web"}' \
		'"markMasqBit": 5' >/dev/null
	nft list map inet usernet_portmap hosts4 | grep '10.99.0.1 . tcp . 8080' >/dev/null
	errs 7 'hostPort is there twice' portmap ADD a '{"hostPort": 8080, "HostPort": 8080, "containerPort": 80}' '"markMasqBit": 5'
	container_add b
	errs 7 'one for the whole host' portmap ADD b "$(map 9000 80)" '"markMasqBit": 6'
	errs 7 'markMasqBit' portmap ADD b "$(map 9000 80)" '"markMasqBit": 32'
	errs 2 'works beside' portmap ADD b "$(map 9000 80)" '"backend": "iptables"'
	errs 2 'there are slirp4netns and nftables; if it is left out' portmap ADD b "$(map 9000 80)" '"backend": "ebpf"'
	errs 2 'there are slirp4netns and nftables' portmap ADD b "$(map 9000 80)" '"backend": "ipvs"'
	errs 2 'conditionsV4.*hostIP' portmap ADD b "$(map 9000 80)" '"conditionsV4": ["-s", "1.2.3.4"]'
	errs 2 'conditionsV6' portmap ADD b "$(map 9000 80)" '"conditionsV6": ["-s", "::1"]'
	errs 2 'leave it out' portmap ADD b "$(map 9000 80)" '"externalSetMarkChain": "KUBE-MARK-MASQ"'
	portmap DEL a
	nothing_published
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
		nothing_published
	done
}

# The keys of the maps, by address: "tcp . 80 > 10.22.0.2", sorted.
published() {
	nft -j list table inet usernet_portmap | jq -r '[.nftables[].map // empty
		| select(.name | test("^(ports|hosts)[46]$")) | .name as $name | .elem // [] | .[]
		| (.[0].elem.val // .[0]) | "\($name):\(.concat | map(tostring) | join(","))"] | sort | join(" ")'
}

@test "one request is not refused by itself: what is equal, covered or of a family that is lacking" {
	in_host && return
	prepare_portmap
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
	errs 7 'cannot publish tcp \[::\]:80: the container has no IPv6 address' \
		portmap ADD v4 "$(map 80 80 tcp ::), $(map 81 81 tcp fd99::1)"
	errs 2 'does not forward ::1' portmap ADD a "$(map 80 80 tcp ::1), $(map 81 81 tcp 127.0.0.1)"
	errs 7 'host port tcp 80 for container port 80 and for tcp 0.0.0.0:80 for container port 81' \
		portmap ADD a "$(map 80 81 tcp 0.0.0.0), $(map 80 80)"
	nothing_published
}

@test "bad input gets one clear error, leaves nothing, and touches nobody else's ports" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	portmap ADD b "$(map 9999 80)" >/dev/null
	before=$(nft list ruleset)
	for port in 0 65536 -1 80.5 '"80"' null '[]' 1e99; do
		errs 7 hostPort portmap ADD a "{\"hostPort\": $port, \"containerPort\": 80}"
		errs 7 containerPort portmap ADD a "{\"hostPort\": 80, \"containerPort\": $port}"
	done
	errs 7 'none of tcp, udp and sctp' portmap ADD a "$(map 80 80 icmp)"
	errs 7 protocol portmap ADD a '{"hostPort": 80, "containerPort": 80, "protocol": 6}'
	for ip in localhost 1.2.3 1.2.3.4/32 ' 1.2.3.4' 1.2.3.4.5 fd00:::1; do
		errs 7 'is not an IP address' portmap ADD a "$(map 80 80 tcp "$ip")"
	done
	errs 2 'does not forward ::1' portmap ADD a "$(map 80 80 tcp ::1)"
	errs 7 'tcp 80 for container port 80 and for tcp 80 for container port 90' \
		portmap ADD a "$(map 80 80), $(map 81 80), $(map 80 90)"
	errs 7 'leave one out' portmap ADD a "$(map 80 80), $(map 80 90 tcp 0.0.0.0)"
	errs 7 'leave one out' portmap ADD a "$(map 80 80 tcp ::), $(map 81 80), $(map 80 90)"
	errs 7 'leave one out' portmap ADD a "$(map 80 80 tcp 1.2.3.4), $(map 80 90 tcp ::ffff:1.2.3.4)"
	errs 7 'portMappings' portmap ADD a '7'
	jq 'del(.ips[1])' a.result >v4.result
	errs 7 'no IPv6 address' portmap ADD v4 "$(map 80 80 tcp fd99::1)"
	jq 'del(.ips)' a.result >bare.result
	errs 7 'no address' portmap ADD bare "$(map 80 80)"
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
	# An interface that is needed and cannot be used is named; one that is not needed is not an error.
	jq '.ips[1].address = "fd22::2"' a.result >odd.result
	portmap ADD odd "$(map 80 80)" >out
	is "$(jq -S . out)" "$(jq -S . odd.result)"
	portmap DEL odd
	jq '.ips[].address = "10.22.0.2"' a.result >odd.result
	errs 6 'prevResult: ips\[0\].address is' portmap ADD odd "$(map 80 80)"
	portmap ADD odd >out
	is "$(jq -S . out)" "$(jq -S . odd.result)"
	jq '.ips = {}' a.result >odd.result
	errs 6 'prevResult: ips is an object' portmap ADD odd "$(map 80 80)"
	jq '.ips[].interface = 0' a.result >hostside.result
	errs 7 'no address' portmap ADD hostside "$(map 80 80)"
	errs 7 'no prevResult' portmap ADD none "$(map 80 80)"
	(
		under=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
		errs '[57]' CAP_NET_ADMIN portmap ADD a "$(map 80 80)"
	)
	is "$(nft list ruleset)" "$before"
	is "$(find /run/usernet-cni -name '*@*' | wc -l)" 1
	# DEL of nonsense has nothing to do, and GC too.
	portmap DEL a "$(map 0 80 icmp nowhere)"
	portmap DEL b
	nothing_published
}
