#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What cnirun says and undoes when a plugin, a list, a cache entry or a runtime is not as it should be.

# Each test is a process of its own, with the variables of lib/inside.bash. What COMMAND shall expand
# is in single quotes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/cnirun
export TESTS=$BATS_TEST_DIRNAME/../lib

# Bad input.

@test "a plugin that fails half-way: its error whole, DEL for all that were started, in reverse" {
	in_host && return
	prepare_cnirun
	local long

	long=$(printf '%02000d' 7)
	invent_good one three
	invent two <<<"[ \$CNI_COMMAND != ADD ] || { echo '{\"cniVersion\":\"1.0.0\",\"code\":123,
		\"msg\":\"too\\nbad $long\",\"details\":\"because\"}'; exit 1; }"
	network net '' '{"type":"one"}' '{"type":"two"}' '{"type":"three"}'
	refuses 125 "plugin two failed (ADD, code 123): too bad $long: because" -n net -- true
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	is "$(jq -c .prevResult.by /run/t/two.DEL)" '["one"]'
	ip netns add c1
	refuses 1 "plugin two failed (ADD, code 123): too bad $long: because" add net /run/netns/c1
	no_trace
	# With our own: what the first has started is gone.
	network net '"cniVersion":"1.1.0",' '{"type":"slirp4netns"}' '{"type":"two"}'
	refuses 125 "plugin two failed" -n net -- true
	no_trace
	# DEL fails as well: both are said, and the rest is undone all the same.
	invent two <<<'echo "{\"cniVersion\":\"1.0.0\",\"code\":5,\"msg\":\"no $CNI_COMMAND\"}"; exit 1'
	cnirun -n net -- true
	is "$words" "cnirun: plugin two failed (DEL, code 5): no DEL
cnirun: what could not be undone stays in the result cache, for cnirun gc net
cnirun: plugin two failed (ADD, code 5): no ADD"
	ip netns add c2
	cnirun add net /run/netns/c2
	is "$status $(wc -l <<<"$words") $(cache | wc -l)" "1 3 2"
	invent_good two
	runs del net /run/netns/c2
	is "$(cache | wc -l)" 1
	runs gc net
	no_trace
}

# What a plugin's ADD does, and what cnirun says about it.
bad_add() {
	invent bad <<<"[ \$CNI_COMMAND = DEL ] || { $1
	}"
	network net '' '{"type":"good"}' '{"type":"bad"}'
	rm -f /run/t/calls
	refuses 125 "$2" --timeout "${seconds-30}" -n net -- true
	is "$(calls)" "good ADD bad ADD bad DEL good DEL"
	no_trace
}

@test "what a plugin says is told as its words, once" {
	in_host && return
	prepare_cnirun
	invent one <<<'echo "word for $CNI_COMMAND" >&2; echo "one: its own" >&2; echo "one more" >&2; result'
	network net '' '{"type":"one"}'
	cnirun -n net -- true
	is "$status $words" "0 one: word for ADD
one: its own
one: one more
one: word for DEL
one: its own
one: one more"
}

@test "a plugin that hangs, is killed, prints nothing, garbage, or 100 MB" {
	in_host && return
	prepare_cnirun
	invent_good good
	seconds=1 bad_add 'exec sleep 100' "did not end within 1 seconds, and was killed"
	seconds=1 bad_add 'sleep 100 & wait' "did not end within 1 seconds, and was killed"
	is "$(pgrep -x sleep)" ""
	seconds=1 bad_add 'exec yes >&2' "did not end within 1 seconds, and was killed"
	bad_add 'kill -9 $$' "plugin bad failed (ADD, killed by signal 9 (Killed)) without an error on standard output"
	bad_add 'echo oops >&2; exit 3' "plugin bad failed (ADD, exit status 3) without an error on standard output: oops"
	bad_add : "plugin bad failed (ADD): it printed no result"
	bad_add 'echo garbage' "plugin bad failed (ADD): its output is not valid JSON at line 1"
	bad_add 'echo garbage; exit 1' "without saying why: its output is not valid JSON"
	bad_add 'echo "[]"' "plugin bad failed (ADD): its output is an array"
	bad_add 'head -c 100000000 /dev/zero' "printed more than 8 MiB"
	bad_add 'head -c 100000000 /dev/zero >&2; exit 1' "plugin bad failed (ADD, exit status 1)"
	bad_add 'echo "{\"cniVersion\":7}"' "its result: cniVersion is 7"
	bad_add 'echo "{\"cniVersion\":\"7.0.0\"}"' "its result"
	bad_add 'echo "{\"code\":7,\"msg\":\"\\u001b[31mred\"}"' "plugin bad failed (ADD, code 7): ?[31mred"
	# A descendant that keeps its output open holds up nobody.
	invent bad <<<'[ $CNI_COMMAND = DEL ] || { (trap "" TERM; exec sleep 100) & result; }'
	limit=5 runs -n net -- true
}

