#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# netns-stats serve, and what its clients can do to it.

# shellcheck disable=SC2154 # $words is set by exits
load ../lib/host
load ../lib/stats

@test "two exporters on one port, a unix socket, one that a killed exporter left" {
	in_host && return
	prepare_stats
	serve
	exits 1 stats serve --listen 127.0.0.1:9732
	[[ $words == *127.0.0.1:9732*"another process"* ]] || fail "$words"
	end_exporter
	for address in 127.0.0.1 :port 127.0.0.1:99999 example.org:80 '[::1:80' unix:; do
		exits 1 stats serve --listen "$address"
		[[ $words == *"cannot listen"* ]] || fail "$words"
	done
	"$BIN/netns-stats" serve --listen unix:/run/s 2>/dev/null &
	wait_until curl -sf --unix-socket /run/s -o /run/text http://localhost/metrics
	is "$(stat -c %a /run/s)" 600
	exits 1 stats serve --listen unix:/run/s
	kill -9 $!
	wait $! || true
	[ -S /run/s ]
	"$BIN/netns-stats" serve --listen unix:/run/s 2>/dev/null &
	wait_until curl -sf --unix-socket /run/s -o /run/text http://localhost/metrics
	kill $!
	wait $!
	[ ! -e /run/s ]
	# What is not ours is left alone.
	echo >/run/file
	exits 1 stats serve --listen unix:/run/file
	[ -s /run/file ]
}

@test "slow, half-open, silent and hundreds of clients at once: everyone else is served" {
	in_host && return
	prepare_stats
	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	serve
	ulimit -n 8192
	python3 - "$exporter" <<-'EOF'
		import socket, sys, time, os

		def connect():
		    return socket.create_connection(("127.0.0.1", 9732), 10)

		def get(s):
		    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

		def answer(s):
		    s.settimeout(10)
		    data = b""
		    while True:
		        part = s.recv(1 << 16)
		        if not part:
		            return data
		        data += part

		# A request line of a megabyte, headers without end: refused.
		for request in (b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n",
		                b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (1 << 17)):
		    s = connect()
		    try:
		        s.sendall(request)
		    except OSError:
		        pass
		    try:
		        got = s.recv(100)
		        assert got == b"" or got.startswith((b"HTTP/1.1 414", b"HTTP/1.1 431", b"HTTP/1.1 400")), got
		    except ConnectionError:
		        pass
		# Rubbish, and a client that goes at once.
		for request in (b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 100, b""):
		    s = connect()
		    s.sendall(request)
		    s.close()
		# Half a request, and nothing: 100 of each stay.
		idle = [connect() for i in range(100)]
		half = [connect() for i in range(100)]
		for s in half:
		    s.sendall(b"GET /metrics HTTP/1.1\r\nHo")
		# One that asks and does not read.
		deaf_since = time.monotonic()
		deaf = [connect() for i in range(50)]
		for s in deaf:
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    get(s)
		# A thousand that ask at once.
		begin = time.monotonic()
		many = []
		for i in range(1000):
		    s = connect()
		    get(s)
		    many.append(s)
		for s in many:
		    got = answer(s)
		    assert got.startswith(b"HTTP/1.1 200"), got[:100]
		    assert b"container_network_receive_bytes_total" in got
		    s.close()
		took = time.monotonic() - begin
		assert took < 10, took
		# A client that sends a byte now and then is ended all the same.
		slow = connect()
		begin = time.monotonic()
		try:
		    for c in b"GET /metrics HTTP/1.1\r\nX-Slow: yes, very much so, and for longer than that":
		        slow.sendall(bytes([c]))
		        slow.settimeout(1)
		        try:
		            if slow.recv(1) == b"":
		                break
		        except socket.timeout:
		            pass
		except ConnectionError:
		    pass
		took = time.monotonic() - begin
		assert 4 < took < 18, took
		# The idle and the half-open have been ended too, and those that do not read.
		time.sleep(max(0, 11 - (time.monotonic() - deaf_since)))
		sockets = 0
		for fd in os.listdir(f"/proc/{sys.argv[1]}/fd"):
		    sockets += os.readlink(f"/proc/{sys.argv[1]}/fd/{fd}").startswith("socket:")
		assert sockets <= 2, sockets
	EOF
	is "$(metric netns_stats_containers)" 1
	end_exporter
}

