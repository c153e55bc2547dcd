#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# To whom a port belongs, in nf_tables: conflicts, races, kills and lost replies, DEL, CHECK and GC, and records that are lost.
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

@test "nftables: a port that the same container has in another network is left to that one" {
	in_host && return
	prepare_portmap
	container_add a
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	before=$(nft list table inet usernet_portmap)
	NETWORK=net2 portmap ADD a "$(map 8080 80)" >out
	is "$(nft list table inet usernet_portmap)" "$before"
	is "$(find /run/usernet-cni -path '*/net2/*@*')" ""
	NETWORK=net2 portmap CHECK a "$(map 8080 80)"
	# What the first has not is published; another port of the container is another thing.
	NETWORK=net2 portmap ADD a "$(map 8080 80), $(map 8081 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8081
	NETWORK=net2 portmap CHECK a "$(map 8080 80), $(map 8081 80)"
	NETWORK=net3 errs 100 'tcp 8080 is taken by net/a@eth0' portmap ADD a "$(map 8080 81)"
	NETWORK=net2 portmap DEL a
	silent peer tcp 10.99.0.1 8081
	answers a4 peer tcp 10.99.0.1 8080
	# The one that is left has it at its next ADD. A record alone does not count.
	NETWORK=net2 portmap ADD a "$(map 8080 80)" >/dev/null
	portmap DEL a
	NETWORK=net2 errs 102 'there is no record' portmap CHECK a "$(map 8080 80)"
	NETWORK=net2 portmap ADD a "$(map 8080 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	cp -r /run/usernet-cni/netns-portmap/net2 /run/usernet-cni/netns-portmap/net4
	NETWORK=net2 portmap DEL a
	container_add b
	portmap ADD b "$(map 8080 80)" >/dev/null
	NETWORK=net3 errs 100 'tcp 8080 is taken by net/b@eth0' portmap ADD a "$(map 8080 80)"
	rm -r /run/usernet-cni/netns-portmap/net4
	portmap DEL b
	nothing_published
}

@test "a port that another has is refused with its owner's name, and nothing changes" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	serve a 4 tcp 80 a4
	portmap ADD a "$(map 8080 80)" >/dev/null
	before=$(nft list table inet usernet_portmap)
	errs 100 'tcp 8080 is taken by net/a@eth0' portmap ADD b "$(map 9000 80), $(map 8080 80)"
	errs 100 'tcp 0.0.0.0:8080 is taken by net/a@eth0' portmap ADD b "$(map 8080 80 tcp 0.0.0.0)"
	# Not even the same destination makes it the same owner.
	cp a.result c.result
	errs 100 'tcp 8080 is taken by net/a@eth0' portmap ADD c "$(map 8080 80)"
	is "$(nft list table inet usernet_portmap)" "$before"
	is "$(find /run/usernet-cni -name '[bc]@*' | wc -l)" 0
	portmap DEL b "$(map 8080 80)"
	answers a4 peer tcp 10.99.0.1 8080
	# The same container again is not a conflict, and replaces what it had.
	portmap ADD a "$(map 8081 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8081
	silent peer tcp 10.99.0.1 8080
	nft add element inet usernet_portmap ports4 '{ tcp . 9000 : 10.22.9.9 . 1 }'
	errs 100 'without an owner' portmap ADD b "$(map 9000 80)"
	nft delete element inet usernet_portmap ports4 '{ tcp . 9000 }'
	portmap DEL a
	nothing_published
}

