#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input by environment and configuration: each gets its code and one clear sentence that names the offender,
# at once, and leaves nothing behind.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/slirp4netns

# Environment.

@test "CNI_COMMAND unset, empty or unknown" {
	in_host && return
	local command

	container c1
	bad 4 CNI_COMMAND unset
	bad 4 CNI_COMMAND ''
	for command in add Add EXPLODE ADD2 'ADD ' ' ADD' "$(head -c 10000 /dev/zero | tr '\0' A)"; do
		bad 4 CNI_COMMAND "$command"
	done
}

@test "CNI_CONTAINERID, CNI_IFNAME or CNI_NETNS missing" {
	in_host && return
	local command variable

	container c1
	for command in ADD CHECK; do
		for variable in CNI_CONTAINERID CNI_IFNAME CNI_NETNS; do
			(
				unset "$variable"
				bad 4 "$variable" "$command"
			)
			(
				export "$variable="
				bad 4 "$variable" "$command"
			)
		done
	done
	for variable in CNI_CONTAINERID CNI_IFNAME; do
		(
			unset "$variable"
			bad 4 "$variable" DEL
		)
	done
}

@test "a container id that is none" {
	in_host && return
	local id command

	container c1
	for id in . .. / ../x a/b a/../../b -a _a .a 'a b' 'a;b' a@b a:b a% é $'a\nb' \
		"$(head -c 201 /dev/zero | tr '\0' a)" "$(head -c 100000 /dev/zero | tr '\0' a)"; do
		CNI_CONTAINERID=$id bad 4 CNI_CONTAINERID ADD
		CNI_CONTAINERID=$id bad 4 CNI_CONTAINERID DEL
	done
	is "$(find /run/t /run/usernet-cni -newer /run/t/resolv.host -name '*@*' 2>/dev/null)" ""
}

@test "the longest container id, network and interface names together are no problem" {
	in_host && return
	local long conf

	long=$(head -c 200 /dev/zero | tr '\0' a)
	container c1
	CNI_CONTAINERID=$long CNI_IFNAME=123456789012345
	conf="{\"cniVersion\":\"1.1.0\",\"name\":\"$long\",\"type\":\"slirp4netns\"}"
	succeeds ADD "$conf"
	succeeds CHECK "$(with_prev "$conf")"
	succeeds DEL "$conf"
	nothing_left
}

@test "an interface name that the kernel does not take" {
	in_host && return
	local name command

	container c1
	for name in 1234567890123456 eth/0 eth:0 'eth 0' 'eth%d' . .. $'eth\t0' $'eth\n0' 'à' / \
		$'eth\x7f' $'eth\xff'; do
		for command in ADD DEL; do
			CNI_IFNAME=$name bad 4 CNI_IFNAME $command
		done
	done
}

@test "CNI_ARGS that is no list of KEY=VALUE" {
	in_host && return
	local args

	container c1
	for args in nonsense '=x' 'A=1;nonsense' ';' ';;' 'A=1;;B=2' 'A=1;=2'; do
		CNI_ARGS=$args bad 4 CNI_ARGS ADD
	done
	CNI_ARGS="IP=$(head -c 1000 /dev/zero | tr '\0' 1)" bad 4 CNI_ARGS ADD
	CNI_ARGS='IP=nonsense' bad 7 nonsense ADD
	CNI_ARGS='MAC=nonsense' bad 7 nonsense ADD
}

# Namespaces.

