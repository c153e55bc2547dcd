#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# netns-stats serve: what Prometheus gets of containers that come and go.

# shellcheck disable=SC2154 # $words is set by exits
load ../lib/host
load ../lib/stats

# fleet COUNT: namespaces n0, n1, ... with eth0 each, by few processes.
fleet() {
	seq 0 $(($1 - 1)) | sed 's/.*/netns add n&/' >/run/batch
	seq 0 $(($1 - 1)) | sed 's/.*/link add h& type veth peer name eth0 netns n&/' >>/run/batch
	ip -batch /run/batch
}

inside_sanitizer() {
	[[ $(ldd "$BIN/netns-stats") == *libasan* ]]
}

@test "both formats: promtool accepts the one, the other is OpenMetrics to its end" {
	in_host && return
	prepare_stats
	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	serve
	scrape -D /run/head >/run/text
	promtool check metrics </run/text
	grep -qi '^content-type: text/plain; version=0.0.4' /run/head
	scrape -D /run/head -H 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5' >/run/open
	grep -qi '^content-type: application/openmetrics-text; version=1.0.0' /run/head
	is "$(tail -n 1 /run/open)" "# EOF"
	grep -q '^# TYPE container_network_receive_bytes counter$' /run/open
	is "$(grep -c '^container_network_receive_bytes_total{' /run/open)" 1
	form() {
		curl -s -o /dev/null -w '%{http_code} %{content_type}' "${@/#/-HAccept: }" http://127.0.0.1:9732/metrics
	}
	[[ $(form 'application/openmetrics-text;q=0') == "200 text/plain;"* ]]
	[[ $(form 'text/plain;q=0.4' 'application/openmetrics-text;q=0.5') == "200 application/openmetrics-text;"* ]]
	[[ $(form '*/*;q=0') == "406 "* ]]
	is "$(metric netns_stats_containers)" 1
	[[ $(metric netns_stats_scrape_duration_seconds) == 0.0* ]]
	is "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9732/)" 200
	is "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9732/none)" 404
	is "$(curl -s -o /dev/null -w '%{http_code}' -d x=y http://127.0.0.1:9732/metrics)" 405
	is "$(curl -s -o /dev/null -w '%{http_code}' -I http://127.0.0.1:9732/metrics)" 200
	end_exporter
}

@test "a real Prometheus scrapes it with the shipped configuration and answers a query" {
	in_host && return
	prepare_stats
	local config=$CONF/netns-stats-prometheus.yml

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	stats_cni ADD a /run/netns/a >/dev/null
	send_udp a 10.9.0.1 50 1000
	serve
	promtool check config "$config"
	sed 's/scrape_interval: .*/scrape_interval: 1s/; s/scrape_timeout: .*/scrape_timeout: 1s/' \
		"$config" >/run/prometheus.yml
	prometheus --config.file=/run/prometheus.yml --storage.tsdb.path=/run/tsdb \
		--web.listen-address=127.0.0.1:9090 --log.level=warn >/run/prometheus.log 2>&1 &
	answered() {
		curl -sf --max-time 2 --get http://127.0.0.1:9090/api/v1/query --data-urlencode \
			'query=container_network_transmit_bytes_total{id="a",interface="eth0",network="net"}' >/run/answer &&
			jq -e '.data.result | length == 1' /run/answer >/dev/null
	}
	wait_until answered
	expect '.data.result[0].value[1] | tonumber | . > 50000 and . < 60000' "$(</run/answer)"
	expect '.data.activeTargets[0] | .health == "up" and .lastError == ""' \
		"$(curl -sf http://127.0.0.1:9090/api/v1/targets)"
	refused grep -iE 'duplicate|out of order|append failed' /run/prometheus.log
	end_exporter
}

@test "containers that come and go are noticed at once, from both sources" {
	in_host && return
	prepare_stats
	serve
	veth_container a
	is "$(metric netns_stats_containers)" 0
	stats_cni ADD a /run/netns/a >/dev/null
	is "$(metric netns_stats_containers)" 1
	network=other stats_cni ADD b /run/netns/a >/dev/null
	is "$(metric netns_stats_containers)" 2
	# The cache's directory is not there yet.
	mkdir -p /var/lib/cni/results
	jq -nc '{kind: "cniCacheV1", containerId: "c", ifName: "eth0", networkName: "net", netns: "/run/netns/a"}' \
		>/var/lib/cni/results/net-c-eth0
	is "$(metric netns_stats_containers)" 3
	rm /var/lib/cni/results/net-c-eth0
	is "$(metric netns_stats_containers)" 2
	rm -r /var/lib/cni
	stats_cni DEL a /run/netns/a
	is "$(metric netns_stats_containers)" 1
	rm -r "$STATE"
	is "$(metric netns_stats_containers)" 0
	stats_cni ADD a /run/netns/a >/dev/null
	is "$(metric netns_stats_containers)" 1
	end_exporter
}

