#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# ADD and DEL killed on entering each of their system calls, one after the other. The campaign in campaigns/faults/ does
# more at each, and in a check only at some.
# run-tests: once

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host

# calls COMMAND [CONFIGURATION]: its system calls from reading standard input on, each as its name
# and how many of that name there were.
calls() {
	CNI_COMMAND=$1 strace -qq -o /run/t/trace "$CNI" <<<"${2-$(net)}" >/run/t/answer
	awk -F'(' '/^[a-z]/ {n[$1]++} /^read\(0, / {reading = 1} reading && /^[a-z]/ {print $1, n[$1]}' \
		/run/t/trace
}

# killed_at NAME NUMBER COMMAND: the plugin ends on entering that system call.
killed_at() {
	# In a subshell, whose standard error takes what bash says of a kill.
	(
		CNI_COMMAND=$3 strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=SIGKILL:when=$2" \
			"$CNI" <<<"$(net)" >/run/t/answer || true
	) 2>/dev/null
}

@test "ADD killed at any system call leaves what one DEL removes" {
	in_host && return
	local name number n=0

	container c1
	succeeds ADD # the options are remembered from here on
	succeeds DEL
	calls ADD >/run/t/calls
	succeeds CHECK "$(with_prev "$(net)" "$(</run/t/answer)")"
	succeeds DEL
	while read -r name number; do
		killed_at "$name" "$number" ADD
		succeeds DEL
		wait_until no_daemon
		is "$(left_files "$STATE")" ""
		wait_until no_interface
		n=$((n + 1))
	done </run/t/calls
	[ "$n" -gt 60 ] || fail "only $n system calls"
	succeeds ADD
	succeeds DEL
}

@test "a start that fails has one code, however soon its process has ended" {
	in_host && return
	local delay

	container c1
	succeeds ADD # the options of slirp4netns are known
	succeeds DEL
	for delay in 0 100000; do
		# LeakSanitizer does not run under strace.
		plugin=(env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null
			-e "inject=exit_group:delay_enter=$delay" -e inject=setsid:error=EPERM "$CNI")
		fails 100 "cannot start a session" ADD
		plugin=(env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null
			-e "inject=recvmsg:delay_enter=$delay" -e inject=setsid:signal=KILL "$CNI")
		fails 11 "was killed; call again" ADD
		nothing_left
	done
}

@test "DEL killed at any system call leaves what the next DEL removes" {
	in_host && return
	local name number n=0

	container c1
	succeeds ADD
	calls DEL >/run/t/calls
	while read -r name number; do
		[ -e "$(record)" ] || succeeds ADD
		killed_at "$name" "$number" DEL
		succeeds DEL
		wait_until no_daemon
		is "$(left_files "$STATE")" ""
		n=$((n + 1))
	done </run/t/calls
	[ "$n" -gt 20 ] || fail "only $n system calls"
	nothing_left
}