@test "CNI_NETNS that is no network namespace: relative, missing, file, directory, link, FIFO, others" {
	in_host && return
	local path code

	container c1
	mkdir /run/t/directory
	echo >/run/t/file
	ln -s /nonexistent /run/t/dangling
	ln -s /run/t/loop /run/t/loop
	mkfifo /run/t/fifo
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/t/socket")'
	touch /run/t/uts
	unshare --uts mount --bind /proc/self/ns/uts /run/t/uts
	while read -r code path; do
		CNI_NETNS=$path bad "$code" "$path" ADD
	done <<-'EOF'
		4 relative
		4 ./run/netns/c1
		3 /nonexistent
		3 /run/netns/nonexistent
		3 /run/netns/c1/below
		3 /proc/4194000/ns/net
		3 /run/t/dangling
		3 /run/t/loop
		4 /run/t/file
		4 /run/t/directory
		4 /
		4 /run/t/fifo
		4 /run/t/socket
		4 /dev/null
		4 /dev/net/tun
		4 /proc/self/status
		4 /run/t/uts
		4 /proc/self/ns/mnt
		4 /proc/self/ns/user
		4 /proc/self/ns/pid
		4 /proc/self/ns
	EOF
	CNI_NETNS="/$(head -c 5000 /dev/zero | tr '\0' a)" bad 4 CNI_NETNS ADD
	CNI_NETNS="/$(head -c 300 /dev/zero | tr '\0' a)" bad 5 "network namespace" ADD
}

@test "DEL does not care what CNI_NETNS is" {
	in_host && return
	local path

	container c1
	mkfifo /run/t/fifo
	for path in /run/t/fifo /nonexistent relative / /proc/self/ns/net; do
		CNI_NETNS=/run/netns/c1 succeeds ADD
		CNI_NETNS=$path limit=5 succeeds DEL
		nothing_left
	done
}

@test "the host's own network namespace" {
	in_host && return
	container c1
	ip link >/run/t/before
	CNI_NETNS=/proc/self/ns/net bad 4 /proc/self/ns/net ADD
	CNI_NETNS=/proc/1/ns/net bad 4 /proc/1/ns/net ADD
	touch /run/netns/host
	mount --bind /proc/self/ns/net /run/netns/host
	CNI_NETNS=/run/netns/host bad 4 /run/netns/host ADD
	is "$(ip link)" "$(cat /run/t/before)"
}

@test "an interface that exists already is left as it was" {
	in_host && return
	container c1
	in_container ip tuntap add eth0 mode tap
	in_container ip addr add 198.51.100.1/24 dev eth0
	in_container ip link set eth0 up
	limit=5 fails 102 eth0 ADD
	is "$(daemons)" ""
	is "$(left_files "$STATE")" ""
	in_container ip addr show eth0 | grep -q 198.51.100.1 || fail "it was changed"
	CNI_IFNAME=lo limit=5 fails 102 lo ADD
	is "$(left_files "$STATE")" ""
	succeeds DEL
	in_container ip addr show eth0 | grep -q 198.51.100.1 || fail "DEL changed it"
}

# The configuration: JSON.

