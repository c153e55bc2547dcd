#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# netns-stats as a plugin, and show and inspect: the counters are the kernel's, the account is kept,
# whatever else is wrong.

load ../lib/stats-host.bash

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

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
	container a
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
	local before after

	container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	ip -n a neigh add 10.9.0.1 lladdr "$(ip -j link show a-host | jq -r '.[0].address')" dev eth0
	# The refusals (ICMP) are none of the subject.
	sysctl -qw net.ipv4.icmp_ratemask=8 net.ipv4.icmp_ratelimit=1000000
	cni ADD a /run/netns/a >/dev/null
	before=$(stats show a -f json | jq '.[0].links[0].stats64.tx')
	send_udp a 10.9.0.1 1000 1000
	after=$(stats show a -f json | jq '.[0].links[0].stats64.tx')
	# Ethernet, IPv4 and UDP: 42 bytes.
	is "$(jq -n "$after.bytes - $before.bytes")" 1042000
	is "$(jq -n "$after.packets - $before.packets")" 1000
}

@test "traffic of known size through the real slirp4netns is counted, and closes in the account" {
	in_host && return
	local size=20000000 account

	ip netns add a
	mkfifo /run/ready
	slirp4netns --configure --mtu=65520 --netns-type=path --ready-fd=3 /run/netns/a eth0 \
		3>/run/ready >/run/slirp.log 2>&1 &
	head -c 1 /run/ready >/dev/null
	cni ADD a /run/netns/a '"accountFile":"/run/accounts"' >/dev/null
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
	cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	account=$(</run/accounts)
	expect ".complete and .reason == \"DEL\" and .interfaces[0].ifname == \"eth0\"
		and (.interfaces[0].stats64.tx.bytes | . >= $size and . < $size * 1.02)
		and .begin < .end" "$account"
}

@test "ADD passes prevResult on with everything in it, registers, and again is fine" {
	in_host && return
	local conf result version

	container a
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		result='{"cniVersion":"'$version'","x-more":{"a":[1,2]},
			"interfaces":[{"name":"eth0","sandbox":"/run/netns/a","y":true}],
			"ips":[{"address":"10.9.0.2/24","interface":0}],"dns":{"search":["a.example"]}}'
		[[ $version == 1.* ]] || result=$(jq '.ips[0].version = "4"' <<<"$result")
		conf="{\"cniVersion\":\"$version\",\"name\":\"net\",\"type\":\"netns-stats\",\"prevResult\":$result}"
		expect '. == $result' "$(CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_IFNAME=eth0 \
			CNI_NETNS=/run/netns/a CNI_PATH=/ CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=prod' \
			"$BIN/netns-stats" <<<"$conf")" --argjson result "$result"
	done
	expect '.[0] | .pod == "web-0" and .podNamespace == "prod" and .containerId == "a"
		and (.attachments | length == 1 and .[0].network == "net" and .[0].ifName == "eth0"
		and (.[0].begin | test("^20[0-9-]{8}T[0-9:]{8}[.][0-9]{3}Z$")))' \
		"$(stats show -f json)"
	cni DEL a /run/netns/a
	cni DEL a /run/netns/a
	is "$(stats show -f json)" "[]"
	# A plugin alone has nothing to count.
	exits 1 env CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a CNI_PATH=/ \
		"$BIN/netns-stats" <<<'{"cniVersion":"1.1.0","name":"net","type":"netns-stats"}'
	expect '.code == 7 and (.msg | contains("chained"))' "$output"
}

@test "CHECK wants the interface to be there and its counters readable" {
	in_host && return
	container a
	cni ADD a /run/netns/a >/dev/null
	cni CHECK a /run/netns/a
	ip -n a link del eth0
	exits 1 cni CHECK a /run/netns/a
	expect '.code == 100 and (.msg | contains("eth0"))' "$output"
	ip netns del a
	# Not 3, which means that no DEL is needed: the account is open.
	exits 1 cni CHECK a /run/netns/a
	expect '.code == 100' "$output"
}

