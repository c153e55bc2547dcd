#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# cnirun among others: namespaces that belong to others by now, files and locks of other users, root with
# fewer capabilities than root has.

# Each test is a process of its own, with the variables of lib/inside.bash. What COMMAND or a plugin
# shall expand is in single quotes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/cnirun

# Namespaces.

# The list that is shipped for bridges, and an interface of the host's that has the name of a
# container's.
prepare_bridge() {
	prepare_cnirun
	invent_good one
	network br '' '{"type":"bridge","bridge":"cni9","isGateway":true,
		"ipam":{"type":"host-local","subnet":"10.77.0.0/24"}}' '{"type":"one"}'
	ip link add eth0 type veth peer name other0
}

# A process that has the pid of a container that has ended. recycle NETNS: in that namespace.
recycle() {
	kill "$process"
	wait "$process" || true
	python3 "$LIB/recycle.py" "$process" nsenter "--net=$1" sleep 1000 &
	wait_until grep -qsx sleep "/proc/$process/comm"
}

# An entry as libcni would have written it: without what proves the namespace.
forget_identity() {
	local file

	for file in "$CACHE"/*; do
		jq -c 'del(.netnsIdentity)' "$file" >/run/t/entry
		cat /run/t/entry >"$file"
	done
}

told_netns() {
	sed -n 's/^CNI_NETNS=//p' /run/t/one.DEL.env
}

# ended COMMAND...: it deletes the attachment of the container that was, and nothing in the namespace
# that its path leads to now.
ended() {
	rm -f /run/t/one.DEL.env
	cnirun "$@"
	is "$status" 0
	is "$(told_netns)" ""
	is "$(cache)" ""
}

@test "a pid that is the host's now: gc, gc --all and del delete nothing in the host's namespace" {
	in_host && return
	prepare_bridge
	local command

	for command in "gc br" "gc --all br" del; do
		container_of_process
		runs add br "/proc/$process/ns/net"
		[ "$command" != del ] || command="del br /proc/$process/ns/net"
		recycle /proc/self/ns/net
		forget_identity
		# shellcheck disable=SC2086
		ended $command
		[ "${command%% *}" != del ] || [[ $words == *"is the network namespace of cnirun itself"* ]] ||
			fail "not said: $words"
		ip link show eth0 >/run/t/out
		kill "$process"
	done
	no_trace
}

@test "a pid that is process 1's network namespace now, seen from another one: nothing is deleted in it" {
	in_host && return
	prepare_bridge
	local command

	ip netns add elsewhere
	for command in "gc br" "gc --all br" del; do
		container_of_process
		runs add br "/proc/$process/ns/net"
		[ "$command" != del ] || command="del br /proc/$process/ns/net"
		recycle /proc/self/ns/net
		forget_identity
		rm -f /run/t/one.DEL.env
		# shellcheck disable=SC2086
		nsenter --net=/run/netns/elsewhere /run/cni/cnirun $command 2>/run/t/words
		is "$(told_netns) $(cache)" " "
		ip link show eth0 >/run/t/out
		kill "$process"
	done
}

@test "a pid or a name that is another container's now: told apart, and nothing is deleted in it" {
	in_host && return
	prepare_bridge
	local command path

	ip netns add living
	ip -n living link add eth0 type veth peer name other0
	for command in "gc br" "gc --all br" del; do
		container_of_process
		path=/proc/$process/ns/net
		runs add br "$path"
		recycle /run/netns/living
		refuses 1 "is not the network namespace that the network br was added to" check br "$path"
		[ "$command" != del ] || command="del br $path"
		# shellcheck disable=SC2086
		ended $command
		[ "${command%% *}" != del ] || [[ $words == *"is another network namespace now"* ]] ||
			fail "not said: $words"
		ip -n living link show eth0 >/run/t/out
		kill "$process"
		# The kernel gives the next namespace the number of the one that has gone.
		path=/run/netns/named
		ip netns add named
		runs add br "$path"
		ip netns delete named
		ip netns add named
		ip -n named link add eth0 type veth peer name other0
		# shellcheck disable=SC2086
		ended ${command%/proc*} ${command:+$([[ $command != del* ]] || echo "$path")}
		ip -n named link show eth0 >/run/t/out
		ip netns delete named
	done
	no_trace
}

@test "after a restart of the machine no entry's namespace is the one that it was" {
	in_host && return
	prepare_bridge
	ip netns add c1
	runs add br /run/netns/c1
	jq -c '.netnsIdentity.boot |= (explode | reverse | implode)' "$CACHE"/* >/run/t/entry
	cat /run/t/entry >"$(echo "$CACHE"/*)"
	ended gc br
	ip -n c1 link show eth0 >/run/t/out
}

@test "a namespace that is replaced while COMMAND or an ADD runs is not told to DEL" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '' '{"type":"one"}'
	ip netns add c1
	runs -n net --netns /run/netns/c1 -- true
	is "$(told_netns)" /run/netns/c1
	runs -n net --netns /run/netns/c1 -- sh -c 'ip netns delete c1; ip netns add c1'
	is "$(told_netns)" ""
	container_of_process
	runs -n net --pid "$process" -- sh -c "umount -l /run/netns/cni-*"
	is "$(told_netns)" ""
	invent two <<<'[ $CNI_COMMAND != ADD ] || { ip netns delete c1; ip netns add c1; exit 1; }'
	network net '' '{"type":"one"}' '{"type":"two"}'
	refuses 1 "plugin two failed" add net /run/netns/c1
	is "$(told_netns)" ""
	is "$(cache)" ""
}

@test "gc inside a container keeps that container, which is there; del in it deletes nothing by name" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	nsenter --net=/run/netns/c1 /run/cni/cnirun gc net
	is "$(calls)" "one ADD one GC"
	is "$(jq -c '.["cni.dev/valid-attachments"] | length' /run/t/one.GC)" 1
	nsenter --net=/run/netns/c1 /run/cni/cnirun del net /run/netns/c1 2>/run/t/words
	grep -q "is the network namespace of cnirun itself" /run/t/words
	is "$(told_netns) $(cache)" " "
}

@test "gc for want of a descriptor: the living are kept and told as valid, or nothing is done" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	local n kept=0

	for n in {3..24}; do
		status=0
		words=$(prlimit "--nofile=$n" /run/cni/cnirun gc net 2>&1) || status=$?
		[[ $(calls) != *DEL* ]] || fail "with $n descriptors a living attachment was deleted"
		is "$(cache | wc -l)" 1
		[ ! -e /run/t/one.GC ] ||
			is "$(jq -c '.["cni.dev/valid-attachments"] | length' /run/t/one.GC)" 1
		[[ $words != *"is kept: cannot open the network namespace /run/netns/c1"*"Too many open files"* ]] ||
			kept=$((kept + 1))
	done
	is "$status" 0
	[ "$kept" -gt 0 ] || fail "with no number of descriptors it was kept for want of one"
}

@test "gc and del where a namespace cannot be opened (EIO): kept, nothing is deleted, and said" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	ip netns add c2
	runs add net /run/netns/c1
	runs add net /run/netns/c2
	ip netns delete c2
	# LeakSanitizer does not run under strace.
	broken() {
		ASAN_OPTIONS=detect_leaks=0 call timed strace -qq -o /run/t/trace -P /run/netns/c1 -e inject=openat:error=EIO /run/cni/cnirun "$@"
	}
	broken gc net
	is "$status" 1
	[[ $words == "cnirun: $(cnitool_id /run/netns/c1) (eth0) is kept: cannot open the network namespace /run/netns/c1: Input/output error"*"the namespaces of 1 attachments"* ]] ||
		fail "said: $words"
	# The other one has gone, and it goes.
	is "$(calls)" "one ADD one ADD one DEL one GC"
	is "$(jq -c '.["cni.dev/valid-attachments"]' /run/t/one.GC)" \
		"[{\"containerID\":\"$(cnitool_id /run/netns/c1)\",\"ifname\":\"eth0\"}]"
	broken gc --all net
	is "$status $(calls)" "1 one ADD one ADD one DEL one GC one GC"
	broken del net /run/netns/c1
	is "$status $(calls)" "1 one ADD one ADD one DEL one GC one GC"
	[[ $words == "cnirun: nothing is deleted: cannot open the network namespace /run/netns/c1: Input/output error" ]] ||
		fail "said: $words"
	is "$(cache | wc -l)" 1
	runs gc --all net
	no_trace
}

@test "a user's pid that is another user's now: gc deletes what is left, without that namespace" {
	in_host && return
	prepare_cnirun
	prepare_user
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	begin() {
		prepare_cnirun
		container_of_process --user --map-root-user --net
		runs add net "/proc/$process/ns/net"
		echo "$process" >"$TMPDIR/process"
		kill "$process"
	}
	end() {
		prepare_cnirun
		ended gc net
	}
	chmod 777 /run/t
	as_user begin
	process=$(cat /run/user/1000/process)
	wait_until refused test -e "/proc/$process"
	python3 "$LIB/recycle.py" "$process" sleep 1000 &
	wait_until grep -qsx sleep "/proc/$process/comm"
	as_user end
}

# Where state is.

# root with the capabilities that Docker gives a container.
weak() {
	call timed setpriv --inh-caps=-all --bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap \
		/run/cni/cnirun "$@"
}

weakly() {
	weak "$@"
	[ "$status" = 0 ] || fail "cnirun $* exited with $status"
}

records() {
	find /run -name '*@eth0.json' 2>/dev/null
}

weak_flow() {
	prepare_user
	prepare_cnirun
	weakly -- ip -br addr show eth0
	[[ $output == *10.0.2.100* ]] || fail "no network: $output"
	no_trace
	# Killed: gc finds what ADD has recorded.
	weak -- sh -c 'kill -KILL $PPID; exec sleep 1000'
	is "$status" 137
	[ -n "$(records)" ] || fail "nothing was recorded"
	is "$(cache | wc -l)" 1
	wait_until eval '[ -z "$(runners)" ]'
	weakly gc slirp
	is "$(records)" ""
	no_trace
	# The same by root with all capabilities.
	weak -- sh -c 'kill -KILL $PPID; exec sleep 1000'
	wait_until eval '[ -z "$(runners)" ]'
	runs gc slirp
	is "$(records)" ""
	no_trace
	# add, check, del.
	container_of_process --user --map-root-user --net
	weakly add slirp "/proc/$process/ns/net"
	weakly check slirp "/proc/$process/ns/net"
	weakly del slirp "/proc/$process/ns/net"
	is "$(records)" ""
	no_trace
	weakly add slirp "/proc/$process/ns/net"
	kill -KILL "$process"
	wait "$process" || true
	weakly gc slirp
	is "$(records)" ""
	no_trace
}

@test "root without CAP_SYS_ADMIN: what is added is found again by del, check and gc" {
	in_host && return
	weak_flow
}

@test "the same with XDG_RUNTIME_DIR, which is not where root's state is" {
	in_host && return
	install -d -m 700 /run/t/xdg
	export XDG_RUNTIME_DIR=/run/t/xdg
	weak_flow
	is "$(find /run/t/xdg -mindepth 1)" ""
}

@test "DEL looks for its state where ADD has put it, also when XDG_RUNTIME_DIR is another by then" {
	in_host && return
	prepare_cnirun
	prepare_user
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || result; echo "$CNI_COMMAND $XDG_RUNTIME_DIR" >>/run/t/places'
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	network net2 '"cniVersion":"1.1.0",' '{"type":"slirp4netns"}'
	flow() {
		prepare_cnirun
		export CNI_CACHE_DIR=$XDG_RUNTIME_DIR/cache
		mkdir -m 700 "$XDG_RUNTIME_DIR/a" "$XDG_RUNTIME_DIR/b"
		local a=$XDG_RUNTIME_DIR/a b=$XDG_RUNTIME_DIR/b path

		container_of_process --user --map-root-user --net
		path=/proc/$process/ns/net
		XDG_RUNTIME_DIR=$a runs add net "$path"
		XDG_RUNTIME_DIR=$b runs check net "$path"
		XDG_RUNTIME_DIR=$b runs del net "$path"
		XDG_RUNTIME_DIR=$a runs add net "$path"
		XDG_RUNTIME_DIR=$b runs gc --all net
		is "$(cat /run/t/places)" "ADD $a
CHECK $a
DEL $a
ADD $a
DEL $a
GC $b"
		XDG_RUNTIME_DIR=$a runs add net2 "$path"
		is "$(daemons | wc -l)" 1
		XDG_RUNTIME_DIR=$b runs gc --all net2
		is "$(daemons)$(left_files "$a")" ""
	}
	as_user flow
}

# Files.

# Another user's home, with a list that names his own program as the daemon; a file tells whether it was executed.
prepare_alice() {
	prepare_cnirun
	unset NETCONFPATH
	mkdir -p /run/alice/.config/cni/net.d /run/alice/bin
	printf '#!/bin/sh\necho "$0" >>/run/t/ran\nexit 1\n' >/run/alice/bin/evil
	chmod 755 /run/alice/bin/evil
	cp /run/alice/bin/evil /run/alice/bin/one
	echo '{"cniVersion":"1.0.0","name":"slirp","plugins":[{"type":"slirp4netns",
		"slirp4netnsPath":"/run/alice/bin/evil"}]}' >/run/alice/.config/cni/net.d/slirp.conflist
	chown -R "${1-1000}:${1-1000}" /run/alice
	: >/run/t/ran
}

# passes_over TEXT ARGUMENT...: runs, with one line that has the text.
passes_over() {
	local text=$1

	shift
	cnirun "$@"
	[ "$status" = 0 ] || fail "cnirun $* exited with $status: $words"
	[[ $words == "cnirun: the "*"$text"*" could execute anything as user $(id -u) through it; "* ]] || fail "said: $words; expected: $text"
	is "$(wc -l <<<"$words")" 1
	is "$(cat /run/t/ran)" ""
}

@test "root in another user's HOME takes no list, plugin or program from it, and says so" {
	in_host && return
	prepare_alice
	HOME=/run/alice passes_over "directory /run/alice/.config/cni/net.d is passed over: /run/alice belongs to user 1000, who" -- true
	XDG_CONFIG_HOME=/run/alice/.config passes_over "/run/alice belongs to user 1000" -- true
	NETCONFPATH=/run/alice/.config/cni/net.d passes_over "/run/alice belongs to user 1000" -- true
	CNI_PATH=/run/alice/bin:/run/cni passes_over "directory /run/alice/bin is passed over: /run/alice belongs" -- true
	# The plugins that look there for others are not told it either.
	invent one <<<'[ "$CNI_COMMAND" != ADD ] || result'
	network net '' '{"type":"one"}'
	NETCONFPATH=/run/net.d CNI_PATH=/run/alice/bin:/run/fake passes_over /run/alice -n net -- true
	grep -qx CNI_PATH=/run/fake /run/t/one.ADD.env
	# No list there: nothing to say.
	rm -r /run/alice/.config
	HOME=/run/alice runs -- true
	# What is named on the command line is the caller's word.
	cp /run/net.d/net.conflist /run/alice/mine.conflist
	chown 1000 /run/alice/mine.conflist
	runs -n /run/alice/mine.conflist -- true
	# The owner of the directory that cnirun is in can replace cnirun.
	cp /run/cni/cnirun /run/cni/slirp4netns /run/alice/
	chown 1000 /run/alice/*
	limit=20 CNI_PATH=/run/alice call timed /run/alice/cnirun -- true
	is "$status $words" "0 "
	no_trace
}

@test "each file, directory and link on the way counts: its owner, and who may write it" {
	in_host && return
	prepare_alice
	local dir=/run/x/y/net.d list=/run/x/y/net.d/slirp.conflist

	export NETCONFPATH=/run/x/y/net.d
	mkdir -p $dir
	fresh() {
		rm -rf /run/x
		mkdir -p $dir
		cp /run/alice/.config/cni/net.d/slirp.conflist $list
	}
	fresh
	chown 1000 $list
	passes_over "file $list is passed over: $list belongs to user 1000" -- true
	fresh
	chmod 666 $list
	passes_over "$list is writable by others (mode 666)" -- true
	fresh
	chgrp 1000 $list
	chmod 664 $list
	passes_over "$list is writable by others (mode 664)" -- true
	fresh
	chmod 777 /run/x/y
	passes_over "directory $dir is passed over: /run/x/y is writable by others (mode 777)" -- true
	fresh
	chown 1000 /run/x
	passes_over "directory $dir is passed over: /run/x belongs to user 1000" -- true
	# Links: of somebody else's, to somebody else's, and through a directory of somebody else's.
	fresh
	mv $list /run/x/list
	ln -s ../../list $list
	chown -h 1000 $list
	passes_over "file $list is passed over: $list belongs to user 1000" -- true
	fresh
	ln -sf /run/alice/.config/cni/net.d/slirp.conflist $list
	passes_over "file $list is passed over: /run/alice belongs to user 1000" -- true
	fresh
	mv $dir /run/x/there
	ln -s /run/x/there /run/alice/link
	ln -s ../../alice/link $dir
	passes_over "directory $dir is passed over: /run/alice belongs to user 1000" -- true
	# A plugin.
	fresh
	rm $list
	cp /run/alice/bin/one $dir/slirp4netns
	chown 1000 $dir/slirp4netns
	CNI_PATH=$dir:/run/cni passes_over "plugin $dir/slirp4netns is passed over" -- true
	# The plugins of the list's directory: without one of them it would be another network.
	fresh
	invent_good one
	echo '{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"one"}]}' >$dir/net.conflist
	mkdir $dir/net
	echo '{"type":"one"}' >$dir/net/one.conf
	runs -n net -- true
	chown 1000 $dir/net/one.conf
	refuses 125 "a part of the list cannot be trusted: $dir/net/one.conf belongs to user 1000" -n net -- true
	chown 0 $dir/net/one.conf
	chown 1000 $dir/net
	refuses 125 "a part of the list cannot be trusted: $dir/net belongs to user 1000" -n net -- true
	mv $dir/net/one.conf /run/x
	refuses 125 "a part of the list cannot be trusted: $dir/net belongs to user 1000" -n net -- true
	chown 0 $dir/net
	# What is allowed: a sticky directory in the path, the group root, a link that belongs to root.
	chmod 1777 /run/x
	chmod 775 /run/x/y
	mv $dir /run/x/there
	ln -s ../there $dir
	runs -n net -- true
}

@test "an ordinary user in another's HOME, and in his own, whose group may write" {
	in_host && return
	prepare_alice 1001
	prepare_user
	chmod 777 /run/t/ran
	flow() {
		prepare_cnirun
		unset NETCONFPATH
		HOME=/run/alice passes_over "/run/alice belongs to user 1001" -- true
		mkdir -p "$XDG_RUNTIME_DIR/home/.config/cni/net.d"
		echo '{"cniVersion":"1.0.0","name":"mine","plugins":[{"type":"slirp4netns"}]}' \
			>"$XDG_RUNTIME_DIR/home/.config/cni/net.d/mine.conflist"
		chmod -R g+w "$XDG_RUNTIME_DIR/home"
		HOME=$XDG_RUNTIME_DIR/home runs -n mine -- true
	}
	as_user flow
}

@test "a cache that others can replace is refused: its lists are executed" {
	in_host && return
	prepare_alice
	mkdir -p /run/alice/cache
	chown 1000 /run/alice/cache
	refuses 125 "the result cache /run/alice/cache/results cannot be trusted: /run/alice belongs to user 1000" \
		--cache-dir /run/alice/cache -- true
	CNI_CACHE_DIR=/run/alice/cache refuses 1 "cannot be trusted" gc slirp
}

# Locks.

@test "a lock that another user can hold does not stop us" {
	in_host && return
	prepare_cnirun
	prepare_user
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	runs add net /run/netns/c1
	chmod 755 "$CACHE"
	setpriv --reuid=1000 --regid=1000 --clear-groups flock --no-fork "$CACHE" sleep 100 &
	holder=$!
	wait_until pgrep -x sleep
	refused setpriv --reuid=1000 --regid=1000 --clear-groups cat "$CACHE/.cnirun.lock" 2>/run/t/out
	runs -n net -- true
	runs del net /run/netns/c1
	runs add net /run/netns/c1
	runs gc --all net
	kill "$holder"
	# One that others can open is not used.
	chmod 644 "$CACHE/.cnirun.lock"
	refuses 1 "must be a file that only we can open (mode 600); remove it" add net /run/netns/c1
	rm "$CACHE/.cnirun.lock"
	ln -s /etc/passwd "$CACHE/.cnirun.lock"
	refuses 1 "cannot open $CACHE/.cnirun.lock: Too many levels" add net /run/netns/c1
	rm "$CACHE/.cnirun.lock"
	runs add net /run/netns/c1
	is "$(stat -c '%u %a' "$CACHE/.cnirun.lock")" "0 600"
}

@test "on a full disk a del makes room, though there is none for its lock" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '"cniVersion":"1.1.0",' '{"type":"one"}'
	ip netns add c1
	mount -t tmpfs -o nr_inodes=8 tmpfs /var/lib/cni
	runs add net /run/netns/c1
	rm "$CACHE/.cnirun.lock"
	while : 2>/dev/null >"/var/lib/cni/$RANDOM$RANDOM"; do :; done
	runs del net /run/netns/c1
	no_trace
}

# Mounts, output.

@test "what the host mounts and unmounts COMMAND sees, and the host nothing of COMMAND's" {
	in_host && return
	prepare_cnirun
	mkdir /run/t/later /run/t/before /run/t/inside
	mount -t tmpfs tmpfs /run/t/before
	start_cnirun -- sh -c 'mount -t tmpfs tmpfs /run/t/inside
		touch /run/t/ready
		for i in $(seq 400); do
			! mountpoint -q /run/t/later || mountpoint -q /run/t/before || exit 7
			sleep 0.02
		done
		exit 9'
	wait_until test -e /run/t/ready
	mountpoint -q /run/t/inside && fail "COMMAND's mount is the host's"
	umount /run/t/before
	mount -t tmpfs tmpfs /run/t/later
	ends_with 7
	is "$(findmnt -no TARGET -M "$(readlink -m /etc/resolv.conf)" | wc -l)" 1
}

@test "what cannot be written to standard output is a failure" {
	in_host && return
	prepare_cnirun
	invent_good one
	network net '' '{"type":"one"}'
	ip netns add c1
	local arguments

	for arguments in --help -h "" --version "add net /run/netns/c1"; do
		status=0
		# shellcheck disable=SC2086
		words=$(/run/cni/cnirun $arguments 2>&1 >/dev/full) || status=$?
		is "$status" 1
		[[ $words == "cnirun: cannot write "*": No space left on device" ]] || fail "said: $words"
	done
	is "$(calls)" "one ADD one DEL"
	no_trace
}
