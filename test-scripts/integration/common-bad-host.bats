#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A host that does not work: no daemon, one that hangs or fails, an input without end, a state that cannot be
# kept. Each gets its code and one clear sentence, in time, and leaves nothing behind.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/slirp4netns

setup_file() {
	[ "$(id -u)" = 0 ] || return 0
	start_early silent_daemon endless_input endless_help held_lock
}

teardown_file() {
	end_early
}

# The daemon.

@test "no slirp4netns, one that cannot be executed, one that is something else" {
	in_host && return
	local path

	container c1
	mkdir /run/t/empty /run/t/directory
	search=/run/t/empty bad 101 "no slirp4netns" ADD
	search=relative:: bad 101 "no slirp4netns" ADD
	echo '#!/bin/sh' >/run/t/not-executable
	echo 'nonsense' >/run/t/no-format
	chmod 755 /run/t/no-format
	printf '#!/nonexistent/interpreter\n' >/run/t/no-interpreter
	chmod 755 /run/t/no-interpreter
	mkfifo -m 755 /run/t/fifo
	for path in /nonexistent /run/t/directory /run/t/not-executable /run/t/no-format \
		/run/t/no-interpreter /run/t/fifo /bin/true /bin/cat /dev/null; do
		bad 101 "$path" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	done
	bad 101 slirp4netnsPath ADD "$(net "\"slirp4netnsPath\":\"/$(head -c 5000 /dev/zero | tr '\0' a)\"")"
	# The first in PATH that can be executed counts, not the first.
	mkdir /run/t/bin
	cp /run/t/not-executable /run/t/bin/slirp4netns
	search=/run/t/bin:/run/t/empty:$PATH succeeds ADD
	succeeds DEL
	nothing_left
}

# What the fake does, the code, a text of the message, and one of the details.
@test "a slirp4netns that fails in any way before it is ready: its last words, and nothing left" {
	in_host && return
	local name text details script n=0

	container c1
	while IFS='|' read -r name text details script; do
		path=$(fake "$name" <<<"$script")
		bad 100 "$text" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
		expect "(.details // \"\") | contains(\"$details\")"
		n=$((n + 1))
	done <<-'EOF'
		ends|ended|last words|echo "my last words" >&2; exit 1
		ends0|ended||exit 0
		verbose|ended|line 9999|for i in {1..9999}; do echo "line $i"; done; exit 1
		binary|ended||head -c 5000 /dev/urandom >&2; exit 1
		signal|ended||kill -9 $$
		closes|closed|said nothing|echo "said nothing" >&2; eval "exec $ready>&-"; exec -a slirp4netns sleep 1000
		dies|||printf 1 >&"$ready"; exit 1
		diesloud||out of luck|echo "out of luck" >&2; printf 1 >&"$ready"; exit 1
		nothing|no interface||printf 1 >&"$ready"; exec -a slirp4netns sleep 1000
		stopped|no interface||trap "" TERM; printf 1 >&"$ready"; kill -STOP $$
	EOF
	is "$n" 10
}

@test "a daemon that ends while its interface is configured leaves nothing" {
	in_host && return
	container c1
	# It is ready and has its interface, but is killed before anybody can do much with it.
	path=$(fake brief <<-'EOF'
		exec 9>&"$ready"
		mkfifo /run/t/ready.$$
		exec 8<>/run/t/ready.$$
		/usr/bin/slirp4netns --netns-type=path --ready-fd=8 "$netns" "$ifname" &
		read -r -n 1 <&8
		rm /run/t/ready.$$
		kill -9 $!
		wait $!
		printf 1 >&9
		exec -a slirp4netns sleep 1000
	EOF
	)
	bad 100 eth0 ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
}

@test "IPv6 that is off in the namespace: what the kernel refused is told, and nothing is left" {
	in_host && return
	container c1
	in_container sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	bad 5 "refused to add an address" ADD "$(net '"enableIPv6":true')"
	expect '.details | contains("IPv6 is disabled")'
	succeeds ADD
}

@test "a real daemon that cannot work says why" {
	in_host && return
	container c1
	mount -t tmpfs tmpfs /dev/net
	bad 100 slirp4netns ADD
	expect '.details | contains("/dev/net/tun")'
	umount /dev/net
	# It prints its help behind what was wrong.
	path=$(fake asks <<<'exec /usr/bin/slirp4netns --ready-fd="$ready" --netns-type=path /run/netns/nosuch "$ifname"')
	bad 100 "ended before it was ready" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	expect '.details | contains("existing path expected") and (contains("--help") | not)'
	succeeds ADD
}