@test "an account closes with the last known counters when the namespace is gone" {
	in_host && return
	local members='"accountFile":"/run/accounts"'

	container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	cni ADD a /run/netns/a "$members" >/dev/null
	send_udp a 10.9.0.1 1 100
	cni CHECK a /run/netns/a "$members"
	ip netns del a
	cni DEL a "" "$members"
	expect '.complete == false and .containerId == "a"
		and .interfaces == [.interfaces[0]] and .interfaces[0].stats64.tx.bytes > 0' \
		"$(</run/accounts)"
	# Never read, and gone: closed all the same.
	container b
	cni ADD b /run/netns/b "$members" >/dev/null
	ip netns del b
	cni DEL b "" "$members"
	expect '.complete == false and .interfaces[0].stats64.tx.bytes == 0' "$(tail -n 1 /run/accounts)"
}

@test "an interface that is renamed inside keeps its account, its network and its counters" {
	in_host && return
	local members='"accountFile":"/run/accounts"'

	container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	cni ADD a /run/netns/a "$members" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name wan0
	ip -n a link set wan0 up
	ip -n a addr add 10.9.0.3/24 dev wan0
	send_udp a 10.9.0.1 1 100
	expect '.[0].links[0] | .ifname == "wan0" and .network == "net"' "$(stats show a -f json)"
	cni DEL a /run/netns/a "$members"
	expect '.complete and .interfaces[0].ifname == "eth0" and .interfaces[0].stats64.tx.bytes > 0' \
		"$(</run/accounts)"
}

@test "two attachments of a container have an account each, and nothing is counted twice" {
	in_host && return
	local members='"accountFile":"/run/accounts"'

	container a
	ip link add a-host1 type veth peer name eth1 netns a
	ip -n a link set eth1 up
	cni ADD a /run/netns/a "$members" >/dev/null
	network=other ifname=eth1 cni ADD a /run/netns/a "$members" >/dev/null
	expect 'length == 1 and (.[0].links | map({(.ifname): .network}) | add)
		== {"eth0": "net", "eth1": "other"}' "$(stats show a -f json)"
	cni DEL a /run/netns/a "$members"
	network=other ifname=eth1 cni DEL a /run/netns/a "$members"
	expect 'map(.interfaces | map(.ifname)) == [["eth0"], ["eth1"]]' "$(jq -s . /run/accounts)"
}

@test "100 DELs at once append 100 whole lines" {
	in_host && return
	local i

	container a
	for ((i = 0; i < 100; i++)); do
		cni ADD "c$i" /run/netns/a '"accountFile":"/run/accounts"' >/dev/null
	done
	for ((i = 0; i < 100; i++)); do
		cni DEL "c$i" /run/netns/a '"accountFile":"/run/accounts"' &
	done
	wait
	is "$(jq -r .containerId /run/accounts | sort -u | wc -l)" 100
	is "$(wc -l </run/accounts)" 100
	is "$(find $STATE/netns-stats -type f)" ""
}

# hold_lock: another process has the lock of the network; release_lock.
hold_lock() {
	locked() { ! flock -n "$STATE/netns-stats/net" true; }
	flock "$STATE/netns-stats/net" sleep 100 &
	holder=$!
	wait_until locked
}

release_lock() {
	pkill -P "$holder"
	wait "$holder" || true
}

# /run/bin/netns-stats: killed on its way into the $n-th $call, where it fails with $failure instead, or late at
# those in $delayed.
traced() {
	mkdir /run/bin
	cat >/run/bin/netns-stats <<-EOF
		#!/bin/sh
		[ -z "\${delayed-}" ] || exec strace -qqo /dev/null -e inject=\$delayed:delay_enter=200000 "$BIN/netns-stats"
		exec strace -qqo /dev/null -e "inject=\$call:\${failure:-signal=KILL}:when=\$n" "$BIN/netns-stats"
	EOF
	chmod 755 /run/bin/netns-stats
	export n call delayed failure
}

