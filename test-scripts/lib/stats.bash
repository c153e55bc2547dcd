# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of netns-stats, on a host of lib/inside.bash: an empty result cache, and containers behind a veth.

prepare_stats() {
	export LC_ALL=C.UTF-8
	# No cached results of the machine's own.
	mount -t tmpfs tmpfs /var/lib
}

stats() {
	timeout --kill-after=1 30 "$BIN/netns-stats" "$@"
}

# veth_container NAME: a namespace with eth0, whose other end is NAME-host, and no traffic of the kernel's own.
veth_container() {
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

# stats_cni COMMAND ID PATH [MEMBERS OF THE CONFIGURATION]: call the plugin; $network and $ifname.
stats_cni() {
	local conf="{\"cniVersion\":\"1.1.0\",\"name\":\"${network-net}\",\"type\":\"netns-stats\"${4:+,$4}"

	case $1 in
	ADD | CHECK | DEL) conf+=",\"prevResult\":$(prev "$3")" ;;
	esac
	run_plugin netns-stats "$1" "$2" "$3" <<<"$conf}"
}

stats_record() {
	echo "$STATE/netns-stats/${network-net}/$1@${ifname-eth0}.json"
}

# send_udp NAMESPACE ADDRESS COUNT BYTES: datagrams, to a port without a listener.
send_udp() {
	ip netns exec "$1" python3 - "$2" "$3" "$4" <<-'EOF'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(int(sys.argv[2])):
		    s.sendto(bytes(int(sys.argv[3])), (sys.argv[1], 9999))
	EOF
}

# serve [OPTION...]: an exporter on 127.0.0.1:9732; $exporter is its pid.
serve() {
	"$BIN/netns-stats" serve --listen 127.0.0.1:9732 "$@" 2>/run/exporter.log &
	exporter=$!
	wait_until grep -q serving /run/exporter.log
}

end_exporter() {
	kill "$exporter"
	wait "$exporter"
	! grep -E 'AddressSanitizer|runtime error:|LeakSanitizer' /run/exporter.log || fail "sanitizer"
}

# scrape [OPTION OF CURL...]
# shellcheck disable=SC2120
scrape() {
	curl -sS --max-time 20 "$@" http://127.0.0.1:9732/metrics
}

# metric NAME: the value of the exporter's own.
metric() {
	scrape | sed -n "s/^$1 //p"
}
