#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# add, del, check, gc and status of cnirun's lists, with our plugins, Debian's, and invented ones.
# run-tests: quick

# Each test is a process of its own, with the variables of lib/inside.bash. What COMMAND shall expand
# is in single quotes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/cnirun
export TESTS=$BATS_TEST_DIRNAME/../lib

# COMMAND with a network.

@test "killed between two plugins, cnirun leaves an entry by which gc deletes what was added" {
	in_host && return
	prepare_cnirun
	invent_good one
	invent two <<<'[ $CNI_COMMAND = DEL ] || exec sleep 100'
	network net '' '{"type":"one"}' '{"type":"two"}'
	start_cnirun -n net -- true
	wait_until pgrep -x sleep
	kill -KILL "$runner"
	ends_with 137
	pkill -x sleep
	expect '.kind == "cniCacheV1" and .result == null' "$(cat "$CACHE"/*)"
	wait_until eval '[ -z "$(runners)" ]'
	runs gc net
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	no_trace
}

# add, del, check, gc, status.

@test "Debian's Go plugins: bridge, host-local, portmap, firewall, tuning, bandwidth, loopback" {
	in_host && return
	prepare_cnirun
	bridge_network
	export CAP_ARGS='{"bandwidth":{"ingressRate":8000000,"ingressBurst":8000000}}'
	ip netns add c1
	runs add -p 8080:80 --ip 10.77.0.50 bridge /run/netns/c1
	expect '.cniVersion == "1.0.0" and .ips[0].address == "10.77.0.50/24"'
	unset CAP_ARGS
	iptables-save -t nat | grep -q 'dport 8080' || fail "the port is not published"
	tc qdisc show | grep -q tbf || fail "the bandwidth is not limited"
	is "$(ip netns exec c1 sysctl -n net.core.somaxconn)" 500
	is "$(entry '.result.dns.search' | jq -c .)" '["a.example","b.example"]'
	runs del bridge /run/netns/c1
	refused eval 'iptables-save | grep -q 10.77.0.50'
	is "$(ip -n c1 -o link | wc -l)" 1
	is "$(find /var/lib/cni/networks/bridge -name '10.*')" ""
	runs --network bridge -p 8080:80 -- cat /etc/resolv.conf
	is "$output" $'nameserver 10.77.0.1\nsearch a.example b.example'
	refused eval 'iptables-save | grep -q "dport 8080"'
	no_trace
}

@test "Debian's ptp: add, check, and CHECK's failure by the plugin's own words" {
	in_host && return
	prepare_cnirun
	network ptp '' '{"type":"ptp","ipam":{"type":"host-local","subnet":"10.78.0.0/24"}}'
	ip netns add c1
	runs add ptp /run/netns/c1
	runs check ptp /run/netns/c1
	is "$output" ""
	ip -n c1 addr flush dev eth0
	refuses 1 "plugin ptp failed (CHECK, code" check ptp /run/netns/c1
	refuses 1 "has the network ptp on eth0 already" add ptp /run/netns/c1
	runs del ptp /run/netns/c1
	refuses 1 "knows no such ADD" check ptp /run/netns/c1
	runs del ptp /run/netns/c1
	no_trace
}

@test "a user adds, checks and deletes with our plugin and the id of cnitool" {
	in_host && return
	prepare_cnirun
	prepare_user
	flow() {
		local path

		prepare_cnirun
		container_of_process --user --map-root-user --net
		path=/proc/$process/ns/net
		runs add slirp "$path"
		expect '.interfaces[0].name == "eth0" and .cniVersion == "1.1.0"'
		is "$(cache)" "slirp-$(cnitool_id "$path")-eth0"
		runs check slirp "$path"
		runs status slirp
		runs gc slirp
		[ -n "$(daemons)" ] || fail "gc took a network that is alive"
		runs del slirp "/proc/./$process//ns/../ns/net"
		no_trace
		# By the program's name, too.
		runs add slirp4netns "$path"
		is "$(cache)" "slirp-$(cnitool_id "$path")-eth0"
		runs gc --all slirp
		no_trace
		runs add slirp "$path"
		kill "$process"
		wait_until no_daemon
		runs gc slirp
		no_trace
	}
	as_user flow
}