@test "DEL killed at any of its steps: the next one, or GC, finishes, and there is one account" {
	in_host && return
	local members='"accountFile":"/run/accounts"' call n status killed=0

	container a
	traced
	export ASAN_OPTIONS=detect_leaks=0
	for call in openat2 flock write linkat renameat unlinkat exit_group; do
		for ((n = 1; ; n++)); do
			status=0
			rm -f /run/accounts
			[ $((n % 2)) = 0 ] || echo '{"another": "line"}' >/run/accounts
			cni ADD a /run/netns/a "$members" >/dev/null
			BIN=/run/bin cni DEL a /run/netns/a "$members" 2>/run/words || status=$?
			case $status in
			0) break ;;
			137) killed=$((killed + 1)) ;;
			*) fail "killed at $call $n: $status, $(</run/words)" ;;
			esac
			case $((killed % 3)) in
			0) cni DEL a /run/netns/a "$members" ;;
			1) cni GC a "" "$members,\"cni.dev/valid-attachments\":[]" ;;
			2) cni DEL a "" "$members" ;;
			esac
			is "$call $n: $(grep -c '"containerId":"a"' /run/accounts) of $(wc -l </run/accounts)" \
				"$call $n: 1 of $((1 + n % 2))"
			[ ! -e "$(record a)" ] || fail "killed at $call $n: the record is there"
		done
	done
	[ "$killed" -gt 12 ] || fail "killed $killed times only"
}

@test "a record that DEL cannot read for the moment loses no account" {
	in_host && return
	local members='"accountFile":"/run/accounts"' call=openat2 failure=error=EIO n words

	container a
	traced
	export ASAN_OPTIONS=detect_leaks=0
	for ((n = 1; n <= 8; n++)); do
		rm -f /run/accounts
		cni ADD a /run/netns/a "$members" >/dev/null
		words=$(BIN=/run/bin cni DEL a /run/netns/a "$members" 2>&1)
		[ -e /run/accounts ] || [[ $words == *"stays open"*"Input/output error"* ]] || fail "$n: $words"
		cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
		is "$n: $(grep -c '"containerId":"a"' /run/accounts)" "$n: 1"
	done
}

@test "what was being closed when ADD makes it anew is written, and half a line is completed" {
	in_host && return
	local members='"accountFile":"/run/accounts"' line half

	container a
	cni ADD a /run/netns/a "$members" >/dev/null
	cni DEL a /run/netns/a "$members"
	line=$(</run/accounts)
	noted() {
		jq -c --arg line "$line"$'\n' '.account = {file: "/run/accounts", from: "4", line: $line}' \
			"$(record a)" >/run/record
		cat /run/record >"$(record a)"
	}
	for half in "" '{"' "${line:0:60}" "${line:0:-1}" "$line" "$line"$'\n{"containerId":"b","more":1}\n' '{"containerId":"z",'; do
		printf '{}\n\n%s' "$half" >/run/accounts
		cni ADD a /run/netns/a "$members" >/dev/null
		noted
		cni ADD a /run/netns/a "$members" >/dev/null
		is "$(grep -cxF "$line" /run/accounts)" 1
		[ -z "$(tail -c 1 /run/accounts)" ] || fail "ends in half a line"
		expect '.account == null' "$(<"$(record a)")"
	done
	# The file has become shorter: it is another one.
	: >/run/accounts
	noted
	cni DEL a "" "$members"
	is "$(</run/accounts)" "$line"
}

@test "two DELs at once write one account" {
	in_host && return
	local members='"accountFile":"/run/accounts"' first

	container a
	cni ADD a /run/netns/a "$members" >/dev/null
	traced
	export ASAN_OPTIONS=detect_leaks=0
	# The first one takes its time over the line.
	delayed=write BIN=/run/bin cni DEL a /run/netns/a "$members" &
	first=$!
	wait_until pgrep -x strace >/dev/null
	cni DEL a /run/netns/a "$members"
	cni DEL a /run/netns/a "$members"
	wait $first
	is "$(wc -l </run/accounts)" 1
}

