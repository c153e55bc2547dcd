# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of cnirun, on a host of lib/inside.bash: its executables and Debian's plugins, lists
# in /run/net.d, an empty result cache, plugins that a test invents.
#
# Scripts of plugins are in single quotes, and variables are for lib/inside.bash too.
# shellcheck disable=SC2016,SC2034

# The host: for root, and for user 1000 (as_user calls this again, as that user).
prepare_cnirun() {
	if [ "$(id -u)" = 0 ] && [ -z "${IN_USERNS-}" ]; then
		cp "$BIN/cnirun" /run/cni/
		[ ! -e "$BIN/netns-portmap" ] || cp "$BIN/netns-portmap" /run/cni/
		mkdir -p /run/net.d /run/fake /run/none /var/lib/cni
		chmod 1777 /run/net.d /run/fake
		chmod 777 /run/t
		mount -t tmpfs -o mode=755 tmpfs /var/lib/cni
		CACHE=/var/lib/cni/results
	else
		CACHE=$XDG_RUNTIME_DIR/cni/results
	fi
	export CNI_PATH=/run/fake:/run/cni:/usr/lib/cni NETCONFPATH=/run/net.d HOME=/run/none
}

needs_portmap() {
	[ -e "$BIN/netns-portmap" ] || skip "netns-portmap is not built"
}

# network NAME [MEMBERS] PLUGIN...: a list; MEMBERS as "key":value,
network() {
	local name=$1 members=$2

	shift 2
	(IFS=,; echo "{\"name\":\"$name\",${members:-\"cniVersion\":\"1.0.0\",}\"plugins\":[$*]}") \
		>"/run/net.d/$name.conflist"
}

bridge_network() {
	network bridge '' \
		'{"type":"bridge","bridge":"cni9","isGateway":true,"capabilities":{"ips":true},
		"ipam":{"type":"host-local","subnet":"10.77.0.0/24","routes":[{"dst":"0.0.0.0/0"}]},
		"dns":{"nameservers":["10.77.0.1"],"search":["a.example","b.example"]}}' \
		'{"type":"portmap","capabilities":{"portMappings":true}}' \
		'{"type":"firewall","backend":"iptables"}' \
		'{"type":"tuning","sysctl":{"net.core.somaxconn":"500"},"capabilities":{"mac":true}}' \
		'{"type":"bandwidth","capabilities":{"bandwidth":true}}' \
		'{"type":"loopback"}'
}

# invent NAME <<SCRIPT: a plugin. Its calls are written to /run/t/calls ("NAME COMMAND") and its
# input to /run/t/NAME.COMMAND; then the script runs, with the input in $input.
invent() {
	{
		cat <<-'END'
			#!/bin/bash
			name=${0##*/}
			exec 9>>/run/t/calls
			echo "$name $CNI_COMMAND" >&9
			exec 9>&-
			input=$(cat)
			echo "$input" >"/run/t/$name.$CNI_COMMAND"
			env | grep ^CNI_ | sort >"/run/t/$name.$CNI_COMMAND.env"
			result() { jq -c --arg by "$name" '(.prevResult // {"cniVersion": .cniVersion}) |
				.by += [$by]' <<<"$input"; }
		END
		cat
	} >"/run/fake/$1"
	chmod 755 "/run/fake/$1"
}

# A plugin that does nothing, well.
invent_good() {
	local name

	for name; do
		invent "$name" <<<'[ "$CNI_COMMAND" != ADD ] || result'
	done
}

calls() {
	[ ! -e /run/t/calls ] || xargs <"/run/t/calls"
}

# timed COMMAND...: $limit seconds at most.
timed() {
	timeout --foreground --kill-after=1 "${limit-30}" "$@"
}

cnirun() {
	call timed /run/cni/cnirun "$@"
}

# runs ARGUMENT...: with success, and without a word.
runs() {
	cnirun "$@"
	[ "$status" = 0 ] || fail "cnirun $* exited with $status"
	[ -z "$words" ] || fail "cnirun $* said: $words"
}

# refuses STATUS TEXT ARGUMENT...: one line on standard error that has the text.
refuses() {
	local expected=$1 text=$2

	shift 2
	cnirun "$@"
	[ "$status" = "$expected" ] || fail "cnirun $* exited with $status, expected $expected"
	[ "$(wc -l <<<"$words")" = 1 ] || fail "cnirun $* said more than one line: $words"
	[[ $words == "cnirun: "*"$text"* ]] || fail "cnirun $* said: $words; expected: $text"
	is "$output" ""
}

runners() {
	pgrep --exact --runstates D,R,S,T,t,I 'cnirun|cnirun-holder' || true
}

no_runners() {
	[ -z "$(runners)" ]
}

# no_trace: no process, no entry, no record, no mounted namespace.
no_trace() {
	wait_until no_daemon
	is "$(runners)" ""
	is "$(cache)" ""
	is "$(left_files "$STATE")" ""
	is "$(findmnt -rno TARGET | grep /run/netns/cni- || true)" ""
}

cache() {
	[ ! -d "$CACHE" ] || ls -A --ignore=.cnirun.lock "$CACHE"
}

# The entry of an attachment that there is one of.
entry() {
	jq "$1" "$CACHE"/*
}

cnitool_id() {
	echo "cnitool-$(printf %s "$1" | sha512sum | head -c 20)"
}

# In the background, where a shell ignores SIGINT and SIGQUIT for it; its pid is $runner, its output in /run/t/out (the user's: $TMPDIR/out).
start_cnirun() {
	: >"$TMPDIR/out" # here and not by the child: what the last run said must not be taken for this one's
	env --default-signal=INT,QUIT /run/cni/cnirun "$@" >"$TMPDIR/out" 2>&1 &
	runner=$!
}

# ends_with STATUS: $runner does.
ends_with() {
	local got=0

	wait "$runner" || got=$?
	no_sanitizer_report "$(cat "$TMPDIR/out")"
	is "$got" "$1"
}
