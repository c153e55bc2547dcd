#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run-tests: once
# run-tests: image
#
# The image and the manifests as they are shipped: the container of the DaemonSet runs in Podman with the
# rights and mounts of its manifest, on a host that is its node, and what it has installed is then called as
# CRI-O calls it. And kill -9, everywhere.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/install

REPOSITORY=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
KUBERNETES=$REPOSITORY/conf/kubernetes
MANIFEST=$BATS_TEST_DIRNAME/../lib/kubernetes-manifest.py
STATIC=$REPOSITORY/build/static/bin
export REPOSITORY KUBERNETES MANIFEST STATIC

# For tests that need no host; inside.bash has its own.
is() {
	[ "$1" = "$2" ] || {
		echo "is '$1', expected '$2'" >&2
		return 1
	}
}

# Control groups are the one thing of the machine's that a runtime must write to.
setup_file() {
	export CGROUP=usernet-cni-test-$$
	BUILT=$("$KUBERNETES/build-image" "$STATIC" "$BATS_FILE_TMPDIR")
	export BUILT
}

teardown_file() {
	local i

	for ((i = 0; i < 50; i++)); do
		find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + 2>/dev/null || true
		[ -n "$(find /sys/fs/cgroup -maxdepth 3 -type d -name "$CGROUP*")" ] || return 0
		sleep 0.1
	done
}

# The host becomes the node: empty /opt/cni and /etc/cni.
become_node() {
	local dir

	for dir in /opt /etc/cni /dev/shm /var/lib/cni /var/lib/containers; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=755 tmpfs "$dir"
	done
	CNIBIN=/opt/cni/bin CNINET=/etc/cni/net.d
}

# What the container would, without a container.
install_on_node() {
	become_node
	mkdir -p "$CNIBIN" "$CNINET" /run/t/from/bin /run/t/from/net.d
	cp "$STATIC"/{slirp4netns,netns-portmap,netns-stats,cnirun} /run/t/from/bin
	cp "$REPOSITORY/conf/40-all.conflist" /run/t/from/net.d/99-usernet.conflist
	"$STATIC/usernet-cni-install" --once --host '' --from /run/t/from 2>/run/t/words
}

# Podman, with a storage of its own, and the image in it.
prepare_podman() {
	become_node
	mkdir -p /run/t/home
	export HOME=/run/t/home
	cat >/run/t/containers.conf <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "none"
	END
	cat >/run/t/storage.conf <<-END
		[storage]
		driver = "vfs"
		runroot = "/run/containers/storage"
		graphroot = "/run/graph"
	END
	echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/run/t/policy.json
	export CONTAINERS_CONF=/run/t/containers.conf CONTAINERS_STORAGE_CONF=/run/t/storage.conf
	podman load --quiet --signature-policy /run/t/policy.json --input "$BUILT" >/dev/null
}

# build [VARIABLE=VALUE...]: the image, into $archive.
build() {
	rm -rf /run/t/built
	archive=$(env "$@" "$KUBERNETES/build-image" "$STATIC" /run/t/built)
}

# node_options: what the manifest gives the container, in $options; the image last.
node_options() {
	mapfile -t options < <("$MANIFEST" podman "$KUBERNETES/usernet-cni.yaml" \
		"$("$MANIFEST" get "$KUBERNETES/usernet-cni.yaml" DaemonSet spec.template.spec.containers.0.image |
			jq -r .)" '')
	[ "${#options[@]}" -gt 8 ] || fail "no options: ${options[*]}"
}

# pod NAME [OPTION...]: the DaemonSet's, in the background.
pod() {
	local name=$1

	shift
	node_options
	podman run --detach --pull never --cgroup-parent "/$CGROUP" --name "$name" "${options[@]::${#options[@]}-1}" \
		"$@" "${options[-1]}" >/dev/null
}

logs_say() {
	podman logs "$1" 2>&1 | grep -q "$2"
}