@test "a text that is not one JSON object" {
	in_host && return
	local text full i

	container c1
	while read -r text; do
		bad 6 "configuration" ADD "$text"
		bad 6 "configuration" DEL "$text"
	done <<-'EOF'

		{
		}
		[]
		null
		true
		7
		"text"
		nonsense
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns"
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns"}}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns"}{}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns"} trailing
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns",}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","mtu":01}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","mtu":+1500}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","mtu":1e999}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","mtu":NaN}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","mtu":0x10}
		{'cniVersion':'1.1.0','name':'net','type':'slirp4netns'}
		{cniVersion:"1.1.0"}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":"\q"}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":"\u12"}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":"\u0000"}
		{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":"\ud800"}
		// comment
	EOF
	full=$(net '"dns":{"search":["a.example"]},"mtu":1500')
	for ((i = 1; i < ${#full}; i += 7)); do
		bad 6 "configuration" ADD "${full:0:i}"
	done
}

@test "a key twice in one object" {
	in_host && return
	container c1
	bad 6 mtu ADD "$(net '"mtu":1500,"mtu":9000')"
	bad 6 mtu ADD "$(net '"mtu":1500,"\u006dtu":9000')"
	bad 6 mac ADD "$(net '"runtimeConfig":{"mac":"02:00:00:00:00:01","mac":"02:00:00:00:00:02"}')"
	bad 6 name ADD "$(net '"name":"other"')"
}

@test "bytes that are not UTF-8, or not text" {
	in_host && return
	local bytes

	container c1
	for bytes in '\xff' '\xc0\x80' '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xc3' '\x00' '\x01' '\x1f'; do
		printf '{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":"%b"}' "$bytes" \
			>/run/t/conf
		bad 6 "configuration" ADD @/run/t/conf
	done
	head -c 100000 /dev/urandom >/run/t/conf
	bad 6 "configuration" ADD @/run/t/conf
	printf '\xef\xbb\xbf%s' "$(net)" >/run/t/conf
	bad 6 "configuration" ADD @/run/t/conf
}

@test "nesting without end, ten megabytes, a million values" {
	in_host && return
	container c1
	repeat() { head -c "$2" /dev/zero | sed "s/\\x0/$1/g"; }
	{
		printf '{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":'
		repeat '[' 1000000
	} >/run/t/conf
	bad 6 "configuration" ADD @/run/t/conf
	{
		printf '{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":'
		repeat '{"a":' 100000
		printf 1
		repeat '}' 100001
	} >/run/t/conf
	bad 6 "configuration" ADD @/run/t/conf
	bad 6 "configuration" ADD "$(net "\"note\":$(repeat '[' 200)$(repeat ']' 200)")"
	{
		printf '{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":"'
		repeat x 10485760
		printf '"}'
	} >/run/t/conf
	bad 6 "configuration" ADD @/run/t/conf
	bad 6 "configuration" DEL @/run/t/conf
	{
		printf '{"cniVersion":"1.1.0","name":"net","type":"slirp4netns","note":['
		repeat '0,' 3000000
		printf '0]}'
	} >/run/t/conf
	bad 6 "configuration" ADD @/run/t/conf
	# An input without end is cut off, not read until memory is gone.
	exec 5< <(yes '"aaaaaaaaaaaaaaaaaaaaaaaaa",' 2>/dev/null)
	bad 6 "configuration" ADD @/proc/self/fd/5
	exec 5<&-
	# Near the limits it is a configuration like any other.
	net "\"note\":$(repeat '[' 60)$(repeat ']' 60)" >/run/t/conf
	succeeds ADD @/run/t/conf
	succeeds DEL @/run/t/conf
}

# The configuration: members.

@test "a member of the wrong type or out of range" {
	in_host && return
	local text members

	container c1
	while read -r text members; do
		bad 7 "$text" ADD "$(net "$members")"
	done <<-'EOF'
		mtu "mtu":"1500"
		mtu "mtu":true
		mtu "mtu":[1500]
		mtu "mtu":{}
		mtu "mtu":0
		mtu "mtu":-1
		mtu "mtu":67
		mtu "mtu":65522
		mtu "mtu":1500.5
		mtu "mtu":4294968796
		mtu "mtu":18446744073709553116
		mtu "mtu":1e300
		mtu "mtu":1279,"enableIPv6":true
		enableIPv6 "enableIPv6":"true"
		enableIPv6 "enableIPv6":1
		allowHostLoopback "allowHostLoopback":"false"
		allowHostLoopback "allowHostLoopback":0
		disableDNS "disableDNS":"yes"
		enableSandbox "enableSandbox":"false"
		enableSandbox "enableSandbox":0
		enableSeccomp "enableSeccomp":{}
		cidr "cidr":10
		cidr "cidr":""
		cidr "cidr":"nonsense"
		cidr "cidr":"10.0.2.0"
		cidr "cidr":"10.0.2.0/"
		cidr "cidr":"10.0.2.0/0"
		cidr "cidr":"0.0.0.0/0"
		cidr "cidr":"10.0.2.0/26"
		cidr "cidr":"10.0.2.0/33"
		cidr "cidr":"10.0.2.0/-1"
		cidr "cidr":"10.0.2.0/+24"
		cidr "cidr":"10.0.2.0/24x"
		cidr "cidr":"10.0.2.0/024"
		cidr "cidr":"10.0.2.0/99999999999"
		cidr "cidr":"10.0.2.1/24"
		cidr "cidr":"10.0.2/24"
		cidr "cidr":"010.0.2.0/24"
		cidr "cidr":"300.0.2.0/24"
		cidr "cidr":"127.0.0.0/8"
		cidr "cidr":"224.0.0.0/24"
		cidr "cidr":"0.0.0.0/24"
		cidr "cidr":"fd00::/64"
		cidr "cidr":" 10.0.2.0/24"
		cidr "cidr":"10.0.2.0/24\n--help"
		outboundAddr "outboundAddr":"nonsense0"
		outboundAddr "outboundAddr":""
		outboundAddr "outboundAddr":"2001:db8::1"
		outboundAddr "outboundAddr":"300.1.1.1"
		outboundAddr "outboundAddr":"a/b"
		outboundAddr "outboundAddr":1
		outboundAddr6 "outboundAddr6":"192.0.2.1"
		outboundAddr6 "outboundAddr6":"nonsense0"
		slirp4netnsPath "slirp4netnsPath":"slirp4netns"
		slirp4netnsPath "slirp4netnsPath":"./slirp4netns"
		slirp4netnsPath "slirp4netnsPath":""
		slirp4netnsPath "slirp4netnsPath":7
		stateDir "stateDir":7
		stateDir "stateDir":""
		stateDir "stateDir":"relative"
		stateDir "stateDir":"/"
		dns "dns":"10.0.2.3"
		nameservers "dns":{"nameservers":"10.0.2.3"}
		nameservers "dns":{"nameservers":["nonsense"]}
		nameservers "dns":{"nameservers":[7]}
		search "dns":{"search":"a.example"}
		options "dns":{"options":[1]}
		domain "dns":{"domain":7}
		runtimeConfig "runtimeConfig":"mac"
		runtimeConfig "runtimeConfig":[]
		ips "runtimeConfig":{"ips":"10.0.2.5"}
		ips "runtimeConfig":{"ips":[7]}
		ips "runtimeConfig":{"ips":["nonsense"]}
		ips "runtimeConfig":{"ips":["10.0.2.5/24/24"]}
		ips "runtimeConfig":{"ips":["10.0.2.5/33"]}
		ips "runtimeConfig":{"ips":[""]}
		mac "runtimeConfig":{"mac":"nonsense"}
		mac "runtimeConfig":{"mac":"02:00:5e:10:00"}
		mac "runtimeConfig":{"mac":"02:00:5e:10:00:01:02"}
		mac "runtimeConfig":{"mac":"01:00:5e:10:00:01"}
		mac "runtimeConfig":{"mac":"ff:ff:ff:ff:ff:ff"}
		mac "runtimeConfig":{"mac":"00:00:00:00:00:00"}
		mac "runtimeConfig":{"mac":7}
		args "args":7
		args.cni "args":{"cni":[]}
		args.cni.ips "args":{"cni":{"ips":"10.0.2.5"}}
		args.cni.mac "args":{"cni":{"mac":"nonsense"}}
	EOF
	bad 7 stateDir ADD "$(net "\"stateDir\":\"/run/$(head -c 80 /dev/zero | tr '\0' a)\"")"
}

@test "names and types of the configuration itself" {
	in_host && return
	local code text conf

	container c1
	while read -r code text conf; do
		bad "$code" "$text" ADD "$conf"
		bad "$code" "$text" DEL "$conf"
	done <<-'EOF'
		7 name {"cniVersion":"1.1.0","type":"slirp4netns"}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":""}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":7}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":"../x"}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":"a/b"}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":".hidden"}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":"a b"}
		7 name {"cniVersion":"1.1.0","type":"slirp4netns","name":null}
		7 cniVersion {"cniVersion":1,"name":"net","type":"slirp4netns"}
		7 cniVersion {"cniVersion":{},"name":"net","type":"slirp4netns"}
		1 9.9.9 {"cniVersion":"9.9.9","name":"net","type":"slirp4netns"}
		1 1.1 {"cniVersion":"1.1","name":"net","type":"slirp4netns"}
		1 1.1.0-rc1 {"cniVersion":"1.1.0-rc1","name":"net","type":"slirp4netns"}
		1 v1.1.0 {"cniVersion":"v1.1.0","name":"net","type":"slirp4netns"}
		1 0.3.2 {"cniVersion":"0.3.2","name":"net","type":"slirp4netns"}
		1 cniVersion {"cniVersion":" 1.1.0","name":"net","type":"slirp4netns"}
	EOF
}