@test "a late DEL does not remove the port's next owner, not even at the same address" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	# Somebody removes the elements by hand; b gets the port, and even a's address.
	nft flush map inet usernet_portmap ports4
	nft flush set inet usernet_portmap ports4_hairpin
	nft flush map inet usernet_portmap ports6
	nft flush set inet usernet_portmap ports6_hairpin
	cp a.result b.result
	portmap ADD b "$(map 8080 80)" >/dev/null
	errs 102 "another attachment's" portmap CHECK a "$(map 8080 80)"
	portmap DEL a "$(map 8080 80)"
	portmap CHECK b "$(map 8080 80)"
	portmap DEL b
	nothing_published
	# The same when some of what it asks for is still its own: for a DEL, and for an ADD whose reply from the kernel is lost.
	portmap ADD b "$(map 8080 80)" >/dev/null
	cp /run/usernet-cni/netns-portmap/net/b@eth0.json record
	portmap DEL b
	for how in DEL ADD; do
		portmap ADD a "$(map 8079 80), $(map 8080 80)" >/dev/null
		nft list table inet usernet_portmap | sed '/8080/s,net/a@eth0,net/b@eth0,' >edited
		nft -f - <<<"$(echo 'delete table inet usernet_portmap'; cat edited)"
		cp record /run/usernet-cni/netns-portmap/net/b@eth0.json
		if [ $how = DEL ]; then
			portmap DEL a
		else
			rm /run/usernet-cni/netns-portmap/net/a@eth0.json
			refused deaf_at ADD 28 "$(map 8079 80), $(map 8080 80)"
		fi
		portmap CHECK b "$(map 8080 80)"
		portmap DEL b
		portmap ADD a "$(map 8079 80), $(map 8080 80)" >/dev/null
		portmap DEL a
		nothing_published
	done
}

# A DEL that is slow, between having read its elements and deleting them: b, of another network,
# gets the port in between.
@test "a DEL that is overtaken between reading and deleting does not remove the port's next owner" {
	in_host && return
	prepare_portmap
	container_add a
	container_add c
	cp a.result b.result
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap ADD c "$(map 9090 80)" >/dev/null
	interrupted sendto:delay_enter=800000:when=3 DEL a &
	wait_until grep -q GETSETELEM trace
	sleep 0.1
	for family in 4 6; do
		nft flush map inet usernet_portmap ports$family
		nft flush set inet usernet_portmap ports${family}_hairpin
	done
	NETWORK=net2 portmap ADD b "$(map 8080 80)" >/dev/null
	kill -0 $!
	wait $!
	NETWORK=net2 portmap CHECK b "$(map 8080 80)"
	is "$(grep -c . trace)" 5
	NETWORK=net2 portmap DEL b
	portmap DEL c
	nothing_published
}

# Two containers want each port; each comes and goes three times.
contender() {
	local i won=0

	export NETWORK=net$3

	for i in 1 2 3; do
		if portmap ADD "$1" "$(map "$2" 80)" >"$1.out" 2>&1; then
			portmap CHECK "$1" "$(map "$2" 80)" >"$1.out" || return 1
			portmap DEL "$1" >"$1.out" || return 1
			won=1
		else
			grep -q '"code":\s*100' "$1.out" || return 1
		fi
	done
	until [ $won = 1 ] || portmap ADD "$1" "$(map "$2" 80)" >"$1.out" 2>&1; do
		sleep 0.05
	done
	portmap DEL "$1" >"$1.out"
}

@test "100 containers that race for ports, while another program edits nftables, neither lose nor steal one" {
	in_host && return
	prepare_portmap
	ip link add cni0 type bridge
	ip address add 10.22.0.1/16 dev cni0
	ip link set cni0 up
	for ((i = 0; i < 100; i++)); do
		paper_container "c$i" "10.22.1.$i"
	done
	portmap ADD c99 "$(map 20000 80)" >/dev/null
	(while nft 'add table inet other; add set inet other s { type inet_service; }'; do
		nft 'add element inet other s { 1, 2, 3 }; delete table inet other'
	done) 2>/dev/null &
	editor=$!
	pids=()
	for ((i = 0; i < 98; i++)); do
		contender "c$i" $((10000 + i / 2)) $((i % 2)) &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	kill -0 $editor
	kill $editor
	portmap CHECK c99 "$(map 20000 80)"
	is "$(elements)" 3
	portmap DEL c99
	nothing_published
}

@test "killed between record and transaction, or after it: the next DEL or ADD puts it right" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	portmap ADD b "$(map 9090 80)" >/dev/null
	for call in sendto linkat close; do
		for ((n = 1; n < 100; n++)); do
			is_killed $call $n ADD a "$(map 8080 80), $(map 5353 53 udp)" || break
			[ $((n % 2)) = 0 ] || portmap DEL a
			[ $((n % 2)) = 1 ] || {
				portmap ADD a "$(map 8080 80)" >/dev/null
				portmap DEL a
			}
			is "$(elements)" 5
			is "$(find /run/usernet-cni -name 'a@*' | wc -l)" 0
		done
		echo "ADD: $n $call" >&2
		[ $n -gt 1 ]
		portmap DEL a
	done
	for call in sendto unlinkat; do
		for ((n = 1; n < 100; n++)); do
			portmap ADD a "$(map 8080 80)" >/dev/null
			is_killed $call $n DEL a "$(map 8080 80)" || break
		done
		echo "DEL: $n $call" >&2
		[ $n -gt 1 ]
		is "$(elements)" 5
	done
	portmap CHECK b "$(map 9090 80)"
	portmap DEL b
	nothing_published
}

