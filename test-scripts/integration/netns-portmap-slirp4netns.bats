#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What netns-portmap promises through slirp4netns's API: on the real slirp4netns behind the real interface plugin,
# as root and without privileges.
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

@test "slirp4netns: TCP and UDP, every address and one, until DEL" {
	in_host && return
	prepare_portmap
	slirp_add a
	serve a 4 tcp 80 a4
	serve a 4 udp 53 u4
	pm ADD a "$(map 8080 80), $(map 5353 53 udp), $(map 8081 80 tcp 10.99.0.1), $(map 8082 80 tcp 127.0.0.1)" >out
	is "$(jq -S . out)" "$(jq -S . a.result)"
	is "$(forwards a)" '["tcp 0.0.0.0:8080>10.0.2.100:80","udp 0.0.0.0:5353>10.0.2.100:53","tcp 10.99.0.1:8081>10.0.2.100:80","tcp 127.0.0.1:8082>10.0.2.100:80"]'
	for who in peer host; do
		answers a4 $who tcp 10.99.0.1 8080
		answers a4 $who tcp 10.99.0.1 8081
		answers u4 $who udp 10.99.0.1 5353
	done
	answers a4 host tcp 127.0.0.1 8080
	answers a4 host tcp 127.0.0.1 8082
	silent peer tcp 10.99.0.1 8082
	pm CHECK a "$(map 8080 80)"
	pm DEL a "$(map 8080 80)"
	is "$(forwards a)" '[]'
	silent peer tcp 10.99.0.1 8080
	pm DEL a "$(map 8080 80)"
	is "$(nft list ruleset | wc -l)" 0
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
	# The reply over UDP to 127.0.0.1 goes through the gateway's address.
	ip netns add b
	ip -n b link set lo up
	slirp_conf b | jq -c '.allowHostLoopback = true' | run_plugin slirp4netns ADD b >b.result
	serve b 4 udp 53 u4
	pm ADD b "$(map 5353 53 udp)" >/dev/null
	answers u4 host udp 127.0.0.1 5353
	pm DEL b
	slirp_del b
}

@test "the list with slirp4netns works as shipped" {
	in_host && return
	prepare_portmap
	ip netns add a
	ip -n a link set lo up
	run_list ADD "$CONF/20-slirp4netns-portmap.conflist" a "$(map 8080 80)"
	serve a 4 tcp 80 a4
	answers a4 peer tcp 10.99.0.1 8080
	answers a4 host tcp 127.0.0.1 8080
	run_list CHECK "$CONF/20-slirp4netns-portmap.conflist" a "$(map 8080 80)"
	run_list DEL "$CONF/20-slirp4netns-portmap.conflist" a "$(map 8080 80)"
	silent peer tcp 10.99.0.1 8080
	is "$(find /run/usernet-cni -name '*@*' -o -name '*.sock' | wc -l)" 0
}

@test "slirp4netns: the container's real address is the guest address" {
	in_host && return
	prepare_portmap
	ip netns add a
	ip -n a link set lo up
	slirp_conf a | jq -c '.cidr = "192.168.77.0/24"' | run_plugin slirp4netns ADD a >a.result
	serve a 4 tcp 80 a4
	pm ADD a "$(map 8080 80)" >/dev/null
	is "$(forwards a)" '["tcp 0.0.0.0:8080>192.168.77.100:80"]'
	answers a4 peer tcp 10.99.0.1 8080
	pm DEL a
	slirp_del a
}

@test "slirp4netns: the socket comes from prevResult, or from the interface plugin's record" {
	in_host && return
	prepare_portmap
	slirp_add a 1.0.0
	serve a 4 tcp 80 a4
	is "$(jq '.interfaces[0].socketPath' a.result)" null
	portmap ADD a "$(map 8080 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	portmap DEL a
	slirp_add b
	# In a 1.0.0 list the member is unknown, and used all the same.
	jq '.cniVersion = "1.0.0"' b.result >c.result
	sed -i 's/netns\/b"/netns\/c"/' c.result
	portmap ADD c "$(map 8080 80)" >/dev/null
	is "$(forwards b)" '["tcp 0.0.0.0:8080>10.0.2.100:80"]'
	portmap DEL c
	jq 'del(.interfaces[].socketPath)' c.result | sed 's/netns\/c"/netns\/d"/' >d.result
	errs 7 'put this plugin behind slirp4netns' portmap ADD d "$(map 8080 80)" '"backend": "slirp4netns"'
	# One that cannot be read is told, and not taken for none.
	cp /run/usernet-cni/slirp4netns/net/a@eth0.json whole
	head -c 20 whole >/run/usernet-cni/slirp4netns/net/a@eth0.json
	errs 6 'the record a@eth0.json' portmap ADD a "$(map 8080 80)"
	cat whole >/run/usernet-cni/slirp4netns/net/a@eth0.json
	slirp_del a
	slirp_del b
}

