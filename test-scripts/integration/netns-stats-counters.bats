#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# netns-stats as a plugin, and show: the counters are the kernel's, whatever else is wrong.

load ../lib/host
load ../lib/stats

# What both tell about the links, with what only one of them tells taken off.
same_as_ip() {
	local i

	# A packet may come between the two readings.
	for i in 1 2 3 4 5; do
		stats show --loopback --format json --netns "/run/netns/$1" |
			jq -S '.[0].links | map(del(.addr_info, .kind, .network)) | sort_by(.ifindex)' >/run/ours
		ip -n "$1" -s -s -j link | jq -S 'sort_by(.ifindex)
			| map(del(.stats64.rx.nohandler, .stats64.rx.compressed, .stats64.tx.compressed))' >/run/theirs
		! cmp -s /run/ours /run/theirs || return 0
	done
	diff /run/ours /run/theirs
}

@test "show has the names, the nesting and the values of ip -s -j link, for every kind of interface" {
	in_host && return
	prepare_stats
	veth_container a
	ip -n a link add br0 type bridge
	ip -n a tuntap add dev tap0 mode tap
	ip -n a link add v0 type veth peer name v1
	ip -n a link set v0 master br0 up
	ip -n a link set v1 mtu 9000 up
	ip -n a link add link eth0 name eth0.5 type vlan id 5 2>/dev/null || true
	ip -n a link set eth0 group 7
	ip -n a tunnel add sit1 mode sit remote 192.0.2.1 2>/dev/null || true
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	send_udp a 10.9.0.1 100 1000
	same_as_ip a
	expect '.[0].links | map(select(.ifname == "eth0"))[0].addr_info
		== [{"family": "inet", "local": "10.9.0.2", "prefixlen": 24, "scope": "global"}]' \
		"$(stats show -f json -n /run/netns/a)"
	expect 'map(.links[].ifname) | contains(["lo"]) | not' "$(stats show -f json -n /run/netns/a)"
	# In the table, each has its own addresses, but not those that every interface has.
	ip -n a addr add 10.9.1.2/24 dev eth0
	ip -n a addr add 169.254.9.9/16 dev eth0 scope link
	stats show -n /run/netns/a >/run/table
	grep -qE ' eth0 .* 10\.9\.0\.2/24,10\.9\.1\.2/24 ' /run/table
	refused grep -qE ' v0 .* [0-9.]+/[0-9]+ ' /run/table
	refused grep -q 169.254 /run/table
}

@test "traffic of known size through veth is counted to the byte" {
	in_host && return
	prepare_stats
	local before after

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	ip -n a neigh add 10.9.0.1 lladdr "$(ip -j link show a-host | jq -r '.[0].address')" dev eth0
	# The refusals (ICMP) are none of the subject.
	sysctl -qw net.ipv4.icmp_ratemask=8 net.ipv4.icmp_ratelimit=1000000
	stats_cni ADD a /run/netns/a >/dev/null
	before=$(stats show a -f json | jq '.[0].links[0].stats64.tx')
	send_udp a 10.9.0.1 1000 1000
	after=$(stats show a -f json | jq '.[0].links[0].stats64.tx')
	# Ethernet, IPv4 and UDP: 42 bytes.
	is "$(jq -n "$after.bytes - $before.bytes")" 1042000
	is "$(jq -n "$after.packets - $before.packets")" 1000
}

@test "traffic of known size through the real slirp4netns is counted, and closes in the account" {
	in_host && return
	prepare_stats
	local size=20000000 account

	ip netns add a
	mkfifo /run/ready
	slirp4netns --configure --mtu=65520 --netns-type=path --ready-fd=3 /run/netns/a eth0 \
		3>/run/ready >/run/slirp.log 2>&1 &
	head -c 1 /run/ready >/dev/null
	stats_cni ADD a /run/netns/a '"accountFile":"/run/accounts"' >/dev/null
	python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 8001))
print("ready", flush=True)
c = s.accept()[0]
n = 0
while True:
    d = c.recv(1 << 20)
    if not d: break
    n += len(d)