# deaf_at COMMAND WHEN MAPPINGS: of container a, a reply of the kernel is lost: the n-th, or every one from it.
deaf_at() {
	interrupted "recvfrom:error=ENOMEM:when=$2" "$1" a "$3" >out 2>/dev/null
}

@test "whatever answer of the kernel is lost: nothing is published without a record, and DEL removes it" {
	in_host && return
	prepare_portmap
	container_add a
	failed=0
	for when in {1..50} {1..50}+; do
		if deaf_at ADD "$when" "$(map 8080 80)"; then
			portmap CHECK a "$(map 8080 80)"
		else
			failed=$((failed + 1))
			# Published without a record: never.
			[ "$(elements)" = 0 ] || [ -e /run/usernet-cni/netns-portmap/net/a@eth0.json ]
			[[ $when == *+ ]] || nothing_published
		fi
		portmap DEL a
		nothing_published
	done
	[ $failed -gt 10 ]
	for when in {1..40} {1..40}+; do
		portmap ADD a "$(map 8080 80)" >/dev/null
		deaf_at DEL "$when" "$(map 8080 80)" || [ -e /run/usernet-cni/netns-portmap/net/a@eth0.json ]
		portmap DEL a
		nothing_published
	done
}

@test "a record that cannot be read: DEL, GC and ADD withdraw what the table says is the attachment's" {
	in_host && return
	prepare_portmap
	container_add a
	container_add b
	portmap ADD b "$(map 9090 80)" >/dev/null
	record=/run/usernet-cni/netns-portmap/net/a@eth0.json
	for text in '' '{' '{"backend":"nftab' '{"backend":"magic"}' '{"backend":"nftables"}' '{"backend":"nftables","mappings":7}' \
		'{"backend":"nftables","address4":"10.22.0.2","mappings":[]}' '{"backend":"slirp4netns"}' '[]'; do
		for how in DEL ADD GC; do
			portmap ADD a "$(map 8080 80), $(map 53 53 udp 10.99.0.1)" >/dev/null
			echo "$text" >$record
			case $how in
			DEL) portmap DEL a 2>stderr ;;
			GC) portmap_gc net b 2>stderr ;;
			ADD)
				portmap ADD a "$(map 8081 80)" >/dev/null 2>stderr
				portmap CHECK a "$(map 8081 80)"
				is "$(elements)" 10
				portmap DEL a
				;;
			esac
			grep -q 'looking for what is published instead' stderr
			[ ! -e $record ]
			is "$(elements)" 5
		done
	done
	portmap CHECK b "$(map 9090 80)"
	portmap DEL b
	nothing_published
	# And the table goes with the last of them.
	portmap ADD a "$(map 8080 80)" >/dev/null
	echo '{' >$record
	portmap DEL a 2>/dev/null
	nothing_published
}

@test "the table goes with the last mapping: two networks at once, beside slirp4netns, after a kill" {
	in_host && return
	prepare_portmap
	container_add a
	cp a.result b.result
	# Two networks, whose locks are two.
	for ((i = 0; i < 40; i++)); do
		portmap ADD a "$(map 8080 80)" >/dev/null
		NETWORK=net2 portmap ADD b "$(map 8081 80)" >/dev/null
		portmap DEL a &
		pids=($!)
		NETWORK=net2 portmap DEL b &
		wait "${pids[0]}"
		wait $!
		nothing_published
	done
	# Records of the other backend keep no table.
	portmap ADD a "$(map 8080 80)" >/dev/null
	echo '{"backend":"slirp4netns","mappings":[],"socket":"/nowhere","address4":"10.0.2.100"}' >/run/usernet-cni/netns-portmap/net/s@eth0.json
	portmap DEL a
	is "$(nft list tables)" ''
	portmap DEL s
	# A DEL that was killed after its record went: GC takes the table.
	portmap ADD a "$(map 8080 80)" >/dev/null
	nft flush map inet usernet_portmap ports4
	for set in ports4_hairpin ports6 ports6_hairpin; do
		nft "flush set inet usernet_portmap $set" 2>/dev/null || nft "flush map inet usernet_portmap $set"
	done
	rm /run/usernet-cni/netns-portmap/net/a@eth0.json
	portmap_gc net nobody
	nothing_published
}

