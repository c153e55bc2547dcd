#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Attacks on the path to the state directory, and on the directories in it, by another user of the machine, 1000,
# and by exchanging what is there while a plugin runs. Nothing outside is touched, signalled, or shown in an error.
# run-tests: once

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/attacks

# What must not change, and what must not be told.
export SECRET="correct horse battery staple"

export PLUGINS="slirp4netns netns-portmap netns-stats"

# swapping A B COMMAND...: while the attacker exchanges the two.
swapping() {
	local swapper

	rm -f /run/t/swaps
	setpriv --reuid=1000 --regid=1000 --clear-groups python3 "$LIB/swap.py" "$1" "$2" >/run/t/swaps &
	swapper=$!
	shift 2
	wait_until grep -q swapping /run/t/swaps
	"$@"
	kill -TERM "$swapper"
	wait "$swapper" || fail "the attacker failed"
	[ "$(tail -n 1 /run/t/swaps)" -gt 100 ] || fail "only $(tail -n 1 /run/t/swaps) exchanges"
}

@test "with umask 0 every directory is 0700 and every file 0600, each plugin's and the daemon's" {
	in_host && return
	local plugin

	container c1
	umask 0
	for which in $PLUGINS; do
		as_plugin "$which" succeeds ADD "$(conf "$which")"
	done
	cni STATUS
	is "$(find "$STATE" ! -perm 700 -type d -o ! -perm 600 -type f)" ""
	is "$(find "$STATE" -type s -perm /077)" ""
	[ "$(find "$STATE" -type f | wc -l)" -ge 5 ] || fail "$(find "$STATE")"
	[ "$(find "$STATE" -type s | wc -l)" = 1 ] || fail "$(find "$STATE")"
	is "$(awk '/^Umask:/ {print $2}' "/proc/$(recorded pid)/status")" 0077
}

@test "every level of the directories that is another's, a link, or writable by others is refused" {
	in_host && return
	local which level kind directory command conf

	container c1
	plant_victim
	for which in $PLUGINS; do
		as_plugin "$which" succeeds ADD "$(conf "$which")"
	done
	while read -r which level; do
		directory=$STATE$level
		conf=$(CNI_IFNAME=eth1 conf "$which")
		for kind in link others group world; do
			mv "$directory" /run/t/real
			case $kind in
			link) ln -s /run/t/victim "$directory" ;;
			others) install -d -m 700 -o 1000 "$directory" ;;
			group) install -d -m 770 "$directory" ;;
			world) install -d -m 1777 "$directory" ;;
			esac
			for command in DEL GC ADD; do
				case $which-$command in
				# A plugin that only counts does not keep a container from starting or stopping; it says so on stderr.
				netns-stats-ADD | netns-stats-DEL)
					as_plugin "$which" succeeds "$command" "$conf"
					[[ $words == *"$directory"* ]] || fail "$command in $directory: $words"
					;;
				*)
					as_plugin "$which" fails 5 "$directory" "$command" "$conf"
					;;
				esac
				victim_is_untouched
			done
			[ "$kind" = link ] || is "$(find "$directory" -mindepth 1)" ""
			rm -rf "$directory"
			mv /run/t/real "$directory"
		done
	done <<-'EOF'
		slirp4netns
		slirp4netns /slirp4netns
		slirp4netns /slirp4netns/net
		netns-portmap
		netns-portmap /netns-portmap
		netns-portmap /netns-portmap/net
		netns-stats
		netns-stats /netns-stats
		netns-stats /netns-stats/net
	EOF
	is "$(daemons)" "$(recorded pid)"
	for which in netns-stats netns-portmap slirp4netns; do
		as_plugin "$which" succeeds DEL "$(conf "$which")"
	done
	nothing_left
}

@test "links in the place of sock and log are refused, and nothing behind them is removed" {
	in_host && return
	local name

	container c1
	plant_victim
	for name in sock log; do
		succeeds ADD
		mv "$STATE/$name" /run/t/real
		ln -s /run/t/victim "$STATE/$name"
		touch "/run/t/victim/$(basename "$(recorded socket)")"
		victim_before=$(victim)
		fails 5 "$STATE/$name" DEL
		victim_is_untouched
		CNI_CONTAINERID=c2 CNI_IFNAME=eth1 fails 5 "$STATE/$name" ADD
		victim_is_untouched
		rm "$STATE/$name"
		mv /run/t/real "$STATE/$name"
		succeeds DEL
		nothing_left
	done
}