@test "an ipam section is refused by name" {
	in_host && return
	local ipam

	container c1
	for ipam in '{"type":"host-local","subnet":"10.1.0.0/16"}' '{"type":""}' '"dhcp"' '[]' 7; do
		bad 2 "\"ipam\": $ipam is not supported" ADD "$(net "\"ipam\":$ipam")"
	done
	succeeds ADD "$(net '"ipam":{}')"
	succeeds DEL "$(net '"ipam":{"type":"host-local"}')"
	nothing_left
}

@test "a prevResult that is none, or that has no room for ours" {
	in_host && return
	local code prev

	container c1
	while read -r code prev; do
		bad "$code" prevResult ADD "$(net "\"prevResult\":$prev")"
	done <<-'EOF'
		7 "text"
		7 []
		1 {"cniVersion":"9.9.9"}
		6 {"cniVersion":7}
		6 {"cniVersion":"1.1.0","ips":{}}
		6 {"cniVersion":"1.1.0","interfaces":"eth0"}
		6 {"cniVersion":"1.1.0","routes":7}
		6 {"cniVersion":"1.1.0","dns":[]}
	EOF
	bad 7 prevResult CHECK "$(net '"prevResult":"text"')"
	bad 1 prevResult CHECK "$(net '"prevResult":{"cniVersion":"9.9.9"}')"
}

