#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The CNI execution protocol, seen from outside: operations, versions, results, standard streams.
# run-tests: quick

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

@test "VERSION lists every spec version, and repeats the one that was asked with" {
	in_host && return
	local all='["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]'
	local version

	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		succeeds VERSION "{\"cniVersion\":\"$version\"}"
		expect ".cniVersion == \"$version\" and .supportedVersions == $all"
	done
	# Old runtimes give no input.
	succeeds VERSION @/dev/null
	expect ".supportedVersions == $all"
}

@test "called by hand, it says in two lines what it is and which versions it speaks" {
	in_host && return
	cni unset
	is "$(wc -l <<<"$words")" 2
	[[ $words == *slirp4netns* && $words == *0.1.0*1.1.0* ]] || fail "it does not say so"
	expect '.code == 4 and (.msg | contains("CNI_COMMAND"))'
	is "$status" 1
	# On a terminal just the two lines, and no waiting for input.
	is "$(timeout 5 script -qec "$CNI" /dev/null </dev/null | tr -d '\r' | grep -c .)" 2
}

@test "each version gets the result in its form" {
	in_host && return
	local v mac conf result

	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		container "v$v"
		conf=$(version=$v net '"enableIPv6":true,"dns":{"search":["a.example"]}')
		succeeds ADD "$conf"
		result=$output
		expect ".cniVersion == \"$v\""
		expect '.dns == {"nameservers": ["10.0.2.3", "fd00::3"], "search": ["a.example"]}'
		case $v in
		0.1.0 | 0.2.0)
			expect '.ip4 == {"ip": "10.0.2.100/24", "gateway": "10.0.2.2",
				"routes": [{"dst": "0.0.0.0/0", "gw": "10.0.2.2"}]}'
			expect '.ip6 == {"ip": "fd00::100/64", "gateway": "fd00::2",
				"routes": [{"dst": "::/0", "gw": "fd00::2"}]}'
			expect 'keys == ["cniVersion", "dns", "ip4", "ip6"]'
			;;
		*)
			expect 'keys == ["cniVersion", "dns", "interfaces", "ips", "routes"]'
			mac=$(in_container ip -j link show eth0 | jq -r '.[0].address')
			expect '.routes == [{"dst": "0.0.0.0/0", "gw": "10.0.2.2"},
				{"dst": "::/0", "gw": "fd00::2"}]'
			;;
		esac
		case $v in
		0.3.0 | 0.3.1 | 0.4.0)
			expect '.ips == [
				{"version": "4", "address": "10.0.2.100/24", "gateway": "10.0.2.2", "interface": 0},
				{"version": "6", "address": "fd00::100/64", "gateway": "fd00::2", "interface": 0}]'
			;;
		1.*)
			expect '.ips == [
				{"address": "10.0.2.100/24", "gateway": "10.0.2.2", "interface": 0},
				{"address": "fd00::100/64", "gateway": "fd00::2", "interface": 0}]'
			;;
		esac
		case $v in
		0.3.0 | 0.3.1 | 0.4.0 | 1.0.0)
			expect ".interfaces == [{\"name\": \"eth0\", \"mac\": \"$mac\",
				\"sandbox\": \"/run/netns/v$v\"}]"
			;;
		1.1.0)
			expect ".interfaces[0] | keys == [\"mac\", \"mtu\", \"name\", \"sandbox\", \"socketPath\"]
				and .mac == \"$mac\""
			;;
		esac
		case $v in
		0.4.0 | 1.*) succeeds CHECK "$(with_prev "$conf" "$result")" ;;
		esac
		succeeds DEL "$(with_prev "$conf" "$result")"
		nothing_left
	done
}

@test "a configuration without cniVersion is one of 0.1.0" {
	in_host && return
	container c1
	succeeds ADD '{"name":"net","type":"slirp4netns"}'
	expect '.ip4.ip == "10.0.2.100/24"'
	succeeds DEL '{"name":"net","type":"slirp4netns"}'
	nothing_left
}

@test "an operation is refused by versions that do not have it" {
	in_host && return
	local command v

	container c1
	while read -r command v; do
		fails 1 "$command needs cniVersion" "$command" "$(version=$v net)"
	done <<-'EOF'
		CHECK 0.1.0
		CHECK 0.3.1
		STATUS 0.4.0
		STATUS 1.0.0
		GC 1.0.0
		GC 0.1.0
	EOF
}