@test "DEL succeeds without the lock, and on a state that cannot be written; GC closes later" {
	in_host && return
	local members='"accountFile":"/run/accounts"'

	container a
	container b
	cni ADD a /run/netns/a "$members" >/dev/null
	cni ADD b /run/netns/b "$members" >/dev/null
	hold_lock
	exits 0 cni DEL a /run/netns/a "$members"
	[[ $words == *"a@eth0"*"stays open"*"lock"* ]] || fail "$words"
	exits 1 cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
	expect '.code == 11' "$output"
	[ ! -e /run/accounts ] || fail "an account without the lock"
	release_lock
	mount --bind "$STATE" "$STATE"
	mount -o remount,bind,ro "$STATE"
	exits 0 cni DEL b /run/netns/b "$members"
	[[ $words == *Read-only*'"containerId":"b"'* ]] || fail "$words"
	exits 0 cni DEL b /run/netns/b
	umount "$STATE"
	cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
	is "$(jq -r .containerId /run/accounts | sort | tr '\n' ' ')" "a b "
	# No room for the note, but enough to remove.
	mount -t tmpfs -o mode=700,size=8k tmpfs "$STATE"
	cni ADD a /run/netns/a "$members" >/dev/null
	head -c 100000 /dev/zero >"$STATE/full" 2>/dev/null || true
	exits 0 cni DEL a /run/netns/a "$members"
	is "$(wc -l </run/accounts)" 3
	[ ! -e "$(record a)" ] || fail "the record is there"
}

@test "a registration is noted under its network's lock alone: by ADD, and by CHECK, which does without" {
	in_host && return
	local before

	container a
	cni ADD a /run/netns/a >/dev/null
	before=$(<"$(record a)")
	hold_lock
	cni CHECK a /run/netns/a
	exits 0 cni ADD a /run/netns/a
	[[ $words == *"not counted"*lock* ]] || fail "$words"
	is "$(<"$(record a)")" "$before"
	release_lock
	cni CHECK a /run/netns/a
	expect '.last.interfaces[0].ifname == "eth0"' "$(<"$(record a)")"
}

@test "GC closes what the runtime no longer knows, and leaves the rest" {
	in_host && return
	local members='"accountFile":"/run/accounts"'

	container a
	container b
	cni ADD a /run/netns/a "$members" >/dev/null
	cni ADD b /run/netns/b "$members" >/dev/null
	network=other cni ADD b /run/netns/b "$members" >/dev/null
	cni GC a "" "$members,\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"}]"
	[ -e "$(record a)" ] || fail "a is gone"
	[ ! -e "$(record b)" ] || fail "b is there"
	[ -e "$(network=other record b)" ] || fail "another network's is gone"
	expect '.containerId == "b" and .reason == "GC"' "$(</run/accounts)"
	cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
	[ ! -e "$(record a)" ] || fail "a is there"
}

@test "an accountFile that cannot be written: an error where it is the configuration's, else words" {
	in_host && return
	container a
	mkdir /run/dir
	ln -s /run/elsewhere /run/link
	mkfifo /run/fifo
	for path in /run/dir /run/link /run/fifo; do
		exits 1 cni ADD a /run/netns/a "\"accountFile\":\"$path\""
		expect '.code == 7 and (.msg | contains($path))' "$output" --arg path "$path"
		exits 1 cni STATUS a "" "\"accountFile\":\"$path\""
		expect '.code == 50' "$output"
	done
	exits 1 cni ADD a /run/netns/a '"accountFile":"relative"'
	exits 1 cni ADD a /run/netns/a '"accountFile":7'
	expect '.code == 7 and (.msg | contains("accountFile"))' "$output"
	# Its directory is missing: the container starts and stops, the account is on stderr.
	exits 0 cni ADD a /run/netns/a '"accountFile":"/run/missing/file"'
	[[ $words == */run/missing/file* ]] || fail "no word of it"
	exits 0 cni DEL a /run/netns/a '"accountFile":"/run/missing/file"'
	[[ $words == *'"containerId":"a"'* ]] || fail "the account is lost"
	# A full disk leaves no half line.
	mkdir /run/full
	mount -t tmpfs -o size=4k tmpfs /run/full
	head -c 4000 /dev/zero >/run/full/accounts
	cni ADD a /run/netns/a >/dev/null
	exits 0 cni DEL a /run/netns/a '"accountFile":"/run/full/accounts"'
	is "$(stat -c %s /run/full/accounts)" 4000
	[[ $words == *'"containerId":"a"'* ]] || fail "the account is lost"
	[ ! -e /run/elsewhere ] || fail "a symbolic link was followed"
}