@test "the entry of the cache is libcni's, and libcni's entry is taken" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '' '{"type":"one","capabilities":{"mac":true}}'
	ip netns add c1
	CNI_ARGS='A=b;C=d' CAP_ARGS='{"mac":"c2:11:22:33:44:55","x":[1]}' CNI_IFNAME=net1 \
		runs add net /run/netns/c1
	is "$(cache)" "net-$(cnitool_id /run/netns/c1)-net1"
	is "$(stat -c %a "$CACHE"/* "$CACHE")" $'600\n700'
	is "$(jq -r '.netnsIdentity | "\(.boot) \(.dev) \(.inode)"' "$CACHE"/*)" \
		"$(cat /proc/sys/kernel/random/boot_id) $(stat -c '%d %i' /run/netns/c1)"
	is "$(jq -c 'del(.config, .result, .netnsIdentity)' "$CACHE"/*)" \
		"$(jq -cn --arg id "$(cnitool_id /run/netns/c1)" '{kind: "cniCacheV1", containerId: $id,
			ifName: "net1", networkName: "net", netns: "/run/netns/c1",
			cniArgs: [["A","b"],["C","d"]],
			capabilityArgs: {mac: "c2:11:22:33:44:55", x: [1]}}')"
	expect '.result.by == ["one"]' "$(cat "$CACHE"/*)"
	expect '.name == "net" and .plugins[0].type == "one"' \
		"$(jq -r .config "$CACHE"/* | base64 -d)"
	# The same as libcni writes it: other order, the file's text as config.
	jq -c --rawfile conf /run/net.d/net.conflist \
		'{kind, containerId, config: ($conf | @base64), ifName, networkName, netns, cniArgs,
		capabilityArgs, result: (.result + {by: ["libcni"]})}' "$CACHE"/* >/run/t/entry
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	runs del -i net1 net /run/netns/c1
	is "$(jq -c '[.prevResult.by, .runtimeConfig]' /run/t/one.DEL)" \
		'[["libcni"],{"mac":"c2:11:22:33:44:55"}]'
	grep -qx 'CNI_ARGS=A=b;C=d' /run/t/one.DEL.env || fail "the arguments of ADD are lost"
	no_trace
}

@test "the entry's result is in the version that cniVersion names, and cnirun's plugins get it whole" {
	in_host && return
	prepare_cnirun
	local versions='"cniVersion":"1.0.0","cniVersions":["0.4.0","1.0.0","1.1.0"],'

	invent one <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"cniVersion\":\"1.1.0\",\"x\":[1],
		\"interfaces\":[{\"name\":\"eth0\",\"mtu\":1400,\"sandbox\":\"$CNI_NETNS\"}]}"'
	network net "$versions" '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	expect '.cniVersion == "1.1.0" and .interfaces[0].mtu == 1400'
	expect '.result.cniVersion == "1.0.0" and .result.interfaces == [{name: "eth0",
		sandbox: "/run/netns/c1"}]' "$(cat "$CACHE"/*)"
	runs check net /run/netns/c1
	runs del net /run/netns/c1
	is "$(jq -c .prevResult /run/t/one.CHECK /run/t/one.DEL)" "$(yes \
		'{"cniVersion":"1.1.0","x":[1],"interfaces":[{"name":"eth0","mtu":1400,"sandbox":"/run/netns/c1"}]}' |
		head -n 2)"
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	runs add net /run/netns/c1
	expect '.result.cniVersion == "1.1.0" and (has("exactResult") | not)' "$(cat "$CACHE"/*)"
}

