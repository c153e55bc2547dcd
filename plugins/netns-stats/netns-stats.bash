# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of netns-stats for bash; container ids are those that `netns-stats show` knows.

_netns_stats_containers() {
	netns-stats show --format prometheus 2>/dev/null |
		sed -n 's/^container_network_receive_bytes_total{.*,id="\([A-Za-z0-9_.-]*\)".*/\1/p' | sort -u
}

_netns_stats() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
	local command=${COMP_WORDS[1]-} common='--state-dir --cni-cache --help' word

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'show inspect top serve --help --version' -- "$current")
		return
	fi
	case $previous in
	-f | --format) words='table json prometheus' ;;
	-s | --sort) words='total rx tx packets name' ;;
	--listen) words='127.0.0.1:9732 [::1]:9732 unix:' ;;
	-i | --interval | --limit) return ;;
	--state-dir | --cni-cache)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	esac
	if [ -z "$words" ]; then
		case $command:$current in
		show:-*) words="--format --detail --netns --loopback --bytes $common" ;;
		inspect:-*) words=$common ;;
		top:*) words="--interval --sort --bytes $common" ;;
		serve:*) words="--listen --limit --loopback --quiet $common" ;;
		show:*)
			for word in "${COMP_WORDS[@]}"; do
				if [[ $word == -n || $word == --netns ]]; then
					mapfile -t COMPREPLY < <(compgen -f -- "${current:-/run/netns/}")
					return
				fi
			done
			words=$(_netns_stats_containers)
			;;
		inspect:*) words=$(_netns_stats_containers) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _netns_stats netns-stats