@test "a result is the next plugin's to judge, and reaches it as it was printed" {
	in_host && return
	local odd='{"cniVersion":"1.0.0","ips":[{"address":"x","interface":-1},7],"dns":{},"big":1152921504606846977}'

	prepare_cnirun
	invent odd <<<"[ \$CNI_COMMAND != ADD ] || echo '$odd'"
	invent same <<<'[ $CNI_COMMAND != ADD ] || sed -E "s/.*\"prevResult\":(.*\}),?\"type.*/\1/; s/.*\"prevResult\":(.*)\}$/\1/" <<<"$input"'
	network net '"cniVersion":"1.0.0",' '{"type":"odd"}' '{"type":"same"}'
	ip netns add c1
	runs add net /run/netns/c1
	grep -qF "\"prevResult\":$odd" /run/t/same.ADD || fail "$(cat /run/t/same.ADD)"
	runs check net /run/netns/c1
	grep -qF "\"prevResult\":$odd" /run/t/odd.CHECK || fail "$(cat /run/t/odd.CHECK)"
	runs del net /run/netns/c1
	grep -qF "\"prevResult\":$odd" /run/t/odd.DEL || fail "$(cat /run/t/odd.DEL)"
	no_trace
}

@test "a plugin has no descriptor but its three, and the signals of a fresh process" {
	in_host && return
	prepare_cnirun
	# dash, unlike bash, leaves signals as they are, but while it forks.
	cat >/run/fake/good <<-'END'
		#!/bin/sh
		while read -r key value; do
			case $key in SigBlk: | SigIgn:) echo "$key $value" ;; esac
		done </proc/$$/status >/run/t/signals
		ls /proc/self/fd >/run/t/fds
		echo '{}'
	END
	chmod 755 /run/fake/good
	network net '' '{"type":"good"}'
	(
		trap '' HUP
		runs -n net -- true 7</dev/null
	)
	is "$(xargs </run/t/fds)" "0 1 2 3"
	is "$(xargs </run/t/signals)" "SigBlk: 0000000000000000 SigIgn: 0000000000000000"
}

@test "interrupted while a plugin runs, everything is undone" {
	in_host && return
	prepare_cnirun
	invent_good one
	invent two <<<'[ $CNI_COMMAND = DEL ] || exec sleep 100'
	network net '' '{"type":"one"}' '{"type":"two"}'
	start_cnirun -n net -- true
	wait_until pgrep -x sleep
	kill -INT "$runner"
	ends_with 130
	is "$(calls)" "one ADD two ADD two DEL one DEL"
	grep -q "interrupted while" /run/t/out || fail "not said: $(cat /run/t/out)"
	no_trace
}

@test "lists that say nothing or nonsense are refused by what is wrong" {
	in_host && return
	prepare_cnirun
	local list

	invent_good good
	while IFS='|' read -r list text; do
		echo "$list" >/run/net.d/x.conflist
		refuses 125 "$text" -n /run/net.d/x.conflist -- true
	done <<-'END'
		{"cniVersion":"1.0.0","name":"x","plugins":[]}|the network has no plugins
		{"cniVersion":"1.0.0","name":"x"}|the network has no plugins
		{"cniVersion":"1.0.0","plugins":[{"type":"good"}]}|name is missing
		{"cniVersion":"1.0.0","name":"../x","plugins":[{"type":"good"}]}|name is "../x"
		{"cniVersion":"1.0.0","name":7,"plugins":[{"type":"good"}]}|name is 7
		{"cniVersion":"1.0.0","name":"x","plugins":{}}|plugins is an object
		{"cniVersion":"1.0.0","name":"x","plugins":["good"]}|plugins[0]. is "good"
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"good"},{}]}|plugins[1].type is missing
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"../good"}]}|plugins[0].type is "../good"
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":".."}]}|plugins[0].type is ".."
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"nosuch"}]}|no plugin "nosuch" in
		{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"good"},{"type":"nosuch"}]}|no plugin "nosuch" in
		{"cniVersion":"9.0.0","name":"x","plugins":[{"type":"good"}]}|cniVersion is "9.0.0"
		{"cniVersion":1,"name":"x","plugins":[{"type":"good"}]}|cniVersion is 1
		{"cniVersions":[1],"name":"x","plugins":[{"type":"good"}]}|cniVersions
		{"name":"x","disableCheck":1,"plugins":[{"type":"good"}]}|disableCheck is 1
		{"name":"x","plugins":[{"type":"good"}]|is not valid JSON at line
		{"name":"x","name":"y","plugins":[{"type":"good"}]}|"name" twice
	END
	is "$(calls)" ""
	no_trace
}

