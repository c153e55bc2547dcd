#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What netns-portmap promises through slirp4netns's API: on the real slirp4netns behind the real
# interface plugin, as root and without privileges, and against sockets that are not what they should be.
# shellcheck disable=SC2016,SC2154

load ../lib/portmap-host.sh

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# slirp_conf CONTAINER [VERSION]
slirp_conf() {
	echo "{\"cniVersion\": \"${2:-1.1.0}\", \"name\": \"net\", \"type\": \"slirp4netns\"}"
}

# slirp_add CONTAINER [VERSION]: a container behind slirp4netns; its result goes to CONTAINER.result.
slirp_add() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	slirp_conf "$@" | plugin_run slirp4netns ADD "$1" >"$1.result"
}

slirp_del() {
	slirp_conf "$@" | plugin_run slirp4netns DEL "$1"
	ip netns del "$1"
}

# pm COMMAND CONTAINER [MAPPINGS [KEYS]], in version 1.1.0
pm() {
	portmap_conf "$2" "${3:-}" "${4:-}" | sed 's/"cniVersion": "1.0.0", "name"/"cniVersion": "1.1.0", "name"/' |
		plugin_run netns-portmap "$1" "$2"
}

# What slirp4netns lists: api SOCKET REQUEST
api() {
	echo "$2" | timeout 5 socat -t 2 - "UNIX-CONNECT:$1"
}

socket_of() {
	jq -r .socket "/run/usernet-cni/slirp4netns/net/$1@eth0.json"
}

forwards() {
	api "$(socket_of "$1")" '{"execute": "list_hostfwd"}' | jq -c '.entries | map("\(.proto) \(.host_addr):\(.host_port)>\(.guest_addr):\(.guest_port)")'
}

published() {
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
	# UDP's answer to 127.0.0.1 goes by way of the gateway's address.
	ip netns add b
	ip -n b link set lo up
	slirp_conf b | jq -c '.allowHostLoopback = true' | plugin_run slirp4netns ADD b >b.result
	serve b 4 udp 53 u4
	pm ADD b "$(map 5353 53 udp)" >/dev/null
	answers u4 host udp 127.0.0.1 5353
	pm DEL b
	slirp_del b
}
@test "slirp4netns: TCP and UDP, every address and one, until DEL" {
	in_host published
}

as_shipped() {
	ip netns add a
	ip -n a link set lo up
	list ADD "$portmap_root/conf/20-slirp4netns-portmap.conflist" a "$(map 8080 80)"
	serve a 4 tcp 80 a4
	answers a4 peer tcp 10.99.0.1 8080
	answers a4 host tcp 127.0.0.1 8080
	list CHECK "$portmap_root/conf/20-slirp4netns-portmap.conflist" a "$(map 8080 80)"
	list DEL "$portmap_root/conf/20-slirp4netns-portmap.conflist" a "$(map 8080 80)"
	silent peer tcp 10.99.0.1 8080
	is "$(find /run/usernet-cni -name '*@*' -o -name '*.sock' | wc -l)" 0
}
@test "the list with slirp4netns works as shipped" {
	in_host as_shipped
}

custom_address() {
	ip netns add a
	ip -n a link set lo up
	slirp_conf a | jq -c '.cidr = "192.168.77.0/24"' | plugin_run slirp4netns ADD a >a.result
	serve a 4 tcp 80 a4
	pm ADD a "$(map 8080 80)" >/dev/null
	is "$(forwards a)" '["tcp 0.0.0.0:8080>192.168.77.100:80"]'
	answers a4 peer tcp 10.99.0.1 8080
	pm DEL a
	slirp_del a
}
@test "slirp4netns: the container's real address is the guest address" {
	in_host custom_address
}

by_record() {
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
	refused 7 'put this plugin behind slirp4netns' portmap ADD d "$(map 8080 80)" '"backend": "slirp4netns"' <<<'' || {
		jq 'del(.interfaces[].socketPath)' c.result | sed 's/netns\/c"/netns\/d"/' >d.result
		refused 7 'put this plugin behind slirp4netns' portmap ADD d "$(map 8080 80)" '"backend": "slirp4netns"'
	}
	# One that cannot be read is told, and not taken for none.
	cp /run/usernet-cni/slirp4netns/net/a@eth0.json whole
	head -c 20 whole >/run/usernet-cni/slirp4netns/net/a@eth0.json
	refused 6 'the record a@eth0.json' portmap ADD a "$(map 8080 80)"
	cat whole >/run/usernet-cni/slirp4netns/net/a@eth0.json
	slirp_del a
	slirp_del b
}
@test "slirp4netns: the socket comes from prevResult, or from the interface plugin's record" {
	in_host by_record
}