@test "what other plugins put into prevResult is passed on as it came, odd or not" {
	in_host && return
	local prev result

	container c1
	while read -r prev; do
		succeeds ADD "$(net "\"prevResult\":$prev")"
		result=$output
		[ "$(jq -c --argjson prev "$prev" 'del(.cniVersion, .dns) |
			.interfaces |= .[:-1] | .ips |= .[:-1] | .routes |= .[:-1] |
			with_entries(select(.value != []))' <<<"$result")" = "$(jq -c 'del(.cniVersion)' <<<"$prev")" ] ||
			fail "$prev became $result"
		succeeds CHECK "$(with_prev "$(net)" "$result")"
		succeeds DEL "$(with_prev "$(net)" "$result")"
		nothing_left
	done <<-'EOF'
		{"cniVersion":"1.1.0","interfaces":[{"name":"vlan7","mac":"7","sandbox":"0"}]}
		{"cniVersion":"1.1.0","interfaces":[7,null,{"name":7},{"name":"x","mtu":-1,"mac":[]}]}
		{"cniVersion":"1.1.0","ips":[{}]}
		{"cniVersion":"1.1.0","ips":[{"address":"nonsense"},{"address":"10.0.0.1"}]}
		{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.1/24","interface":3}]}
		{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.1/24","interface":-7}]}
		{"cniVersion":"1.1.0","routes":[{"dst":"nonsense"},{"dst":"10.0.0.0/8","gw":"x","table":-1}]}
	EOF
}

@test "CHECK tells what of the plugin's own answer cannot be read any more" {
	in_host && return
	local code edit

	container c1
	succeeds ADD
	local result=$output
	while read -r code edit; do
		fails "$code" "" CHECK "$(with_prev "$(net)" "$(jq "$edit" <<<"$result")")"
	done <<-'EOF'
		103 .interfaces[0].mac = "0"
		6 .interfaces[0].mac = 7
		6 .interfaces[0].mtu = "x"
		6 .interfaces[0].name = 7
		6 .ips[0].address = "10.0.2.100"
		6 .ips = {}
		6 .routes = 7
	EOF
	succeeds CHECK "$(with_prev "$(net)" "$result")"
	succeeds DEL "$(with_prev "$(net)" "$(jq '.interfaces = 7' <<<"$result")")"
	nothing_left
}