# The tests that wait for limits; see setup_file.

silent_daemon() {
	local path begin=$SECONDS

	path=$(fake silent <<<'echo "about to hang" >&2; exec -a slirp4netns sleep 1000')
	container c1
	limit=15 bad 100 "not ready within 10 seconds" ADD "$(net "\"slirp4netnsPath\":\"$path\"")"
	expect '.details | contains("about to hang")'
	[ $((SECONDS - begin)) -ge 9 ] || fail "it did not wait"
}

@test "a slirp4netns that hangs before it is ready is given ten seconds" {
	started_early silent_daemon
}

endless_input() {
	local begin=$SECONDS

	container c1
	mkfifo /run/t/input
	exec 5<>/run/t/input
	net >&5
	limit=15 bad 5 "standard input" ADD @/proc/self/fd/5
	[ $((SECONDS - begin)) -ge 9 ] || fail "it did not wait"
}

@test "a standard input that does not end is given ten seconds" {
	started_early endless_input
}

endless_help() {
	local what

	container c1
	mkdir /run/t/bin
	for what in 'exec sleep 1000' 'exec yes' 'sleep 1000 & exit'; do
		printf '#!/bin/sh\n%s\n' "$what" >/run/t/bin/slirp4netns
		chmod 755 /run/t/bin/slirp4netns
		limit=8 bad 101 /run/t/bin/slirp4netns ADD "$(net '"slirp4netnsPath":"/run/t/bin/slirp4netns"')"
	done
}

@test "a slirp4netns whose --help does not end is no slirp4netns" {
	started_early endless_help
}

held_lock() {
	container c1
	succeeds ADD
	kill -9 "$(recorded pid)"
	wait_until no_daemon
	exec 9<"$STATE"/slirp4netns/net
	flock --nonblock 9
	# Replacing a record needs the lock.
	limit=8 fails 11 "lock" ADD
	is "$(daemons)" ""
	flock --unlock 9
	succeeds ADD
}

@test "a lock that somebody holds delays nobody for ever" {
	started_early held_lock
}

# The state directory.

@test "a state directory that cannot be, or cannot be trusted" {
	in_host && return
	local code path command

	container c1
	install -d -m 700 -o 1000 /run/t/others
	install -d -m 770 /run/t/group
	install -d -m 707 /run/t/world
	install -d -m 1777 /run/t/sticky
	install -d -m 700 /run/t/real /run/t/real/below
	ln -s /run/t/real /run/t/link
	ln -s /nonexistent /run/t/dangling
	echo >/run/t/file
	mkfifo -m 600 /run/t/fifo
	install -d -m 700 /run/t/inner /run/t/inner/slirp4netns
	install -d -m 770 /run/t/inner/slirp4netns/net
	install -d -m 700 /run/t/linked
	ln -s /run/t/real /run/t/linked/slirp4netns
	install -d -m 700 /run/t/sock
	ln -s /run/t/real /run/t/sock/sock
	mkdir /run/t/readonly
	mount -t tmpfs -o ro tmpfs /run/t/readonly
	while read -r path; do
		limit=5 fails 5 "$path" ADD "$(net "\"stateDir\":\"$path\"")"
		is "$(daemons)" ""
		is "$(interfaces)" ""
		is "$(find /run/t -name '*@*' -o -name '*.sock' -o -name '*.log')" ""
		[[ $path == */sock ]] || fails 50 "$path" STATUS "$(net "\"stateDir\":\"$path\"")"
	done <<-'EOF'
		/run/t/missing/state
		/run/t/others
		/run/t/group
		/run/t/world
		/run/t/sticky
		/run/t/link
		/run/t/link/below
		/run/t/link/new
		/run/t/dangling
		/run/t/file
		/run/t/file/state
		/run/t/fifo
		/run/t/inner
		/run/t/linked
		/run/t/sock
		/run/t/readonly
		/run/t/readonly/state
		/proc/state
		/dev/null
	EOF
	is "$(find /run/t/real /run/t/others -mindepth 1)" /run/t/real/below
}