refusals() {
	slirp_add a
	socat TCP4-LISTEN:9090,fork,reuseaddr SYSTEM:'echo other' >/dev/null 2>&1 &
	socat UDP4-RECVFROM:9091,fork SYSTEM:'echo other' >/dev/null 2>&1 &
	sleep 0.1
	refused 100 'tcp 9090 is taken by another program' pm ADD a "$(map 8080 80), $(map 8081 80), $(map 9090 80)"
	refused 100 'udp 9091 is taken' pm ADD a "$(map 8080 80), $(map 9091 80 udp)"
	refused 101 '192.0.2.77 is no address of this host' pm ADD a "$(map 8080 80), $(map 8081 80 tcp 192.0.2.77)"
	refused 2 'sctp 8081: slirp4netns forwards tcp and udp only' pm ADD a "$(map 8080 80), $(map 8081 80 sctp)"
	refused 2 'udp \[fd99::1\]:53: slirp4netns forwards from IPv4' pm ADD a "$(map 53 80 udp fd99::1)"
	refused 2 'IPv4' pm ADD a "$(map 8080 80 tcp ::)"
	jq '.ips[0].address = "fd00::5/64"' a.result >six.result
	sed -i 's/netns\/a"/netns\/six"/' six.result
	refused 7 'no IPv4 address' pm ADD six "$(map 8080 80)"
	is "$(forwards a)" '[]'
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
}
@test "slirp4netns: a refused mapping takes the others back, and the error says which and why" {
	in_host refusals
}

daemon_gone() {
	slirp_add a
	pm ADD a "$(map 8080 80), $(map 8081 80)" >/dev/null
	kill -9 "$(jq .pid /run/usernet-cni/slirp4netns/net/a@eth0.json)"
	sleep 0.1
	refused 102 'no port of this container is published' pm CHECK a "$(map 8080 80)"
	pm DEL a
	pm DEL a
	refused '[0-9]+' 'slirp4netns' pm ADD a "$(map 8080 80)"
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
	# Another daemon at the same socket: its numbers begin anew, its forwards are not ours.
	slirp_add b
	pm ADD b "$(map 8080 80), $(map 8081 80)" >/dev/null
	record=/run/usernet-cni/netns-portmap/net/b@eth0.json
	cp -p $record saved
	pm DEL b
	for guest in 80 81; do
		api "$(socket_of b)" "{\"execute\": \"add_hostfwd\", \"arguments\": {\"proto\": \"tcp\", \"host_addr\": \"0.0.0.0\", \"host_port\": $((8000 + guest)), \"guest_addr\": \"10.0.2.100\", \"guest_port\": 80}}" >/dev/null
	done
	cp -p saved "$record"
	refused 102 'tcp 8080 is not published' pm CHECK b "$(map 8080 80)"
	pm DEL b
	is "$(forwards b | jq length)" 2
	slirp_del b
}
@test "slirp4netns: a daemon that is gone is nothing to DEL, an error to CHECK; a new one keeps its forwards" {
	in_host daemon_gone
}

garbage() {
	slirp_add a
	slirp_add b
	pm ADD a "$(map 8080 80)" >/dev/null
	pm ADD b "$(map 8081 80)" >/dev/null
	echo '{"cniVersion": "1.1.0", "name": "net", "type": "netns-portmap", "cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}]}' |
		CNI_COMMAND=GC CNI_PATH=$PORTMAP_BIN "$PORTMAP_BIN/netns-portmap"
	is "$(forwards a | jq length)" 1
	is "$(forwards b | jq length)" 0
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' -printf '%f ')" 'a@eth0.json '
	slirp_del a
	slirp_del b
}
@test "slirp4netns: GC withdraws the ports of what is not in its list" {
	in_host garbage
}

# An API that never heard of slirp4netns: what it answers is $1.
fake_api() {
	rm -f fake.sock
	socat -t 60 "UNIX-LISTEN:$PWD/fake.sock,fork" "SYSTEM:$1" >/dev/null 2>&1 &
	fake=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -S fake.sock ] || return 0
		sleep 0.02
	done
}

