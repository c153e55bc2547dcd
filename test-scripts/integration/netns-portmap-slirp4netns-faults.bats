#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# netns-portmap and a slirp4netns that is gone, slow or another, and sockets that are not what they should be.
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

@test "slirp4netns: a daemon that is gone is nothing to DEL, an error to CHECK; a new one keeps its forwards" {
	in_host && return
	prepare_portmap
	slirp_add a
	pm ADD a "$(map 8080 80), $(map 8081 80)" >/dev/null
	kill -9 "$(jq .pid /run/usernet-cni/slirp4netns/net/a@eth0.json)"
	sleep 0.1
	errs 102 'no port of this container is published' pm CHECK a "$(map 8080 80)"
	pm DEL a
	pm DEL a
	errs '[0-9]+' 'slirp4netns' pm ADD a "$(map 8080 80)"
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	slirp_del a
	# Another daemon at the same socket: its numbers begin anew, its forwards are not ours.
	slirp_add b
	pm ADD b "$(map 8080 80), $(map 8081 80)" >/dev/null
	record=/run/usernet-cni/netns-portmap/net/b@eth0.json
	cp -p $record saved
	pm DEL b
	for guest in 80 81; do
		api "$(socket_of b)" "{\"execute\": \"add_hostfwd\", \"arguments\": {\"proto\": \"tcp\", \"host_addr\": \"0.0.0.0\", \"host_port\": $((8000 + guest)), \"guest_addr\": \"10.0.2.100\", \"guest_port\": 80}}" >/dev/null
	done
	cp -p saved "$record"
	errs 102 'tcp 8080 is not published' pm CHECK b "$(map 8080 80)"
	pm DEL b
	is "$(forwards b | jq length)" 2
	slirp_del b
}

# An API that knows nothing of slirp4netns: its reply is $1.
fake_api() {
	rm -f fake.sock
	socat -t 60 "UNIX-LISTEN:$PWD/fake.sock,fork" "SYSTEM:$1" >/dev/null 2>&1 &
	fake=$!
	wait_until test -S fake.sock
}

# The same for a reply of JSON as it is, from which socat would take the quotes.
fake_answer() {
	case $1 in
	'{'*)
		echo "$1" >answer
		fake_api "cat $PWD/answer"
		;;
	*) fake_api "$1" ;;
	esac
}

fake_end() {
	kill "$fake"
	wait "$fake" 2>/dev/null || true
}

# A record of two ports at fake.sock.
fake_record() {
	mkdir -p /run/usernet-cni/netns-portmap/net
	chmod 700 /run/usernet-cni /run/usernet-cni/netns-portmap /run/usernet-cni/netns-portmap/net
	echo "{\"backend\": \"slirp4netns\", \"mappings\": [{\"protocol\": \"tcp\", \"hostPort\": 8080, \"containerPort\": 80, \"id\": 1}], \"socket\": \"$PWD/fake.sock\", \"address4\": \"10.0.2.100\"}" \
		>/run/usernet-cni/netns-portmap/net/f@eth0.json
	chmod 600 /run/usernet-cni/netns-portmap/net/f@eth0.json
}

