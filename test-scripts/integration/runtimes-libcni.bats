#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What runtimes rely on: the plugins and the shipped lists, called by libcni itself, the library of
# Podman, containerd, CRI-O and Kubernetes, in the version that Debian has. The client is integration/libcni/client.go.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/cnirun
export CLIENT=$BATS_TEST_DIRNAME/../../build/libcni-client
export PORT='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'

prepare_libcni() {
	prepare_cnirun
	if [ "$(id -u)" = 0 ]; then
		cp "$CLIENT" /run/cni/client
		cp "$BIN/netns-stats" /run/cni/
		cp "$CONF"/*.conflist /run/net.d/
	fi
}

# libcni OPERATION...: with success, and without a word.
libcni() {
	call timed /run/cni/client "$@"
	[ "$status" = 0 ] || fail "libcni's $* exited with $status: $output"
	[ -z "$words" ] || fail "libcni's $* said: $words"
}

# libcni_fails FILTER OPERATION...: the jq filter is true of the error, null where it is not a plugin's.
libcni_fails() {
	local filter=$1

	shift
	call timed /run/cni/client "$@"
	[ "$status" = 1 ] || fail "libcni's $* exited with $status: $output"
	expect "$filter"
}

# Every version that the library has, as one array of what they say.
converted() {
	/run/cni/client convert <<<"$1"
}

# A container of its own namespace; $netns is its path.
new_container() {
	container "$1"
	netns=/run/netns/$1
}

serve_in_container() {
	in_container socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'echo inside' &
}

# published PORT: what is served there on the host's address.
published() {
	timeout 5 bash -c 'exec 3<>"/dev/tcp/192.0.2.1/$0" && cat <&3' "$1" 2>/dev/null
}

is_published() {
	wait_until eval "[ \"\$(published $1)\" = inside ]"
}

# each_list FUNCTION: for every shipped list, with its name and a container of its own, in which nothing is left.
each_list() {
	local list

	for list in $(jq -r .name "$CONF"/*.conflist); do
		new_container "$list"
		"$1" "$list"
		is "$(interfaces)" ""
		no_trace
	done
}

@test "every shipped list works with libcni as it is shipped: validated, added, used, checked, deleted" {
	in_host && return
	prepare_libcni
	start_services
	declare -A capabilities=([slirp]='["ips","mac"]' [slirp4netns-all-keys]='["ips","mac"]'
		[slirp4netns-portmap]='["ips","mac","portMappings"]' [bridge-portmap]='["portMappings"]'
		[usernet]='["ips","mac","portMappings"]')

	work() {
		libcni validate "$1"
		is "$output" "${capabilities[$1]}"
		CAP_ARGS=$PORT libcni add "$1" "$netns"
		expect '.cniVersion == "1.0.0"'
		expect '[.[] | .addresses[0]] | unique | length == 1' "$(converted "$output")"
		[[ $1 == bridge* ]] || is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
		if [[ $1 == *portmap || $1 == usernet ]]; then
			serve_in_container
			is_published 8080
		fi
		libcni check "$1" "$netns"
		RECALL=1 libcni del "$1" "$netns"
		refused published 8080
		# Nothing is there to delete, and that is well.
		libcni del "$1" "$netns"
	}
	each_list work
	is "$(find /var/lib/cni/networks/bridge-portmap ! -type d ! -name 'last_*' ! -name lock)" ""
}

@test "VERSION: libcni hears what each plugin of a list speaks" {
	in_host && return
	prepare_libcni
	libcni version usernet
	expect '.slirp4netns == ["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]'
	expect '.["netns-portmap"] == .["netns-stats"] and .["netns-stats"] == .slirp4netns[2:]'
}

@test "a list of each version: the result is read by that version's types, and says the same in all others" {
	in_host && return
	prepare_libcni
	local version type same mac='c2:11:22:33:44:55'
	local plugin='{"type":"slirp4netns","enableIPv6":true,"capabilities":{"mac":true}}'

	export CAP_ARGS="{\"mac\":\"$mac\"}"
	new_container c1
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
		network net "\"cniVersion\":\"$version\"," "$plugin"
		libcni validate net
		libcni add net "$netns"
		expect ".cniVersion == \"$version\""
		case $version in
		0.[12].0) expect '.ip4.ip == "10.0.2.100/24" and .ip6.ip == "fd00::100/64"' ;;
		0.*) expect '[.ips[].version] == ["4", "6"] and .interfaces[0].name == "eth0"' ;;
		1.*) expect '.ips[0].interface == 0 and (.ips[0] | has("version") | not)' ;;
		esac
		same=$(converted "$output")
		expect '[.[].version] == ["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0"]' "$same"
		expect '[.[].type] == ["*types020.Result","*types020.Result","*types040.Result",
			"*types040.Result","*types040.Result","*types100.Result"]' "$same"
		expect 'all(.[]; .addresses == ["10.0.2.100/24", "fd00::100/64"] and .dns == ["10.0.2.3", "fd00::3"] and
			.gateways == ["10.0.2.2", "fd00::2"] and
			.routes == ["0.0.0.0/0 via 10.0.2.2", "::/0 via fd00::2"])' "$same"
		[[ $version == 0.[12].0 ]] || expect \
			"all(.[2:][]; .interfaces == [\"eth0 $mac $netns\"])" "$same"
		case $version in
		0.[123].*) libcni_fails '.error == null and (.text | test("not support the CHECK"))' \
			check net "$netns" ;;
		*) libcni check net "$netns" ;;
		esac
		RECALL=1 libcni del net "$netns"
		nothing_left
	done
	no_trace
}

@test "a chained list of each version that chains have" {
	in_host && return
	prepare_libcni
	local version

	export CAP_ARGS=$PORT
	new_container c1
	serve_in_container
	for version in 0.3.0 0.3.1 0.4.0 1.0.0; do
		jq --arg version "$version" '.cniVersion = $version | del(.cniVersions)' \
			"$CONF/40-all.conflist" >/run/net.d/40-all.conflist
		libcni add usernet "$netns"
		expect ".cniVersion == \"$version\" and .ips[0].address == \"10.0.2.100/24\""
		is_published 8080
		[[ $version == 0.3.* ]] || libcni check usernet "$netns"
		libcni del usernet "$netns"
		no_trace
	done
	# Before results had interfaces there was nothing to chain to.
	jq '.cniVersion = "0.2.0" | del(.cniVersions)' "$CONF/40-all.conflist" >/run/net.d/40-all.conflist
	libcni_fails '.error == null and (.text | test("netns-portmap does not support .*0.2.0"))' \
		validate usernet
	libcni_fails '.error.code == 1 and (.error.msg | test("0.2.0"))' add usernet "$netns"
	cp "$CONF/40-all.conflist" /run/net.d/
	libcni del usernet "$netns"
	no_trace
}

@test "a list that is newer than libcni: it cannot read the result, and its DEL takes all away" {
	in_host && return
	prepare_libcni
	network net '"cniVersion":"1.1.0",' '{"type":"slirp4netns"}'
	new_container c1
	libcni_fails '.error == null and (.text | test("unsupported CNI result version"))' add net "$netns"
	libcni del net "$netns"
	no_trace
}

@test "capabilities and arguments reach the plugins that declare them, and no other" {
	in_host && return
	prepare_libcni
	new_container c1
	serve_in_container
	export CAP_ARGS="{\"ips\":[\"10.0.2.50/24\"],\"mac\":\"c2:11:22:33:44:55\",${PORT#?}"
	libcni add usernet "$netns"
	expect '.ips[0].address == "10.0.2.50/24" and .interfaces[0].mac == "c2:11:22:33:44:55"'
	is "$(in_container ip -j addr show eth0 | jq -r '.[0] | .address, .addr_info[0].local' | xargs)" \
		"c2:11:22:33:44:55 10.0.2.50"
	is_published 8080
	libcni cached usernet "$netns"
	expect '.capabilities.portMappings[0].hostPort == 8080 and .capabilities.ips == ["10.0.2.50/24"]'
	# Without its arguments, but with the cache.
	CAP_ARGS='' RECALL=1 libcni del usernet "$netns"
	refused published 8080
	no_trace
	# No plugin of this list has the capability.
	libcni add slirp "$netns"
	refused published 8080
	libcni del slirp "$netns"
	# As CRI-O and containerd call it.
	CAP_ARGS='' CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;IP=10.0.2.60' \
		libcni add usernet "$netns"
	expect '.ips[0].address == "10.0.2.60/24"'
	libcni cached usernet "$netns"
	expect '.args[2] == ["K8S_POD_NAME", "web"]'
	RECALL=1 libcni del usernet "$netns"
	no_trace
}

@test "a plugin that fails: code, message and details arrive in libcni's own error" {
	in_host && return
	prepare_libcni
	local daemon

	new_container c1
	libcni_fails '.error.code == 3 and (.error.msg | test("no network namespace at")) and
		.error.details == "No such file or directory"' add slirp /run/netns/nosuch
	network bad '' '{"type":"slirp4netns","mtu":1}'
	libcni_fails '.error.code == 7 and (.error.msg | test("mtu"))' add bad "$netns"
	daemon=$(fake dies <<<'echo "the last words" >&2; exit 3')
	network dies '' "{\"type\":\"slirp4netns\",\"slirp4netnsPath\":\"$daemon\"}"
	libcni_fails '.error.code >= 100 and (.error.msg | test("ended before it was ready")) and
		(.error.details | test("the last words"))' add dies "$netns"
	# The second of a list: the first one's work is for the runtime's DEL.
	socat TCP-LISTEN:8080,fork /dev/null &
	wait_until eval '[ -n "$(ss -Hltn sport = :8080)" ]'
	export CAP_ARGS=$PORT
	libcni_fails '.error.code >= 100 and (.error.msg | test("8080")) and
		(.text | test("type=\"netns-portmap\".* failed \\(add\\)"))' add usernet "$netns"
	libcni del usernet "$netns"
	no_trace
	# CHECK of an attachment that was changed.
	CAP_ARGS='' libcni add slirp "$netns"
	libcni_fails '.error.code != 0 and (.error.msg | test("already"))' add slirp "$netns"
	in_container ip addr flush dev eth0
	libcni_fails '.error.code != 0 and (.error.msg | test("10.0.2.100"))' check slirp "$netns"
	libcni del slirp "$netns"
	no_trace
}

@test "libcni waits for the end of the plugin's output, and the daemon holds nothing of it open" {
	in_host && return
	prepare_libcni
	new_container c1
	mkfifo /run/t/pipe
	timeout 20 cat /run/t/pipe >/run/t/seen &
	reader=$!
	# Standard output and error, and a descriptor that was left open by whoever started the runtime.
	timeout 20 /run/cni/client add slirp "$netns" 7>/run/t/pipe 2>&7 >&7
	wait "$reader" || fail "something holds the descriptors of the runtime"
	expect '.interfaces[0].name == "eth0"' "$(cat /run/t/seen)"
	is "$(daemons | wc -l)" 1
	libcni del slirp "$netns"
	no_trace
}

@test "what libcni added, cnirun checks and deletes, and its gc keeps" {
	in_host && return
	prepare_libcni

	work() {
		CAP_ARGS=$PORT libcni add "$1" "$netns"
		runs check "$1" "$netns"
		runs gc "$1"
		runs check "$1" "$netns"
		libcni check "$1" "$netns"
		runs del "$1" "$netns"
		no_trace
		libcni del "$1" "$netns"
	}
	each_list work
	new_container c1
	libcni add usernet "$netns"
	ip netns delete c1
	runs gc usernet
	no_trace
}

@test "what cnirun added, libcni reads, checks and deletes" {
	in_host && return
	prepare_libcni

	work() {
		CAP_ARGS=$PORT runs add "$1" "$netns"
		libcni cached "$1" "$netns"
		expect '.result.cniVersion == "1.0.0" and .capabilities.portMappings[0].hostPort == 8080'
		expect ".config.name == \"$1\" and (.config.plugins | length) >= 1"
		expect '[.[].addresses[0]] | unique | length == 1' "$(converted "$(jq .result <<<"$output")")"
		libcni check "$1" "$netns"
		RECALL=1 libcni del "$1" "$netns"
		no_trace
		runs del "$1" "$netns"
	}
	each_list work
}

@test "an entry without a result, of a cnirun that was killed, is one that libcni deletes with" {
	in_host && return
	prepare_libcni
	local entry

	new_container c1
	CAP_ARGS=$PORT runs add usernet "$netns"
	entry=$(echo "$CACHE"/*)
	jq -c 'del(.result, .exactResult)' "$entry" >/run/t/entry
	cat /run/t/entry >"$entry"
	libcni cached usernet "$netns"
	expect '.capabilities.portMappings[0].hostPort == 8080'
	RECALL=1 libcni del usernet "$netns"
	is "$(interfaces)" ""
	no_trace
}

@test "one plugin in a file of its own, without a list" {
	in_host && return
	prepare_libcni
	new_container c1
	echo '{"cniVersion":"1.0.0","name":"one","type":"slirp4netns","mtu":1400}' >/run/net.d/one.conf
	libcni add one "$netns"
	expect '.interfaces[0].name == "eth0"'
	libcni check /run/net.d/one.conf "$netns"
	runs check one "$netns"
	libcni del one "$netns"
	no_trace
}

@test "an ordinary user's runtime: the same, and in either direction with cnirun" {
	in_host && return
	prepare_libcni
	prepare_user
	flow() {
		prepare_libcni
		container_of_process --user --map-root-user --net
		local netns=/proc/$process/ns/net
		export CNI_CACHE_DIR=$XDG_RUNTIME_DIR/cni
		export CAP_ARGS=$PORT

		libcni add usernet "$netns"
		expect '.ips[0].address == "10.0.2.100/24"'
		ss -Hltn | grep -q :8080 || fail "the port is not published"
		libcni check usernet "$netns"
		runs check usernet "$netns"
		runs del usernet "$netns"
		no_trace
		runs add usernet "$netns"
		libcni check usernet "$netns"
		RECALL=1 libcni del usernet "$netns"
		no_trace
	}
	as_user flow
}