@test "slirp4netns: a refused mapping takes the others back, and the error says which and why" {
	in_host && return
	prepare_portmap
	slirp_add a
	socat TCP4-LISTEN:9090,fork,reuseaddr SYSTEM:'echo other' >/dev/null 2>&1 &
	socat UDP4-RECVFROM:9091,fork SYSTEM:'echo other' >/dev/null 2>&1 &
	sleep 0.1
	errs 100 'tcp 9090 is taken by another program' pm ADD a "$(map 8080 80), $(map 8081 80), $(map 9090 80)"
	errs 100 'udp 9091 is taken' pm ADD a "$(map 8080 80), $(map 9091 80 udp)"
	errs 101 '192.0.2.77 is not an address of this host' pm ADD a "$(map 8080 80), $(map 8081 80 tcp 192.0.2.77)"
	errs 2 'sctp 8081: slirp4netns forwards tcp and udp only' pm ADD a "$(map 8080 80), $(map 8081 80 sctp)"
	errs 2 'udp \[fd99::1\]:53: slirp4netns forwards from IPv4' pm ADD a "$(map 53 80 udp fd99::1)"
	errs 2 'IPv4' pm ADD a "$(map 8080 80 tcp ::)"
	jq '.ips[0].address = "fd00::5/64"' a.result >six.result
	sed -i 's/netns\/a"/netns\/six"/' six.result
	errs 7 'no IPv4 address' pm ADD six "$(map 8080 80)"
	is "$(forwards a)" '[]'
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
}

@test "slirp4netns: GC withdraws the ports of what is not in its list" {
	in_host && return
	prepare_portmap
	slirp_add a
	slirp_add b
	pm ADD a "$(map 8080 80)" >/dev/null
	pm ADD b "$(map 8081 80)" >/dev/null
	portmap_gc net a
	is "$(forwards a | jq length)" 1
	is "$(forwards b | jq length)" 0
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' -printf '%f ')" 'a@eth0.json '
	slirp_del a
	slirp_del b
}

@test "slirp4netns: nobody's ADD waits for another container's daemon" {
	in_host && return
	prepare_portmap
	slirp_add a
	paper=$(jq -c '.interfaces[0].sandbox = "/run/netns/b" | del(.interfaces[].socketPath)' a.result)
	echo "$paper" >b.result
	pm ADD a "$(map 8080 80)" >/dev/null
	daemon=$(jq .pid /run/usernet-cni/slirp4netns/net/a@eth0.json)
	kill -STOP "$daemon"
	pm ADD a "$(map 8080 80)" >/dev/null 2>&1 &
	sleep 0.3
	# Its former forward is being asked for, in vain. Others of the network do not wait.
	SECONDS=0
	pm ADD b "$(map 9090 80)" >/dev/null
	pm DEL b
	[ $SECONDS -le 1 ]
	kill -CONT "$daemon"
	wait $!
	pm CHECK a "$(map 8080 80)"
	pm DEL a
	is "$(forwards a)" '[]'
	slirp_del a
}

# pm with each order of a request: what the daemon forwards, and what is said.
one_request() {
	local given=$1 maps=$2 said=$3 order

	for order in '.' reverse; do
		order=$(jq -c "$order" <<<"[$maps]")
		pm ADD a "${order:1:-1}" >out 2>stderr
		is "$(jq -S . out)" "$(jq -S . a.result)"
		is "$(forwards a | jq -r 'sort | join(" ")')" "$given"
		[ -z "$said" ] || grep -q -- "$said" stderr
		[ -n "$said" ] || is "$(cat stderr)" ''
		pm CHECK a "${order:1:-1}" 2>stderr
		is "$(cat stderr)" ''
		pm DEL a "${order:1:-1}"
		is "$(forwards a)" '[]'
	done
}

