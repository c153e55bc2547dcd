#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Accounts: one is kept of each attachment and written once, whatever fails, is killed or comes twice.

load ../lib/host
load ../lib/stats

@test "an account closes with the last known counters when the namespace is gone" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"'

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	send_udp a 10.9.0.1 1 100
	stats_cni CHECK a /run/netns/a "$members"
	ip netns del a
	stats_cni DEL a "" "$members"
	expect '.complete == false and .containerId == "a"
		and .interfaces == [.interfaces[0]] and .interfaces[0].stats64.tx.bytes > 0' \
		"$(</run/accounts)"
	# Never read, and gone: closed all the same.
	veth_container b
	stats_cni ADD b /run/netns/b "$members" >/dev/null
	ip netns del b
	stats_cni DEL b "" "$members"
	expect '.complete == false and .interfaces[0].stats64.tx.bytes == 0' "$(tail -n 1 /run/accounts)"
}

@test "an interface that is renamed inside keeps its account, its network and its counters" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"'

	veth_container a
	ip -n a addr add 10.9.0.2/24 dev eth0
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	ip -n a link set eth0 down
	ip -n a link set eth0 name wan0
	ip -n a link set wan0 up
	ip -n a addr add 10.9.0.3/24 dev wan0
	send_udp a 10.9.0.1 1 100
	expect '.[0].links[0] | .ifname == "wan0" and .network == "net"' "$(stats show a -f json)"
	stats_cni DEL a /run/netns/a "$members"
	expect '.complete and .interfaces[0].ifname == "eth0" and .interfaces[0].stats64.tx.bytes > 0' \
		"$(</run/accounts)"
}

@test "two attachments of a container have an account each, and nothing is counted twice" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"'

	veth_container a
	ip link add a-host1 type veth peer name eth1 netns a
	ip -n a link set eth1 up
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	network=other ifname=eth1 stats_cni ADD a /run/netns/a "$members" >/dev/null
	expect 'length == 1 and (.[0].links | map({(.ifname): .network}) | add)
		== {"eth0": "net", "eth1": "other"}' "$(stats show a -f json)"
	stats_cni DEL a /run/netns/a "$members"
	network=other ifname=eth1 stats_cni DEL a /run/netns/a "$members"
	expect 'map(.interfaces | map(.ifname)) == [["eth0"], ["eth1"]]' "$(jq -s . /run/accounts)"
}

@test "100 DELs at once append 100 whole lines" {
	in_host && return
	prepare_stats
	local i pids=()

	veth_container a
	for ((i = 0; i < 100; i++)); do
		stats_cni ADD "c$i" /run/netns/a '"accountFile":"/run/accounts"' >/dev/null
	done
	for ((i = 0; i < 100; i++)); do
		stats_cni DEL "c$i" /run/netns/a '"accountFile":"/run/accounts"' &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(jq -r .containerId /run/accounts | sort -u | wc -l)" 100
	is "$(wc -l </run/accounts)" 100
	is "$(find $STATE/netns-stats -type f)" ""
}

# hold_lock: another process has the lock of the network; release_lock.
hold_lock() {
	locked() { ! flock -n "$STATE/netns-stats/net" true; }
	flock "$STATE/netns-stats/net" sleep 100 &
	holder=$!
	wait_until locked
}

release_lock() {
	pkill -P "$holder"
	wait "$holder" || true
}

# /run/bin/netns-stats: killed on its way into the $n-th $call, where it fails with $failure instead, or late at
# those in $delayed.
traced() {
	mkdir /run/bin
	cat >/run/bin/netns-stats <<-EOF
		#!/bin/sh
		[ -z "\${delayed-}" ] || exec strace -qqo /dev/null -e inject=\$delayed:delay_enter=200000 "$BIN/netns-stats"
		exec strace -qqo /dev/null -e "inject=\$call:\${failure:-signal=KILL}:when=\$n" "$BIN/netns-stats"
	EOF
	chmod 755 /run/bin/netns-stats
	export n call delayed failure
}

