# shellcheck shell=bash disable=SC2016
# A host of its own for a test of netns-portmap: network, mounts, processes and /run are private,
# and go away with the shell that runs in it, whatever it started.
#
#   host    10.99.0.1 and fd99::1 towards the peer, the bridge cni0 towards containers
#   peer    a network namespace on a veth: 10.99.0.2, fd99::2
#   a, b, … containers: network namespaces

portmap_root=$(cd $(dirname "${BASH_SOURCE[0]}")/../.. && pwd)
PORTMAP_BIN=$(realpath "${PORTMAP_BIN:-${BIN:-$portmap_root/bin}}")
CNI_REFERENCE=${CNI_REFERENCE:-/usr/lib/cni}
export PORTMAP_BIN CNI_REFERENCE

# in_host FUNCTION [ARGUMENT...]: run a function of the caller's file in a host of its own.
in_host() {
	local source=${BATS_TEST_SOURCE:-$BATS_TEST_FILENAME}

	timeout -k 5 100 unshare -n -m -p -f --kill-child --mount-proc --propagation private \
		bash -c 'set -eEuo pipefail
			trap '\''echo "failed: $BASH_COMMAND (line $LINENO)" >&2'\'' ERR
			source "$1/test-scripts/lib/portmap-host.sh"
			source <(portmap_functions "$2")
			host_up
			shift 2
			"$@"' in_host "$portmap_root" "$source" "$@"
}

# The functions of a bats file, without its tests.
portmap_functions() {
	awk '/^[a-z_0-9]+\(\) \{/ { inside = 1 } inside { print } /^}/ { inside = 0 }' "$1"
}

host_up() {
	mount -t tmpfs tmpfs /run
	mkdir /run/netns /run/work
	cd /run/work || return
	ip link set lo up
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

# plugin_run PLUGIN COMMAND CONTAINER < configuration
plugin_run() {
	local plugin=$1

	[[ $plugin == */* ]] || plugin=$PORTMAP_BIN/$plugin
	CNI_COMMAND=$2 CNI_CONTAINERID=$3 CNI_NETNS=/run/netns/$3 CNI_IFNAME=eth0 \
		CNI_PATH=$PORTMAP_BIN:$CNI_REFERENCE timeout 30 "$plugin"
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
	bridge_conf | plugin_run "$CNI_REFERENCE/bridge" ADD "$1" >"$1.result"
}

container_del() {
	bridge_conf | plugin_run "$CNI_REFERENCE/bridge" DEL "$1"
	ip netns del "$1"
}

address4() {
	sed -nE 's/.*"address": *"([0-9.]+)\/.*/\1/p' "$1.result" | head -1
}

address6() {
	sed -nE 's/.*"address": *"([0-9a-f]*:[0-9a-f:]+)\/.*/\1/p' "$1.result" | head -1
}

# portmap_conf CONTAINER MAPPINGS [KEYS]: a configuration; MAPPINGS as JSON objects. NETWORK is its name.
portmap_conf() {
	local prev=null

	[ ! -f "$1.result" ] || prev=$(<"$1.result")
	cat <<-CONF
	{"cniVersion": "1.0.0", "name": "${NETWORK:-net}", "type": "netns-portmap", ${3:+$3,}
	 "capabilities": {"portMappings": true},
	 "runtimeConfig": {"portMappings": [${2:-}]}, "prevResult": $prev}
	CONF
}

# portmap COMMAND CONTAINER MAPPINGS [KEYS]
portmap() {
	portmap_conf "$2" "${3:-}" "${4:-}" | plugin_run netns-portmap "$1" "$2"
}

# A mapping: map HOSTPORT CONTAINERPORT [PROTOCOL [HOSTIP]]
map() {
	echo "{\"hostPort\": $1, \"containerPort\": $2, \"protocol\": \"${3:-tcp}\"${4:+, \"hostIP\": \"$4\"}}"
}

# list COMMAND FILE CONTAINER MAPPINGS: what a runtime does with a network configuration list.
list() {
	local n i conf

	n=$(jq '.plugins | length' "$2")
	for ((i = 0; i < n; i++)); do
		[ "$1" = DEL ] && conf=$((n - 1 - i)) || conf=$i
		jq -c --argjson i "$conf" --argjson maps "[$4]" --slurpfile prev "$([ -s "$3.result" ] && echo "$3.result" || echo /dev/null)" \
			'. as $list | .plugins[$i] | . + {cniVersion: $list.cniVersion, name: $list.name, prevResult: $prev[0]}
			 | if .capabilities.portMappings then .runtimeConfig = {portMappings: $maps} else . end
			 | if .prevResult then . else del(.prevResult) end' "$2" >"$3.conf"
		conf=$(jq -r .type "$3.conf")
		[ -x "$PORTMAP_BIN/$conf" ] || conf=$CNI_REFERENCE/$conf
		plugin_run "$conf" "$1" "$3" <"$3.conf" >"$3.answer"
		[ "$1" != ADD ] || cp "$3.answer" "$3.result"
	done
}

# refused CODE PATTERN COMMAND...: it fails, with one error of that code and a message like that.
refused() {
	local code=$1 pattern=$2 out

	shift 2
	if out=$("$@" 2>refused.stderr); then
		echo "accepted: $*: $out" >&2
		return 1
	fi
	if ! grep -Eq "\"code\":[[:space:]]*$code\b" <<<"$out" || ! grep -Eq -- "$pattern" <<<"$out"; then
		echo "expected code $code and /$pattern/, got: $out" >&2
		return 1
	fi
}

# serve NETNS ADDRESS-FAMILY PROTOCOL PORT WORD: a server that answers WORD and the client's address.
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

# Wait, for two seconds at most, until somebody listens.
served() {
	local i

	for ((i = 0; i < 100; i++)); do
		[ -z "$(ip netns exec "$1" ss -Hln"$4" "--$2" "sport = :$3")" ] || return 0
		sleep 0.02
	done
	echo "nobody listens on $2 $3 in $1" >&2
	return 1
}

# ask NETNS PROTOCOL ADDRESS PORT: what the server says; "host" is no network namespace.
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
	[[ $got == "$1"* ]] || {
		echo "asked ${*:2}, expected $1, got: $got" >&2
		return 1
	}
}

silent() {
	local got

	got=$(ask "$@")
	[ -z "$got" ] || {
		echo "asked $*, expected nothing, got: $got" >&2
		return 1
	}
}

# Whether two texts are the same, and if not, both.
is() {
	[ "$1" = "$2" ] || {
		echo "expected: $2" >&2
		echo "got:      $1" >&2
		return 1
	}
}

rules() {
	nft list ruleset | grep -c . || true
}

elements() {
	nft -a list table inet usernet_portmap 2>/dev/null | grep -o 'comment "[^"]*@[^"]*"' | wc -l
}

# Nothing of the plugin's is left: no rule, set, element, record.
nothing_left() {
	is "$(nft list tables | grep -c usernet_portmap || true)" 0
	is "$(find /run/usernet-cni -name '*@*' 2>/dev/null | wc -l)" 0
}