requests() {
	ip netns add a
	ip -n a link set lo up
	slirp_conf a | jq -c ".enableIPv6 = $1" | run_plugin slirp4netns ADD a >a.result
	one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' "$(map 8080 80), $(map 8080 80)" ''
	one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' "$(map 8080 80), $(map 8080 80 tcp 0.0.0.0)" ''
	one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' "$(map 8080 80), $(map 8080 80 tcp 127.0.0.1)" ''
	one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' \
		"$(map 8080 80 tcp 0.0.0.0), $(map 8080 80 tcp 127.0.0.1), $(map 8080 80 tcp 10.99.0.1)" ''
	one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' "$(map 8080 80 tcp 0.0.0.0), $(map 8080 80 tcp ::)" \
		'tcp \[::\]:8080 is left out'
	one_request 'tcp 127.0.0.1:8080>10.0.2.100:80' "$(map 8080 80 tcp ::1), $(map 8080 80 tcp 127.0.0.1)" \
		'tcp \[::1\]:8080 is left out'
	one_request 'tcp 10.99.0.1:8080>10.0.2.100:80 tcp 127.0.0.1:8080>10.0.2.100:81' \
		"$(map 8080 80 tcp 10.99.0.1), $(map 8080 81 tcp 127.0.0.1)" ''
	errs 7 'tcp 8080 for container port 80 and for tcp 127.0.0.1:8080 for container port 81' \
		pm ADD a "$(map 8080 81 tcp 127.0.0.1), $(map 8080 80)"
	errs 2 'IPv4 addresses only' pm ADD a "$(map 8080 80 tcp ::), $(map 8081 80 tcp fd99::1)"
	if [ "$1" = false ]; then
		one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' "$(map 8080 80), $(map 53 80 udp fd99::1)" \
			'udp \[fd99::1\]:53 is left out: the container has no IPv6 address'
	else
		errs 2 'udp \[fd99::1\]:53' pm ADD a "$(map 8080 80), $(map 53 80 udp fd99::1)"
	fi
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
}

@test "slirp4netns: one request is not refused by itself: what is equal, covered or IPv6 beside IPv4" {
	in_host && return
	prepare_portmap
	requests false
	requests true
}

@test "slirp4netns: a forward in another container's daemon is not taken over" {
	in_host && return
	prepare_portmap
	slirp_add a
	slirp_add b
	pm ADD a "$(map 8080 80)" >/dev/null
	# Both have a daemon, and the same address behind it; b is sent to the wrong one.
	jq --arg socket "$(socket_of a)" '.interfaces[0].socketPath = $socket' b.result >wrong
	mv wrong b.result
	errs 100 'tcp 8080 is taken' pm ADD b "$(map 8080 80)"
	is "$(find /run/usernet-cni/netns-portmap -name 'b@*' | wc -l)" 0
	pm DEL b
	is "$(forwards a | jq length)" 1
	pm CHECK a "$(map 8080 80)"
	pm DEL a
	slirp_del a
	slirp_del b
}

@test "slirp4netns: CHECK tells of a port that is asked for and was never published" {
	in_host && return
	prepare_portmap
	slirp_add a
	pm ADD a "$(map 8080 80)" >/dev/null
	errs 102 'tcp 8081 is not published' pm CHECK a "$(map 8080 80), $(map 8081 80)"
	errs 102 'tcp 8080 is not published to container port 81' pm CHECK a "$(map 8080 81)"
	pm DEL a
	slirp_del a
}

@test "slirp4netns: 500 mappings in one request" {
	in_host && return
	prepare_portmap
	slirp_add a
	serve a 4 tcp 80 a4
	ports=$(for ((p = 20000; p < 20499; p++)); do printf '%s, ' "$(map $p 80)"; done)
	pm ADD a "$ports $(map 20499 80)" >/dev/null
	is "$(forwards a | jq length)" 500
	answers a4 peer tcp 10.99.0.1 20499
	pm CHECK a "$(map 20000 80)"
	pm DEL a
	is "$(forwards a)" '[]'
	slirp_del a
}

# By a user, in a user namespace that owns the container's network namespace.
as_unprivileged() {
	local namespace

	cd "$TMPDIR" || return
	CNI=/run/cni/slirp4netns BIN=/run/cni
	container_of_process --user --map-root-user --net
	namespace=/proc/$process/ns/net
	slirp_conf c | run_plugin slirp4netns ADD c "$namespace" >c.result
	"${enter[@]}" --user --preserve-credentials socat TCP4-LISTEN:80,fork,reuseaddr SYSTEM:"echo rootless" >/dev/null 2>&1 &
	pm_of() {
		version=1.1.0 portmap_conf c "$2" | run_plugin netns-portmap "$1" c "$namespace"
	}
	pm_of ADD "$(map 8080 80)" >/dev/null
	pm_of CHECK "$(map 8080 80)"
	is_served_from_it() { [ "$(ask host tcp 127.0.0.1 8080)" = rootless ]; }
	wait_until is_served_from_it
	pm_of DEL "$(map 8080 80)"
	errs 101 "ports below 1024 are for privileged.*ip_unprivileged_port_start=80" pm_of ADD "$(map 8081 80), $(map 80 80)"
	silent host tcp 127.0.0.1 8081
	is "$(find usernet-cni/netns-portmap -name "*@*" | wc -l)" 0
	slirp_conf c | run_plugin slirp4netns DEL c "$namespace"
	kill "$process"
}

@test "slirp4netns, rootless: published, checked, withdrawn; a privileged port gets a hint" {
	in_host && return
	prepare_portmap
	prepare_user
	sysctl -qw net.ipv4.ip_unprivileged_port_start=1024
	cp "$BIN/netns-portmap" /run/cni/
	as_user as_unprivileged
}