@test "prevResult of a chain is passed on whole, ours behind it, unknown members too" {
	in_host && return
	local prev result

	container c1
	prev='{"cniVersion":"1.1.0","interfaces":[
		{"name":"br0","mac":"02:00:00:00:00:01","futureMember":{"deep":[1,2,{"a":null}]}},
		{"name":"net1","mac":"02:00:00:00:00:02","sandbox":"/run/netns/c1","pciID":"0000:00:1f.6"}],
		"ips":[{"address":"192.0.2.9/24","gateway":"192.0.2.2","interface":1,"mark":12345678901234567}],
		"routes":[{"dst":"198.51.100.0/24","gw":"192.0.2.2","priority":7,"table":100,"note":"x"}],
		"dns":{"search":["prev.example"],"ttl":3},"vendor/member":["é","\u0001",true,1.5]}'
	succeeds ADD "$(net "\"prevResult\":$prev")"
	expect '.interfaces | length == 3'
	expect '.interfaces[0] == {"name": "br0", "mac": "02:00:00:00:00:01",
		"futureMember": {"deep": [1, 2, {"a": null}]}}'
	expect '.interfaces[1].pciID == "0000:00:1f.6"'
	expect '.interfaces[2].name == "eth0"'
	expect '.ips | length == 2 and .[0].interface == 1 and .[1].interface == 2'
	grep -q 12345678901234567 <<<"$output" || grep -q 12345678901234568 <<<"$output" ||
		fail "a number was cut"
	expect '.ips[1].address == "10.0.2.100/24"'
	expect '.routes[0] == {"dst": "198.51.100.0/24", "gw": "192.0.2.2", "priority": 7,
		"table": 100, "note": "x"}'
	expect '.routes[1].dst == "0.0.0.0/0"'
	expect '.dns == {"nameservers": ["10.0.2.3"], "search": ["prev.example"], "ttl": 3}'
	expect '."vendor/member" == ["é", "\u0001", true, 1.5]'
	# What the other plugin's interface has is the other plugin's to check.
	result=$output
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	succeeds DEL "$(with_prev "$(net)" "$result")"
	nothing_left
}

@test "prevResult of another version is converted" {
	in_host && return
	container c1
	succeeds ADD "$(version=1.0.0 net '"prevResult":{"cniVersion":"0.4.0","interfaces":[
		{"name":"br0"}],"ips":[{"version":"4","address":"192.0.2.9/24","interface":0}]}')"
	expect '.cniVersion == "1.0.0" and .ips[0] == {"address": "192.0.2.9/24", "interface": 0}'
	expect '.ips[1].interface == 1'
}

@test "a caller that reads the answer to its end is not kept waiting by the daemon" {
	in_host && return
	container c1
	# Both streams through one pipe: neither may be the daemon's.
	CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net)" 2>&1 | timeout 5 cat >/run/t/answer
	expect '.ips | length == 1' "$(grep -v '^==' /run/t/answer)"
	[ -n "$(daemons)" ] || fail "no daemon"
}

@test "a configuration that comes in pieces is read to its end" {
	in_host && return
	local conf i

	container c1
	conf=$(net "\"note\":\"$(head -c 100000 /dev/zero | tr '\0' x)\"")
	output=$({
		for ((i = 0; i < ${#conf}; i += 20000)); do
			printf %s "${conf:i:20000}"
			sleep 0.01
		done
	} | CNI_COMMAND=ADD "${plugin[@]}")
	expect '.ips[0].address == "10.0.2.100/24"'
}

@test "the answer survives a reader that is slow and a pipe that is small" {
	in_host && return
	local prev

	container c1
	prev="{\"cniVersion\":\"1.1.0\",\"note\":\"$(head -c 300000 /dev/zero | tr '\0' y)\"}"
	net "\"prevResult\":$prev" >/run/t/conf
	output=$(CNI_COMMAND=ADD "${plugin[@]}" </run/t/conf | {
		sleep 0.1
		cat
	})
	expect '(.note | length) == 300000 and .ips[0].address == "10.0.2.100/24"'
}

@test "ADD whose answer cannot be written leaves nothing" {
	in_host && return
	local status

	container c1
	no_answer() {
		status=0
		"$@" 2>/run/t/words || status=$?
		no_sanitizer_report "$(</run/t/words)"
		[ "$status" != 0 ] || fail "$*: success, and nobody knows what was added"
		nothing_left
	}
	full() { CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net)" >/dev/full; }
	no_answer full
	read_only() { CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net)" 1</dev/null; }
	no_answer read_only
	gone() {
		mkfifo /run/t/pipe
		exec 8<>/run/t/pipe
		exec 9>/run/t/pipe 8>&-
		CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net)" >&9
	}
	no_answer gone
	exec 9>&-
}

@test "a limit of file sizes that the record does not fit is an error in words" {
	in_host && return
	container c1
	# Counters of coverage, where the build has them, are files too: they find no folder.
	plugin=(bash -c 'ulimit -f 0; exec "$@"' limited env GCOV_PREFIX=/dev/null "$CNI")
	fails 5 "the record of an attachment" ADD
	nothing_left
}

@test "ADD with standard output closed leaves nothing" {
	[ "${VALGRIND-}" != 1 ] || skip "valgrind opens what is closed"
	in_host && return
	local status=0

	container c1
	CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net)" >&- 2>/run/t/words || status=$?
	no_sanitizer_report "$(</run/t/words)"
	[ "$status" != 0 ] || fail "success, and nobody knows what was added"
	nothing_left
}

@test "an error that cannot be written to standard output is told on standard error" {
	in_host && return
	local status=0

	container c1
	CNI_COMMAND=ADD "${plugin[@]}" <<<"$(net '"mtu":1')" >/dev/full 2>/run/t/words || status=$?
	is "$status" 1
	grep -q mtu /run/t/words || fail "it is not"
}

@test "standard input and error closed are no obstacle to saying what is wrong, nor to DEL" {
	in_host && return
	container c1
	status=0
	output=$(CNI_COMMAND=ADD "${plugin[@]}" <&- 2>&-) || status=$?
	is "$status" 1
	expect '.code == 6 or .code == 5'
	succeeds ADD
	CNI_COMMAND=DEL "${plugin[@]}" <<<"$(net)" >&- 2>&-
	nothing_left
}