# sockets: of the exporter.
sockets() {
	find "/proc/$exporter/fd" -lname 'socket:*' | wc -l
}

@test "2,200 idle and half-open connections of one client keep no scraper out, of its own address or another" {
	in_host && return
	prepare_stats
	local held

	veth_container a
	stats_cni ADD a /run/netns/a >/dev/null
	serve
	ulimit -n 8192
	# shellcheck disable=SC2016
	python3 -c '
import socket, sys
held = []
for i in range(2200):
    s = socket.socket()
    s.bind(("127.0.0.2", 0))
    s.connect(("127.0.0.1", 9732))
    if i % 2:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHo")
    held.append(s)
print("held", flush=True)
sys.stdin.read()' >/run/held < <(sleep 100) &
	held=$!
	wait_until grep -q held /run/held
	for address in 127.0.0.1 127.0.0.2; do
		scrape --max-time 3 --interface $address >/run/text
		grep -q '^container_network_receive_bytes_total' /run/text
	done
	[ "$(sockets)" -le 132 ] || fail "$(sockets) sockets"
	[ "$(metric netns_stats_connections_ended_total)" -ge 2000 ]
	kill $held
	# Once they have gone, none of them is kept.
	few() { [ "$(sockets)" -le 2 ]; }
	wait_until few
	end_exporter
}

@test "one that has its client for itself is not ended for others: a connection from another address lasts" {
	in_host && return
	prepare_stats
	serve
	python3 - <<-'EOF'
		import socket

		def connect(source):
		    s = socket.socket()
		    s.bind((source, 0))
		    s.connect(("127.0.0.1", 9732))
		    return s

		mine = connect("127.0.0.3")
		others = [connect("127.0.0.2") for i in range(400)]
		mine.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		assert mine.recv(100).startswith(b"HTTP/1.1 200")
		# The youngest of the others were kept, the oldest had to go.
		others[-1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		assert others[-1].recv(100).startswith(b"HTTP/1.1 200")
		try:
		    assert others[0].recv(100) == b""
		except ConnectionResetError:
		    pass
	EOF
	end_exporter
}

@test "the answers in flight are limited: clients that do not read make room for one that does" {
	in_host && return
	prepare_stats
	local i

	veth_container a
	# What the kernel would keep for them.
	sysctl -qw net.ipv4.tcp_wmem="4096 4096 4096"
	stats_cni ADD a /run/netns/a >/dev/null
	for ((i = 0; i < 99; i++)); do
		jq -c ".containerId = \"c$i\"" "$(stats_record a)" >"$STATE/netns-stats/net/c$i@eth0.json"
	done
	serve
	python3 - "$(stats_record a)" <<-'EOF'
		import os, socket, sys

		deaf = []
		for i in range(60):
		    # Another container changes the response.
		    os.rename(sys.argv[1], sys.argv[1].replace("a@", "b@"))
		    os.rename(sys.argv[1].replace("a@", "b@"), sys.argv[1])
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
		    s.connect(("127.0.0.1", 9732))
		    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		    assert s.recv(15) == b"HTTP/1.1 200 OK", i
		    deaf.append(s)
		whole = cut = 0
		s.settimeout(20)
		for s in deaf:
		    data = b""
		    try:
		        while part := s.recv(1 << 16):
		            data += part
		    except ConnectionError:
		        pass
		    head, _, body = data.partition(b"\r\n\r\n")
		    length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"ength" in line]
		    if length and len(body) == length[0]:
		        whole += 1
		    else:
		        cut += 1
		assert cut >= 32 and whole >= 20, (cut, whole)
	EOF
	scrape >/run/text
	grep -q '^container_network_receive_bytes_total' /run/text
	end_exporter
}
