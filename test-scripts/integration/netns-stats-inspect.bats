#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# inspect, and what is known of a container from other caches.
# run-tests: quick

load ../lib/host
load ../lib/stats

@test "what libcni has cached shows without us in the list, and once where it is in both" {
	in_host && return
	prepare_stats
	local result id=0123456789abcdef

	veth_container a
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
	stats_cni ADD $id /run/netns/a >/dev/null
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
	prepare_stats
	local conf

	veth_container a
	conf='{"cniVersion":"1.1.0","name":"net","type":"netns-stats",
		"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":"127.0.0.1"},
			{"hostPort":5353,"containerPort":53,"protocol":"udp"}]},
		"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"br0"},
			{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/a"}],
			"ips":[{"address":"10.9.0.2/24","gateway":"10.9.0.1","interface":1},
				{"address":"fd00::2/64","gateway":"fd00::1","interface":1}]}}'
	run_plugin netns-stats ADD a1 /run/netns/a <<<"$conf" >/dev/null
	expect 'length == 1 and .[0].Id == "a1" and (.[0].NetworkSettings
		| .SandboxKey == "/run/netns/a" and .IPAddress == "10.9.0.2" and .IPPrefixLen == 24
		and .Gateway == "10.9.0.1" and .GlobalIPv6Address == "fd00::2" and .GlobalIPv6PrefixLen == 64
		and .IPv6Gateway == "fd00::1" and .MacAddress == "02:00:00:00:00:01"
		and .Ports == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
			"53/udp": [{"HostIp": "0.0.0.0", "HostPort": "5353"}]}
		and .Networks.net.IPAddress == "10.9.0.2")' "$(stats inspect a1)"
	stats_cni ADD a2 /run/netns/a >/dev/null
	stats_cni ADD a22 /run/netns/a >/dev/null
	expect '.[0].Id == "a2"' "$(stats inspect a2)"
	exits 1 stats inspect a
	[[ $words == *several* ]] || fail "$words"
	exits 3 stats inspect b
	[[ $words == *'"b"'* ]] || fail "$words"
}

@test "inspect reads ports as netns-portmap does, containerd's spelling too, and shows what can be read" {
	in_host && return
	prepare_stats
	local mappings

	veth_container a
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
	# A record's, with one that cannot be read.
	run_plugin netns-stats ADD r /run/netns/a <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"netns-stats\",
			\"prevResult\":$(prev /run/netns/a),\"runtimeConfig\":{\"portMappings\":[
			{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"TCP\"},{\"hostPort\":1,\"protocol\":\"dccp\"},7,
			{\"hostPort\":81,\"containerPort\":81}]}}" >/dev/null
	exits 0 stats inspect r
	expect '.[0].NetworkSettings.Ports | keys == ["80/tcp", "81/tcp"]' "$output"
	is "$(wc -l <<<"$words")" 2
	[[ $words == *"eth0 of r"*"portMappings[1].containerPort"*"portMappings[2] is"* ]] || fail "$words"
}
