#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Table inet usernet_portmap against those who change it: people, other programs, other releases of ours.
# run-tests: quick
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

export LISTING=$LIB/../../plugins/netns-portmap/table.nft

# is_listed: nft prints the table as it stands in the tree, where container a has the one mapping.
is_listed() {
	is "$(nft list table inet usernet_portmap)" "$(grep -v '^#' "$LISTING")"
	portmap CHECK a "$(map 8080 80)"
}

@test "the table is what table.nft lists, whole, and can be loaded from it" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	is_listed
	# What is printed can be loaded again, and is the same.
	nft delete table inet usernet_portmap
	nft -f "$LISTING"
	is_listed
	# A table whose rules were flushed is mended in place.
	nft flush table inet usernet_portmap
	errs 102 'is not as it should be' portmap CHECK a "$(map 8080 80)"
	portmap DEL a
	portmap ADD a "$(map 8080 80)" >/dev/null
	is_listed
	portmap DEL a
	nothing_left
}

# handle CHAIN PATTERN: of the rule of a chain that has it.
handle() {
	nft -a list chain inet usernet_portmap "$1" | sed -n "/$2/s/.*# handle //p"
}

# is_repaired SAVED: CHECK tells, and the next ADD of another container makes it what it was.
is_repaired() {
	errs 102 "${2-is not as it should be}" portmap CHECK a "$(map 8080 80)"
	portmap ADD b "$(map 8081 80)" >/dev/null
	portmap DEL b
	is "$(nft list table inet usernet_portmap)" "$(<"$1")"
	portmap CHECK a "$(map 8080 80)"
	answers a4 peer tcp 10.99.0.1 8080
	answers a4 host tcp 127.0.0.1 8080
}

@test "whatever was edited in the table is told by CHECK and put right by the next ADD" {
	in_host && return
	prepare_portmap
	local chain

	container_add a
	container_add b
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	nft list table inet usernet_portmap >saved
	nft 'add table inet usernet_portmap { flags dormant; }'
	silent peer tcp 10.99.0.1 8080
	is_repaired saved 'switched off'
	# One rule for another one, in its place and with as many of them.
	nft replace rule inet usernet_portmap loopback_prerouting handle "$(handle loopback_prerouting 'ip daddr')" counter
	is_repaired saved
	nft replace rule inet usernet_portmap prerouting handle "$(handle prerouting return)" ip daddr 127.0.0.0/8 counter
	is_repaired saved
	nft replace rule inet usernet_portmap prerouting handle "$(handle prerouting return)" ip daddr 127.0.0.0/9 return
	is_repaired saved
	nft replace rule inet usernet_portmap publish handle "$(handle publish 'map @ports4')" \
		dnat ip to meta l4proto . th dport map @ports4
	is_repaired saved
	# Two in the other's place.
	for chain in postrouting prerouting; do
		first=$(nft -a list chain inet usernet_portmap $chain | sed -n '/# handle/{/chain/d;s/ # handle.*//p}' | head -1)
		nft delete rule inet usernet_portmap $chain handle "$(nft -a list chain inet usernet_portmap $chain |
			sed -n '/chain/d;s/.*# handle //p' | head -1)"
		nft add rule inet usernet_portmap $chain "$first"
		is_repaired saved
	done
	# One too many, one too few.
	nft insert rule inet usernet_portmap publish counter
	is_repaired saved
	nft delete rule inet usernet_portmap loopback_input handle "$(handle loopback_input 'ip daddr')"
	is_repaired saved
	# A chain at another place.
	nft 'flush chain inet usernet_portmap postrouting; delete chain inet usernet_portmap postrouting;
		add chain inet usernet_portmap postrouting { type nat hook postrouting priority 99; }'
	errs 102 'is not as it should be' portmap CHECK a "$(map 8080 80)"
	portmap ADD b "$(map 8081 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	# A person's own chain, and its rules, are nobody's to repair.
	nft 'add chain inet usernet_portmap mine { type filter hook input priority 0; }; add rule inet usernet_portmap mine counter'
	portmap CHECK a "$(map 8080 80)"
	nft flush chain inet usernet_portmap publish
	portmap ADD b "$(map 8081 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	grep -q counter <<<"$(nft list chain inet usernet_portmap mine)"
	portmap DEL a
	portmap DEL b
	nft delete table inet usernet_portmap
	nothing_published
}

# What layout 1 left: the table, records, and the sysctl that it never turned off.
as_layout_1() {
	nft -f "$LIB/portmap-layout1.nft"
	install -d -m 700 /run/usernet-cni /run/usernet-cni/netns-portmap /run/usernet-cni/netns-portmap/net
	(
		umask 077
		cd /run/usernet-cni/netns-portmap/net || exit
		echo '{"backend":"nftables","mappings":[{"protocol":"tcp","hostPort":8080,"containerPort":80},{"protocol":"tcp","hostPort":8081,"containerPort":80,"hostIP":"127.0.0.1"},{"protocol":"tcp","hostPort":8082,"containerPort":80,"hostIP":"fd99::1"}],"address4":"10.22.0.2","device4":"cni0","address6":"fd22::2","device6":"cni0","snat":true,"masqAll":false,"markMasqBit":13}' >a@eth0.json
		echo '{"backend":"nftables","mappings":[{"protocol":"tcp","hostPort":8083,"containerPort":80}],"address4":"10.22.0.3","device4":"cni0","address6":"fd22::3","device6":"cni0","snat":true,"masqAll":true,"markMasqBit":13}' >b@eth0.json
	)
	sysctl -qw net.ipv4.conf.cni0.route_localnet=1
}

