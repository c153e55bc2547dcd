# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of cnirun for bash: networks by name, namespaces of /run/netns, and COMMAND's own
# completion, where bash-completion is loaded.

_cnirun_networks() {
	local directory

	echo slirp
	for directory in "${NETCONFPATH:-${XDG_CONFIG_HOME:-$HOME/.config}/cni/net.d}" /etc/cni/net.d; do
		[ -z "$NETCONFPATH" ] || [ "$directory" = "$NETCONFPATH" ] || continue
		# A line that begins with "name" names the network; plugins rarely have that key.
		sed -n 's/^[^"]*"name"[[:space:]]*:[[:space:]]*"\([A-Za-z0-9_.-]*\)".*/\1/p' \
			"$directory"/*.conflist "$directory"/*.conf 2>/dev/null
	done | sort -u
}

_cnirun() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
	local common='--verbose --timeout --help' i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$current")
			fi
			return
		fi
	done
	case $previous in
	-n | --network)
		mapfile -t COMPREPLY < <(compgen -W "$(_cnirun_networks)" -f -- "$current")
		return
		;;
	--netns)
		mapfile -t COMPREPLY < <(compgen -f -- "${current:-/run/netns/}")
		return
		;;
	--pid)
		mapfile -t COMPREPLY < <(compgen -W "$(ps -eo pid=)" -- "$current")
		return
		;;
	--cache-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	-i | --ifname) words=eth0 ;;
	-p | --publish | --ip | --mac | --container-id | --timeout) return ;;
	esac
	if [ -z "$words" ]; then
		case ${COMP_WORDS[1]-}:$current in
		add:-*) words="--publish --ip --mac --ifname --container-id --cache-dir $common" ;;
		del:-* | check:-*) words="--ifname --container-id --cache-dir $common" ;;
		gc:-*) words="--all --cache-dir $common" ;;
		status:-*) words=$common ;;
		add:* | del:* | check:* | gc:* | status:*)
			if [ "$COMP_CWORD" = 1 ]; then
				words='add del check gc status'
			elif [ "$previous" = "${COMP_WORDS[1]}" ]; then
				words=$(_cnirun_networks)
			else
				mapfile -t COMPREPLY < <(compgen -f -- "${current:-/run/netns/}")
				return
			fi
			;;
		*)
			words="-- --network --publish --ip --mac --netns --pid --ifname --keep"
			words+=" --container-id --cache-dir --version $common"
			[ "$COMP_CWORD" != 1 ] || words+=" add del check gc status"
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _cnirun cnirun
