#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the shipped lists do in containerd, called by ctr run --cni.
#
# ctr takes the list whose file sorts first in /etc/cni/net.d. It calls DEL when a container that it has run
# in the foreground ends, and never for one that it has detached from; what is left then is for cnirun gc.
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

# prepare_containerd LIST: the host, with this list of conf/ alone.
prepare_containerd() {
	prepare_runtime
	use "$1"
	make_image
	make_oci_archive
	cat >/run/t/containerd.toml <<-END
		version = 2
		root = "/run/t/containerd/root"
		state = "/run/t/containerd/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		address = "/run/containerd/containerd.sock"
	END
	containerd --config /run/t/containerd.toml --log-level warn >/run/t/containerd.log 2>&1 &
	wait_until containerd_answers
	works ctr image import --snapshotter native /run/image.tar
}

containerd_answers() {
	ctr --connect-timeout 1s version >/dev/null 2>&1
}

use() {
	rm -f /etc/cni/net.d/*
	cp "$CONF/$1" /etc/cni/net.d/
}

# store FILE: into the archive's blobs; its descriptor's digest and size, as members of JSON.
store() {
	local digest size

	digest=$(sha256sum "$1" | cut -d ' ' -f 1)
	size=$(stat -c %s "$1")
	mv "$1" "/run/oci/blobs/sha256/$digest"
	echo "\"digest\":\"sha256:$digest\",\"size\":$size"
}

# /run/image.tar: the image as an OCI archive with one layer, called localhost/image:latest.
make_oci_archive() {
	local layer config manifest kind=application/vnd.oci.image

	mkdir -p /run/oci/blobs/sha256
	tar -C /run/image -cf /run/t/layer .
	layer=$(store /run/t/layer)
	jq -n --argjson layer "{$layer}" '{architecture: "'"$(dpkg --print-architecture)"'", os: "linux",
		config: {Env: ["PATH=/bin"]}, rootfs: {type: "layers", diff_ids: [$layer.digest]}}' >/run/t/config
	config=$(store /run/t/config)
	echo "{\"schemaVersion\":2,\"mediaType\":\"$kind.manifest.v1+json\",
		\"config\":{\"mediaType\":\"$kind.config.v1+json\",$config},
		\"layers\":[{\"mediaType\":\"$kind.layer.v1.tar\",$layer}]}" >/run/t/manifest
	manifest=$(store /run/t/manifest)
	echo "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"$kind.manifest.v1+json\",$manifest,
		\"annotations\":{\"io.containerd.image.name\":\"localhost/image:latest\"}}]}" >/run/oci/index.json
	echo '{"imageLayoutVersion":"1.0.0"}' >/run/oci/oci-layout
	tar -C /run/oci -cf /run/image.tar .
}

# run_container [OPTION...] NAME COMMAND...: options end with the name.
run_container() {
	local options=()

	while [[ $1 == -* ]]; do
		options+=("$1")
		shift
	done
	runtime ctr run --cni --snapshotter native --cgroup "/$CGROUP/$1" "${options[@]}" \
		localhost/image:latest "$@"
}

runs_container() {
	run_container "$@"
	[ "$status" = 0 ] || fail "ctr run $* exited with $status: $words"
}

in_task() {
	execs=$((${execs-0} + 1))
	works ctr task exec --exec-id "exec$execs" "$@"
}

# end NAME: its container, by force.
end() {
	runtime ctr task rm -f "$1"
	works ctr container rm "$1"
}

@test "with every shipped list a container reaches the network; at its end DEL is called, nothing is left" {
	in_host && return
	prepare_containerd 40-all.conflist
	local list

	for list in "$CONF"/*.conflist; do
		use "${list##*/}"
		runs_container --rm c1 sh -c 'ip -o addr show eth0 && nc 192.0.2.1 8000'
		[[ $output == *" inet 10."*"tcp from "* ]] || fail "$list: no network: $output"
		no_trace_of_containers
		run_container --rm c1 sh -c 'exit 7'
		is "$status" 7
		no_trace_of_containers
	done
	is "$(ctr container ls -q)" ""
}

@test "two containers at once; the end of a task in the foreground takes its network alone" {
	in_host && return
	prepare_containerd 40-all.conflist
	local fronted

	timeout 60 ctr run --cni --rm --snapshotter native --cgroup "/$CGROUP/c1" localhost/image:latest c1 \
		sleep 100 </dev/null >/dev/null 2>&1 &
	fronted=$!
	runs_container -d c2 httpd -f -h /www
	wait_until eval '[ "$(daemons | wc -l)" = 2 ]'
	in_task c1 nc 192.0.2.1 8000
	works /opt/cni/bin/netns-stats show --format json
	expect '[.[].containerId] | sort == ["default-c1", "default-c2"]'
	works ctr task kill -s KILL c1
	wait "$fronted" || true
	is "$(daemons | wc -l)" 1
	is "$(ls /var/lib/cni/results)" usernet-default-c2-eth0
	is "$(left_files "$STATE" | grep c1@ || true)" ""
	in_task c2 nc 192.0.2.1 8000
	is "$output" "tcp from 192.0.2.1"
}

@test "detached: the daemon ends with the container, cnirun gc removes the rest, and keeps what is alive" {
	needs_linux 6.9
	in_host && return
	prepare_containerd 40-all.conflist
	runs_container -d c1 sleep 100
	runs_container -d c2 sleep 100
	in_task c1 nc 192.0.2.1 8000
	end c1
	wait_until eval '[ "$(daemons | wc -l)" = 1 ]'
	is "$(cd /var/lib/cni/results && echo *)" "usernet-default-c1-eth0 usernet-default-c2-eth0"
	works /opt/cni/bin/cnirun gc usernet
	is "$(ls /var/lib/cni/results)" usernet-default-c2-eth0
	in_task c2 nc 192.0.2.1 8000
	end c2
	works /opt/cni/bin/cnirun gc usernet
	no_trace_of_containers
	# The same with a bridge, whose addresses would run out otherwise.
	use 30-bridge-portmap.conflist
	runs_container -d c1 sleep 100
	end c1
	works /opt/cni/bin/cnirun gc bridge-portmap
	no_trace_of_containers
}

@test "ctr killed: the container keeps its network; then its name can be used again" {
	in_host && return
	prepare_containerd 40-all.conflist
	local fronted

	ctr run --cni --snapshotter native --cgroup "/$CGROUP/c1" localhost/image:latest c1 \
		sleep 100 </dev/null >/dev/null 2>&1 &
	fronted=$!
	wait_until eval '[ -n "$(daemons)" ]'
	wait_until test -e /var/lib/cni/results/usernet-default-c1-eth0
	kill -KILL "$fronted"
	in_task c1 nc 192.0.2.1 8000
	end c1
	runs_container --rm c1 nc 192.0.2.1 8000
	is "$output" "tcp from 192.0.2.1"
	no_trace_of_containers
}

@test "a network that cannot be made: the plugin's sentence reaches the user, and nothing is left" {
	in_host && return
	prepare_containerd 40-all.conflist
	jq '.plugins[0].slirp4netnsPath = "/nowhere/slirp4netns"' "$CONF/40-all.conflist" \
		>/etc/cni/net.d/40-all.conflist
	run_container --rm c1 nc 192.0.2.1 8000
	is "$status" 1
	[[ $words == *"/nowhere/slirp4netns"* ]] || fail "said: $words"
	no_trace_of_containers
}