@test "counters go on over a restart, and the last ones are in the account of a namespace that is gone" {
	in_host && return
	prepare_stats
	local before after bytes='^container_network_transmit_bytes_total{interface="eth0",.*} '

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev a-host
	stats_cni ADD a /run/netns/a >/dev/null
	send_udp a 10.9.0.1 20 1000
	serve
	before=$(scrape | sed -n "s/$bytes//p")
	end_exporter
	serve
	after=$(scrape | sed -n "s/$bytes//p")
	[ "$before" -ge 20000 ] && [ "$after" -ge "$before" ]
	send_udp a 10.9.0.1 20 1000
	end_exporter
	ip netns del a
	stats_cni DEL a "" '"accountFile":"/run/accounts"'
	expect '.complete == false and .interfaces[0].stats64.tx.bytes >= 40000' "$(</run/accounts)"
}

@test "a namespace that cannot be read is counted, and the others are served" {
	in_host && return
	prepare_stats
	veth_container a
	veth_container b
	stats_cni ADD a /run/netns/a >/dev/null
	stats_cni ADD b /run/netns/b >/dev/null
	serve
	ip netns del a
	scrape >/run/text
	grep -q '^netns_stats_containers_unreadable 1$' /run/text
	grep -q '^netns_stats_scrape_errors_total 1$' /run/text
	grep -q '^container_network_receive_bytes_total{.*id="b"' /run/text
	refused grep -q 'id="a"' /run/text
	grep -q 'a: no network namespace' /run/exporter.log
	end_exporter
}

@test "a scrape ends in time, whatever is left" {
	in_host && return
	prepare_stats
	local errors

	fleet 300
	mkdir -p "$STATE/netns-stats/net"
	for i in {0..299}; do
		echo "{\"containerId\":\"c$i\",\"network\":\"net\",\"ifName\":\"eth0\",\"netns\":\"/run/netns/n$i\",\"begin\":{\"time\":\"\",\"interfaces\":[]}}" \
			>"$STATE/netns-stats/net/c$i@eth0.json"
	done
	serve --limit 0.01
	# Stopped while it reads: the limit has passed when it goes on.
	scrape >/run/text &
	for _ in {1..20}; do
		kill -STOP "$exporter"
		sleep 0.02
		kill -CONT "$exporter"
	done
	wait $!
	errors=$(sed -n 's/^netns_stats_containers_unreadable //p' /run/text)
	is "$(grep -c '^container_network_receive_bytes_total' /run/text)" $((300 - errors))
	end_exporter
}

@test "what root of a container makes ends at a number of series, and takes no place of what is attached" {
	in_host && return
	prepare_stats
	veth_container a
	veth_container b
	stats_cni ADD b /run/netns/b >/dev/null
	seq 300 | sed 's/.*/link add x& link eth0 type macvlan/' >/run/batch
	ip -n a -batch /run/batch
	# The network's comes after them.
	ip link add late-host type veth peer name eth9 netns a
	stats_cni ADD a /run/netns/a >/dev/null
	ifname=eth9 stats_cni ADD a /run/netns/a >/dev/null
	# A pod's name without end.
	mkdir -p /var/lib/cni/results
	jq -nc '{kind: "cniCacheV1", containerId: "c", ifName: "eth0", networkName: "net", netns: "/run/netns/b",
		cniArgs: [["K8S_POD_NAME", "x" * 100000], ["K8S_POD_NAMESPACE", "prod"]]}' >/var/lib/cni/results/net-c-eth0
	serve
	scrape >/run/text
	promtool check metrics </run/text
	is "$(grep -c '^container_network_receive_bytes_total{.*id="a"' /run/text)" 258
	grep -q '^container_network_receive_bytes_total{interface="eth0",.*id="a"' /run/text
	grep -q '^container_network_receive_bytes_total{interface="eth9",.*id="a"' /run/text
	grep -q '^container_network_receive_bytes_total{interface="eth0",namespace="prod",pod="",id="c"' /run/text
	is "$(sed -n 's/^netns_stats_containers_cut //p' /run/text)" 1
	# The command line gets all.
	is "$(stats show a -f prometheus | grep -c '^container_network_receive_bytes_total')" 302
	seq 301 1100 | sed 's/.*/link add x& link eth0 type macvlan/' >/run/batch
	ip -n a -batch /run/batch
	is "$(metric netns_stats_containers_cut)" 1
	is "$(stats show a -f json | jq '.[0].links | length')" 1102
	end_exporter
}