# The same for an answer of JSON as it is, which socat would not leave its quotes.
fake_answer() {
	case $1 in
	'{'*)
		echo "$1" >answer
		fake_api "cat $PWD/answer"
		;;
	*) fake_api "$1" ;;
	esac
}

fake_end() {
	kill "$fake"
	wait "$fake" 2>/dev/null || true
}

# A record of two ports at fake.sock.
fake_record() {
	mkdir -p /run/usernet-cni/netns-portmap/net
	chmod 700 /run/usernet-cni /run/usernet-cni/netns-portmap /run/usernet-cni/netns-portmap/net
	echo "{\"backend\": \"slirp4netns\", \"mappings\": [{\"protocol\": \"tcp\", \"hostPort\": 8080, \"containerPort\": 80, \"id\": 1}], \"socket\": \"$PWD/fake.sock\", \"address4\": \"10.0.2.100\"}" \
		>/run/usernet-cni/netns-portmap/net/f@eth0.json
	chmod 600 /run/usernet-cni/netns-portmap/net/f@eth0.json
}

strange_sockets() {
	echo "{\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"eth0\", \"sandbox\": \"/run/netns/f\", \"socketPath\": \"$PWD/fake.sock\"}], \"ips\": [{\"interface\": 0, \"address\": \"10.0.2.100/24\"}]}" >f.result
	hang='sleep 30'
	for answer in 'true' 'echo half-{' 'printf {\"return\":' 'head -c 2000000 /dev/zero' 'echo [1]' \
		'{"return": {}}' '{"return": {"id": "x"}}' '{"error": 7}' "$hang"; do
		fake_answer "$answer"
		SECONDS=0
		refused '(5|6|10[01])' 'slirp4netns' pm ADD f "$(map 8080 80), $(map 8081 80)"
		[ $SECONDS -le 5 ]
		# DEL gives up on it: the ports end with the daemon, which comes to its end after us.
		fake_record
		refused 102 . pm CHECK f "$(map 8080 80)"
		pm DEL f
		[ $SECONDS -le 10 ]
		is "$(find /run/usernet-cni -name 'f@*' | wc -l)" 0
		fake_end
	done
	# No list is not an empty one.
	fake_answer '{"return": {}}'
	fake_record
	refused 102 'does not list its forwards' pm CHECK f "$(map 8080 80)"
	fake_end
	rm -f fake.sock
	echo no socket >fake.sock
	refused 5 'cannot reach slirp4netns' pm ADD f "$(map 8080 80)"
	rm fake.sock
	mkfifo fake.sock
	refused 5 'cannot reach slirp4netns' pm ADD f "$(map 8080 80)"
	rm fake.sock
	refused 5 'cannot reach slirp4netns' pm ADD f "$(map 8080 80)"
	sed -i 's/"socketPath": "[^"]*"/"socketPath": "relative"/' f.result
	refused 7 'no absolute path' pm ADD f "$(map 8080 80)"
	sed -i "s/\"socketPath\": \"[^\"]*\"/\"socketPath\": \"\/$(printf 'x%.0s' {1..120})\"/" f.result
	refused 7 'at most 107 bytes' pm ADD f "$(map 8080 80)"
	# A record that somebody edited, or that was cut off.
	for record in '{"backend": "magic"}' '{"backend": "slirp4netns", "mappings": 7}' '{"backend": "sli'; do
		fake_record
		echo "$record" >/run/usernet-cni/netns-portmap/net/f@eth0.json
		pm DEL f 2>stderr
		grep -q 'the record' stderr
		is "$(find /run/usernet-cni -name 'f@*' | wc -l)" 0
	done
}
@test "slirp4netns: a socket that is none, hangs, answers half, garbage or a megabyte" {
	in_host strange_sockets
}

# killed_at SYSCALL N CONTAINER MAPPINGS: ADD, killed at the n-th of these calls; fails if it got to its end.
killed_at() {
	portmap_conf "$3" "$4" >conf
	! ASAN_OPTIONS=detect_leaks=0 CNI_COMMAND=ADD CNI_CONTAINERID=$3 CNI_NETNS=/run/netns/$3 CNI_IFNAME=eth0 CNI_PATH=$PORTMAP_BIN \
		bash -c 'strace -qq -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" -o trace "$3" <conf' \
		x "$1" "$2" "$PORTMAP_BIN/netns-portmap" >/dev/null 2>&1
}