@test "DEL killed at any of its steps: the next one, or GC, finishes, and there is one account" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"' call n status killed=0

	veth_container a
	traced
	export ASAN_OPTIONS=detect_leaks=0
	for call in openat2 flock write linkat renameat unlinkat exit_group; do
		for ((n = 1; ; n++)); do
			status=0
			rm -f /run/accounts
			[ $((n % 2)) = 0 ] || echo '{"another": "line"}' >/run/accounts
			stats_cni ADD a /run/netns/a "$members" >/dev/null
			BIN=/run/bin stats_cni DEL a /run/netns/a "$members" 2>/run/words || status=$?
			case $status in
			0) break ;;
			137) killed=$((killed + 1)) ;;
			*) fail "killed at $call $n: $status, $(</run/words)" ;;
			esac
			case $((killed % 3)) in
			0) stats_cni DEL a /run/netns/a "$members" ;;
			1) stats_cni GC a "" "$members,\"cni.dev/valid-attachments\":[]" ;;
			2) stats_cni DEL a "" "$members" ;;
			esac
			is "$call $n: $(grep -c '"containerId":"a"' /run/accounts) of $(wc -l </run/accounts)" \
				"$call $n: 1 of $((1 + n % 2))"
			[ ! -e "$(stats_record a)" ] || fail "killed at $call $n: the record is there"
		done
	done
	[ "$killed" -gt 12 ] || fail "killed $killed times only"
}

@test "a record that DEL cannot read for the moment loses no account" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"' call=openat2 failure=error=EIO n words

	veth_container a
	traced
	export ASAN_OPTIONS=detect_leaks=0
	for ((n = 1; n <= 8; n++)); do
		rm -f /run/accounts
		stats_cni ADD a /run/netns/a "$members" >/dev/null
		words=$(BIN=/run/bin stats_cni DEL a /run/netns/a "$members" 2>&1)
		[ -e /run/accounts ] || [[ $words == *"stays open"*"Input/output error"* ]] || fail "$n: $words"
		stats_cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
		is "$n: $(grep -c '"containerId":"a"' /run/accounts)" "$n: 1"
	done
}

@test "what was being closed when ADD makes it anew is written, and half a line is completed" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"' line half

	veth_container a
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	stats_cni DEL a /run/netns/a "$members"
	line=$(</run/accounts)
	noted() {
		jq -c --arg line "$line"$'\n' '.account = {file: "/run/accounts", from: "4", line: $line}' \
			"$(stats_record a)" >/run/record
		cat /run/record >"$(stats_record a)"
	}
	for half in "" '{"' "${line:0:60}" "${line:0:-1}" "$line" "$line"$'\n{"containerId":"b","more":1}\n' '{"containerId":"z",'; do
		printf '{}\n\n%s' "$half" >/run/accounts
		stats_cni ADD a /run/netns/a "$members" >/dev/null
		noted
		stats_cni ADD a /run/netns/a "$members" >/dev/null
		is "$(grep -cxF "$line" /run/accounts)" 1
		[ -z "$(tail -c 1 /run/accounts)" ] || fail "ends in half a line"
		expect '.account == null' "$(<"$(stats_record a)")"
	done
	# The file has become shorter: it is another one.
	: >/run/accounts
	noted
	stats_cni DEL a "" "$members"
	is "$(</run/accounts)" "$line"
}

@test "two DELs at once write one account" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"' first

	veth_container a
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	traced
	export ASAN_OPTIONS=detect_leaks=0
	# The first one takes its time over the line.
	delayed=write BIN=/run/bin stats_cni DEL a /run/netns/a "$members" &
	first=$!
	wait_until pgrep -x strace >/dev/null
	stats_cni DEL a /run/netns/a "$members"
	stats_cni DEL a /run/netns/a "$members"
	wait $first
	is "$(wc -l </run/accounts)" 1
}

@test "DEL succeeds without the lock, and on a state that cannot be written; GC closes later" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"'

	veth_container a
	veth_container b
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	stats_cni ADD b /run/netns/b "$members" >/dev/null
	hold_lock
	exits 0 stats_cni DEL a /run/netns/a "$members"
	[[ $words == *"a@eth0"*"stays open"*"lock"* ]] || fail "$words"
	exits 1 stats_cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
	expect '.code == 11' "$output"
	[ ! -e /run/accounts ] || fail "an account without the lock"
	release_lock
	mount --bind "$STATE" "$STATE"
	mount -o remount,bind,ro "$STATE"
	exits 0 stats_cni DEL b /run/netns/b "$members"
	[[ $words == *Read-only*'"containerId":"b"'* ]] || fail "$words"
	exits 0 stats_cni DEL b /run/netns/b
	umount "$STATE"
	stats_cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
	is "$(jq -r .containerId /run/accounts | sort | tr '\n' ' ')" "a b "
	# No room for the note, but enough to remove.
	mount -t tmpfs -o mode=700,size=8k tmpfs "$STATE"
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	head -c 100000 /dev/zero >"$STATE/full" 2>/dev/null || true
	exits 0 stats_cni DEL a /run/netns/a "$members"
	is "$(wc -l </run/accounts)" 3
	[ ! -e "$(stats_record a)" ] || fail "the record is there"
}

