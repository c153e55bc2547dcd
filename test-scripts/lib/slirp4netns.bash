# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of slirp4netns beside the other plugins, and of daemons that do not behave.
# shellcheck disable=SC2016,SC2034,SC2154

# by PLUGIN FUNCTION [ARGUMENT...]: succeeds, fails or cni with another plugin of ours.
by() {
	local plugin=("$BIN/$1")

	shift
	"$@"
}

# portmap_behind: a configuration of netns-portmap behind the result of ADD in $result; with $backend, if set.
portmap_behind() {
	jq -c --argjson prev "$result" '.prevResult = $prev | .type = "netns-portmap" |
		.runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]' \
		<<<"$(net ${backend:+"\"backend\":\"$backend\""})"
}

stats_behind() {
	jq -c --argjson prev "$result" '.prevResult = $prev | .type = "netns-stats"' <<<"$(net)"
}

gc() {
	jq -c '.["cni.dev/valid-attachments"] = []' <<<"${1-$(net)}"
}

# What a runtime calls for a network of all three plugins, each call with success. The result of ADD is in $result.
chain_ADD() {
	succeeds ADD
	result=$output
	by netns-portmap succeeds ADD "$(portmap_behind)"
	by netns-stats succeeds ADD "$(stats_behind)"
}

chain_DEL() {
	by netns-stats succeeds DEL "$(stats_behind)"
	by netns-portmap succeeds DEL "$(portmap_behind)"
	succeeds DEL
}

# With no attachment that is still valid.
chain_GC() {
	by netns-stats succeeds GC "$(gc "$(stats_behind)")"
	by netns-portmap succeeds GC "$(gc "$(portmap_behind)")"
	succeeds GC "$(gc)"
}

# bad CODE TEXT COMMAND [CONFIGURATION]: refused at once, and nothing is left.
bad() {
	limit=${limit-5} fails "$@"
	nothing_left
}
