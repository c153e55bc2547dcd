#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# 127.0.0.1 with published ports: the host's programs reach the container by it, and no other host reaches this one by it.
# shellcheck disable=SC2016,SC2154

load ../lib/host
load ../lib/portmap

# listen_privately PORT: a service of the host's for its own programs.
listen_privately() {
	socat "TCP4-LISTEN:$1,bind=127.0.0.1,fork,reuseaddr" SYSTEM:'echo private' </dev/null >/dev/null 2>&1 &
	served host tcp "$1" 4
}

# may_aim_at_loopback NETNS ROUTER ADDRESS: it sends packets for 127.0.0.1 to a neighbour, and takes the replies.
may_aim_at_loopback() {
	ip -n "$1" address delete 127.0.0.1/8 dev lo
	ip netns exec "$1" sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1
	ip -n "$1" route add 127.0.0.1/32 via "$2" src "$3"
}

# Whether anybody but the host's own programs reaches 127.0.0.1, or could if they tried.
is_private() {
	answers private host tcp 127.0.0.1 9090
	silent b tcp 127.0.0.1 9090
	silent peer tcp 127.0.0.1 9090
	is "$(cat /proc/sys/net/ipv4/conf/*/route_localnet | sort -u)" 0
}

@test "what listens on the host's 127.0.0.1 stays private: before, during and after, flushed, failed or killed" {
	in_host && return
	prepare_portmap
	for name in a b; do
		container_add $name
	done
	serve a 4 tcp 80 a4
	listen_privately 9090
	may_aim_at_loopback b 10.22.0.1 "$(address4 b)"
	may_aim_at_loopback peer 10.99.0.1 10.99.0.2
	is_private
	portmap ADD a "$(map 8080 80)" >/dev/null
	answers a4 host tcp 127.0.0.1 8080
	is_private
	# A failed ADD, of this container and of another.
	errs 100 'taken by net/a@eth0' portmap ADD b "$(map 8081 80), $(map 8080 80)"
	is_private
	# Without the table, with the record.
	nft flush ruleset
	is_private
	portmap ADD b "$(map 8081 80)" >/dev/null
	is_private
	portmap DEL b
	is_private
	portmap DEL a
	is_private
	# By GC, after a kill behind any step of an ADD.
	for call in linkat sendto close; do
		for n in 1 2 3 4 5; do
			is_killed $call $n ADD a "$(map 8080 80)" || true
			is_private
		done
	done
	portmap_gc net nobody
	is_private
	nothing_published
}

# What somebody turned on for a device of theirs, as WSL2 does for loopback0.
@test "a device for which somebody else turned route_localnet on keeps its unpublished ports" {
	in_host && return
	prepare_portmap
	container_add a
	serve a 4 tcp 80 a4
	listen_privately 9090
	may_aim_at_loopback peer 10.99.0.1 10.99.0.2
	sysctl -qw net.ipv4.conf.uplink.route_localnet=1
	answers private peer tcp 127.0.0.1 9090
	portmap ADD a "$(map 8080 80), $(map 8081 80 tcp 127.0.0.1)" >/dev/null
	# What was not published is theirs as before.
	answers private peer tcp 127.0.0.1 9090
	# What was is for the host's own programs.
	for port in 8080 8081; do
		answers a4 host tcp 127.0.0.1 $port
		silent peer tcp 127.0.0.1 $port
	done
	answers a4 peer tcp 10.99.0.1 8080
	portmap DEL a
	answers private peer tcp 127.0.0.1 9090
	is "$(cat /proc/sys/net/ipv4/conf/uplink/route_localnet)" 1
	nothing_published
}