old_mappings_work() {
	answers a4 peer tcp 10.99.0.1 8080
	answers a4 host tcp 127.0.0.1 8080
	answers a4 host tcp 127.0.0.1 8081
	answers a6 peer tcp fd99::1 8082
	answers b4 host tcp 127.0.0.1 8083
	answers b4 peer tcp 10.99.0.1 8083
	answers a4 a tcp 10.99.0.1 8080
}

old_checks() {
	portmap CHECK a "$(map 8080 80), $(map 8081 80 tcp 127.0.0.1), $(map 8082 80 tcp fd99::1)"
	portmap CHECK b "$(map 8083 80)" '"masqAll": true'
}

@test "a table of layout 1 is brought up in place, and what it opened is closed, by the first ADD, DEL or GC" {
	in_host && return
	prepare_portmap
	for name in a b c; do
		container_add $name
	done
	is "$(address4 a) $(address4 b)" "10.22.0.2 10.22.0.3"
	serve a 4 tcp 80 a4
	serve a 6 tcp 80 a6
	serve b 4 tcp 80 b4
	for how in ADD DEL GC; do
		as_layout_1
		old_mappings_work
		old_checks 2>stderr
		grep -q 'of an earlier release' stderr
		case $how in
		ADD) portmap ADD c "$(map 9000 80)" >/dev/null ;;
		DEL) portmap DEL c ;;
		GC) portmap_gc net a b ;;
		esac
		# DEL of a container without a record does not look at anything.
		[ $how != DEL ] || portmap DEL b
		is "$(cat /proc/sys/net/ipv4/conf/*/route_localnet | sort -u)" 0
		refused nft list chain inet usernet_portmap guard 2>/dev/null
		if [ $how != DEL ]; then
			old_mappings_work
			old_checks 2>stderr
			[ ! -s stderr ]
		fi
		[ $how != ADD ] || portmap DEL c
		portmap DEL b
		answers a4 host tcp 127.0.0.1 8081
		portmap DEL a
		nothing_published
	done
	# The table is gone, the sysctl is not: the next call closes what the records tell of.
	for how in ADD DEL GC others; do
		[ $how != others ] || portmap ADD c "$(map 9000 80)" >/dev/null
		as_layout_1
		nft flush ruleset
		case $how in
		ADD) portmap ADD c "$(map 9000 80)" >/dev/null ;;
		DEL) portmap DEL a ;;
		GC) portmap_gc net a b ;;
		others) portmap DEL c ;;
		esac
		is "$(cat /proc/sys/net/ipv4/conf/*/route_localnet | sort -u)" 0
		for name in a b c; do
			portmap DEL $name
		done
		nothing_published
	done
}

@test "where what layout 1 opened cannot be closed, its guard stays, and ADD says why" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	container_add c
	as_layout_1
	nft list table inet usernet_portmap >saved
	mount --bind /proc/sys /proc/sys
	mount -o remount,ro,bind /proc/sys
	errs 5 'net.ipv4.conf.cni0.route_localnet to 0' portmap ADD c "$(map 9000 80)"
	is "$(nft list table inet usernet_portmap)" "$(<saved)"
	[ ! -e /run/usernet-cni/netns-portmap/net/c@eth0.json ]
	# DEL removes what it can, and says what stays.
	portmap DEL a 2>stderr
	grep -q 'route_localnet to 0' stderr
	grep -q drop <<<"$(nft list chain inet usernet_portmap guard)"
	umount /proc/sys
	portmap DEL b
	is "$(cat /proc/sys/net/ipv4/conf/cni0/route_localnet)" 0
	nothing_published
	# Also the last one.
	as_layout_1
	mount --bind /proc/sys /proc/sys
	mount -o remount,ro,bind /proc/sys
	portmap DEL a 2>stderr
	portmap DEL b 2>>stderr
	grep -q drop <<<"$(nft list chain inet usernet_portmap guard)"
	is "$(elements)" 0
}

# Layout 1's release again, on a table of this one: its rules, its chain, and this one's sets.
as_rolled_back() {
	nft flush table inet usernet_portmap
	as_layout_1
}

