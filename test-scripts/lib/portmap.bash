# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of netns-portmap, on a host of lib/inside.bash, whose directory of work is /run/work:
#
#   host    10.99.0.1 and fd99::1 towards the peer, the bridge cni0 towards containers
#   peer    a network namespace on a veth: 10.99.0.2, fd99::2
#   a, b, … containers: network namespaces
#
# Scripts are in single quotes, and variables are for lib/inside.bash too.
# shellcheck disable=SC2016,SC2034

prepare_portmap() {
	mkdir /run/work
	cd /run/work || return
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
	ip netns add peer
	ip link add uplink type veth peer name eth0 netns peer
	ip address add 10.99.0.1/24 dev uplink
	ip address add fd99::1/64 dev uplink nodad
	ip link set uplink up
	ip -n peer link set lo up
	ip netns exec peer sysctl -qw net.ipv6.conf.all.accept_dad=0
	ip -n peer address add 10.99.0.2/24 dev eth0
	ip -n peer address add fd99::2/64 dev eth0 nodad
	ip -n peer link set eth0 up
	ip -n peer route add 10.22.0.0/16 via 10.99.0.1
}

bridge_conf() {
	cat <<-'CONF'
	{"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", "isGateway": true,
	 "hairpinMode": true,
	 "ipam": {"type": "host-local", "dataDir": "/run/host-local", "ranges": [
	  [{"subnet": "10.22.0.0/16"}], [{"subnet": "fd22::/64"}]],
	  "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}
	CONF
}

# container_add NAME: a container behind the bridge; its result goes to NAME.result.
container_add() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	bridge_conf | run_plugin /usr/lib/cni/bridge ADD "$1" >"$1.result"
}

container_del() {
	bridge_conf | run_plugin /usr/lib/cni/bridge DEL "$1"
	ip netns del "$1"
}

address4() {
	sed -nE 's/.*"address": *"([0-9.]+)\/.*/\1/p' "$1.result" | head -1
}

address6() {
	sed -nE 's/.*"address": *"([0-9a-f]*:[0-9a-f:]+)\/.*/\1/p' "$1.result" | head -1
}

# portmap_conf CONTAINER MAPPINGS [KEYS]: a configuration; MAPPINGS as JSON objects. $NETWORK is its name,
# $version the one of CNI.
portmap_conf() {
	local prev=null

	[ ! -f "$1.result" ] || prev=$(<"$1.result")
	cat <<-CONF
	{"cniVersion": "${version-1.0.0}", "name": "${NETWORK:-net}", "type": "netns-portmap", ${3:+$3,}
	 "capabilities": {"portMappings": true},
	 "runtimeConfig": {"portMappings": [${2:-}]}, "prevResult": $prev}
	CONF
}

# portmap COMMAND CONTAINER MAPPINGS [KEYS]
portmap() {
	portmap_conf "$2" "${3:-}" "${4:-}" | run_plugin netns-portmap "$1" "$2"
}

# interrupted INJECTION COMMAND CONTAINER MAPPINGS: portmap, with what strace injects, "SYSCALL:..."; its trace is in
# the file trace. LeakSanitizer does not run under strace.
interrupted() {
	local under=(strace -qq -o trace -e "trace=${1%%:*}" -e "inject=$1")

	ASAN_OPTIONS=detect_leaks=0 portmap "${@:2}"
}

# is_killed SYSCALL N COMMAND CONTAINER MAPPINGS: portmap, at the n-th of these calls; fails if it got to its end.
is_killed() {
	! interrupted "$1:signal=KILL:when=$2" "${@:3}" >/dev/null 2>&1
}

# portmap_gc NETWORK CONTAINER...: GC of the network, which has these containers.
portmap_gc() {
	jq -nc '{cniVersion: "1.1.0", name: $ARGS.positional[0], type: "netns-portmap",
		"cni.dev/valid-attachments": [$ARGS.positional[1:][] | {containerID: ., ifname: "eth0"}]}' --args "$@" |
		run_plugin netns-portmap GC
}

# portmap_status [MEMBERS]
portmap_status() {
	echo "{\"cniVersion\": \"1.1.0\", \"name\": \"net\", \"type\": \"netns-portmap\"${1:+, $1}}" |
		run_plugin netns-portmap STATUS
}

# A mapping: map HOSTPORT CONTAINERPORT [PROTOCOL [HOSTIP]]
map() {
	echo "{\"hostPort\": $1, \"containerPort\": $2, \"protocol\": \"${3:-tcp}\"${4:+, \"hostIP\": \"$4\"}}"
}

