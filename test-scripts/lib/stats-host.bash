# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The host of a test of netns-stats. A test begins with
#
#	in_host && return
#
# which, in bats, runs the test's function once more as process 1 of new network, mount and process
# namespaces with an empty /run, where it is root and nothing that it does outlives it.
#
#	BIN=DIR   where the executables are (default: bin/ of the repository)

STATS_HOST=$(cd "${BASH_SOURCE[0]%/*}" && pwd)/stats-host.bash
BIN=${BIN:-${STATS_HOST%/*/*/*}/bin}
export BIN

in_host() {
	[ -z "${STATS_INSIDE-}" ] || return 1
	local functions=$BATS_TEST_TMPDIR/functions

	declare -f >"$functions"
	STATS_INSIDE=1 unshare --net --mount --pid --fork --kill-child --mount-proc \
		timeout --kill-after=2 60 bash "$STATS_HOST" "$functions" "$BATS_TEST_NAME" \
		</dev/null 3>&- 4>&- || exit 1
}

# Inside.

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

is() {
	[ "$1" = "$2" ] || fail "is '$1', expected '$2'"
}

# refused COMMAND...: it fails.
refused() {
	! "$@" || fail "should have failed: $*"
}

# expect FILTER JSON [OPTION OF JQ...]: the filter is true of it.
expect() {
	local filter=$1 json=$2

	shift 2
	jq -e "$@" "$filter" <<<"$json" >/dev/null || fail "not so: $filter, of: ${json:0:2000}"
}

# wait_until COMMAND...: for at most ten seconds.
wait_until() {
	local i

	for ((i = 0; i < 500; i++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.02
	done
	fail "in vain: $*"
}

stats() {
	timeout --kill-after=1 30 "$BIN/netns-stats" "$@"
}

# exits STATUS COMMAND...: its output is in $output, its words in $words.
output=""
words=""
exits() {
	local expected=$1 status=0

	shift
	# shellcheck disable=SC2034
	output=$("$@" 2>/run/words) || status=$?
	# shellcheck disable=SC2034
	words=$(</run/words)
	[ "$status" = "$expected" ] || fail "$* exited with $status, expected $expected: $words"
	case $words in
	*AddressSanitizer* | *"runtime error:"* | *LeakSanitizer*) fail "$words" ;;
	esac
}

# container NAME [NETWORK...]: a namespace with eth0, whose other end is NAME-host, and no traffic of
# the kernel's own; several networks: eth0, eth1, ...
container() {
	local name=$1

	ip netns add "$name"
	ip netns exec "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	ip link add "$name-host" type veth peer name eth0 netns "$name"
	# The host's own router solicitations would be counted while a test compares counters.
	echo 1 >"/proc/sys/net/ipv6/conf/$name-host/disable_ipv6"
	ip link set "$name-host" up
	ip -n "$name" link set lo up
	ip -n "$name" link set eth0 up
}

# prev PATH [MEMBERS]: what the interface plugin answered.
prev() {
	echo "{\"cniVersion\":\"1.1.0\",
		\"interfaces\":[{\"name\":\"${ifname-eth0}\",\"mac\":\"02:00:00:00:00:01\",\"sandbox\":\"$1\"}],
		\"ips\":[{\"address\":\"10.9.0.2/24\",\"gateway\":\"10.9.0.1\",\"interface\":0}]${2:+,$2}}"
}

# cni COMMAND ID PATH [MEMBERS OF THE CONFIGURATION]: call the plugin.
cni() {
	local conf="{\"cniVersion\":\"1.1.0\",\"name\":\"${network-net}\",\"type\":\"netns-stats\"${4:+,$4}"

	case $1 in
	ADD | CHECK | DEL) conf+=",\"prevResult\":$(prev "$3")" ;;
	esac
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=$3 CNI_IFNAME=${ifname-eth0} CNI_PATH=$BIN \
		timeout --kill-after=1 30 "$BIN/netns-stats" <<<"$conf}"
}

record() {
	echo "$STATE/netns-stats/${network-net}/$1@${ifname-eth0}.json"
}

# send_udp NAMESPACE ADDRESS COUNT BYTES: datagrams, to a port that nobody is at.
send_udp() {
	ip netns exec "$1" python3 - "$2" "$3" "$4" <<-'EOF'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(int(sys.argv[2])):
		    s.sendto(bytes(int(sys.argv[3])), (sys.argv[1], 9999))
	EOF
}

if [ -n "${STATS_INSIDE-}" ] && [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -eEu -o pipefail
	functions=$1
	# shellcheck source=/dev/null
	. "$functions"
	bats_test_begin() { :; }
	trap 'echo "failed: $BASH_COMMAND (${FUNCNAME[*]})" >&2' ERR
	unset "${!CNI_@}" XDG_RUNTIME_DIR
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
	mount --make-rprivate /
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir /run/netns
	# No cached results of the machine's own.
	mount -t tmpfs tmpfs /var/lib
	ip link set lo up
	STATE=/run/usernet-cni
	cd /
	"$2"
fi