c.sendall(str(n).encode())' >/run/server &
	wait_until grep -q ready /run/server
	ip netns exec a python3 -c "
import socket
c = socket.create_connection(('10.0.2.2', 8001), 10)
c.sendall(bytes($size)); c.shutdown(socket.SHUT_WR)
assert c.recv(100) == b'$size'"
	sleep 0.2
	expect ".[0].links[0].stats64.tx.bytes | . >= $size and . < $size * 1.02" \
		"$(stats show a -f json)"
	same_as_ip a
	stats_cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	account=$(</run/accounts)
	expect ".complete and .reason == \"DEL\" and .interfaces[0].ifname == \"eth0\"
		and (.interfaces[0].stats64.tx.bytes | . >= $size and . < $size * 1.02)
		and .begin < .end" "$account"
}

@test "ADD passes prevResult on with everything in it, registers, and again is fine" {
	in_host && return
	prepare_stats
	local conf result version

	veth_container a
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		result='{"cniVersion":"'$version'","x-more":{"a":[1,2]},
			"interfaces":[{"name":"eth0","sandbox":"/run/netns/a","y":true}],
			"ips":[{"address":"10.9.0.2/24","interface":0}],"dns":{"search":["a.example"]}}'
		[[ $version == 1.* ]] || result=$(jq '.ips[0].version = "4"' <<<"$result")
		conf="{\"cniVersion\":\"$version\",\"name\":\"net\",\"type\":\"netns-stats\",\"prevResult\":$result}"
		expect '. == $result' "$(CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=prod' \
			run_plugin netns-stats ADD a <<<"$conf")" --argjson result "$result"
	done
	expect '.[0] | .pod == "web-0" and .podNamespace == "prod" and .containerId == "a"
		and (.attachments | length == 1 and .[0].network == "net" and .[0].ifName == "eth0"
		and (.[0].begin | test("^20[0-9-]{8}T[0-9:]{8}[.][0-9]{3}Z$")))' \
		"$(stats show -f json)"
	stats_cni DEL a /run/netns/a
	stats_cni DEL a /run/netns/a
	is "$(stats show -f json)" "[]"
	# Names that are too long are told in this order, and are no reason not to count.
	CNI_ARGS="K8S_POD_NAME=$(printf %600s '' | tr ' ' x);K8S_POD_NAMESPACE=$(printf %700s '' | tr ' ' x)" \
		run_plugin netns-stats ADD a <<<"$conf" 2>/run/said >/dev/null
	is "$(grep -o 'K8S_[A-Z_]* has [0-9]*' /run/said)" $'K8S_POD_NAME has 600\nK8S_POD_NAMESPACE has 700'
	expect '.[0] | has("pod") or has("podNamespace") | not' "$(stats show -f json)"
	stats_cni DEL a /run/netns/a
	# A plugin alone has nothing to count.
	exits 1 run_plugin netns-stats ADD a <<<'{"cniVersion":"1.1.0","name":"net","type":"netns-stats"}'
	expect '.code == 7 and (.msg | contains("chained"))' "$output"
}

@test "CHECK wants the interface to be there and its counters readable" {
	in_host && return
	prepare_stats
	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	stats_cni CHECK a /run/netns/a
	ip -n a link del eth0
	exits 1 stats_cni CHECK a /run/netns/a
	expect '.code == 100 and (.msg | contains("eth0"))' "$output"
	ip netns del a
	# Not 3, which means that no DEL is needed: the account is open.
	exits 1 stats_cni CHECK a /run/netns/a
	expect '.code == 100' "$output"
}