@test "slirp4netns: a socket that is none, hangs, answers half, garbage or a megabyte" {
	in_host && return
	prepare_portmap
	echo "{\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"eth0\", \"sandbox\": \"/run/netns/f\", \"socketPath\": \"$PWD/fake.sock\"}], \"ips\": [{\"interface\": 0, \"address\": \"10.0.2.100/24\"}]}" >f.result
	hang='sleep 30'
	for answer in 'true' 'echo half-{' 'printf {\"return\":' 'head -c 2000000 /dev/zero' 'echo [1]' \
		'{"return": {}}' '{"return": {"id": "x"}}' '{"error": 7}' "$hang"; do
		fake_answer "$answer"
		SECONDS=0
		errs '(5|6|10[01])' 'slirp4netns' pm ADD f "$(map 8080 80), $(map 8081 80)"
		[ $SECONDS -le 5 ]
		# DEL gives up on it: the ports end with the daemon, which comes to its end after us.
		fake_record
		errs 102 . pm CHECK f "$(map 8080 80)"
		pm DEL f
		[ $SECONDS -le 10 ]
		is "$(find /run/usernet-cni -name 'f@*' | wc -l)" 0
		fake_end
	done
	# No list is not an empty one.
	fake_answer '{"return": {}}'
	fake_record
	errs 102 'does not list its forwards' pm CHECK f "$(map 8080 80)"
	fake_end
	rm -f fake.sock
	echo no socket >fake.sock
	errs 5 'cannot reach slirp4netns' pm ADD f "$(map 8080 80)"
	rm fake.sock
	mkfifo fake.sock
	errs 5 'cannot reach slirp4netns' pm ADD f "$(map 8080 80)"
	rm fake.sock
	errs 5 'cannot reach slirp4netns' pm ADD f "$(map 8080 80)"
	sed -i 's/"socketPath": "[^"]*"/"socketPath": "relative"/' f.result
	errs 7 'not an absolute path' pm ADD f "$(map 8080 80)"
	sed -i "s/\"socketPath\": \"[^\"]*\"/\"socketPath\": \"\/$(printf 'x%.0s' {1..120})\"/" f.result
	errs 7 'at most 107 bytes' pm ADD f "$(map 8080 80)"
	# A record that somebody edited, or that was cut off.
	for record in '{"backend": "magic"}' '{"backend": "slirp4netns", "mappings": 7}' '{"backend": "sli'; do
		fake_record
		echo "$record" >/run/usernet-cni/netns-portmap/net/f@eth0.json
		pm DEL f 2>stderr
		grep -q 'the record' stderr
		is "$(find /run/usernet-cni -name 'f@*' | wc -l)" 0
	done
}

@test "slirp4netns: killed at any request, the next DEL withdraws what was added" {
	in_host && return
	prepare_portmap
	slirp_add a
	# Two requests; the record is made, and then replaced by one with numbers.
	for call in connect:3 shutdown:3 linkat:4 renameat:2; do
		last=${call#*:}
		call=${call%:*}
		for n in 1 2 3 4; do
			is_killed "$call" "$n" ADD a "$(map 8080 80), $(map 8081 80)" || break
			sleep 0.05
			pm DEL a
			is "$(forwards a)" '[]'
		done
		echo "$call: $n" >&2
		[ "$n" = "$last" ]
	done
	pm DEL a
	is "$(forwards a)" '[]'
	slirp_del a
}

# A daemon that sleeps longer than a request may take, and then does what it was asked for.
@test "slirp4netns: what a slow daemon does after a failed ADD is withdrawn by DEL, or taken over by the next ADD" {
	in_host && return
	prepare_portmap
	slirp_add a
	serve a 4 tcp 80 a4
	daemon=$(jq .pid /run/usernet-cni/slirp4netns/net/a@eth0.json)
	kill -STOP "$daemon"
	errs 5 'does not answer' pm ADD a "$(map 8080 80)"
	kill -CONT "$daemon"
	# The record tells DEL of a forward that was asked for.
	pm DEL a
	is "$(forwards a)" '[]'
	# Nobody could tell DEL: the next ADD of the attachment meets its own.
	kill -STOP "$daemon"
	errs 5 'does not answer' pm ADD a "$(map 8080 80)"
	pm DEL a 2>/dev/null
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	kill -CONT "$daemon"
	is "$(forwards a | jq length)" 1
	pm ADD a "$(map 8080 80), $(map 8081 80)" >/dev/null
	answers a4 peer tcp 10.99.0.1 8080
	pm CHECK a "$(map 8080 80), $(map 8081 80)"
	# Another attachment that is sent to the same daemon does not take it over.
	jq '.interfaces[0].sandbox = "/run/netns/c"' a.result >c.result
	errs 100 'tcp 8080 is taken' pm ADD c "$(map 8080 80)"
	is "$(forwards a | jq length)" 2
	pm DEL a
	is "$(forwards a)" '[]'
	# It comes back while ADD still waits for the list: nothing is left, not even a record.
	kill -STOP "$daemon"
	(sleep 3; kill -CONT "$daemon") &
	errs 5 'does not answer' pm ADD a "$(map 8080 80)"
	is "$(forwards a)" '[]'
	is "$(find /run/usernet-cni/netns-portmap -name '*@*' | wc -l)" 0
	wait $!
	slirp_del a
}