@test "links in the place of a socket or a log that is to be made: refused, or replaced, never followed" {
	in_host && return
	local socket kind name

	container c1
	plant_victim
	succeeds ADD
	socket=$(basename "$(recorded socket)" .sock)
	succeeds DEL
	for name in "sock/$socket.sock" "log/$socket.log"; do
		for kind in symbolic dangling hard fifo directory; do
			case $kind in
			symbolic) ln -s /run/t/victim/secret "$STATE/$name" ;;
			dangling) ln -s /run/t/victim/new "$STATE/$name" ;;
			hard) ln /run/t/victim/secret "$STATE/$name" ;;
			fifo) mkfifo "$STATE/$name" ;;
			directory) mkdir "$STATE/$name" ;;
			esac
			victim_before=$(victim)
			limit=5 cni ADD
			victim_is_untouched
			[ "$status" = 0 ] || expect '.code == 5 or .code == 100'
			limit=5 cni DEL
			victim_is_untouched
			is "$(daemons)" ""
			is "$(interfaces)" ""
			[ "$kind" != directory ] || rmdir "$STATE/$name" # only root can make one
			succeeds DEL
			rm -f "$STATE/$name"
			nothing_left
		done
	done
}

@test "a way to the state directory that another could change is refused, while he changes it, too" {
	in_host && return
	local which command dir sleeper

	plant_victim
	sleep 1000 &
	sleeper=$!
	install -d -m 755 -o 1000 /run/t/home /run/t/home/a
	as_attacker ln -s /run/t/victim /run/t/home/b
	install -d -m 1777 /run/t/tmp
	as_attacker mkdir -m 755 /run/t/tmp/a
	as_attacker ln -s /run/t/victim /run/t/tmp/b
	install -d -m 777 /run/t/open /run/t/open/a
	ln -s /run/t/victim /run/t/open/b
	container c1
	attack() {
		local round conf

		conf=$(conf "$which" "\"stateDir\":\"$dir\"")
		for round in 1 2; do
			for command in ADD CHECK GC DEL; do
				limit=5 as_plugin "$which" cni "$command" "$conf"
				examine
				case $which-$command in
				netns-stats-CHECK) ;; # it looks at the interface alone
				netns-stats-ADD | netns-stats-DEL) [[ $status == 0 && $words == *"$dir"* ]] || fail "$command took $dir" ;;
				*) [[ $examined == "error 5 "*"$dir"* ]] || fail "$command took $dir: $examined" ;;
				esac
				victim_is_untouched
			done
		done
	}
	for which in $PLUGINS; do
		for dir in home/a/state home/a tmp/a/state tmp/a open/a/state open/a; do
			dir=/run/t/$dir
			swapping "${dir%%/a*}/a" "${dir%%/a*}/b" attack
		done
	done
	is "$(daemons)" ""
	is "$(interfaces)" ""
	is "$(find /run/t/home /run/t/tmp /run/t/open -mindepth 1 | sort | xargs)" \
		"/run/t/home/a /run/t/home/b /run/t/open/a /run/t/open/b /run/t/tmp/a /run/t/tmp/b"
	[ -d "/proc/$sleeper" ] || fail "a process was ended"
	# A directory of ours in one that everybody may write to cannot be exchanged when that one has the sticky bit.
	succeeds ADD "$(net '"stateDir":"/run/t/tmp/ours"')"
	refused as_attacker mv -T /run/t/tmp/ours /run/t/tmp/theirs
	succeeds DEL "$(net '"stateDir":"/run/t/tmp/ours"')"
	nothing_left /run/t/tmp/ours
}

@test "the binary's remembered options, planted as a link, a FIFO or nonsense, are asked anew" {
	in_host && return
	local kind file

	plant_victim
	container c1
	succeeds ADD
	succeeds DEL
	file=$(echo "$STATE"/slirp4netns/.options-*)
	for kind in symbolic hard fifo huge; do
		rm -f "$file"
		case $kind in
		symbolic) ln -s /run/t/victim/secret "$file" ;;
		hard) ln /run/t/victim/secret "$file" ;;
		fifo) mkfifo "$file" ;;
		huge) head -c 3000000 /dev/zero >"$file" ;;
		esac
		victim_before=$(victim)
		limit=5 succeeds ADD
		[ ! -L "$file" ] && [ "$(stat -c '%h %F %a' "$file")" = "1 regular file 600" ] ||
			fail "$kind: $(ls -l "$file")"
		# What the link count of the secret was is not what it is: it is one name less.
		is "$(grep -c horse /run/t/victim/secret)" 1
		succeeds DEL
	done
}