@test "paths that are no network namespace: each its row, the rest of the table shown" {
	in_host && return
	prepare_stats
	local path

	veth_container a
	mkfifo /run/fifo
	mkdir /run/dir
	ln -s /run/nothing /run/dangling
	exits 1 stats show --netns /run/none /run/fifo /run/dir /run/dangling /etc/passwd /dev/null \
		/proc/self/ns/mnt /run/netns/a
	for path in /run/none /run/fifo /run/dir /run/dangling /etc/passwd /dev/null /proc/self/ns/mnt; do
		grep -qE "^$path +- +- +(GONE|UNREADABLE)" <<<"$output" || fail "no row of $path"
		grep -q "$path" <<<"$words" || fail "$path is not named"
	done
	grep -qE '^/run/netns/a +- +eth0 +' <<<"$output" || fail "no row of a"
	exits 1 stats show -f json --netns /run/none /run/netns/a
	expect 'length == 2 and .[0].error.code == 3 and .[1].links[0].ifname == "eth0"' "$output"
	exits 1 stats show -f prometheus --netns /run/none /run/netns/a
	grep -q 'id="/run/netns/a"' <<<"$output" || fail "no series of a"
}

@test "damaged registrations cost themselves only" {
	in_host && return
	prepare_stats
	local dir=$STATE/netns-stats/net bad

	veth_container a
	for bad in a truncated link foreign empty other fifo badid nonet; do
		stats_cni ADD "$bad" /run/netns/a >/dev/null
	done
	truncate -s 50 "$dir/truncated@eth0.json"
	mv "$dir/link@eth0.json" /run/elsewhere
	ln -s /run/elsewhere "$dir/link@eth0.json"
	chown 1000 "$dir/foreign@eth0.json"
	: >"$dir/empty@eth0.json"
	cp "$dir/a@eth0.json" "$dir/other@eth0.json"
	rm "$dir/fifo@eth0.json"
	mkfifo "$dir/fifo@eth0.json"
	jq -c '.containerId = "../../etc"' "$dir/a@eth0.json" >"$dir/badid@eth0.json"
	jq -c 'del(.netns)' "$dir/a@eth0.json" >"$dir/nonet@eth0.json"
	echo x >"$dir/not-a-record"
	exits 1 stats show -f json
	expect 'map(.containerId) == ["a"]' "$output"
	is "$(grep -cE 'truncated|link|foreign|empty|other|fifo|badid|nonet' <<<"$words")" 8
	[[ $words == *netns*nonet* || $words == *nonet*netns* ]] || fail "the member is not named"
	# A member less in the readings is a baseline less.
	jq -c 'del(.begin.interfaces[0].rx.bytes)' "$dir/a@eth0.json" >/run/x
	cp /run/x "$dir/a@eth0.json"
	stats_cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	expect '.interfaces[0].ifname == "eth0"' "$(</run/accounts)"
}

@test "a path that leads to another namespace now is not taken for the container's" {
	in_host && return
	prepare_stats
	veth_container a
	stats_cni ADD a /run/netns/a '"accountFile":"/run/accounts"' >/dev/null
	ip netns add keep
	ip netns del a
	touch /run/netns/a
	mount --bind /run/netns/keep /run/netns/a
	exits 1 stats show -f json
	expect '.[0].error.code == 3 and (.[0].error.msg | contains("another"))' "$output"
	stats_cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	expect '.complete == false' "$(</run/accounts)"
}

@test "an entry of the cache whose path is the host's by now is not counted, nor is another container's" {
	in_host && return
	prepare_stats
	local pid proof

	veth_container a
	veth_container b
	ip link add hostif0 type bridge
	mkdir -p /var/lib/cni/results
	cached() {
		jq -nc "{kind: \"cniCacheV1\", containerId: \"$1\", ifName: \"eth0\", networkName: \"net\",
			netns: \"$2\"${3:+, netnsIdentity: $3}}" >"/var/lib/cni/results/net-$1-eth0"
	}
	# A process that has ended, whose pid the host has given again.
	sleep 100 &
	pid=$!
	cached gone "/proc/$pid/ns/net"
	cached pid1 /proc/1/ns/net
	cached there /run/netns/a
	# cnirun notes which one it was; that of b is another's.
	stats_cni ADD b /run/netns/b >/dev/null
	proof=$(jq -c .netnsIdentity "$(stats_record b)")
	cached proven /run/netns/b "$proof"
	cached another /run/netns/a "$proof"
	exits 1 stats show -f json
	expect 'map({(.containerId): (.links // [] | map(.ifname))}) | add == {another: [], b: ["eth0"],
		gone: [], pid1: [], proven: ["eth0"], there: ["eth0"]}' "$output"
	expect 'map(select(has("error"))) | map(.error.code == 3 and (.error.msg | contains("another"))) | all' "$output"
	exits 1 stats show -f prometheus
	refused grep -E 'hostif0|id="(gone|pid1|another)"' <<<"$output"
	exits 0 stats top --interval 0.1
	refused grep -E '^gone|^pid1|^another|hostif0' <<<"$output"
	# A path that is named on the command line is read all the same.
	exits 0 stats show -f json --netns /proc/1/ns/net
	expect '.[0].links | map(.ifname) | contains(["hostif0"])' "$output"
}