@test "gc keeps what another runtime added and uses, also where its entry names no namespace" {
	in_host && return
	prepare_cnirun
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"cniVersion\":\"1.1.0\",\"interfaces\":
		[{\"name\":\"one0\"},{\"name\":\"eth0\",\"sandbox\":\"$CNI_NETNS\"}]}"'
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	jq -c 'del(.netns)' "$CACHE"/* >/run/t/entry
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	runs gc net
	is "$(calls)" "one ADD one GC"
	is "$(jq -c '.["cni.dev/valid-attachments"] | length' /run/t/one.GC)" 1
	jq -c 'del(.result.interfaces)' /run/t/entry >"$(echo "$CACHE"/*)"
	cnirun gc net
	is "$status" 0
	[[ $words == "cnirun: $(cnitool_id /run/netns/c1) (eth0) is kept"*"gc --all deletes it" ]] ||
		fail "said: $words"
	is "$(calls)" "one ADD one GC one GC"
	# Its namespace has gone: so must it.
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	ip netns delete c1
	runs gc net
	is "$(calls)" "one ADD one GC one GC one DEL one GC"
	grep -qx CNI_NETNS= /run/t/one.DEL.env || fail "DEL was told a namespace that has gone"
	no_trace
}

@test "an attachment is deleted with the list that it was added with, also when that has gone" {
	in_host && return
	prepare_cnirun
	invent_good one two
	network net '' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	network net '' '{"type":"two"}'
	runs del net /run/netns/c1
	is "$(calls)" "one ADD one DEL"
	runs add net /run/netns/c1
	rm /run/net.d/net.conflist
	runs del net /run/netns/c1
	is "$(calls)" "one ADD one DEL two ADD two DEL"
	refuses 1 'no network "net": no list in /run/net.d has that name' del net /run/netns/c1
	no_trace
}

# Section 3 of the spec.

@test "each plugin is given what the spec says: name, version, runtimeConfig, prevResult, environment" {
	in_host && return
	prepare_cnirun
	invent_good one two
	network net '"cniVersion":"0.4.0","cniVersions":["0.3.1","1.0.0","9.0.0"],' \
		'{"type":"one","capabilities":{"portMappings":true,"mac":false},"mine":[1,{"a":null}],
		"big":12345678901234567,"cni.dev/x":1,"prevResult":{}}' '{"type":"two"}'
	ip netns add c1
	export CAP_ARGS='{"portMappings":[{"hostPort":1,"containerPort":2}],"mac":"x","ips":["y"]}'
	runs add net /run/netns/c1
	is "$(jq -cS 'del(.big)' /run/t/one.ADD)" "$(jq -cS . <<-'END'
		{"cniVersion":"1.0.0","mine":[1,{"a":null}],"name":"net","runtimeConfig":{"portMappings":
		[{"hostPort":1,"containerPort":2}]},"type":"one"}
	END
	)"
	grep -q 12345678901234567 /run/t/one.ADD || fail "a number has lost digits"
	is "$(jq -cS . /run/t/two.ADD)" \
		'{"cniVersion":"1.0.0","name":"net","prevResult":{"by":["one"],"cniVersion":"1.0.0"},"type":"two"}'
	expect '.by == ["one","two"]'
	is "$(cat /run/t/two.ADD.env)" "CNI_ARGS=
CNI_COMMAND=ADD
CNI_CONTAINERID=$(cnitool_id /run/netns/c1)
CNI_IFNAME=eth0
CNI_NETNS=/run/netns/c1
CNI_PATH=$CNI_PATH"
	runs check net /run/netns/c1
	runs del net /run/netns/c1
	is "$(calls)" "one ADD two ADD one CHECK two CHECK two DEL one DEL"
	is "$(jq -c .prevResult.by /run/t/one.CHECK)" '["one","two"]'
	is "$(jq -c .prevResult.by /run/t/one.DEL)" '["one","two"]'
	# STATUS and GC came with 1.1.0.
	rm /run/t/calls
	runs status net
	runs gc net
	is "$(calls)" ""
	network net '"cniVersions":["1.0.0","1.1.0"],' '{"type":"one"}' '{"type":"two"}'
	runs status net
	runs gc net
	is "$(calls)" "one STATUS two STATUS one GC two GC"
	is "$(jq -c '[.["cni.dev/valid-attachments"], .["cni.dev/attachments"]]' /run/t/two.GC)" '[[],[]]'
	refused grep -q CNI_NETNS /run/t/two.GC.env
}

@test "disableCheck, disableGC, loadOnlyInlinedPlugins, plugins of the list's directory" {
	in_host && return
	prepare_cnirun
	invent_good one two
	network net '"cniVersion":"1.1.0","disableCheck":true,"disableGC":"true",' '{"type":"one"}'
	mkdir /run/net.d/net
	echo '{"type":"two"}' >/run/net.d/net/20.conf
	ip netns add c1
	runs add net /run/netns/c1
	runs check net /run/netns/c1
	runs gc net
	is "$(calls)" "one ADD two ADD"
	rm -r /run/net.d/net
	runs del net /run/netns/c1
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	mkdir /run/net.d/net
	echo '{"type":"two"}' >/run/net.d/net/20.conf
	network net '"cniVersion":"1.1.0","loadOnlyInlinedPlugins":true,' '{"type":"one"}'
	rm /run/t/calls
	runs add net /run/netns/c1
	runs del net /run/netns/c1
	is "$(calls)" "one ADD one DEL"
	# No plugins inlined, all of them in the directory.
	echo '{"cniVersion":"1.0.0","name":"net"}' >/run/net.d/net.conflist
	rm /run/t/calls
	runs -n net -- true
	is "$(calls)" "two ADD two DEL"
	no_trace
}

@test "networks are found by name, by path, in the user's directory first; a broken file is named" {
	in_host && return
	prepare_cnirun
	invent_good one two
	echo '{"cniVersion":"1.0.0","name":"single","type":"one"}' >/run/net.d/single.conf
	echo '{"name":' >/run/net.d/00-broken.conflist
	runs -n single -- true
	is "$(calls)" "one ADD one DEL"
	echo '{"name":"nosuch","plugins":[]}' >/run/net.d/01-empty.conflist
	refuses 125 'no network "nosuch": no list in /run/net.d has that name; copy one there, or give its path: besides, what could not be read was passed over: /run/net.d/00-broken.conflist is not' \
		-n nosuch -- true
	[[ $words == *"; /run/net.d/01-empty.conflist: the network has no plugins"* ]] || fail "the second is not named: $words"
	for i in {100..140}; do
		echo '{"name":' >"/run/net.d/$i.conflist"
	done
	refuses 125 '.conflist is not valid JSON' -n nosuch -- true
	[[ $words == *"; and "[1-9]*" more" ]] || fail "the rest is not counted: $words"
	rm /run/net.d/1??.conflist
	runs -n /run/net.d/single.conf -- true
	cd /run/net.d
	runs -n ./single.conf -- true
	refuses 125 "cannot read ./nosuch" -n ./nosuch -- true
	mkfifo fifo.conflist
	refuses 125 "fifo.conflist is not a regular file" -n ./fifo.conflist -- true
	runs -n single -- true
	unset NETCONFPATH
	mkdir -p /run/none/.config/cni/net.d
	mv single.conf /run/none/.config/cni/net.d
	rm /run/t/calls
	runs -n single -- true
	is "$(calls)" "one ADD one DEL"
	XDG_CONFIG_HOME=/run/nowhere refuses 125 "no list in /run/nowhere/cni/net.d or /etc/cni/net.d has" \
		-n single -- true
	no_trace
}

@test "a result of another version is converted; a result without one is of the version asked for" {
	in_host && return
	prepare_cnirun
	invent old <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.5/24\"}}"'
	invent none <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"ips\":[{\"address\":\"10.0.0.6/24\"}]}"'
	invent_good two
	network old '' '{"type":"old"}' '{"type":"two"}'
	network none '' '{"type":"none"}' '{"type":"two"}'
	ip netns add c1
	runs add old /run/netns/c1
	expect '.cniVersion == "1.0.0" and .ips[0].address == "10.0.0.5/24"'
	runs add -i eth1 none /run/netns/c1
	expect '.cniVersion == "1.0.0" and .ips[0].address == "10.0.0.6/24"'
}

# Bad input.

@test "gc and add exclude each other; stale attachments that cannot be deleted stay for the next" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	ip netns add c2
	runs add net /run/netns/c1
	runs add net /run/netns/c2
	flock --no-fork --shared "$CACHE/.cnirun.lock" sleep 100 &
	holder=$!
	wait_until pgrep -x sleep
	refuses 1 "an add or a del is at work" gc net
	kill "$holder"
	wait "$holder" || true
	flock --no-fork "$CACHE/.cnirun.lock" sleep 100 &
	holder=$!
	wait_until pgrep -x sleep
	refuses 1 "a gc is at work" del net /run/netns/c1
	kill "$holder"
	wait "$holder" || true
	ip netns delete c2
	invent one <<<'[ $CNI_COMMAND != DEL ] || { echo "{\"code\":5,\"msg\":\"busy\"}"; exit 1; }'
	cnirun gc net
	is "$status $words" "1 cnirun: plugin one failed (DEL, code 5): busy
cnirun: 1 attachments could not be deleted; they stay in the result cache for the next gc"
	is "$(jq -c '.["cni.dev/valid-attachments"]' /run/t/one.GC)" \
		"[{\"containerID\":\"$(cnitool_id /run/netns/c1)\",\"ifname\":\"eth0\"}]"
	is "$(cache | wc -l)" 2
	invent_good one
	runs gc net
	is "$(cache)" "net-$(cnitool_id /run/netns/c1)-eth0"
}

@test "without CNI_PATH, plugins beside cnirun are found, but not commands" {
	in_host && return
	local directory

	prepare_cnirun
	unset CNI_PATH
	for directory in /opt/cni/bin /usr/libexec/cni /usr/lib/cni /usr/local/lib/cni; do
		[ ! -d "$directory" ] || mount -t tmpfs tmpfs "$directory"
	done
	runs -- true
	# Among commands, slirp4netns is the daemon.
	mkdir /run/t/bin
	cp /run/cni/cnirun /usr/bin/slirp4netns /run/t/bin/
	PATH=/run/t/bin:$PATH
	limit=5
	status=0
	words=$(/run/t/bin/cnirun -- true 2>&1) || status=$?
	is "$status" 125
	[[ $words == 'cnirun: no plugin "slirp4netns" in /opt/cni/bin:'* ]] || fail "said: $words"
	no_trace
}
