#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Behind other people's plugins: with each result of foreign-results.jsonl, which are made after what
# public issues show, the chained plugins add, check and delete, and pass it on as it came.
# shellcheck disable=SC2154

load ../lib/host
load ../lib/portmap

# A host with a route to everywhere, and a container whose eth0 is there.
foreign_host() {
	ip route add default via 10.99.0.2
	ip -6 route add default via fd99::2
	ip netns add a
	ip -n a link add eth0 type veth peer name other
	mkdir -p /run/cache/results /run/empty/results
}

# behind PLUGIN COMMAND MAPPINGS: the plugin behind the result; its own result goes to out.
behind() {
	jq -c --arg type "$1" --argjson maps "[$3]" '{cniVersion, name: "net", type: $type,
		runtimeConfig: {portMappings: $maps}}' result >begin
	# As text: jq would round numbers.
	echo "$(head -c -2 begin), \"prevResult\": $(<result)}" | run_plugin "$1" "$2" a >out || { cat out >&2; return 1; }
}

# CHECK came with 0.4.0.
check() {
	case $(jq -r .cniVersion result) in
	0.3.*) ;;
	*) behind "$1" CHECK "$2" ;;
	esac
}

# The same as what went in, numbers as text and members in their order.
passed_on() {
	is "$(compact <out)" "$(compact <result)"
}

compact() {
	python3 -c 'import json, sys
text = json.load(sys.stdin, parse_int=lambda n: "int " + n, parse_float=lambda n: "float " + n)
print(json.dumps(text))'
}

# The families that are published: 4, 6 or 46.
families() {
	nft -j list table inet usernet_portmap 2>/dev/null | jq -r '[.nftables[].map // empty
		| select(.elem) | .name | capture("ports(?<n>[46])$").n] | sort | join("")'
}

chained() {
	local of publishes

	of=$(jq -r .of <<<"$1")
	echo "$of" >&2
	publishes=$(jq -r .publishes <<<"$1")
	# The result as text: the last member of the line.
	sed -e 's/^.*"result"://' -e 's/}$//' -e 's|@NETNS@|/run/netns/a|g' <<<"$1" >result
	behind netns-portmap ADD ''
	passed_on
	check netns-portmap ''
	behind netns-portmap DEL ''
	if [ -n "$publishes" ]; then
		behind netns-portmap ADD "$(map 8080 80)"
		passed_on
		is "$(families)" "$publishes"
		check netns-portmap "$(map 8080 80)"
	else
		refused behind netns-portmap ADD "$(map 8080 80)"
		is "$(jq '.code' out)" 7
	fi
	behind netns-stats ADD "$(map 8080 80)"
	passed_on
	check netns-stats ''
	inspect --state-dir /run/usernet-cni --cni-cache /run/empty
	behind netns-stats DEL ''
	behind netns-portmap DEL "$(map 8080 80)"
	nothing_published
	# libcni's cache, without us in the list.
	echo "{\"kind\": \"cniCacheV1\", \"containerId\": \"a\", \"config\": \"e30=\", \"ifName\": \"eth0\",
		\"networkName\": \"net\", \"netns\": \"/run/netns/a\", \"result\": $(<result)}" >/run/cache/results/net-a-eth0
	inspect --state-dir /run/nowhere --cni-cache /run/cache
}

inspect() {
	"$BIN/netns-stats" inspect "$@" a >inspected
	is "$(jq -r '.[0].Id' inspected)" a
	case $publishes in
	*4*) [[ $(jq -r '.[0].NetworkSettings.IPAddress' inspected) == 10.* ]] ;;
	esac
}

# some_results PART: every fourth result, from that line on.
some_results() {
	local line n=0

	foreign_host
	while read -r line; do
		chained "$line"
		n=$((n + 1))
	done < <(sed -n "$1~4p" "$LIB/foreign-results.jsonl")
	[ "$n" -ge 4 ]
}
@test "the chained plugins work behind what others answer, and pass it on as it came (1, 5, ...)" {
	in_host && return
	prepare_portmap
	some_results 1
}

@test "the chained plugins work behind what others answer, and pass it on as it came (2, 6, ...)" {
	in_host && return
	prepare_portmap
	some_results 2
}

@test "the chained plugins work behind what others answer, and pass it on as it came (3, 7, ...)" {
	in_host && return
	prepare_portmap
	some_results 3
}

@test "the chained plugins work behind what others answer, and pass it on as it came (4, 8, ...)" {
	in_host && return
	prepare_portmap
	some_results 4
}

# What a plugin needs and cannot use is an error of that plugin, in a sentence that names it.
@test "what is needed of a result and cannot be used is named" {
	in_host && return
	prepare_portmap
	foreign_host
	echo '{"cniVersion": "0.4.0", "ips": [{"address": "10.1.1.1/24", "interface": 0}, {"address": 7}],
		"interfaces": [{"name": "br0"}]}' >result
	behind netns-portmap ADD ''
	behind netns-stats ADD ''
	behind netns-stats DEL ''
	refused behind netns-portmap ADD "$(map 8080 80)"
	is "$(jq -r '"\(.code) \(.msg)"' out)" \
		'6 prevResult: ips[1].address is 7, but must be an address/prefix length'
	echo '{"cniVersion": "0.4.0", "ips": [{"address": "10.1.1.1/24"}],
		"interfaces": [{"name": "eth0", "sandbox": "/run/netns/a", "socketPath": 7}]}' >result
	behind netns-portmap ADD ''
	refused behind netns-portmap ADD "$(map 8080 80)"
	is "$(jq -r '"\(.code) \(.msg)"' out)" \
		'6 prevResult: interfaces[0].socketPath is 7, but must be a string'
	# An interface that is said to be in the container is looked for there; in no other.
	echo '{"cniVersion": "0.4.0", "interfaces": [{"name": "eth9", "sandbox": "/run/netns/a"}]}' >result
	behind netns-stats ADD ''
	refused behind netns-stats CHECK ''
	jq -r .msg out | grep -q 'eth9 of prevResult is not in'
	sed -i 's|/run/netns/a|/run/netns/b|' result
	behind netns-stats CHECK ''
	behind netns-stats DEL ''
	nothing_published
}

# A result that cannot be read does not keep anything from being cleaned up.
@test "DEL, GC and STATUS succeed with a prevResult that is garbage" {
	in_host && return
	prepare_portmap
	local prev

	foreign_host
	for prev in 5 '"x"' '[]' '{"cniVersion": "9.9.9"}' '{"cniVersion": 7}' '{"ips": 5, "interfaces": "x"}'; do
		echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.1.1.1/24"}]}' >result
		behind netns-portmap ADD "$(map 8080 80)"
		behind netns-stats ADD ''
		for plugin in netns-portmap netns-stats; do
			for command in STATUS DEL; do
				echo "{\"cniVersion\": \"1.1.0\", \"name\": \"net\", \"type\": \"$plugin\", \"prevResult\": $prev}" |
					run_plugin "$plugin" "$command" a "" >out
			done
		done
		nothing_published
		behind netns-portmap ADD "$(map 8080 80)"
		behind netns-stats ADD ''
		for plugin in netns-portmap netns-stats; do
			echo "{\"cniVersion\": \"1.1.0\", \"name\": \"net\", \"type\": \"$plugin\", \"prevResult\": $prev,
				\"cni.dev/valid-attachments\": []}" |
				run_plugin "$plugin" GC >out
		done
		nothing_published
	done
}