# The manifest's readiness probe.
is_ready() {
	mapfile -t probe < <("$MANIFEST" get "$KUBERNETES/usernet-cni.yaml" DaemonSet \
		spec.template.spec.containers.0.readinessProbe.exec.command | jq -r '.[]')
	podman exec "$1" "${probe[@]}"
}

ends_with_status() {
	is "$(timeout 20 podman wait "$1")" "$2"
}

# Podman's CNI backend puts a lock of its own there.
on_node() {
	find "$CNIBIN" "$CNINET" -mindepth 1 ! -name cni.lock ! -path '*/.usernet-cni/*' -printf '%f\n' | sort | xargs
}

@test "the manifests have only keys and values that Kubernetes knows, and nothing refers to nothing" {
	yamllint -d '{extends: default, rules: {line-length: {max: 120}, document-start: disable}}' "$KUBERNETES"/*.yaml
	"$MANIFEST" check "$KUBERNETES"/*.yaml
	# The check itself can fail.
	for wrong in s/maxSurge/maxSurgee/ 's/periodSeconds: 30/periodSeconds: soon/' 's/runAsUser: 0/runAsUser: "0"/' \
		'0,/name: cni-bin/s//name: cni-bim/' 's/serviceAccountName: .*/serviceAccountName: other/' \
		's/terminationMessagePolicy/terminationPolicy/' 's/^  template:/  templates:/' 's/kind: ServiceAccount/kind: Secret/' \
		's/automountServiceAccountToken: false/automountServiceAccountToken: "no"/'; do
		number=$((${number-0} + 1))
		sed "$wrong" "$KUBERNETES/usernet-cni.yaml" >"$BATS_TEST_TMPDIR/wrong$number.yaml"
	done
	run "$MANIFEST" check "$BATS_TEST_TMPDIR"/wrong*.yaml
	is "$status" 1
	is "$(grep -oE 'wrong[0-9]+.yaml:' <<<"$output" | sort -u | wc -l)" "$number"
}

