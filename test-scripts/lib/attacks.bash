# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the attacks on the state of each plugin: an attacker, 1000, and a victim outside that must not change.
# shellcheck disable=SC2016,SC2034,SC2154

# as_plugin PLUGIN FUNCTION [ARGUMENT...]: succeeds, fails or cni with that plugin.
as_plugin() {
	local plugin=("$BIN/$1")

	shift
	"$@"
}

# conf PLUGIN [MEMBERS]: a configuration; chained plugins stand behind a bridge's result.
conf() {
	local prev='{"cniVersion":"1.1.0"}'

	[ "$1" = slirp4netns ] || prev=$(jq -cn '{cniVersion: "1.1.0", ips: [{address: "10.88.0.5/16", interface: 0}],
		interfaces: [{name: "eth0", mac: "02:00:00:00:00:01", sandbox: env.CNI_NETNS}]}')
	jq -c --arg type "$1" --argjson prev "$prev" '.type = $type | .prevResult = $prev |
		.["cni.dev/valid-attachments"] = [] | if $type == "netns-portmap" then
		.runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: "tcp"}] else . end' \
		<<<"$(net "${2-}")"
}

plant_victim() {
	install -d -m 755 /run/t/victim /run/t/victim/net /run/t/victim/slirp4netns /run/t/victim/slirp4netns/net
	install -d -m 755 /run/t/victim/sock /run/t/victim/log
	echo "{\"pid\":$$,\"network\":\"$SECRET\"}" >/run/t/victim/secret
	cp /run/t/victim/secret "/run/t/victim/slirp4netns/net/c1@eth0.json"
	cp /run/t/victim/secret "/run/t/victim/net/c1@eth0.json"
	touch /run/t/victim/sock/keep /run/t/victim/log/keep
	victim_before=$(victim)
}

victim() {
	find /run/t/victim -printf '%p %y %m %U %s %T@\n' | sort
	find /run/t/victim -type f -exec cat {} +
}

victim_is_untouched() {
	is "$(victim)" "$victim_before"
	[[ "$output $words" != *"horse"* ]] || fail "the secret is told: $output $words"
}

as_attacker() {
	setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}