@test "what layout 1's release opened again after a rollback is closed again, too" {
	in_host && return
	prepare_portmap
	for name in a b c; do
		container_add $name
	done
	serve a 4 tcp 80 a4
	for how in ADD DEL GC broken; do
		portmap ADD c "$(map 9000 80)" >/dev/null
		case $how in
		broken) nft -f "$LIB/portmap-layout1.nft" ;;
		*) as_rolled_back ;;
		esac
		sysctl -qw net.ipv4.conf.cni0.route_localnet=1
		case $how in
		DEL) portmap DEL b ;;
		GC) portmap_gc net a ;;
		*) portmap ADD c "$(map 9001 80)" >/dev/null ;;
		esac
		is "$(cat /proc/sys/net/ipv4/conf/cni0/route_localnet)" 0
		refused nft list chain inet usernet_portmap guard 2>/dev/null
		answers a4 host tcp 127.0.0.1 8080
		nft delete table inet usernet_portmap
	done
}

# A host may have a device for each container (ptp): whichever are listed last, none stays open.
@test "what layout 1 opened is closed for every device, however many there are" {
	in_host && return
	prepare_portmap
	local i

	container_add c
	as_layout_1
	for ((i = 0; i < 8; i++)); do
		ip link add "own$i" type veth peer name "peer$i"
		sysctl -qw "net.ipv4.conf.own$i.route_localnet=1" "net.ipv4.conf.peer$i.route_localnet=1"
	done
	{
		echo 'add element inet usernet_portmap ports4_hairpin {'
		for ((i = 10000; i < 22000; i++)); do
			printf 'tcp . %d . "gone%d" comment "net/x@eth0",\n' $i $i
		done
		printf 'tcp . 8 . "%s" comment "net/x@eth0",\n' own{0..7} peer{0..7}
		echo '}'
	} | nft -f -
	portmap ADD c "$(map 9000 80)" >/dev/null
	is "$(cat /proc/sys/net/ipv4/conf/*/route_localnet | sort -u)" 0
}

# GC finds a table by which records that it does not have marked.
@test "a table with another markMasqBit goes as well, by GC, when its records were lost" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 8080 80)" '"markMasqBit": 14' >/dev/null
	rm -r /run/usernet-cni
	portmap_gc net
	nothing_published
}

# Tables that are not ours to change.
@test "a table of a later release, of a running program, or of another shape is left alone, with a sentence" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	nft list table inet usernet_portmap >saved
	sed 's/comment "layout 2"/comment "layout 3"/' saved >newer
	nft -f - <<<"$(echo 'delete table inet usernet_portmap'; cat newer)"
	for who in b a; do
		errs 7 'layout 3, of a later release' portmap ADD $who "$(map 8081 80)"
	done
	nft list table inet usernet_portmap >now
	is "$(grep -c '@eth0' now)" 0 # remove_former() took a's
	nft -f - <<<"$(echo 'delete table inet usernet_portmap'; cat saved)"
	portmap ADD a "$(map 8080 80)" >/dev/null
	# A program holds it.
	nft delete table inet usernet_portmap
	mkfifo hold
	{ echo 'add table inet usernet_portmap { flags owner; }'; cat hold; } | nft -i >/dev/null 2>&1 &
	is_held() { grep -q owner <<<"$(nft list table inet usernet_portmap 2>/dev/null)"; }
	wait_until is_held
	errs 5 'belongs to a running program' portmap ADD b "$(map 8081 80)"
	errs 102 'belongs to a running program' portmap CHECK a "$(map 8080 80)"
	errs 50 'belongs to a running program' portmap_status
	echo >hold
	is_free() { ! nft list table inet usernet_portmap >/dev/null 2>&1; }
	wait_until is_free
	# A set of another type, which no release had.
	nft 'add table inet usernet_portmap; add set inet usernet_portmap ports4 { type ipv4_addr; }'
	errs 5 'of another type' portmap ADD b "$(map 8081 80)"
	nft delete table inet usernet_portmap
	portmap DEL a
	nothing_published
}

# follow_advice: what the last message says in backquotes.
follow_advice() {
	local advice

	advice=$(sed -n 's/.*`\(.*\)` lets.*/\1/p' stderr)
	# Which of the two that iptables is on a machine is another matter.
	# shellcheck disable=SC2086
	${advice/iptables /iptables-nft }
}

@test "a chain that drops what is forwarded is told by ADD and CHECK, with the rule that helps" {
	in_host && return
	prepare_portmap
	container_add a
	serve a 4 tcp 80 a4
	iptables-nft -P FORWARD DROP
	portmap ADD a "$(map 8080 80)" >/dev/null 2>stderr
	grep -q 'chain FORWARD of table ip filter drops what none of its rules accepts' stderr
	silent peer tcp 10.99.0.1 8080
	portmap CHECK a "$(map 8080 80)" 2>stderr
	# The advice is one that helps, and the chain stays its owner's to work with.
	follow_advice
	answers a4 peer tcp 10.99.0.1 8080
	grep -q -- '-j ACCEPT' <<<"$(iptables-nft -S FORWARD)"
	iptables-nft -P FORWARD ACCEPT
	portmap CHECK a "$(map 8080 80)" 2>stderr
	[ ! -s stderr ]
	nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }'
	portmap CHECK a "$(map 8080 80)" 2>stderr
	grep -q 'chain forward of table inet filter' stderr
	silent peer tcp 10.99.0.1 8080
	follow_advice
	answers a4 peer tcp 10.99.0.1 8080
	portmap DEL a
	nothing_published
}
