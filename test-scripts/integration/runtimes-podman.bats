#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the shipped lists do in Podman with its CNI backend, as root and as an ordinary user.
# run-tests: once

# Each test is a process of its own, with the variables of lib/inside.bash. What a container's shell shall
# expand is in single quotes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/runtimes

setup_file() {
	name_cgroup
}

teardown_file() {
	remove_cgroup
}

# The host. "reserve" as an argument: Podman keeps published ports for itself, as it does by default.
prepare_podman() {
	prepare_runtime
	make_image
	tar -C /run/image -cf /opt/image.tar .
	cat >/opt/containers.conf <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		runtime = "$(basename "$(type -P runc crun | head -n 1)")"
		cgroup_manager = "cgroupfs"
		events_logger = "none"
		enable_port_reservation = $([ "${1-}" = reserve ] && echo true || echo false)
		[network]
		network_backend = "cni"
		${2-}
	END
	cat >/opt/storage.conf <<-END
		[storage]
		driver = "vfs"
		runroot = "/run/containers/storage"
		graphroot = "/run/graph"
	END
	export CONTAINERS_CONF=/opt/containers.conf CONTAINERS_STORAGE_CONF=/opt/storage.conf
	cgroup=(--cgroup-parent "/$CGROUP")
	runtime podman import /opt/image.tar image
	is "$status" 0
}

# run OPTION... IMAGE COMMAND...
run_container() {
	works podman run "${cgroup[@]}" "$@"
}

# web NAME OPTION...: a container with a web server on port 80 that says its name.
web() {
	local name=$1

	shift
	run_container -d --name "$name" --stop-signal KILL "$@" image \
		sh -c "echo $name >/www/index.html; exec httpd -f -p 80 -h /www"
}

# What podman inspect says of the networks of a container.
networks() {
	podman inspect "$1" --format '{{json .NetworkSettings.Networks}}'
}

# udp_echo NAME PORT: a UDP service in the container's network; busybox has none.
udp_echo() {
	local pid

	pid=$(podman inspect "$1" --format '{{.State.Pid}}')
	${unshare-} nsenter --net="/proc/$pid/ns/net" socat "UDP4-RECVFROM:$2,fork" EXEC:cat \
		>/dev/null 2>&1 &
}

