#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# netns-stats top, on a terminal that is read back.

load ../lib/host
load ../lib/stats

# terminal COLUMNS LINES COMMAND: in tmux.
terminal() {
	export TMUX_TMPDIR=/run TERM=screen-256color
	tmux -f /dev/null -L t new-session -d -x "$1" -y "$2" "$3; echo ended; sleep 100"
}

screen() {
	tmux -L t capture-pane -p
}

keys() {
	tmux -L t send-keys "$@"
}

# shows REGEX: within ten seconds.
shows() {
	local i

	for ((i = 0; i < 200; i++)); do
		! screen | grep -qE "$1" || return 0
		sleep 0.05
	done
	screen >&2
	fail "the screen does not show: $1"
}

# Two containers, of which busy sends a datagram every few milliseconds.
two_containers() {
	veth_container busy
	veth_container idle
	ip -n busy addr add 10.9.0.2/24 dev eth0
	ip addr add 10.9.0.1/24 dev busy-host
	stats_cni ADD busy /run/netns/busy >/dev/null
	stats_cni ADD idle /run/netns/idle >/dev/null
	ip netns exec busy python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.time() + 50
while time.time() < end:
    s.sendto(bytes(1000), ("10.9.0.1", 9999))
    time.sleep(0.002)' &
}

first_row() {
	screen | sed -n 3p
}

@test "at 80 columns: rates, totals, a graph, the busiest first" {
	in_host && return
	prepare_stats
	two_containers
	terminal 80 24 "$BIN/netns-stats top --interval 0.2"
	shows '^busy +eth0 .*[▁▂▃▄▅▆▇█]{3}'
	shows '^netns-stats top +2 containers, 2 interfaces +rx [0-9.]+K?/s tx [0-9.]+[KM]/s +by total'
	[[ $(first_row) == busy* ]] || fail "$(screen)"
	shows '^r rx .* q quit'
	[ "$(screen | wc -L)" -le 80 ] || fail "too wide"
	keys n
	shows 'by name'
	keys t
	shows 'by tx'
	[[ $(first_row) == busy* ]] || fail "$(screen)"
	keys q
	shows '^ended'
}

@test "filter, pause, and containers that come and go" {
	in_host && return
	prepare_stats
	two_containers
	terminal 80 24 "$BIN/netns-stats top --interval 0.2"
	shows '^idle '
	keys / i d l
	shows '^filter: idl_'
	[ "$(screen | grep -c '^busy ')" = 0 ] || fail "$(screen)"
	keys Enter
	shows '^filter: idl '
	keys Escape
	shows '^busy '
	keys Space
	shows PAUSED
	local before
	before=$(screen)
	sleep 0.6
	is "$(screen)" "$before"
	keys Space
	veth_container new
	stats_cni ADD new /run/netns/new >/dev/null
	shows '^new '
	stats_cni DEL new /run/netns/new
	shows '2 containers, 2 interfaces'
	# The end of a terminal ends it.
	tmux -L t kill-server
	ended() { ! pgrep --exact --runstates D,R,S,T,t,I netns-stats >/dev/null; }
	wait_until ended
}

@test "it follows the size of its terminal, down to nearly nothing" {
	in_host && return
	prepare_stats
	local size

	two_containers
	terminal 80 24 "$BIN/netns-stats top --interval 0.2"
	shows '^busy '
	tmux -L t resize-window -x 130 -y 30
	shows 'INTERFACE +NETWORK '
	shows '^busy +eth0 +net '
	for size in "20 5" "5 2" "1 1" "80 3" "300 100"; do
		# shellcheck disable=SC2086
		set -- $size
		tmux -L t resize-window -x "$1" -y "$2"
		sleep 0.3
	done
	tmux -L t resize-window -x 80 -y 24
	shows '^busy +eth0 '
	keys q
	shows '^ended'
}

@test "in a pipe it prints once and ends" {
	in_host && return
	prepare_stats
	two_containers
	sleep 0.2
	exits 0 stats top --interval 0.5
	is "$(wc -l <<<"$output")" 3
	grep -qE '^CONTAINER +INTERFACE +NETWORK +RX/s +TX/s +PKT/s +RX +TX$' <<<"$output"
	[[ $(sed -n 2p <<<"$output") == busy* ]] || fail "$output"
	grep -qE '^busy +eth0 +net( +[0-9.]+[KM]?){4} +[0-9.]+[KM]$' <<<"$output"
	grep -qE '^idle +eth0 +net +0 +0 +0 +[0-9]+ +[0-9]+$' <<<"$output"
	exits 0 stats top --interval 0.5 --bytes --sort name
	# About 500 datagrams of 1042 bytes a second.
	sed -n 2p <<<"$output" | awk '$1 == "busy" && $5 > 100000 && $5 < 1000000 {ok = 1} END {exit !ok}'
	# Without a terminal that anybody knows.
	TERM=nonsense exits 1 script -qec "$BIN/netns-stats top" /run/typescript
	grep -q 'TERM' /run/typescript
}