@test "an inode's number that was given again does not make another namespace the container's" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"' number other

	veth_container a
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	# The next container is at the same path, and its inode has the same number: the kernel does that.
	veth_container b
	ip -n b link add more0 type bridge
	number=$(stat -L -c %i /run/netns/b)
	jq -c ".netnsIdentity.inode = $number" "$(stats_record a)" >/run/record
	cat /run/record >"$(stats_record a)"
	umount /run/netns/a
	mount --bind /run/netns/b /run/netns/a
	exits 1 stats show a -f json
	expect '.[0].error.msg | contains("another")' "$output"
	# Nor are its counters remembered as those of a.
	before=$(<"$(stats_record a)")
	stats_cni CHECK a /run/netns/a "$members"
	is "$(<"$(stats_record a)")" "$before"
	stats_cni DEL a /run/netns/a "$members"
	expect '.complete == false' "$(</run/accounts)"
	# Another boot's record: every number may be that of something else.
	veth_container c
	stats_cni ADD c /run/netns/c "$members" >/dev/null
	jq -c '.netnsIdentity.boot = "00000000-0000-0000-0000-000000000000"' "$(stats_record c)" >/run/record
	cat /run/record >"$(stats_record c)"
	exits 1 stats show c -f json
	expect '.[0].error.msg | contains("another")' "$output"
	# A record that was left behind does not hide the container that has its id and its path now.
	veth_container d
	stats_cni ADD d /run/netns/d >/dev/null
	network=aaa stats_cni ADD d /run/netns/d >/dev/null
	jq -c '.netnsIdentity |= (.inode = 5 | .cookie = "2")' "$(network=aaa stats_record d)" >/run/record
	cat /run/record >"$(network=aaa stats_record d)"
	exits 0 stats show d -f json
	expect '.[0].links[0].ifname == "eth0"' "$output"
}

@test "in a container's own namespace that container is counted" {
	in_host && return
	prepare_stats
	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	# shellcheck disable=SC2016
	exits 0 nsenter --net=/run/netns/a "$BIN/netns-stats" show -f json
	expect '.[0].links[0].ifname == "eth0"' "$output"
}

@test "names with quotes, backslashes and broken UTF-8 leave JSON, Prometheus and the table intact" {
	in_host && return
	prepare_stats
	veth_container a
	ip -n a link add $'q"\\\xff{}' type veth peer name $'\x1b[31m'
	stats_cni ADD a /run/netns/a >/dev/null
	expect '.[0].links | map(.ifname) | index("q\"\\\ufffd{}") and index("\u001b[31m")' \
		"$(stats show -f json)"
	stats show -f prometheus | promtool check metrics
	! stats show | grep -q $'\x1b' || fail "the terminal would obey"
	ip netns add $'ns"\n\xff'
	expect 'length == 1' "$(stats show -f json -n $'/run/netns/ns"\n\xff')"
	stats show -l -f prometheus -n $'/run/netns/ns"\n\xff' | promtool check metrics
	is "$(stats show -n $'/run/netns/ns"\n\xff' | wc -l)" 1
}