@test "nothing that counting fails at keeps a container from starting or stopping" {
	in_host && return
	container a
	# No state directory to be had.
	echo >$STATE
	exits 0 cni ADD a /run/netns/a
	expect '.interfaces[0].name == "eth0"' "$output"
	[ -n "$words" ] || fail "not a word"
	rm $STATE
	# The namespace cannot be read; the account begins at zero.
	exits 0 cni ADD a /run/netns/none '"accountFile":"/run/accounts"'
	[ -n "$words" ] || fail "not a word"
	exits 0 cni DEL a /run/netns/none '"accountFile":"/run/accounts"'
	# A damaged record.
	cni ADD a /run/netns/a >/dev/null
	echo '{"containerId":' >"$(record a)"
	exits 0 cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	[ ! -e "$(record a)" ] || fail "the record is there"
	# But a wrong configuration does.
	exits 1 cni ADD a /run/netns/a '"stateDir":"relative"'
	expect '.code == 7' "$output"
}

@test "paths that are no network namespace: each its row, the rest of the table shown" {
	in_host && return
	local path

	container a
	mkfifo /run/fifo
	mkdir /run/dir
	ln -s /run/nothing /run/dangling
	exits 1 stats show --netns /run/none /run/fifo /run/dir /run/dangling /etc/passwd /dev/null \
		/proc/self/ns/mnt /run/netns/a
	for path in /run/none /run/fifo /run/dir /run/dangling /etc/passwd /dev/null /proc/self/ns/mnt; do
		grep -qE "^$path +- +- +(GONE|UNREADABLE)" <<<"$output" || fail "no row of $path"
		grep -q "$path" <<<"$words" || fail "no word on $path"
	done
	grep -qE '^/run/netns/a +- +eth0 +' <<<"$output" || fail "no row of a"
	exits 1 stats show -f json --netns /run/none /run/netns/a
	expect 'length == 2 and .[0].error.code == 3 and .[1].links[0].ifname == "eth0"' "$output"
	exits 1 stats show -f prometheus --netns /run/none /run/netns/a
	grep -q 'id="/run/netns/a"' <<<"$output" || fail "no series of a"
}

@test "damaged registrations cost themselves only" {
	in_host && return
	local dir=$STATE/netns-stats/net bad

	container a
	for bad in a truncated link foreign empty other fifo badid nonet; do
		cni ADD "$bad" /run/netns/a >/dev/null
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
	cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	expect '.interfaces[0].ifname == "eth0"' "$(</run/accounts)"
}

@test "a path that leads to another namespace now is not taken for the container's" {
	in_host && return
	container a
	cni ADD a /run/netns/a '"accountFile":"/run/accounts"' >/dev/null
	ip netns add keep
	ip netns del a
	touch /run/netns/a
	mount --bind /run/netns/keep /run/netns/a
	exits 1 stats show -f json
	expect '.[0].error.code == 3 and (.[0].error.msg | contains("another"))' "$output"
	cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	expect '.complete == false' "$(</run/accounts)"
}

@test "an entry of the cache whose path is the host's by now is not counted, nor is another container's" {
	in_host && return
	local pid proof

	container a
	container b
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
	cni ADD b /run/netns/b >/dev/null
	proof=$(jq -c .netnsIdentity "$(record b)")
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
	# Whoever names the path means it.
	exits 0 stats show -f json --netns /proc/1/ns/net
	expect '.[0].links | map(.ifname) | contains(["hostif0"])' "$output"
}