@test "CHECK tells of a port that leads elsewhere, and the next ADD of the container puts it right" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	nft list table inet usernet_portmap | sed 's/\. 80$/. 81/; s/\. 80 }/. 81 }/' >edited
	nft -f - <<<"$(echo 'delete table inet usernet_portmap'; cat edited)"
	grep -q '\. 81 *}*$' <<<"$(nft list table inet usernet_portmap)"
	errs 102 'tcp 8080' portmap CHECK a "$(map 8080 80)"
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap CHECK a "$(map 8080 80)"
	portmap DEL a
	nothing_published
}

@test "CHECK tells of a port that is asked for and was never published" {
	in_host && return
	prepare_portmap
	container_add a
	portmap ADD a "$(map 8080 80)" >/dev/null
	errs 102 'tcp 8081 is not published' portmap CHECK a "$(map 8081 80)"
	errs 102 'udp 8080 is not published' portmap CHECK a "$(map 8080 80), $(map 8080 80 udp)"
	errs 102 'tcp 8080 is not published to container port 81' portmap CHECK a "$(map 8080 81)"
	errs 102 'tcp 10.99.0.1:8080 is not published' portmap CHECK a "$(map 8080 80 tcp 10.99.0.1)"
	portmap CHECK a "$(map 8080 80)"
	portmap DEL a
	nothing_published
}

@test "GC removes what is not in its list, records or not, and nothing of other networks" {
	in_host && return
	prepare_portmap
	for name in a b c d; do
		container_add $name
	done
	long=$(printf 'c%.0s' {1..150})
	cp d.result "$long.result"
	portmap ADD a "$(map 8080 80)" >/dev/null
	portmap ADD b "$(map 8081 80)" >/dev/null
	NETWORK=net2 portmap ADD c "$(map 8082 80)" >/dev/null
	portmap ADD "$long" "$(map 8083 80)" >/dev/null
	portmap CHECK "$long" "$(map 8083 80)"
	is "$(elements)" 20
	portmap_gc net a
	is "$(elements)" 10
	portmap CHECK a "$(map 8080 80)"
	portmap_gc net a
	is "$(elements)" 10
	# Records lost, elements not.
	portmap ADD "$long" "$(map 8083 80)" >/dev/null
	portmap ADD b "$(map 8081 80)" >/dev/null
	rm -r /run/usernet-cni
	portmap_gc net "$long"
	is "$(nft list map inet usernet_portmap ports4 | grep -o 'comment "[^"]*@[^"]*"' | cut -c1-20 | sort)" \
		"$(printf '%s\n' 'comment "net/ccccccc' 'comment "net2/c@eth0')"
	# An ADD replaces elements of its own that have no record.
	portmap ADD "$long" "$(map 8083 81)" >/dev/null
	portmap_gc net nobody
	portmap_gc net2 nobody
	is "$(elements)" 0
	portmap_gc net nobody
}

# One that cannot be withdrawn is told; the others go, and so does what no record tells of.
@test "GC goes on behind an attachment that cannot be removed" {
	in_host && return
	prepare_portmap
	container_add a
	container_add lost
	portmap ADD lost "$(map 8081 80)" >/dev/null
	rm /run/usernet-cni/netns-portmap/net/lost@eth0.json
	touch file
	for name in before a after; do
		portmap ADD a "$(map 8080 80)" >/dev/null
		[ "$name" = a ] || echo "{\"backend\": \"slirp4netns\", \"mappings\": [], \"address4\": \"10.0.2.100\",
			\"socket\": \"$PWD/file/socket\"}" >"/run/usernet-cni/netns-portmap/net/$name@eth0.json"
		chmod 600 /run/usernet-cni/netns-portmap/net/*
	done
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 3
	errs 5 '2 attachments could not be removed: .*file/socket' portmap_gc net other
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' -printf '%f\n' | sort | xargs)" \
		'after@eth0.json before@eth0.json'
	is "$(elements)" 0
}