@test "the manifest asks for no more than it needs: no capability, no token, limits, a read-only root" {
	pod=$("$MANIFEST" get "$KUBERNETES/usernet-cni.yaml" DaemonSet spec.template.spec)
	jq -e '.automountServiceAccountToken == false and .securityContext.seccompProfile.type == "RuntimeDefault" and
		(.hostPID // .hostIPC // false) == false and (.containers | length) == 1' <<<"$pod"
	jq -e '.containers[0] | .securityContext.capabilities == {"drop": ["ALL"]} and
		.securityContext.readOnlyRootFilesystem and .securityContext.allowPrivilegeEscalation == false and
		.securityContext.privileged == false and .resources.limits.memory and .resources.limits.cpu and
		.resources.requests.memory and .resources.requests.cpu' <<<"$pod"
	# Two directories of the node can be written to.
	is "$(jq -r '.containers[0].volumeMounts[] | select(.readOnly != true) | .mountPath' <<<"$pod" | xargs)" \
		"/host/opt/cni/bin /host/etc/cni/net.d"
}


@test "the ConfigMap's list is the shipped one, and the image's version is this one" {
	list=$("$MANIFEST" config "$KUBERNETES/usernet-cni.yaml" 99-usernet.conflist)
	is "$(jq -S . <<<"$list")" "$(jq -S . "$REPOSITORY/conf/40-all.conflist")"
	version=$("$STATIC/usernet-cni-install" --version)
	is "$("$MANIFEST" get "$KUBERNETES/usernet-cni.yaml" DaemonSet spec.template.spec.containers.0.image | jq -r .)" \
		"localhost/usernet-cni:${version##* }"
}

@test "the image is built without a network, twice the same, of static executables and a list" {
	in_host && return
	is "$(ip -o route get 203.0.113.9 2>&1 | grep -c via || true)" 0
	build SOURCE_DATE_EPOCH=1700000000
	sum=$(sha256sum <"$archive")
	build SOURCE_DATE_EPOCH=1700000000
	is "$(sha256sum <"$archive")" "$sum"
	mkdir /run/t/oci /run/t/root
	tar -C /run/t/oci -xf "$archive"
	manifest=$(jq -r '.manifests[0].digest' /run/t/oci/index.json)
	blob() { cat "/run/t/oci/blobs/sha256/${1#sha256:}"; }
	for layer in $(blob "$manifest" | jq -r '.layers[].digest'); do blob "$layer" | tar -C /run/t/root -xzf -; done
	is "$(cd /run/t/root && find . -type f -printf '%P %m %u\n' | sort)" "LICENSE 644 root
cni/bin/cnirun 755 root
cni/bin/netns-portmap 755 root
cni/bin/netns-stats 755 root
cni/bin/slirp4netns 755 root
cni/net.d/99-usernet.conflist 644 root
usernet-cni-install 755 root"
	for file in /run/t/root/usernet-cni-install /run/t/root/cni/bin/*; do
		refused grep -qw INTERP <<<"$(readelf -lW "$file")"
	done
	config=$(blob "$(blob "$manifest" | jq -r .config.digest)")
	expect '.config.Entrypoint == ["/usernet-cni-install"] and (.config.Cmd | not) and .os == "linux" and
		.created == "2023-11-14T22:13:20Z"' "$config"
	# What is not static is not put in.
	mkdir /run/t/dynamic
	cp "$STATIC"/* /run/t/dynamic/
	cp "$(type -P true)" /run/t/dynamic/cnirun
	refused "$KUBERNETES/build-image" /run/t/dynamic /run/t/built 2>/run/t/words
	[[ $(cat /run/t/words) == *"cnirun is not static; build it by 'make static'"* ]] || fail "$(cat /run/t/words)"
}

@test "the DaemonSet's container installs, is ready, and ends by SIGTERM with all in place; absent removes it" {
	in_host && return
	prepare_podman
	pod one
	wait_until logs_say one "is in place"
	is_ready one
	is "$(on_node)" ".usernet-cni .usernet-cni 99-usernet.conflist cnirun netns-portmap netns-stats slirp4netns"
	for name in slirp4netns netns-portmap netns-stats cnirun; do cmp "$CNIBIN/$name" "$STATIC/$name"; done
	# What it is allowed, it has been given by the manifest.
	pid=$(podman inspect one --format '{{.State.Pid}}')
	is "$(sed -n 's/^Cap...:\t//p; s/^NoNewPrivs:\t//p; s/^Seccomp:\t//p' "/proc/$pid/status" | sort -u | xargs)" \
		"0000000000000000 1 2"
	# Not ready while something is amiss (the list of somebody else's, in its place).
	mv "$CNINET/99-usernet.conflist" /run/t/kept
	echo '{}' >"$CNINET/99-usernet.conflist"
	refused is_ready one 2>/dev/null
	ends_with_status one 1
	logs_say one "/etc/cni/net.d/99-usernet.conflist is there, and not from this installer"
	rm "$CNINET/99-usernet.conflist"
	# An upgrade: the old pod ends, nothing goes, the new one comes.
	podman start one >/dev/null
	wait_until is_ready one
	podman stop --time 10 one >/dev/null
	is "$(podman inspect one --format '{{.State.ExitCode}}')" 0
	[ -e "$CNINET/99-usernet.conflist" ]
	echo "older" >"$CNIBIN/netns-stats"
	pod two
	wait_until is_ready two
	cmp "$CNIBIN/netns-stats" "$STATIC/netns-stats"
	podman stop --time 10 two >/dev/null
	# Removal, refused while a container has a network.
	install -D /dev/null /run/usernet-cni/slirp4netns/net/abc@eth0.json
	pod refused --env=USERNET_CNI=absent
	ends_with_status refused 1
	logs_say refused "drain the node first"
	[ -x "$CNIBIN/slirp4netns" ]
	rm /run/usernet-cni/slirp4netns/net/abc@eth0.json
	pod absent --env=USERNET_CNI=absent
	wait_until is_ready absent
	podman kill --signal TERM absent >/dev/null
	ends_with_status absent 0
	is "$(on_node)" ""
}

# As CRI-O does: the list of its network from its directory, its version the highest, runtimeConfig for capabilities,
# Kubernetes's CNI_ARGS, a namespace in /var/run/netns with the name of a UUID.
# crio OPERATION: prints the (last) result. $netns may be empty. The rest is as CRI-O's ocicni has it.
crio() {
	local operation=$1 n prev=${result-null} order number type path answer conf attachment=()

	n=$(jq '.plugins | length' "$list")
	order=$(seq 0 $((n - 1)))
	[[ $operation =~ GC|STATUS ]] ||
		attachment=(CNI_CONTAINERID="$id" CNI_NETNS="$netns" CNI_IFNAME=eth0)
	[ "$operation" != DEL ] || order=$(seq $((n - 1)) -1 0)
	for number in $order; do
		conf=$(jq -c --argjson number "$number" --argjson prev "$prev" --argjson valid "${valid-null}" \
			--arg operation "$operation" --argjson args "$capabilities" '. as $list | .plugins[$number] |
			(.capabilities // {}) as $can | del(.capabilities) |
			.name = $list.name | .cniVersion = ($list.cniVersions | max) |
			($args | with_entries(select($can[.key]))) as $runtime |
			if ["GC", "STATUS"] | index($operation) then . else
				if $runtime != {} then .runtimeConfig = $runtime else . end |
				if $prev then .prevResult = $prev else . end end |
			if $operation == "GC" then .["cni.dev/valid-attachments"] = $valid |
				.["cni.dev/attachments"] = $valid else . end' "$list")
		type=$(jq -r .type <<<"$conf")
		path=$(for dir in "${plugin_dirs[@]}"; do [ ! -x "$dir/$type" ] || echo "$dir/$type"; done)
		status=0
		answer=$(env -i PATH="$PATH" CNI_COMMAND="$operation" CNI_PATH="$(IFS=:; echo "${plugin_dirs[*]}")" \
			"${attachment[@]}" \
			CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-7d4b;K8S_POD_INFRA_CONTAINER_ID=$id;K8S_POD_UID=1f0c9a52-93f7-4d4b-8c43-0d3a6a7a3d10" \
			timeout 20 "$path" <<<"$conf") || status=$?
		[ "$status" = 0 ] || fail "$operation of $type: $answer"
		[ "$operation" != ADD ] || prev=$answer
	done
	[ "$operation" != ADD ] || result=$prev
}

read_crio_conf() {
	local table=$REPOSITORY/conf/crio.conf.d/10-usernet-cni.conf

	/usr/bin/python3 -c '
import json, sys, tomllib
print(json.dumps(tomllib.load(open(sys.argv[1], "rb"))))' "$table" >/run/t/crio.json
	mapfile -t plugin_dirs < <(jq -r '.crio.network.plugin_dirs[]' /run/t/crio.json)
	list=$(grep -l "\"name\": \"$(jq -r .crio.network.cni_default_network /run/t/crio.json)\"" \
		"$(jq -r .crio.network.network_dir /run/t/crio.json)"/*.conflist)
}

@test "CRI-O's drop-ins have the keys that it documents, and lead to what the image installs" {
	in_host && return
	install_on_node
	read_crio_conf
	expect '(keys == ["crio"]) and (.crio | keys == ["network"]) and (.crio.network | keys - ["cni_default_network",
		"network_dir", "plugin_dirs", "cni_status_grace_period"] == [])' "$(cat /run/t/crio.json)"
	is "$(realpath "$list")" /etc/cni/net.d/99-usernet.conflist
	is "$(/usr/bin/python3 -c '
import configparser, sys
unit = configparser.ConfigParser()
unit.optionxform = str
unit.read_file(open(sys.argv[1]))
print({name: dict(unit[name]) for name in unit.sections()})' "$REPOSITORY/conf/crio.service.d/10-usernet-cni.conf")" \
		"{'Service': {'KillMode': 'process'}}"
}

@test "called as CRI-O calls them, the installed plugins give a pod its network, its hostPort and Services, and take them" {
	in_host && return
	install_on_node
	start_services
	read_crio_conf
	nft -f - <<-'END'
		table ip services {
			chain output {
				type nat hook output priority -100
				ip daddr 10.96.0.1 tcp dport 80 dnat to 192.0.2.1:8000
			}
		}
	END
	ip route add 10.96.0.0/12 dev lo
	id=5a3d7c2e9f10b4d6a8c1e2f30415263748596a7b8c9d0e1f2a3b4c5d6e7f8091
	uuid=c0ffee00-1234-4abc-8def-0123456789ab
	ip netns add "$uuid"
	netns=/var/run/netns/$uuid
	enter=(nsenter "--net=$netns")
	capabilities='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""}],
		"bandwidth":{"ingressRate":1000000,"ingressBurst":1000000,"egressRate":0,"egressBurst":0},
		"cgroupPath":"/kubepods/pod1","io.kubernetes.cri.pod-annotations":{"a":"b"}}'
	in_container ip link set lo up # CRI-O does that itself
	crio STATUS
	crio ADD
	expect '.cniVersion == "1.1.0" and .ips[0].address == "10.0.2.100/24" and
		(.interfaces[] | select(.name == "eth0").sandbox) == "'"$netns"'"' "$result"
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	[[ $(fetch 10.96.0.1 80) == "tcp from "* ]] || fail "no Service"
	in_container socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'echo from the pod' &
	answers() { [ "$(socat -T 2 - TCP:127.0.0.1:8080 </dev/null)" = "from the pod" ]; }
	wait_until answers
	crio CHECK
	# The pod is known: GC leaves it alone.
	valid="[{\"containerID\":\"$id\",\"ifname\":\"eth0\"}]" crio GC
	crio CHECK
	# Its namespace is gone, as after a reboot of the pod's sandbox: DEL has none.
	kept=$netns netns=""
	crio DEL
	crio DEL
	netns=$kept
	wait_until no_daemon
	is "$(left_files /run/usernet-cni)" ""
	# And once more, forgotten by CRI-O, which has no pods: it prints none as null.
	ip netns delete "$uuid"
	ip netns add "$uuid"
	crio ADD
	is "$(daemons | wc -l)" 1
	crio GC
	wait_until no_daemon
	is "$(left_files /run/usernet-cni)" ""
}

@test "the installed plugins work with the node's list and nothing else of ours" {
	in_host && return
	prepare_podman
	pod one
	wait_until is_ready one
	start_services
	container blue
	export NETCONFPATH=/etc/cni/net.d CNI_PATH=/opt/cni/bin
	/opt/cni/bin/cnirun add usernet "$CNI_NETNS" >/run/t/result
	is "$(fetch 192.0.2.1)" "tcp from 192.0.2.1"
	/opt/cni/bin/cnirun check usernet "$CNI_NETNS"
	# An upgrade and a removal of the DaemonSet's pod leave the running daemon alone.
	before=$(daemons)
	podman kill --signal TERM one >/dev/null
	echo older >/opt/cni/bin/slirp4netns
	pod two
	wait_until cmp -s /opt/cni/bin/slirp4netns "$STATIC/slirp4netns"
	podman kill --signal KILL two >/dev/null
	is "$(daemons)" "$before"
	/opt/cni/bin/cnirun del usernet "$CNI_NETNS"
	nothing_left
}

@test "Multus's second interface: the pod keeps its default route, and reaches out through the other" {
	in_host && return
	start_services
	container blue
	mkdir -p /run/net.d
	"$MANIFEST" get "$KUBERNETES/multus-network.yaml" NetworkAttachmentDefinition spec.config | jq -r . \
		>/run/net.d/usernet.conflist
	mount -t tmpfs tmpfs /var/lib/cni || { mkdir -p /var/lib/cni; mount -t tmpfs tmpfs /var/lib/cni; }
	ip link add cluster type veth peer name eth0 netns blue
	in_container ip addr add 10.244.0.5/24 dev eth0
	in_container ip link set eth0 up
	ip link set cluster up
	in_container ip route add default via 10.244.0.1
	export NETCONFPATH=/run/net.d CNI_PATH=$STATIC CNI_IFNAME=net1
	"$STATIC/cnirun" add usernet "$CNI_NETNS" >/run/t/result
	is "$(in_container ip route get 203.0.113.9 | grep -o 'dev [^ ]*')" "dev eth0"
	is "$(in_container socat -T 5 - TCP:192.0.2.1:8000,so-bindtodevice=net1 </dev/null)" "tcp from 192.0.2.1"
	"$STATIC/cnirun" del usernet "$CNI_NETNS"
	is "$(in_container ip route get 203.0.113.9 | grep -o 'dev [^ ]*')" "dev eth0"
	is "$(daemons)" ""
}

# Kill it before each system call that changes something, for that is all there is to tell one point from another.
# $step prepares; $holds is true of what a runtime then sees.
kill_everywhere() {
	local step=$1 holds=$2 least=$3 calls name n points=0

	export ASAN_OPTIONS=detect_leaks=0
	"$step"
	strace -o /run/t/strace -E "USERNET_CNI=$wanted" /run/install --host /run/node --from /run/image \
		--once >/dev/null 2>&1
	calls=$(grep -oE '^(mkdirat|linkat|renameat|unlinkat|fchmod|write)\(' /run/t/strace | sort | uniq -c)
	while read -r n name; do
		for ((; n > 0; n--)); do
			"$step"
			status=0
			timeout 30 strace -o /dev/null -e "inject=${name%(}:signal=KILL:when=$n" \
				-E "USERNET_CNI=$wanted" /run/install --host /run/node --from /run/image --once \
				>/dev/null 2>&1 || status=$?
			is "$status" 137
			"$holds" "$name $n"
			does --once
			"$holds" "after $name $n"
			is "$(find /run/node -path '*/.usernet-cni/*' ! -name 'now.*')" ""
			points=$((points + 1))
		done
	done <<<"$calls"
	[ "$points" -ge "$least" ] || fail "only $points points tried: $calls"
}

# Each file whole, of one version or the other; a list only where its plugins are.
all_whole() {
	local name

	for name in slirp4netns netns-portmap; do
		[ ! -e "$CNIBIN/$name" ] || [[ $(cat "$CNIBIN/$name") =~ ^$name\ v[12]$ ]] ||
			fail "$1: $name is $(cat "$CNIBIN/$name")"
		[ ! -e "$CNINET/99-usernet.conflist" ] || [ -e "$CNIBIN/$name" ] ||
			fail "$1: a list without $name"
	done
	[ ! -e "$CNINET/99-usernet.conflist" ] ||
		[[ $(jq -r .version "$CNINET/99-usernet.conflist") =~ ^v[12]$ ]] || fail "$1: half a list"
}

@test "kill -9 at any system call of an installation: whole files or none, and the next start completes it" {
	in_host && return
	prepare_node
	wanted=present
	fresh() { find "$CNIBIN" "$CNINET" -mindepth 1 -delete; }
	holds() {
		all_whole "$1"
		[[ $1 != after* ]] || is_version v1
	}
	kill_everywhere fresh holds 25
}

@test "kill -9 at any system call of an upgrade: each file is old or new, none is missing" {
	in_host && return
	prepare_node
	image v1
	does --once
	cp -a /run/node /run/installed
	image v2
	wanted=present
	upgrade() { rm -rf /run/node/opt /run/node/etc; cp -a /run/installed/* /run/node/; }
	holds() {
		all_whole "$1"
		[ -e "$CNINET/99-usernet.conflist" ] || fail "$1: no list"
		is "$(cat "$CNIBIN/same")" same
		[[ $1 != after* ]] || is_version v2
	}
	kill_everywhere upgrade holds 25
}

@test "kill -9 at any system call of a removal: the list goes first, and the next start completes it" {
	in_host && return
	prepare_node
	does --once
	cp -a /run/node /run/installed
	wanted=absent
	remove() { rm -rf /run/node/opt /run/node/etc; cp -a /run/installed/* /run/node/; }
	holds() {
		all_whole "$1"
		[[ $1 != after* ]] || is_gone
	}
	kill_everywhere remove holds 15
}