@test "an inode's number that was given again does not make another namespace the container's" {
	in_host && return
	local members='"accountFile":"/run/accounts"' number other

	container a
	cni ADD a /run/netns/a "$members" >/dev/null
	# The next container is at the same path, and its inode has the same number: the kernel does that.
	container b
	ip -n b link add more0 type bridge
	number=$(stat -L -c %i /run/netns/b)
	jq -c ".netnsIdentity.inode = $number" "$(record a)" >/run/record
	cat /run/record >"$(record a)"
	umount /run/netns/a
	mount --bind /run/netns/b /run/netns/a
	exits 1 stats show a -f json
	expect '.[0].error.msg | contains("another")' "$output"
	# Nor are its counters remembered as those of a.
	before=$(<"$(record a)")
	cni CHECK a /run/netns/a "$members"
	is "$(<"$(record a)")" "$before"
	cni DEL a /run/netns/a "$members"
	expect '.complete == false' "$(</run/accounts)"
	# Another boot's record: every number may be that of something else.
	container c
	cni ADD c /run/netns/c "$members" >/dev/null
	jq -c '.netnsIdentity.boot = "00000000-0000-0000-0000-000000000000"' "$(record c)" >/run/record
	cat /run/record >"$(record c)"
	exits 1 stats show c -f json
	expect '.[0].error.msg | contains("another")' "$output"
	# A record that was left behind does not hide the container that has its id and its path now.
	container d
	cni ADD d /run/netns/d >/dev/null
	network=aaa cni ADD d /run/netns/d >/dev/null
	jq -c '.netnsIdentity |= (.inode = 5 | .cookie = "2")' "$(network=aaa record d)" >/run/record
	cat /run/record >"$(network=aaa record d)"
	exits 0 stats show d -f json
	expect '.[0].links[0].ifname == "eth0"' "$output"
}

@test "in a container's own namespace that container is counted" {
	in_host && return
	container a
	cni ADD a /run/netns/a >/dev/null
	# shellcheck disable=SC2016
	exits 0 nsenter --net=/run/netns/a "$BIN/netns-stats" show -f json
	expect '.[0].links[0].ifname == "eth0"' "$output"
}

@test "names with quotes, backslashes and broken UTF-8 leave JSON, Prometheus and the table intact" {
	in_host && return
	container a
	ip -n a link add $'q"\\\xff{}' type veth peer name $'\x1b[31m'
	cni ADD a /run/netns/a >/dev/null
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
	local rx

	container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	send_udp a 10.9.0.1 10 100
	cni ADD a /run/netns/a >/dev/null
	stats show -f prometheus >/run/metrics
	promtool check metrics </run/metrics
	rx=$(ip -n a -s -j link show eth0 | jq '.[0].stats64.rx.bytes')
	grep -qxF 'container_network_receive_bytes_total{interface="eth0",namespace="",pod="",id="a",network="net"} '"$rx" \
		/run/metrics || fail "$(</run/metrics)"
	is "$(grep -c '^# TYPE container_network_.*_total counter$' /run/metrics)" 8
}

@test "what libcni has cached shows without us in the list, and once where it is in both" {
	in_host && return
	local result id=0123456789abcdef

	container a
	mkdir -p /var/lib/cni/results
	result=$(prev /run/netns/a)
	jq -nc --argjson result "$result" '{kind: "cniCacheV1", containerId: "'$id'", config: "e30=",
		ifName: "eth0", networkName: "net", netns: "/run/netns/a", result: $result,
		cniArgs: [["IgnoreUnknown", "1"], ["K8S_POD_NAME", "web-0"]],
		capabilityArgs: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}' \
		>/var/lib/cni/results/net-$id-eth0
	expect 'length == 1 and .[0].pod == "web-0" and .[0].attachments[0].source == "libcni"
		and .[0].links[0].network == "net"' "$(stats show -f json)"
	expect '.[0].NetworkSettings.Ports == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}' \
		"$(stats inspect 0123)"
	# libcni 1.1.2, Podman 4's and containerd 1.6's, has the namespace in the result alone.
	jq -c 'del(.netns)' /var/lib/cni/results/net-$id-eth0 >/run/entry
	cat /run/entry >/var/lib/cni/results/net-$id-eth0
	expect 'length == 1 and .[0].attachments[0].source == "libcni" and .[0].links[0].network == "net"' \
		"$(stats show -f json)"
	cni ADD $id /run/netns/a >/dev/null
	expect 'length == 1 and .[0].pod == "web-0" and (.[0].attachments | length) == 1
		and .[0].attachments[0].source == "netns-stats"' "$(stats show -f json)"
	is "$(stats show -f prometheus | grep -c '^container_network_receive_bytes_total')" 1
	# Another kind of file, and a broken one.
	echo '{"kind":"other"}' >/var/lib/cni/results/x
	echo '{' >/var/lib/cni/results/y
	exits 1 stats show -f json
	expect 'length == 1' "$output"
	is "$(wc -l <<<"$words")" 2
}