lists() {
	jq -r .name /etc/cni/net.d/*.conflist
}

@test "podman network ls and inspect show every shipped list" {
	in_host && return
	prepare_podman
	local names

	works podman network ls --format '{{.Name}} {{.Driver}}'
	is "$(sort <<<"$output" | grep -v '^podman ')" "$(jq -r '"\(.name) \(.plugins[0].type)"' \
		/etc/cni/net.d/*.conflist | sort)"
	mapfile -t names < <(lists)
	works podman network inspect "${names[@]}"
	expect '[.[] | select(.driver == "slirp4netns") | .name] | length == 4'
	expect '.[] | select(.driver == "bridge") | [.subnets[].subnet] == ["10.88.0.0/16", "fd00:88::/64"]'
}

@test "with every shipped list a container reaches the network and has its name server" {
	in_host && return
	prepare_podman
	local list

	for list in $(lists); do
		run_container --rm --network "$list" image sh -c \
			'ip -o addr show eth0 && nc 192.0.2.1 8000 && nslookup www.example'
		[[ $output == *" inet 10."* ]] || fail "$list: no address: $output"
		[[ $output == *"tcp from "* ]] || fail "$list: no network: $output"
		[[ $output == *203.0.113.7* ]] || fail "$list: names are not resolved: $output"
		no_trace_of_containers
	done
}

# published LIST: ports of both protocols, a range, and a port on one address alone.
published() {
	web web1 --network "$1" -p 8080:80 -p 9100:9100/udp -p 127.0.0.1:8100-8103:8100-8103
	serves http://127.0.0.1:8080 web1
	serves http://192.0.2.1:8080 web1
	udp_echo web1 9100
	echoes 9100
	works podman exec -d web1 httpd -p 8102 -h /www
	serves http://127.0.0.1:8102 web1
	refuses_connections http://192.0.2.1:8102
	# Another container, beside it; and one that wants the same port.
	web web2 --network "$1" -p 8081:80
	serves http://127.0.0.1:8081 web2
	refuses "host port tcp 8080 is taken by " \
		podman run "${cgroup[@]}" --name web3 --network "$1" -p 8082:80 -p 8080:80 image true
	works podman rm web3
	refuses_connections http://127.0.0.1:8082
	serves http://127.0.0.1:8080 web1
	works podman rm -f web1 web2
	refuses_connections http://127.0.0.1:8080
	no_trace_of_containers
}

@test "-p publishes TCP, UDP, ranges and on one address; a taken port is refused and leaves nothing" {
	in_host && return
	prepare_podman
	published slirp4netns-portmap
	published usernet
}

@test "the same with Podman's usual bridge and netns-portmap, and on the host's IPv6 address" {
	in_host && return
	prepare_podman reserve
	published bridge-portmap
	web web1 --network bridge-portmap -p 8080:80
	serves "http://[2001:db8::1]:8080" web1
	works podman rm -f web1
	no_trace_of_containers
}

@test "with Podman's reservation of ports, slirp4netns cannot have them: an error, and nothing is left" {
	in_host && return
	prepare_podman reserve
	refuses "listen tcp4 :8080: bind: address already in use" \
		podman run "${cgroup[@]}" --name web1 --network usernet -p 8080:80 image true
	works podman rm web1
	no_trace_of_containers
}

@test "--ip, --mac-address and interface_name are obeyed, podman inspect shows them" {
	in_host && return
	prepare_podman
	local list

	for list in slirp4netns-portmap usernet; do
		web web1 --network "$list" --ip 10.0.2.15 --mac-address 92:d0:c6:0a:29:35
		expect ".[\"$list\"] | .IPAddress == \"10.0.2.15\" and .IPPrefixLen == 24 and
			.Gateway == \"10.0.2.2\" and .MacAddress == \"92:d0:c6:0a:29:35\"" "$(networks web1)"
		works podman exec web1 ip addr show eth0
		[[ $output == *"link/ether 92:d0:c6:0a:29:35"*"inet 10.0.2.15/24"* ]] || fail "has: $output"
		works podman rm -f web1
	done
	run_container --rm --network usernet:ip=10.0.2.16,mac=92:d0:c6:0a:29:36,interface_name=net5 \
		image ip addr show net5
	[[ $output == *"link/ether 92:d0:c6:0a:29:36"*"inet 10.0.2.16/24"* ]] || fail "has: $output"
	web web1 --network bridge-portmap --ip 10.88.0.77
	expect '.["bridge-portmap"].IPAddress == "10.88.0.77"' "$(networks web1)"
	web web2 --network slirp4netns-all-keys
	expect '.["slirp4netns-all-keys"] | .IPAddress == "10.0.2.100" and
		(.GlobalIPv6Address | startswith("fd00:"))' "$(networks web2)"
	works podman rm -f web1 web2
	refuses 'the address 10.0.3.15 is not one for a host in the network 10.0.2.0/24' \
		podman run "${cgroup[@]}" --rm --network usernet --ip 10.0.3.15 image true
	no_trace_of_containers
}

@test "restart, stop and start, network reload: address and ports are there again, and gone between" {
	in_host && return
	prepare_podman
	local list address

	while read -r list address; do
		web web1 --network "$list" --ip "$address" -p 8080:80
		serves http://127.0.0.1:8080 web1
		works podman restart web1
		serves http://127.0.0.1:8080 web1
		works podman stop web1
		refuses_connections http://127.0.0.1:8080
		no_trace_of_containers
		works podman start web1
		serves http://127.0.0.1:8080 web1
		works podman network reload web1
		serves http://127.0.0.1:8080 web1
		expect ".[\"$list\"].IPAddress == \"$address\"" "$(networks web1)"
		works podman rm -f web1
		no_trace_of_containers
	done <<-END
		usernet 10.0.2.15
		bridge-portmap 10.88.0.15
	END
}

@test "a killed slirp4netns is replaced by podman network reload" {
	in_host && return
	prepare_podman
	web web1 --network usernet -p 8080:80
	kill -KILL "$(daemons)"
	wait_until no_daemon
	refuses_connections http://127.0.0.1:8080
	works podman network reload web1
	serves http://127.0.0.1:8080 web1
	works podman rm -f web1
	no_trace_of_containers
}

@test "network connect and disconnect: each network comes and goes by itself" {
	in_host && return
	prepare_podman
	web web1 --network usernet -p 8080:80
	works podman network connect slirp web1
	works podman exec web1 ip -o addr show eth1
	[[ $output == *"inet 10.0.2.100/24"* ]] || fail "has: $output"
	is "$(daemons | wc -l)" 2
	works podman network disconnect usernet web1
	is "$(daemons | wc -l)" 1
	refuses_connections http://127.0.0.1:8080
	works podman exec web1 nc 192.0.2.1 8000
	works podman network disconnect slirp web1
	no_daemon
	works podman network connect usernet web1
	serves http://127.0.0.1:8080 web1
	works podman rm -f web1
	no_trace_of_containers
}

@test "in two networks a port is published once; network reload gives it to the one that is left" {
	in_host && return
	prepare_podman
	local first second

	jq '.name = "bridge2" | .plugins[0].bridge = "cni2" |
		.plugins[0].ipam.ranges = [[{"subnet": "10.89.0.0/16"}]]' \
		/etc/cni/net.d/30-bridge-portmap.conflist >/etc/cni/net.d/31-bridge2.conflist
	while read -r first second; do
		web web1 --network "$first" --network "$second" -p 8080:80
		serves http://127.0.0.1:8080 web1
		works podman network disconnect "$first" web1
		works podman network reload web1
		serves http://127.0.0.1:8080 web1
		works podman rm -f web1
		no_trace_of_containers
	done <<-END
		usernet slirp4netns-portmap
		bridge-portmap bridge2
	END
}

@test "conmon and the container killed: podman rm -f leaves nothing" {
	in_host && return
	prepare_podman
	web web1 --network usernet -p 8080:80
	web web2 --network bridge-portmap -p 8081:80
	podman inspect web1 web2 --format '{{.State.ConmonPid}} {{.State.Pid}}' | xargs kill -KILL
	wait_until is_quiet 'httpd|conmon'
	runtime podman rm -f web1 web2
	is "$status" 0
	is "$(podman ps -aq)" ""
	no_trace_of_containers
}

@test "as Podman's default network the list serves containers that name none; netns-stats shows them" {
	in_host && return
	prepare_podman "" 'default_network = "usernet"'
	web web1 -p 8080:80
	serves http://127.0.0.1:8080 web1
	works /opt/cni/bin/netns-stats show --format json
	expect '.[0].pod == "web1" and .[0].attachments[0].network == "usernet"'
	web web2 --network slirp4netns-portmap
	works /opt/cni/bin/netns-stats show --format json
	expect '[.[] | select(.pod == "web2") | .attachments[0].source] == ["libcni"]'
	# Alive for cnirun, too.
	works /opt/cni/bin/cnirun gc slirp4netns-portmap
	works podman exec web2 nc 192.0.2.1 8000
	works podman rm -f web1 web2
	no_trace_of_containers
}

@test "an ordinary user: network, address, ports, restart, reload, a taken port; nothing is left" {
	in_host && return
	prepare_podman reserve
	prepare_user
	give_subordinate_ids 1000:100000:65536
	# Podman hides /run, but for the user's own directory, from what it starts for a user's network.
	install -d -o 1000 -g 1000 /opt/home
	install -D -t /opt/home/.config/cni/net.d /etc/cni/net.d/*
	chown -R 1000:1000 /opt/home
	mount -t tmpfs tmpfs /etc/cni
	flow() {
		export HOME=/opt/home
		cd
		unset CONTAINERS_STORAGE_CONF
		cgroup=()
		limit=60 runtime podman import /opt/image.tar image
		is "$status" 0
		unshare='podman unshare'
		run_container --rm --network usernet image sh -c 'nc 192.0.2.1 8000 && nslookup www.example'
		[[ $output == *"tcp from 192.0.2.1"*203.0.113.7* ]] || fail "no network: $output"
		web web1 --network usernet --ip 10.0.2.15 -p 8080:80 -p 9100:9100/udp
		serves http://127.0.0.1:8080 web1
		serves http://192.0.2.1:8080 web1
		udp_echo web1 9100
		echoes 9100
		expect '.usernet.IPAddress == "10.0.2.15"' "$(networks web1)"
		works podman restart web1
		serves http://127.0.0.1:8080 web1
		works podman network reload web1
		serves http://127.0.0.1:8080 web1
		refuses "host port tcp 8080 is taken by " \
			podman run --name web2 --network usernet -p 8080:80 image true
		works podman rm web2
		web web2 --network slirp4netns-portmap -p 8081:80
		serves http://127.0.0.1:8081 web2
		works podman rm -f web1 web2
		no_trace_of_containers
	}
	as_user flow
}