@test "an entry truncated, from the future, of another container: said, and del goes on without" {
	in_host && return
	prepare_cnirun
	local file whole text

	invent_good one
	network net '' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	file=$(echo "$CACHE"/*)
	whole=$(<"$file")
	while IFS='|' read -r text filter; do
		if [ "$filter" = truncated ]; then
			head -c 100 <<<"$whole" >"$file"
		else
			jq -c "$filter" <<<"$whole" >"$file"
		fi
		refuses 1 "$text" check net /run/netns/c1
		rm -f /run/t/one.DEL
		cnirun del net /run/netns/c1
		is "$status" 0
		[[ $words == "cnirun: deleting without the result of ADD: "*"$text"* ]] ||
			fail "not said: $words"
		refused grep -q prevResult /run/t/one.DEL
	done <<-'END'
		is not valid JSON|truncated
		is of kind "cniCacheV2", and cnirun knows|.kind = "cniCacheV2"
		is of kind "", and|del(.kind)
		which attachment it is of|.containerId = "../x"
		is of another attachment|.containerId = "other"
	END
	# That one is not ours to remove.
	is "$(jq -r .containerId "$file")" other
	printf '%s' "$whole" >"$file"
	chmod 777 "$CACHE"
	refuses 1 "must be ours, and writable by nobody else" check net /run/netns/c1
	chmod 700 "$CACHE"
	rm "$file"
	mkfifo "$file"
	refuses 1 "is not one of ours" check net /run/netns/c1
	rm "$file"
	ln -s /etc/passwd "$file"
	refuses 1 "is not one of ours" check net /run/netns/c1
}

@test "a place for the cache: given, by variable, none, read-only" {
	in_host && return
	prepare_cnirun
	prepare_user
	invent_good one
	network net '' '{"type":"one"}'
	flow() {
		prepare_cnirun
		container_of_process --user --map-root-user --net
		runs add --cache-dir "$XDG_RUNTIME_DIR/a" net "/proc/$process/ns/net"
		is "$(find "$XDG_RUNTIME_DIR/a/results" -name 'net-*' | wc -l)" 1
		refuses 1 "knows no such ADD" check net "/proc/$process/ns/net"
		CNI_CACHE_DIR=$XDG_RUNTIME_DIR/a runs check net "/proc/$process/ns/net"
		CNI_CACHE_DIR=$XDG_RUNTIME_DIR/a runs del net "/proc/$process/ns/net"
		refuses 125 "cannot make the result cache /nosuch/a/results: Permission denied" \
			--cache-dir /nosuch/a -n net -- true
	}
	as_user flow
	is "$(calls)" "one ADD one CHECK one DEL"
	# As under su: the plugins find the directory too.
	unset_variable() {
		prepare_cnirun
		unset XDG_RUNTIME_DIR
		runs -- sh -c 'echo "$XDG_RUNTIME_DIR" && ls -d /run/user/1000/usernet-cni/sock'
		is "$(xargs <<<"$output")" "/run/user/1000 /run/user/1000/usernet-cni/sock"
	}
	as_user unset_variable
	nowhere() {
		prepare_cnirun
		XDG_RUNTIME_DIR=relative refuses 125 'XDG_RUNTIME_DIR is "relative"' -n net -- true
		unset XDG_RUNTIME_DIR
		refuses 125 "no place for the result cache: XDG_RUNTIME_DIR is not set" -n net -- true
	}
	chown 0 /run/user/1000
	chmod 755 /run/user/1000
	user_directory=/run/t as_user nowhere
	mount -o remount,ro /var/lib/cni
	refuses 125 "cannot make the result cache" -n net -- true
	is "$(calls)" "one ADD one CHECK one DEL"
}

@test "GC goes on behind a plugin that fails: each is called, each is told, and the exit status is 1" {
	in_host && return
	prepare_cnirun
	local fail_gc='[ "$CNI_COMMAND" != GC ] || { echo "{\"cniVersion\":\"1.1.0\",\"code\":101,
		\"msg\":\"$name cannot\"}"; exit 1; }'

	invent one <<<"$fail_gc"
	invent_good two
	invent three <<<"$fail_gc"
	network net '"cniVersion":"1.1.0",' '{"type":"one"}' '{"type":"two"}'
	refuses 1 'one cannot' gc net
	is "$(calls)" "one GC two GC"
	rm /run/t/calls
	network net '"cniVersion":"1.1.0",' '{"type":"one"}' '{"type":"two"}' '{"type":"three"}'
	cnirun gc net
	is "$status" 1
	is "$(calls)" "one GC two GC three GC"
	is "$(grep -c '^cnirun: .* cannot$' <<<"$words")" 2
}

@test "a plugin's error reaches the terminal as clean text: one line, and its details as they are laid out" {
	in_host && return
	prepare_cnirun
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || { printf "%s" "{\"cniVersion\":\"1.1.0\",\"code\":101," \
		"\"msg\":\"a\\nb\\tc\\u001b[2Jd\\u007fe\\u0085fé€\",\"details\":\"x\\n\\ty\\u0007z\"}"; exit 1; }'
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	cnirun add net /run/netns/c1
	is "$status" 1
	[[ $words == "cnirun: "*": a b"$'\t'"c?[2Jd?e?fé€: x"$'\n\t'"y?z" ]] || fail "it says: $words"
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || { echo "{\"cniVersion\":\"1.1.0\",\"code\":101}"; exit 1; }'
	cnirun add net /run/netns/c1
	is "$status" 1
	[[ $words == "cnirun: "*": no message" ]] || fail "it says: $words"
}