@test "promtool accepts the exposition, and the counters in it are the kernel's" {
	in_host && return
	prepare_stats
	local rx

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	send_udp a 10.9.0.1 10 100
	stats_cni ADD a /run/netns/a >/dev/null
	stats show -f prometheus >/run/metrics
	promtool check metrics </run/metrics
	rx=$(ip -n a -s -j link show eth0 | jq '.[0].stats64.rx.bytes')
	grep -qxF 'container_network_receive_bytes_total{interface="eth0",namespace="",pod="",id="a",network="net"} '"$rx" \
		/run/metrics || fail "$(</run/metrics)"
	is "$(grep -c '^# TYPE container_network_.*_total counter$' /run/metrics)" 8
}

@test "text that turns the line around or is not seen reaches no terminal; JSON and labels have it" {
	in_host && return
	prepare_stats
	local rlo=$'e\u202e0' zero=$'e\u200b0'

	veth_container a
	ip -n a link add "$rlo" type bridge
	ip -n a link add "$zero" type bridge
	stats_cni ADD a /run/netns/a >/dev/null
	exits 0 stats show
	grep -qF 'e\u202e0' <<<"$output"
	refused grep -F "$rlo" <<<"$output"
	refused grep -F "$zero" <<<"$output"
	exits 0 stats top --interval 0.1
	grep -qF 'e\u200b0' <<<"$output"
	refused grep -F "$rlo" <<<"$output"
	# The same name to every reader of JSON, and nothing that a terminal obeys.
	exits 0 stats show -f json
	refused grep -F "$rlo" <<<"$output"
	expect '.[0].links | map(.ifname) | index("e\u202e0") and index("e\u200b0")' "$output"
	exits 0 stats show -f prometheus
	grep -qF "{interface=\"$rlo\"" <<<"$output"
	mkdir -p /var/lib/cni/results
	jq -nc '{kind: "cniCacheV1", containerId: "c", ifName: "eth0", networkName: "net", netns: "/run/netns/a",
		cniArgs: [["K8S_POD_NAME", "web\u202e-0\u009b31m"]]}' >/var/lib/cni/results/net-c-eth0
	exits 0 stats inspect c
	expect '.[0].Pod == "web\u202e-0\u009b31m"' "$output"
	refused grep -P '[\x{80}-\x{9f}\x{202e}]' <<<"$output"
	# And what goes to stderr.
	for arguments in "show $rlo" "show -n /run/$rlo" "show -f $rlo" "$rlo" "serve --listen $rlo"; do
		# shellcheck disable=SC2086
		"$BIN/netns-stats" $arguments 2>/run/words >/run/out || true
		[ -s /run/words ]
		refused grep -F "$rlo" /run/words /run/out
	done
}

@test "output that cannot be written is a failure" {
	in_host && return
	prepare_stats
	local arguments

	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	for arguments in --help -h help --version "show --help" show "show -f json" "show -f prometheus" "inspect a" \
		"top --interval 0.1"; do
		# shellcheck disable=SC2086
		exits 1 bash -c '"$0" "$@" >/dev/full' "$BIN/netns-stats" $arguments
		[ "$arguments" = --version ] || [[ $words == *"No space left"* ]] || fail "$arguments: $words"
	done
}

@test "--detail adds what generic netlink and /proc know, and leaves out what they do not" {
	in_host && return
	prepare_stats
	local detail

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	python3 -m http.server --bind 10.9.0.1 8000 >/dev/null 2>&1 &
	wait_until ip netns exec a bash -c ': </dev/tcp/10.9.0.1/8000'
	ip netns exec a curl -s -o /dev/null http://10.9.0.1:8000/etc/passwd
	stats_cni ADD a /run/netns/a >/dev/null
	detail=$(stats show a --detail -f json | jq '.[0].detail')
	expect '.ethtool.eth0 | .link == true and .speed == 10000 and .duplex == "full"' "$detail"
	expect '[.ethtool.eth0[] | select(. == {})] == []' "$detail"
	expect '.protocols | .Tcp.ActiveOpens > 0 and .Ip.InReceives > 0 and (.TcpExt | has("TCPTimeouts"))
		and .TCP.inuse >= 0' "$detail"
	if ip -n a tcp_metrics show 2>/dev/null | grep -q 10.9.0.1; then
		expect '.tcp_metrics | map(select(.destination == "10.9.0.1" and .rtt_us > 0)) | length == 1' "$detail"
	fi
	grep -qE '^  protocols\.Tcp\.ActiveOpens [1-9]' <<<"$(stats show a --detail)"
	exits 2 stats show --detail -f prometheus
}