# Megabytes both ways, and datagrams larger than a frame.
@test "the host's programs reach a container by any of 127.0.0.0/8, from any address, with any amount of data" {
	in_host && return
	prepare_portmap
	container_add a
	ip netns exec a python3 - <<-'PY' &
	import socket, threading
	def tcp():
	    s = socket.create_server(('0.0.0.0', 80))
	    while True:
	        c, _ = s.accept()
	        n = 0
	        while (d := c.recv(1 << 16)):
	            n += len(d)
	        c.sendall(b'%d ' % n + b'x' * 3000000)
	        c.close()
	threading.Thread(target=tcp, daemon=True).start()
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	u.bind(('0.0.0.0', 53))
	while True:
	    d, to = u.recvfrom(70000)
	    u.sendto(d, to)
	PY
	served a tcp 80 4
	served a udp 53 4
	portmap ADD a "$(map 8080 80), $(map 5353 53 udp), $(map 5354 54 udp), $(map 8082 80 tcp 127.0.0.2)" >/dev/null
	python3 - <<-'PY'
	import errno, socket
	for source, to, port in (('', '127.0.0.1', 8080), ('127.0.0.1', '127.0.0.1', 8080), ('127.0.0.9', '127.0.0.1', 8080),
	                         ('', '127.0.0.2', 8080), ('', '127.0.0.2', 8082), ('127.0.0.1', '10.99.0.1', 8080),
	                         ('10.22.0.1', '127.0.0.1', 8080)):
	    s = socket.create_connection((to, port), 5, (source, 0))
	    assert not source or s.getsockname()[0] == source
	    assert s.getpeername() == (to, port)
	    s.sendall(b'y' * 5000000)
	    s.shutdown(socket.SHUT_WR)
	    got = b''
	    while (d := s.recv(1 << 16)):
	        got += d
	    assert got == b'5000000 ' + b'x' * 3000000, (source, to, port, len(got))
	for to in '127.0.0.1', '127.0.0.2':
	    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    u.settimeout(5)
	    for size in 1, 1472, 1473, 9000, 60000:
	        u.sendto(b'z' * size, (to, 5353))
	        assert u.recvfrom(70000) == (b'z' * size, (to, 5353)), (to, size)
	# A closed port of the container replies as one of the host does.
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	u.settimeout(5)
	u.connect(('127.0.0.1', 5354))
	u.send(b'z')
	try:
	    u.recv(10)
	    raise SystemExit('nobody should be there')
	except ConnectionRefusedError:
	    pass
	PY
	portmap DEL a
	nothing_published
}

# Connections on lo that are not published, although one of their ports is.
@test "connections on lo that are not published stay as they are, whatever ports they have" {
	in_host && return
	prepare_portmap
	container_add a
	serve a 4 tcp 80 a4
	python3 - "$BIN" <<-'PY'
	import json, os, socket, subprocess, sys

	def portmap(command, port):
	    conf = {'cniVersion': '1.0.0', 'name': 'net', 'type': 'netns-portmap',
	            'runtimeConfig': {'portMappings': [{'hostPort': port, 'containerPort': 80, 'protocol': 'tcp'}]},
	            'prevResult': json.load(open('a.result'))}
	    subprocess.run([sys.argv[1] + '/netns-portmap'], input=json.dumps(conf).encode(), check=True,
	                   stdout=subprocess.DEVNULL, env={**os.environ, 'CNI_COMMAND': command, 'CNI_CONTAINERID': 'a',
	                   'CNI_NETNS': '/run/netns/a', 'CNI_IFNAME': 'eth0', 'CNI_PATH': sys.argv[1]})

	def talk(client, server):
	    for a, b in (client, server), (server, client):
	        a.sendall(b'word')
	        assert b.recv(10) == b'word'

	listener = socket.create_server(('127.0.0.1', 7000))
	client = socket.create_connection(('127.0.0.1', 7000), 5)
	server, _ = listener.accept()
	for s in client, server:
	    s.settimeout(5)
	talk(client, server)
	# The client's own port, and then the server's, is published while they talk.
	for port in client.getsockname()[1], 7000:
	    portmap('ADD', port)
	    talk(client, server)
	    portmap('DEL', port)
	    talk(client, server)
	# A client that has a published port.
	portmap('ADD', 45678)
	second = socket.create_connection(('127.0.0.1', 7000), 5, ('127.0.0.1', 45678))
	other, _ = listener.accept()
	second.settimeout(5)
	other.settimeout(5)
	talk(second, other)
	portmap('DEL', 45678)
	PY
	# A redirection of the host's own, which stays on lo.
	listen_privately 9090
	nft 'add table ip own; add chain ip own out { type nat hook output priority -110; }
		add rule ip own out ip daddr 127.0.0.1 tcp dport 9191 redirect to :9090'
	portmap ADD a "$(map 8080 80)" >/dev/null
	answers private host tcp 127.0.0.1 9191
	answers a4 host tcp 127.0.0.1 8080
	portmap DEL a
	nft delete table ip own
	nothing_published
}

@test "127.0.0.1 is published where /proc/sys is read-only, too" {
	in_host && return
	prepare_portmap
	container_add a
	serve a 4 tcp 80 a4
	mount --bind -o ro /proc/sys /proc/sys
	mount -o remount,ro,bind /proc/sys
	portmap ADD a "$(map 8080 80 tcp 127.0.0.1)" >/dev/null
	answers a4 host tcp 127.0.0.1 8080
	portmap DEL a
	nothing_published
}