@test "a registration is noted under its network's lock alone: by ADD, and by CHECK, which does without" {
	in_host && return
	prepare_stats
	local before

	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	before=$(<"$(stats_record a)")
	hold_lock
	stats_cni CHECK a /run/netns/a
	exits 0 stats_cni ADD a /run/netns/a
	[[ $words == *"not counted"*lock* ]] || fail "$words"
	is "$(<"$(stats_record a)")" "$before"
	release_lock
	stats_cni CHECK a /run/netns/a
	expect '.last.interfaces[0].ifname == "eth0"' "$(<"$(stats_record a)")"
}

@test "GC closes what the runtime no longer knows, and leaves the rest" {
	in_host && return
	prepare_stats
	local members='"accountFile":"/run/accounts"'

	veth_container a
	veth_container b
	stats_cni ADD a /run/netns/a "$members" >/dev/null
	stats_cni ADD b /run/netns/b "$members" >/dev/null
	network=other stats_cni ADD b /run/netns/b "$members" >/dev/null
	stats_cni GC a "" "$members,\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"}]"
	[ -e "$(stats_record a)" ] || fail "a is gone"
	[ ! -e "$(stats_record b)" ] || fail "b is there"
	[ -e "$(network=other stats_record b)" ] || fail "another network's is gone"
	expect '.containerId == "b" and .reason == "GC"' "$(</run/accounts)"
	stats_cni GC a "" "$members,\"cni.dev/valid-attachments\":[]"
	[ ! -e "$(stats_record a)" ] || fail "a is there"
}

@test "an accountFile that cannot be written: an error where it is the configuration's, else words" {
	in_host && return
	prepare_stats
	veth_container a
	mkdir /run/dir
	ln -s /run/elsewhere /run/link
	mkfifo /run/fifo
	for path in /run/dir /run/link /run/fifo; do
		exits 1 stats_cni ADD a /run/netns/a "\"accountFile\":\"$path\""
		expect '.code == 7 and (.msg | contains($path))' "$output" --arg path "$path"
		exits 1 stats_cni STATUS a "" "\"accountFile\":\"$path\""
		expect '.code == 50' "$output"
	done
	exits 1 stats_cni ADD a /run/netns/a '"accountFile":"relative"'
	exits 1 stats_cni ADD a /run/netns/a '"accountFile":7'
	expect '.code == 7 and (.msg | contains("accountFile"))' "$output"
	# Its directory is missing: the container starts and stops, the account is on stderr.
	exits 0 stats_cni ADD a /run/netns/a '"accountFile":"/run/missing/file"'
	[[ $words == */run/missing/file* ]] || fail "/run/missing/file is not named"
	exits 0 stats_cni DEL a /run/netns/a '"accountFile":"/run/missing/file"'
	[[ $words == *'"containerId":"a"'* ]] || fail "the account is lost"
	# A full disk leaves no half line.
	mkdir /run/full
	mount -t tmpfs -o size=4k tmpfs /run/full
	head -c 4000 /dev/zero >/run/full/accounts
	stats_cni ADD a /run/netns/a >/dev/null
	exits 0 stats_cni DEL a /run/netns/a '"accountFile":"/run/full/accounts"'
	is "$(stat -c %s /run/full/accounts)" 4000
	[[ $words == *'"containerId":"a"'* ]] || fail "the account is lost"
	[ ! -e /run/elsewhere ] || fail "a symbolic link was followed"
}

@test "nothing that counting fails at keeps a container from starting or stopping" {
	in_host && return
	prepare_stats
	veth_container a
	# No state directory to be had.
	echo >$STATE
	exits 0 stats_cni ADD a /run/netns/a
	expect '.interfaces[0].name == "eth0"' "$output"
	[ -n "$words" ] || fail "nothing on standard error"
	rm $STATE
	# The namespace cannot be read; the account begins at zero.
	exits 0 stats_cni ADD a /run/netns/none '"accountFile":"/run/accounts"'
	[ -n "$words" ] || fail "nothing on standard error"
	exits 0 stats_cni DEL a /run/netns/none '"accountFile":"/run/accounts"'
	# A damaged record.
	stats_cni ADD a /run/netns/a >/dev/null
	echo '{"containerId":' >"$(stats_record a)"
	exits 0 stats_cni DEL a /run/netns/a '"accountFile":"/run/accounts"'
	[ ! -e "$(stats_record a)" ] || fail "the record is there"
	# But a wrong configuration does.
	exits 1 stats_cni ADD a /run/netns/a '"stateDir":"relative"'
	expect '.code == 7' "$output"
}