@test "an unprivileged user sees and accounts his own, in user namespaces of their own" {
	in_host && return
	prepare_stats
	local pid

	prepare_user
	cp "$BIN/netns-stats" /run/netns-stats
	chmod 755 /run/netns-stats
	veth_container rootonly
	stats_cni ADD rootonly /run/netns/rootonly >/dev/null
	add() {
		unprivileged env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_IFNAME=eth0 CNI_NETNS="$3" CNI_PATH=/ /run/netns-stats \
			<<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"netns-stats\",
				\"accountFile\":\"/run/user/1000/accounts\",\"prevResult\":$(prev "$3")}"
	}
	for i in 1 2 3; do
		# shellcheck disable=SC2016
		unprivileged unshare --user --map-root-user --net sh -c 'ip link add eth0 type veth peer name p0 &&
			ip link set eth0 up && ip link set p0 up && echo $$ >/run/user/1000/$0 && exec sleep 100' "up$i" &
		wait_until test -s "/run/user/1000/up$i"
		pid=$(<"/run/user/1000/up$i")
		add ADD "c$i" "/proc/$pid/ns/net" >/dev/null
		add CHECK "c$i" "/proc/$pid/ns/net"
	done
	expect 'map(.containerId) == ["c1", "c2", "c3"] and all(.links | map(.ifname) | sort == ["eth0", "p0"])' \
		"$(unprivileged /run/netns-stats show -f json)"
	# libcni's cache, whose names alone others may read (chmod -R a+r): nothing is to be had, and not asked for.
	install -d -m 755 /var/lib/cni
	mkdir -m 744 /var/lib/cni/results
	echo '{}' >/var/lib/cni/results/net-root-eth0
	exits 0 unprivileged /run/netns-stats show -f json
	exits 1 unprivileged /run/netns-stats show --cni-cache /var/lib/cni
	rm -r /var/lib/cni/results
	chmod 600 /run/user/1000/usernet-cni/netns-stats
	unprivileged /run/netns-stats show 2>/run/said && fail "not a word of what could not be listed"
	is "$(</run/said)" "netns-stats: cannot list the networks in /run/user/1000/usernet-cni: Permission denied"
	chmod 700 /run/user/1000/usernet-cni/netns-stats
	exits 1 unprivileged /run/netns-stats show -n /run/netns/rootonly
	kill $pid
	wait_until test ! -e /proc/$pid/ns/net
	exits 1 unprivileged /run/netns-stats show -f json
	expect 'map(has("error")) == [false, false, true]' "$output"
	add DEL c3 "/proc/$pid/ns/net"
	expect '.containerId == "c3" and .complete == false' "$(</run/user/1000/accounts)"
}

@test "usage: --help fits a screen, wrong options and commands are said" {
	in_host && return
	prepare_stats
	local long

	exits 0 stats --help
	[ "$(wc -l <<<"$output")" -le 24 ] || fail "too high"
	long=$(awk 'length > 80' <<<"$output")
	is "$long" ""
	exits 0 stats top --help
	exits 0 stats --version
	exits 2 stats sohw
	exits 2 stats show --format yaml
	exits 2 stats show --nonsense
	exits 2 stats show --netns
	exits 2 stats inspect
	exits 2 stats top --interval 0
	exits 2 stats top --sort size
	exits 2 stats serve
	exits 3 stats show nobody
	exits 1 stats show --state-dir /etc/passwd
	exits 1 stats show --cni-cache /run/none
	# A reader that goes away does not make it crash.
	veth_container a
	{
		sleep 0.2
		stats show -n /run/netns/a 2>/run/words || echo $? >/run/status
	} | true
	is "$(</run/status)" 1
	grep -q 'Broken pipe' /run/words
}