# run_list COMMAND FILE CONTAINER MAPPINGS: what a runtime does with a network configuration list.
run_list() {
	local n i conf

	n=$(jq '.plugins | length' "$2")
	for ((i = 0; i < n; i++)); do
		[ "$1" = DEL ] && conf=$((n - 1 - i)) || conf=$i
		jq -c --argjson i "$conf" --argjson maps "[$4]" --slurpfile prev "$([ -s "$3.result" ] && echo "$3.result" || echo /dev/null)" \
			'. as $list | .plugins[$i] | . + {cniVersion: $list.cniVersion, name: $list.name, prevResult: $prev[0]}
			 | if .capabilities.portMappings then .runtimeConfig = {portMappings: $maps} else . end
			 | if .prevResult then . else del(.prevResult) end' "$2" >"$3.conf"
		conf=$(jq -r .type "$3.conf")
		[ -x "$BIN/$conf" ] || conf=/usr/lib/cni/$conf
		run_plugin "$conf" "$1" "$3" <"$3.conf" >"$3.answer"
		[ "$1" != ADD ] || cp "$3.answer" "$3.result"
	done
}

# serve NETNS ADDRESS-FAMILY PROTOCOL PORT WORD: a server whose reply is WORD and the client's address.
serve() {
	local only=

	[ "$2" = 4 ] || only=,ipv6only=1
	if [ "$3" = tcp ]; then
		ip netns exec "$1" socat "TCP$2-LISTEN:$4,fork,reuseaddr$only" \
			"SYSTEM:echo $5 \$SOCAT_PEERADDR" </dev/null >/dev/null 2>&1 &
	else
		ip netns exec "$1" perl -MIO::Socket::IP -e '
			my ($host, $port, $word) = @ARGV;
			my $s = IO::Socket::IP->new(Type => SOCK_DGRAM, Proto => "udp", V6Only => 1,
				LocalHost => $host, LocalPort => $port) or die;
			while (defined(my $from = $s->recv(my $question, 2000))) {
				$s->send("$word " . $s->peerhost . "\n", 0, $from);
			}' "$([ "$2" = 4 ] && echo 0.0.0.0 || echo ::)" "$4" "$5" </dev/null >/dev/null 2>&1 &
	fi
	served "$1" "$3" "$4" "$2"
}

# served NETNS PROTOCOL PORT ADDRESS-FAMILY: a process listens there; "host" stands for the host's own namespace.
served() {
	wait_until is_served "$@"
}

is_served() {
	local where=(ip netns exec "$1")

	[ "$1" != host ] || where=()
	[ -n "$("${where[@]}" ss -Hln"$4" "--$2" "sport = :$3")" ]
}

# ask NETNS PROTOCOL ADDRESS PORT: what the server says; "host" stands for the host's own namespace.
ask() {
	local where=(ip netns exec "$1") target=$3

	[ "$1" != host ] || where=()
	if [ "$2" = udp ]; then
		"${where[@]}" perl -MIO::Socket::IP -e '
			my $s = IO::Socket::IP->new(Type => SOCK_DGRAM, Proto => "udp",
				PeerHost => $ARGV[0], PeerPort => $ARGV[1]) or exit;
			$s->send("hello\n");
			my $r = "";
			vec($r, fileno($s), 1) = 1;
			exit unless select($r, undef, undef, 1) and defined $s->recv(my $answer, 2000);
			print $answer' "$3" "$4"
		return 0
	fi
	[[ $3 != *:* ]] || target="[$3]"
	timeout 3 "${where[@]}" socat -u -T 1 "TCP:$target:$4,connect-timeout=1" - 2>/dev/null || true
}

# answers WORD NETNS PROTOCOL ADDRESS PORT
answers() {
	local got

	got=$(ask "${@:2}")
	[[ $got == "$1"* ]] || fail "asked ${*:2}, expected $1, got: $got"
}

silent() {
	local got

	got=$(ask "$@")
	[ -z "$got" ] || fail "asked $*, expected nothing, got: $got"
}

elements() {
	nft -a list table inet usernet_portmap 2>/dev/null | grep -o 'comment "[^"]*@[^"]*"' | wc -l
}

# Nothing of the plugin's is left: no rule, set, element, record.
nothing_published() {
	is "$(nft list tables | grep -c usernet_portmap || true)" 0
	is "$(find /run/usernet-cni -name '*@*' 2>/dev/null | wc -l)" 0
}

# A container without a namespace: its result says that it is behind the bridge.
paper_container() {
	echo "{\"cniVersion\": \"1.0.0\", \"interfaces\": [{\"name\": \"eth0\", \"sandbox\": \"/run/netns/$1\"}],
		\"ips\": [{\"interface\": 0, \"address\": \"$2/16\"}]}" >"$1.result"
}

# slirp_conf CONTAINER [VERSION]
slirp_conf() {
	echo "{\"cniVersion\": \"${2:-1.1.0}\", \"name\": \"net\", \"type\": \"slirp4netns\"}"
}

# slirp_add CONTAINER [VERSION]: a container behind slirp4netns; its result goes to CONTAINER.result.
slirp_add() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	slirp_conf "$@" | run_plugin slirp4netns ADD "$1" >"$1.result"
}

slirp_del() {
	slirp_conf "$@" | run_plugin slirp4netns DEL "$1"
	ip netns del "$1"
}

# pm COMMAND CONTAINER [MAPPINGS [KEYS]], in version 1.1.0
pm() {
	version=1.1.0 portmap "$@"
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