@test "inspect tells what docker and podman tell" {
	in_host && return
	local conf

	container a
	conf='{"cniVersion":"1.1.0","name":"net","type":"netns-stats",
		"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":"127.0.0.1"},
			{"hostPort":5353,"containerPort":53,"protocol":"udp"}]},
		"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"br0"},
			{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/a"}],
			"ips":[{"address":"10.9.0.2/24","gateway":"10.9.0.1","interface":1},
				{"address":"fd00::2/64","gateway":"fd00::1","interface":1}]}}'
	CNI_COMMAND=ADD CNI_CONTAINERID=a1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a CNI_PATH=/ \
		"$BIN/netns-stats" <<<"$conf" >/dev/null
	expect 'length == 1 and .[0].Id == "a1" and (.[0].NetworkSettings
		| .SandboxKey == "/run/netns/a" and .IPAddress == "10.9.0.2" and .IPPrefixLen == 24
		and .Gateway == "10.9.0.1" and .GlobalIPv6Address == "fd00::2" and .GlobalIPv6PrefixLen == 64
		and .IPv6Gateway == "fd00::1" and .MacAddress == "02:00:00:00:00:01"
		and .Ports == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
			"53/udp": [{"HostIp": "0.0.0.0", "HostPort": "5353"}]}
		and .Networks.net.IPAddress == "10.9.0.2")' "$(stats inspect a1)"
	cni ADD a2 /run/netns/a >/dev/null
	cni ADD a22 /run/netns/a >/dev/null
	expect '.[0].Id == "a2"' "$(stats inspect a2)"
	exits 1 stats inspect a
	[[ $words == *several* ]] || fail "$words"
	exits 3 stats inspect b
	[[ $words == *'"b"'* ]] || fail "$words"
}