@test "what happened while the kernel's queue of events overflowed is not missed" {
	in_host && return
	prepare_stats
	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	serve
	is "$(metric netns_stats_containers)" 1
	kill -STOP "$exporter"
	python3 - "$STATE/netns-stats/net" "$(</proc/sys/fs/inotify/max_queued_events)" <<-'EOF'
		import os, sys
		os.chdir(sys.argv[1])
		for i in range(int(sys.argv[2]) // 2 + 100):
		    os.close(os.open("x%d" % (i % 2), os.O_CREAT | os.O_WRONLY))
		    os.unlink("x%d" % (i % 2))
	EOF
	stats_cni ADD b /run/netns/a >/dev/null
	kill -CONT "$exporter"
	is "$(metric netns_stats_containers)" 2
	end_exporter
}

@test "500 containers that come and go leave no descriptor, no memory and no namespace behind" {
	in_host && return
	prepare_stats
	local i round before after fds

	serve
	for round in 1 2 3 4 5; do
		fleet 100
		for ((i = 0; i < 100; i++)); do
			stats_cni ADD "c$i" "/run/netns/n$i" >/dev/null
			[ $((i % 20)) != 0 ] || scrape >/dev/null
		done
		is "$(metric netns_stats_containers)" 100
		# The namespaces go while the exporter knows of them: their ends of the veths go with them.
		seq 0 99 | sed 's/.*/netns del n&/' >/run/batch
		ip -batch /run/batch
		gone() {
			scrape >/dev/null
			is "$(ip -j link show type veth | jq length)" 0
		}
		for ((i = 0; i < 100; i++)); do
			[ "$(ip -j link show type veth | jq length)" != 0 ] || break
			scrape >/dev/null
			sleep 0.05
		done
		gone
		for ((i = 0; i < 100; i++)); do
			stats_cni DEL "c$i" ""
		done
		is "$(metric netns_stats_containers)" 0
		fds=$(find "/proc/$exporter/fd" -lname 'net:*' | wc -l)
		is "$fds" 0
		after="$(find "/proc/$exporter/fd" | wc -l) descriptors"
		[ $round != 2 ] || rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$exporter/status")
		is "$after" "${before:-$after}"
		before=$after
	done
	is "$(sed -n 's/^Threads:[^0-9]*//p' "/proc/$exporter/status")" 1
	inside_sanitizer ||
		[ "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$exporter/status")" -le $((rss + 256)) ]
	end_exporter
}

@test "an unprivileged exporter serves its user's containers" {
	in_host && return
	prepare_stats
	local pid

	prepare_user
	cp "$BIN/netns-stats" /run/netns-stats
	chmod 755 /run/netns-stats
	# shellcheck disable=SC2016
	unprivileged unshare --user --map-root-user --net sh -c \
		'ip link add eth0 type veth peer name p0 && echo $$ >/run/user/1000/pid && exec sleep 100' &
	wait_until test -s /run/user/1000/pid
	pid=$(</run/user/1000/pid)
	unprivileged env CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 "CNI_NETNS=/proc/$pid/ns/net" CNI_PATH=/ \
		/run/netns-stats <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"netns-stats\",
			\"prevResult\":$(prev "/proc/$pid/ns/net")}" >/dev/null
	unprivileged /run/netns-stats serve --listen 127.0.0.1:9732 2>/run/exporter.log &
	wait_until grep -q serving /run/exporter.log
	scrape >/run/text
	promtool check metrics </run/text
	grep -q '^container_network_receive_bytes_total{interface="eth0",.*id="c1",network="net"}' /run/text
	is "$(metric netns_stats_containers_unreadable)" 0
}
