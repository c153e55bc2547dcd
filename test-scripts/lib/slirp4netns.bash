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

# bad CODE TEXT COMMAND [CONFIGURATION]: refused at once, and nothing is left.
bad() {
	limit=${limit-5} fails "$@"
	nothing_left
}