@test "DEL with a state directory that is not there succeeds, with one of another's it refuses" {
	in_host && return
	container c1
	succeeds DEL "$(net '"stateDir":"/run/t/missing/state"')"
	succeeds GC "$(net '"stateDir":"/run/t/missing/state","cni.dev/valid-attachments":[]')"
	[ ! -e /run/t/missing ] || fail "DEL or GC made it"
	install -d -m 700 -o 1000 /run/t/others
	limit=5 fails 5 /run/t/others DEL "$(net '"stateDir":"/run/t/others"')"
}

@test "a full disk, at whichever file it shows: an error, and nothing left" {
	in_host && return
	local n option succeeded=0 failed=0

	container c1
	mkdir /run/t/full
	for option in size=4k nr_inodes={1..12}; do
		mount -t tmpfs -o "mode=700,$option" tmpfs /run/t/full
		cni ADD "$(net '"stateDir":"/run/t/full"')"
		if [ "$status" = 0 ]; then
			succeeded=$((succeeded + 1))
			succeeds DEL "$(net '"stateDir":"/run/t/full"')"
		else
			failed=$((failed + 1))
			expect '.code == 5 or .code == 100' # code 100: the daemon cannot make its socket
			expect '(.msg + (.details // "")) | contains("No space left on device")'
		fi
		nothing_left /run/t/full
		umount /run/t/full
	done
	[ "$failed" -gt 5 ] && [ "$succeeded" -gt 0 ] || fail "$failed failed, $succeeded succeeded"
}

@test "a record that is a FIFO, a link, another's, or no JSON does not stop DEL, GC or the next ADD" {
	in_host && return
	local spoil command pid

	echo '{"pid":1}' >/run/t/elsewhere
	spoil() {
		local file

		file=$(record)
		case $1 in
		fifo) rm "$file" && mkfifo "$file" ;;
		symlink) ln -sf /run/t/elsewhere "$file" ;;
		dangling) ln -sf /nonexistent "$file" ;;
		hardlink) ln "$file" /run/t/hardlink-"$CNI_CONTAINERID" ;;
		truncated) truncate -s 20 "$file" ;;
		empty) truncate -s 0 "$file" ;;
		huge) truncate -s 3M "$file" ;;
		array) echo '[]' >"$file" ;;
		others) chown 1000 "$file" ;;
		binary) head -c 200 /dev/urandom >"$file" ;;
		esac
	}
	for spoil in fifo symlink dangling hardlink truncated empty huge array others binary; do
		for command in DEL GC ADD; do
			container "$spoil-$command"
			succeeds ADD
			spoil "$spoil"
			case $command in
			# The daemon is found by its socket: a container must not keep it for ever.
			DEL) limit=5 succeeds DEL ;;
			GC) limit=5 succeeds GC "$(net '"cni.dev/valid-attachments":[]')" ;;
			ADD)
				pid=$(daemons)
				limit=5 fails 102 "" ADD
				is "$(daemons)" "$pid"
				kill -9 "$pid"
				wait_until no_daemon
				limit=5 succeeds ADD
				succeeds DEL
				;;
			esac
			nothing_left
			ip netns del "$spoil-$command"
		done
	done
	is "$(cat /run/t/elsewhere)" '{"pid":1}'
}

@test "CHECK of an attachment whose record cannot be read says so, and does not hang" {
	in_host && return
	local result

	container c1
	succeeds ADD
	result=$output
	truncate -s 20 "$(record)"
	limit=5 fails 6 c1@eth0 CHECK "$(with_prev "$(net)" "$result")"
	rm "$(record)"
	mkfifo "$(record)"
	limit=5 fails 6 c1@eth0 CHECK "$(with_prev "$(net)" "$result")"
}

@test "files that are no records are left alone by GC" {
	in_host && return
	local dir=$STATE/slirp4netns/net name

	container c1
	succeeds ADD
	mkdir "$dir/a@b.json"
	for name in README '@.json' 'a@.json' '@eth0.json' '..@eth0.json' 'a@..json' 'x@eth 0.json' a.json; do
		echo >"$dir/$name"
	done
	cni GC "$(net '"cni.dev/valid-attachments":[]')"
	is "$(daemons)" ""
	is "$(find "$dir" -type f | wc -l)" 8
	[ ! -e "$(record)" ] || fail "one bad neighbour stopped GC"
}