@test "inspect reads ports as netns-portmap does, containerd's spelling too, and shows what can be read" {
	in_host && return
	local mappings

	container a
	mkdir -p /var/lib/cni/results
	# What containerd 2.1.9 sends.
	mappings='[{"HostPort":8080,"ContainerPort":80,"Protocol":"TCP","HostIP":""},
		{"HostPort":5353,"ContainerPort":53,"Protocol":"udp","HostIP":"::ffff:192.0.2.1"},
		{"HostPort":9,"ContainerPort":9,"Protocol":"SCTP","HostIP":"fd00::1"}]'
	jq -nc "{kind: \"cniCacheV1\", containerId: \"c\", ifName: \"eth0\", networkName: \"net\",
		netns: \"/run/netns/a\", capabilityArgs: {portMappings: $mappings}}" >/var/lib/cni/results/net-c-eth0
	exits 0 stats inspect c
	expect '.[0].NetworkSettings.Ports == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
		"53/udp": [{"HostIp": "192.0.2.1", "HostPort": "5353"}],
		"9/sctp": [{"HostIp": "fd00::1", "HostPort": "9"}]}' "$output"
	# A record's, with one that nobody can read.
	CNI_COMMAND=ADD CNI_CONTAINERID=r CNI_IFNAME=eth0 CNI_NETNS=/run/netns/a CNI_PATH=/ \
		"$BIN/netns-stats" <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"netns-stats\",
			\"prevResult\":$(prev /run/netns/a),\"runtimeConfig\":{\"portMappings\":[
			{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"TCP\"},{\"hostPort\":1,\"protocol\":\"dccp\"},7,
			{\"hostPort\":81,\"containerPort\":81}]}}" >/dev/null
	exits 0 stats inspect r
	expect '.[0].NetworkSettings.Ports | keys == ["80/tcp", "81/tcp"]' "$output"
	is "$(wc -l <<<"$words")" 2
	[[ $words == *"eth0 of r"*"portMappings[1].containerPort"*"portMappings[2] is"* ]] || fail "$words"
}

@test "text that turns the line around or is not seen reaches no terminal; JSON and labels have it" {
	in_host && return
	local rlo=$'e\u202e0' zero=$'e\u200b0'

	container a
	ip -n a link add "$rlo" type bridge
	ip -n a link add "$zero" type bridge
	cni ADD a /run/netns/a >/dev/null
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
	local arguments

	container a
	cni ADD a /run/netns/a >/dev/null
	for arguments in --help -h help --version "show --help" show "show -f json" "show -f prometheus" "inspect a" \
		"top --interval 0.1"; do
		# shellcheck disable=SC2086
		exits 1 bash -c '"$0" "$@" >/dev/full' "$BIN/netns-stats" $arguments
		[ "$arguments" = --version ] || [[ $words == *"No space left"* ]] || fail "$arguments: $words"
	done
}

@test "--detail adds what generic netlink and /proc know, and leaves out what they do not" {
	in_host && return
	local detail

	container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	python3 -m http.server --bind 10.9.0.1 8000 >/dev/null 2>&1 &
	wait_until ip netns exec a bash -c ': </dev/tcp/10.9.0.1/8000'
	ip netns exec a curl -s -o /dev/null http://10.9.0.1:8000/etc/passwd
	cni ADD a /run/netns/a >/dev/null
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
	local pid

	install -d -m 700 -o 1000 -g 1000 /run/user1000
	cp "$BIN/netns-stats" /run/netns-stats
	chmod 755 /run/netns-stats
	container rootonly
	cni ADD rootonly /run/netns/rootonly >/dev/null
	as_user() {
		setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all \
			env XDG_RUNTIME_DIR=/run/user1000 ASAN_OPTIONS=detect_leaks=0 "$@"
	}
	add() {
		as_user env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_IFNAME=eth0 CNI_NETNS="$3" CNI_PATH=/ /run/netns-stats \
			<<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"netns-stats\",
				\"accountFile\":\"/run/user1000/accounts\",\"prevResult\":$(prev "$3")}"
	}
	for i in 1 2 3; do
		# shellcheck disable=SC2016
		as_user unshare --user --map-root-user --net sh -c 'ip link add eth0 type veth peer name p0 &&
			ip link set eth0 up && ip link set p0 up && echo $$ >/run/user1000/$0 && exec sleep 100' "up$i" &
		wait_until test -s "/run/user1000/up$i"
		pid=$(<"/run/user1000/up$i")
		add ADD "c$i" "/proc/$pid/ns/net" >/dev/null
		add CHECK "c$i" "/proc/$pid/ns/net"
	done
	expect 'map(.containerId) == ["c1", "c2", "c3"] and all(.links | map(.ifname) | sort == ["eth0", "p0"])' \
		"$(as_user /run/netns-stats show -f json)"
	exits 1 as_user /run/netns-stats show -n /run/netns/rootonly
	kill $pid
	wait_until test ! -e /proc/$pid/ns/net
	exits 1 as_user /run/netns-stats show -f json
	expect 'map(has("error")) == [false, false, true]' "$output"
	add DEL c3 "/proc/$pid/ns/net"
	expect '.containerId == "c3" and .complete == false' "$(</run/user1000/accounts)"
}

@test "usage: --help fits a screen, wrong options and commands are said" {
	in_host && return
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
	# A reader that goes away is no reason to crash.
	container a
	{
		sleep 0.2
		stats show -n /run/netns/a 2>/run/words || echo $? >/run/status
	} | true
	is "$(</run/status)" 1
	grep -q 'Broken pipe' /run/words
}