killed() {
	slirp_add a
	# Two requests; the record is made, and then replaced by one with numbers.
	for call in connect:3 shutdown:3 linkat:4 renameat:2; do
		last=${call#*:}
		call=${call%:*}
		for n in 1 2 3 4; do
			killed_at "$call" "$n" a "$(map 8080 80), $(map 8081 80)" || break
			sleep 0.05
			pm DEL a
			is "$(forwards a)" '[]'
		done
		echo "$call: $n" >&2
		[ "$n" = "$last" ]
	done
	pm DEL a
	is "$(forwards a)" '[]'
	slirp_del a
}
@test "slirp4netns: killed at any request, the next DEL withdraws what was added" {
	in_host killed
}

# A daemon that sleeps longer than a request may take, and then does what it was asked for.
slow_daemon() {
	slirp_add a
	serve a 4 tcp 80 a4
	daemon=$(jq .pid /run/usernet-cni/slirp4netns/net/a@eth0.json)
	kill -STOP "$daemon"
	refused 5 'does not answer' pm ADD a "$(map 8080 80)"
	kill -CONT "$daemon"
	# The record tells DEL of a forward that was asked for.
	pm DEL a
	is "$(forwards a)" '[]'
	# Nobody could tell DEL: the next ADD of the attachment meets its own.
	kill -STOP "$daemon"
	refused 5 'does not answer' pm ADD a "$(map 8080 80)"
	pm DEL a 2>/dev/null
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	kill -CONT "$daemon"
	is "$(forwards a | jq length)" 1
	pm ADD a "$(map 8080 80), $(map 8081 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	pm CHECK a "$(map 8080 80), $(map 8081 80)"
	# Taken over by nobody else who is sent to the same daemon.
	jq '.interfaces[0].sandbox = "/run/netns/c"' a.result >c.result
	refused 100 'tcp 8080 is taken' pm ADD c "$(map 8080 80)"
	is "$(forwards a | jq length)" 2
	pm DEL a
	is "$(forwards a)" '[]'
	# It comes back while ADD still waits for the list: nothing is left, not even a record.
	kill -STOP "$daemon"
	(sleep 3; kill -CONT "$daemon") &
	refused 5 'does not answer' pm ADD a "$(map 8080 80)"
	is "$(forwards a)" '[]'
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	wait $!
	slirp_del a
}
@test "slirp4netns: what a slow daemon does after a failed ADD is withdrawn by DEL, or taken over by the next ADD" {
	in_host slow_daemon
}

unlocked() {
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
@test "slirp4netns: nobody's ADD waits for another container's daemon" {
	in_host unlocked
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
	slirp_conf a | jq -c ".enableIPv6 = $1" | plugin_run slirp4netns ADD a >a.result
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
	refused 7 'tcp 8080 for container port 80 and for tcp 127.0.0.1:8080 for container port 81' \
		pm ADD a "$(map 8080 81 tcp 127.0.0.1), $(map 8080 80)"
	refused 2 'IPv4 addresses only' pm ADD a "$(map 8080 80 tcp ::), $(map 8081 80 tcp fd99::1)"
	if [ "$1" = false ]; then
		one_request 'tcp 0.0.0.0:8080>10.0.2.100:80' "$(map 8080 80), $(map 53 80 udp fd99::1)" \
			'udp \[fd99::1\]:53 is left out: the container has no IPv6 address'
	else
		refused 2 'udp \[fd99::1\]:53' pm ADD a "$(map 8080 80), $(map 53 80 udp fd99::1)"
	fi
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
}
requests_both() {
	requests false
	requests true
}
@test "slirp4netns: one request is not refused by itself: what is equal, covered or IPv6 beside IPv4" {
	in_host requests_both
}

another_daemon() {
	slirp_add a
	slirp_add b
	pm ADD a "$(map 8080 80)" >/dev/null
	# Both have a daemon, and the same address behind it; b is sent to the wrong one.
	jq --arg socket "$(socket_of a)" '.interfaces[0].socketPath = $socket' b.result >wrong
	mv wrong b.result
	refused 100 'tcp 8080 is taken' pm ADD b "$(map 8080 80)"
	is "$(find /run/usernet-cni/netns-portmap -name 'b@*' | wc -l)" 0
	pm DEL b
	is "$(forwards a | jq length)" 1
	pm CHECK a "$(map 8080 80)"
	pm DEL a
	slirp_del a
	slirp_del b
}
@test "slirp4netns: a forward in another container's daemon is not taken over" {
	in_host another_daemon
}

never_published() {
	slirp_add a
	pm ADD a "$(map 8080 80)" >/dev/null
	refused 102 'tcp 8081 is not published' pm CHECK a "$(map 8080 80), $(map 8081 80)"
	refused 102 'tcp 8080 is not published to container port 81' pm CHECK a "$(map 8080 81)"
	pm DEL a
	slirp_del a
}
@test "slirp4netns: CHECK tells of a port that is asked for and was never published" {
	in_host never_published
}

many() {
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
@test "slirp4netns: 500 mappings in one request" {
	in_host many
}

# An unprivileged user, in a user namespace of its own that owns the container's network namespace.
rootless() {
	user=4242
	install -d -m 700 -o $user -g $user /run/user/$user
	# /dev/net/tun as distributions have it, in this host alone.
	mkdir /run/tun
	mount -t tmpfs tmpfs /run/tun
	mknod -m 666 /run/tun/tun c 10 200
	mount --bind /run/tun/tun /dev/net/tun
	chmod 755 /run /run/work
	sysctl -qw net.ipv4.ip_unprivileged_port_start=1024
	declare -f slirp_conf pm forwards api >functions.sh
	chmod 644 functions.sh
	mkdir bin
	cp "$PORTMAP_BIN/slirp4netns" "$PORTMAP_BIN/netns-portmap" bin/
	chmod -R a+rX bin
	cp "$portmap_root/test-scripts/lib/portmap-host.sh" host.sh
	HOME=/ XDG_RUNTIME_DIR=/run/user/$user setpriv --reuid "$user" --regid "$user" --clear-groups \
		bash -c '
		set -eEuo pipefail
		trap "echo failed: \$BASH_COMMAND >&2" ERR
		export PORTMAP_BIN=$PWD/bin
		source host.sh
		source functions.sh
		export PORTMAP_BIN=/run/work/bin
		cd "$XDG_RUNTIME_DIR"
		unshare -U --map-root-user -n sleep 100 &
		holder=$!
		for ((i = 0; i < 100; i++)); do
			! grep -q " 0 " /proc/$holder/uid_map || [ "$(readlink /proc/$holder/ns/net)" = "$(readlink /proc/self/ns/net)" ] || break
			sleep 0.02
		done
		call() {
			CNI_COMMAND=$2 CNI_CONTAINERID=c CNI_NETNS=/proc/$holder/ns/net CNI_IFNAME=eth0 CNI_PATH=$PORTMAP_BIN timeout 20 "$PORTMAP_BIN/$1"
		}
		conf() {
			echo "{\"cniVersion\": \"1.1.0\", \"name\": \"net\", \"type\": \"netns-portmap\", \"runtimeConfig\": {\"portMappings\": [$1]}, \"prevResult\": $(<c.result)}"
		}
		slirp_conf c | call slirp4netns ADD >c.result
		nsenter -U --preserve-credentials -n -t $holder socat TCP4-LISTEN:80,fork,reuseaddr SYSTEM:"echo rootless" >/dev/null 2>&1 &
		conf "$(map 8080 80)" | call netns-portmap ADD >/dev/null
		conf "$(map 8080 80)" | call netns-portmap CHECK
		for ((i = 0; i < 50; i++)); do
			[ "$(ask host tcp 127.0.0.1 8080)" != rootless ] || break
			sleep 0.05
		done
		is "$(ask host tcp 127.0.0.1 8080)" rootless
		conf "$(map 8080 80)" | call netns-portmap DEL
		refused 101 "ports below 1024 are for privileged.*ip_unprivileged_port_start=80" eval "conf \"\$(map 8081 80), \$(map 80 80)\" | call netns-portmap ADD"
		silent host tcp 127.0.0.1 8081
		is "$(find usernet-cni/netns-portmap -name "*@*" | wc -l)" 0
		slirp_conf c | call slirp4netns DEL
		kill $holder'
}
@test "slirp4netns, rootless: published, checked, withdrawn; a privileged port gets a hint" {
	in_host rootless
}
